#include "edge/reload.h"

#include <algorithm>

#include "edge/settings_draft.h"

namespace edge {
namespace {

// One setting, in the settings as they are once read.
struct Field {
  SettingsPath path;
  bool is_reloadable;
  bool (*is_same)(const Settings& a, const Settings& b);
  void (*take)(const Settings& from, Settings* to);
};

template <auto kSection, auto kMember>
constexpr Field Of(SettingsPath path, bool is_reloadable) {
  return {
      path, is_reloadable,
      [](const Settings& a, const Settings& b) {
        return a.*kSection.*kMember == b.*kSection.*kMember;
      },
      [](const Settings& from, Settings* to) { to->*kSection.*kMember = from.*kSection.*kMember; }};
}

template <auto kMember>
constexpr Field OfProcess(std::string_view key, bool is_reloadable = false) {
  return Of<&Settings::process, kMember>({"process", key}, is_reloadable);
}
template <auto kMember>
constexpr Field OfIpsec(std::string_view key, bool is_reloadable = false) {
  return Of<&Settings::ipsec, kMember>({"ipsec", key}, is_reloadable);
}
template <auto kMember>
constexpr Field OfGm(std::string_view key, bool is_reloadable = false) {
  return Of<&Settings::gm, kMember>({"gm", key}, is_reloadable);
}
template <auto kMember>
constexpr Field OfCore(std::string_view key, bool is_reloadable = false) {
  return Of<&Settings::core, kMember>({"core", key}, is_reloadable);
}
template <auto kMember>
constexpr Field OfLimits(std::string_view key, bool is_reloadable = false) {
  return Of<&Settings::limits, kMember>({"limits", key}, is_reloadable);
}
template <auto kMember>
constexpr Field OfLog(std::string_view key, bool is_reloadable = false) {
  return Of<&Settings::log, kMember>({"log", key}, is_reloadable);
}
template <auto kMember>
constexpr Field OfJournal(std::string_view key) {
  return Of<&Settings::journal, kMember>({"journal", key}, false);
}

constexpr SettingsPath kRules = {"rule", ""};
constexpr SettingsPath kHeaders = {"header", ""};
constexpr SettingsPath kSecAgree = {"gm", "sec_agree"};
constexpr SettingsPath kAlgorithms = {"ipsec", "allowed_algorithms"};

constexpr bool kNow = true;

using S = Settings;
constexpr Field kFields[] = {
    OfProcess<&S::Process::workers>("workers"),
    OfProcess<&S::Process::pin_cpus>("pin_cpus"),
    OfProcess<&S::Process::drain_s>("drain", kNow),
    OfProcess<&S::Process::takeover_socket>("takeover_socket"),
    OfIpsec<&S::Ipsec::sockets>("socket"),
    OfIpsec<&S::Ipsec::port>("port"),
    OfIpsec<&S::Ipsec::min_spi>("min_spi"),
    OfIpsec<&S::Ipsec::max_spi>("max_spi"),
    OfIpsec<&S::Ipsec::temporary_timeout_s>("temporary_timeout", kNow),
    OfIpsec<&S::Ipsec::default_client_port>("default_client_port"),
    OfIpsec<&S::Ipsec::default_server_port>("default_server_port"),
    OfIpsec<&S::Ipsec::allowed_algorithms>("allowed_algorithms", kNow),
    OfIpsec<&S::Ipsec::disable_deprecated_algorithms>("disable_deprecated_algorithms", kNow),
    OfIpsec<&S::Ipsec::missing_algorithms>("missing_algorithms", kNow),
    OfIpsec<&S::Ipsec::security_server>("security_server", kNow),
    OfIpsec<&S::Ipsec::security_client>("security_client", kNow),
    OfIpsec<&S::Ipsec::reqid>("reqid"),
    OfIpsec<&S::Ipsec::lifetime_slack_s>("lifetime_slack", kNow),
    OfIpsec<&S::Ipsec::replay_window>("replay_window", kNow),
    OfIpsec<&S::Ipsec::mark>("mark", kNow),
    OfIpsec<&S::Ipsec::offload>("offload"),
    OfIpsec<&S::Ipsec::offload_device>("offload_device"),
    OfIpsec<&S::Ipsec::udp_enc_tun>("udp_enc_tun"),
    OfGm<&S::Gm::listen>("listen"),
    OfGm<&S::Gm::sec_agree>("sec_agree", kNow),
    OfGm<&S::Gm::take_over>("take_over", kNow),
    OfGm<&S::Gm::udp_request_size_max>("udp_request_size_max", kNow),
    OfGm<&S::Gm::service_route>("service_route", kNow),
    OfGm<&S::Gm::anonymous_emergency>("anonymous_emergency", kNow),
    OfGm<&S::Gm::emergency_numbers>("emergency_numbers", kNow),
    OfCore<&S::Core::listen>("listen"),
    OfCore<&S::Core::listens>("listen"),
    OfCore<&S::Core::next_hops>("next_hop"),
    OfCore<&S::Core::resolvers>("resolver"),
    OfCore<&S::Core::probe_interval_s>("probe_interval"),
    OfCore<&S::Core::emergency_next_hop>("emergency_next_hop"),
    OfCore<&S::Core::host>("host"),
    OfCore<&S::Core::visited_network_id>("visited_network_id", kNow),
    OfCore<&S::Core::orig_ioi>("orig_ioi", kNow),
    OfCore<&S::Core::access_network_info>("access_network_info", kNow),
    OfCore<&S::Core::register_timeout_ms>("register_timeout", kNow),
    OfCore<&S::Core::transport>("transport", kNow),
    OfCore<&S::Core::udp_request_size_max>("udp_request_size_max", kNow),
    OfCore<&S::Core::reg_event>("reg_event", kNow),
    OfLimits<&S::Limits::registrations_max>("registrations_max", kNow),
    OfLimits<&S::Limits::half_open_max>("half_open_max", kNow),
    OfLimits<&S::Limits::half_open_per_source_max>("half_open_per_source_max", kNow),
    OfLimits<&S::Limits::connections_max>("connections_max"),
    OfLimits<&S::Limits::connections_per_source_max>("connections_per_source_max"),
    OfLimits<&S::Limits::connection_idle_s>("connection_idle"),
    OfLimits<&S::Limits::registers_per_second_max>("registers_per_second_max", kNow),
    OfLimits<&S::Limits::refusals_per_second_max>("refusals_per_second_max", kNow),
    OfLimits<&S::Limits::retry_after_s>("retry_after", kNow),
    OfJournal<&S::Journal::file>("file"),
    OfJournal<&S::Journal::key_file>("key_file"),
    OfJournal<&S::Journal::durability>("durability"),
    OfJournal<&S::Journal::synchronous>("synchronous"),
    OfJournal<&S::Journal::on_failure>("on_failure"),
    OfLog<&S::Log::level>("level", kNow),
    OfLog<&S::Log::access_format>("access_format", kNow),
    OfLog<&S::Log::reveal_keys>("reveal_keys", kNow),
    {kRules, kNow, [](const S& a, const S& b) { return a.rules == b.rules; },
     [](const S& from, S* to) { to->rules = from.rules; }},
    {kHeaders, kNow, [](const S& a, const S& b) { return a.headers == b.headers; },
     [](const S& from, S* to) { to->headers = from.headers; }},
};

std::string NameOf(const SettingsPath& path) {
  if (path.key.empty()) return "[[" + std::string(path.table) + "]]";
  return std::string(path.table) + "." + std::string(path.key);
}

bool MayTake(const Field& field, const Settings& running, const Settings& wanted) {
  if (!field.is_reloadable) return false;
  const bool is_rules = field.path == kRules;
  if ((is_rules || field.path == kSecAgree) && running.process.workers > 1 && AllowsClear(wanted)) {
    return false;
  }
  return running.ipsec.offload == xfrm::OffloadKind::kNone ||
         !(is_rules || field.path == kAlgorithms) ||
         AllAlgorithms(wanted) == AllAlgorithms(running);
}

// What a phone must be for it, and nothing of what it then gets.
bool IsSameMatch(const Rule& a, const Rule& b) {
  return a.sources == b.sources && a.realm == b.realm && a.user_agent == b.user_agent &&
         a.impi == b.impi && a.transport == b.transport;
}

}  // namespace

Reload PlanReload(const Settings& running, const Settings& wanted) {
  Reload reload;
  reload.settings = running;
  for (const Field& field : kFields) {
    if (field.is_same(running, wanted)) continue;
    const bool may_take = MayTake(field, running, wanted);
    if (may_take) field.take(wanted, &reload.settings);
    std::vector<std::string>& names = may_take ? reload.taken : reload.refused;
    std::string name = NameOf(field.path);
    if (names.empty() || names.back() != name) names.push_back(std::move(name));
  }
  return reload;
}

std::optional<bool> IsReloadable(std::string_view table, std::string_view key) {
  for (const Field& field : kFields) {
    if (field.path == SettingsPath{table, key}) return field.is_reloadable;
  }
  return std::nullopt;
}

std::vector<RuleIndex> MapRules(std::span<const Rule> before, std::span<const Rule> now) {
  std::vector<RuleIndex> places = {0};
  for (const Rule& rule : before) {
    const auto found = std::find_if(now.begin(), now.end(),
                                    [&](const Rule& other) { return IsSameMatch(rule, other); });
    places.push_back(found == now.end() ? RuleIndex{0}
                                        : static_cast<RuleIndex>(found - now.begin() + 1));
  }
  return places;
}

}  // namespace edge
