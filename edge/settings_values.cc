// Every setting there is, and what to say of a name that is none.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "edge/limits.h"
#include "edge/settings_draft.h"
#include "edge/settings_headers.h"
#include "edge/settings_names.h"
#include "edge/settings_reader.h"
#include "edge/settings_rules.h"
#include "edge/settings_toml.h"

namespace edge {
namespace {

using Reader = SettingsReader;

struct Setting {
  SettingsPath path;
  void (*read)(Reader& reader, SettingsDraft& draft);
};

void ReadMinSpi(Reader& reader, SettingsDraft& draft);
void ReadMaxSpi(Reader& reader, SettingsDraft& draft);
void ReadMissingAlgorithms(Reader& reader, SettingsDraft& draft);
void ReadOffload(Reader& reader, SettingsDraft& draft);
void ReadSecurityServer(Reader& reader, SettingsDraft& draft);
void ReadSecurityClient(Reader& reader, SettingsDraft& draft);
void ReadReplayWindow(Reader& reader, SettingsDraft& draft);
void ReadSecAgree(Reader& reader, SettingsDraft& draft);
void ReadServiceRoute(Reader& reader, SettingsDraft& draft);
void ReadRegisterTimeout(Reader& reader, SettingsDraft& draft);
void ReadTransport(Reader& reader, SettingsDraft& draft);
void ReadLimit(Reader& reader, uint32_t* out);
void ReadSize(Reader& reader, uint32_t* out);
void ReadDurability(Reader& reader, SettingsDraft& draft);
void ReadSynchronous(Reader& reader, SettingsDraft& draft);
void ReadOnFailure(Reader& reader, SettingsDraft& draft);
void ReadLevel(Reader& reader, SettingsDraft& draft);

constexpr Setting kSettings[] = {
    {{"process", "workers"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Integer(1, kWorkersMax, "threads", &draft.settings.process.workers);
     }},
    {{"process", "pin_cpus"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Cpus(&draft.is_pinned, &draft.settings.process.pin_cpus);
     }},
    {{"process", "drain"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Integer(0, 600, "seconds", &draft.settings.process.drain_s);
     }},
    {{"process", "takeover_socket"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Text(false, &draft.settings.process.takeover_socket);
     }},
    {{"ipsec", "socket"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.ProtectedSockets(&draft.protected_sockets);
     }},
    {{"ipsec", "port"},
     [](Reader& reader, SettingsDraft& draft) { reader.Port(&draft.settings.ipsec.port); }},
    {{"ipsec", "min_spi"}, ReadMinSpi},
    {{"ipsec", "max_spi"}, ReadMaxSpi},
    {{"ipsec", "temporary_timeout"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Seconds(3600, &draft.settings.ipsec.temporary_timeout_s);
     }},
    {{"ipsec", "default_client_port"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Port(&draft.settings.ipsec.default_client_port);
     }},
    {{"ipsec", "default_server_port"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Port(&draft.settings.ipsec.default_server_port);
     }},
    {{"ipsec", "allowed_algorithms"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Algorithms(&draft.settings.ipsec.allowed_algorithms);
     }},
    {{"ipsec", "disable_deprecated_algorithms"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Boolean(&draft.settings.ipsec.disable_deprecated_algorithms);
     }},
    {{"ipsec", "missing_algorithms"}, ReadMissingAlgorithms},
    {{"ipsec", "security_server"}, ReadSecurityServer},
    {{"ipsec", "security_client"}, ReadSecurityClient},
    {{"ipsec", "reqid"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Integer(1, UINT32_MAX, "a mark on what is ours", &draft.settings.ipsec.reqid);
     }},
    {{"ipsec", "lifetime_slack"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Seconds(3600, &draft.settings.ipsec.lifetime_slack_s);
     }},
    {{"ipsec", "replay_window"}, ReadReplayWindow},
    {{"ipsec", "offload"}, ReadOffload},
    {{"ipsec", "offload_device"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Text(false, &draft.settings.ipsec.offload_device);
     }},
    {{"ipsec", "udp_enc_tun"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Boolean(&draft.settings.ipsec.udp_enc_tun);
     }},
    {{"ipsec", "mark"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Integer(1, UINT32_MAX, "a mark on packets", &draft.settings.ipsec.mark.value);
     }},
    {{"ipsec", "mark_mask"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Integer(1, UINT32_MAX, "the bits that count", &draft.settings.ipsec.mark.mask);
     }},
    {{"gm", "listen"},
     [](Reader& reader, SettingsDraft& draft) { reader.Addresses(&draft.gm_sockets); }},
    {{"gm", "sec_agree"}, ReadSecAgree},
    {{"gm", "take_over"},
     [](Reader& reader, SettingsDraft& draft) { reader.Boolean(&draft.settings.gm.take_over); }},
    {{"gm", "udp_request_size_max"},
     [](Reader& reader, SettingsDraft& draft) {
       ReadSize(reader, &draft.settings.gm.udp_request_size_max);
     }},
    {{"gm", "service_route"}, ReadServiceRoute},
    {{"gm", "anonymous_emergency"},
     [](Reader& r, SettingsDraft& draft) { r.Boolean(&draft.settings.gm.anonymous_emergency); }},
    {{"gm", "emergency_numbers"},
     [](Reader& r, SettingsDraft& draft) { r.Numbers(&draft.settings.gm.emergency_numbers); }},
    {{"core", "listen"},
     [](Reader& reader, SettingsDraft& draft) { reader.Addresses(&draft.core_sockets); }},
    {{"core", "next_hop"},
     [](Reader& reader, SettingsDraft& draft) { reader.Addresses(&draft.next_hops); }},
    {{"core", "resolver"},
     [](Reader& reader, SettingsDraft& draft) { reader.Addresses(&draft.resolvers); }},
    {{"core", "probe_interval"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Integer(0, 3600, "seconds; 0: no probes", &draft.settings.core.probe_interval_s);
     }},
    {{"core", "emergency_next_hop"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Address(&draft.settings.core.emergency_next_hop);
     }},
    {{"core", "host"},
     [](Reader& reader, SettingsDraft& draft) { reader.Host(&draft.settings.core.host); }},
    {{"core", "visited_network_id"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Text(true, &draft.settings.core.visited_network_id);
     }},
    {{"core", "orig_ioi"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Text(true, &draft.settings.core.orig_ioi);
     }},
    {{"core", "access_network_info"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Text(false, &draft.settings.core.access_network_info);
     }},
    {{"core", "register_timeout"}, ReadRegisterTimeout},
    {{"core", "transport"}, ReadTransport},
    {{"core", "udp_request_size_max"},
     [](Reader& reader, SettingsDraft& draft) {
       ReadSize(reader, &draft.settings.core.udp_request_size_max);
     }},
    {{"core", "reg_event"},
     [](Reader& reader, SettingsDraft& draft) { reader.Boolean(&draft.settings.core.reg_event); }},
    {{"limits", "registrations_max"},
     [](Reader& reader, SettingsDraft& draft) {
       ReadLimit(reader, &draft.settings.limits.registrations_max);
     }},
    {{"limits", "half_open_max"},
     [](Reader& reader, SettingsDraft& draft) {
       ReadLimit(reader, &draft.settings.limits.half_open_max);
     }},
    {{"limits", "half_open_per_source_max"},
     [](Reader& reader, SettingsDraft& draft) {
       ReadLimit(reader, &draft.settings.limits.half_open_per_source_max);
     }},
    {{"limits", "connections_max"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Integer(16, 1'000'000, "connections", &draft.settings.limits.connections_max);
     }},
    {{"limits", "connections_per_source_max"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Integer(1, 1'000'000, "connections",
                      &draft.settings.limits.connections_per_source_max);
     }},
    {{"limits", "connection_idle"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Seconds(604'800, &draft.settings.limits.connection_idle_s);
     }},
    {{"limits", "registers_per_second_max"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Integer(0, 1'000'000, "a second; 0: no limit",
                      &draft.settings.limits.registers_per_second_max);
     }},
    {{"limits", "refusals_per_second_max"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Integer(0, 1'000'000, "a second; 0: silence",
                      &draft.settings.limits.refusals_per_second_max);
     }},
    {{"limits", "retry_after"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Seconds(3600, &draft.settings.limits.retry_after_s);
     }},
    {{"journal", "file"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Text(false, &draft.settings.journal.file);
     }},
    {{"journal", "key_file"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Text(false, &draft.settings.journal.key_file);
     }},
    {{"journal", "durability"}, ReadDurability},
    {{"journal", "synchronous"}, ReadSynchronous},
    {{"journal", "on_failure"}, ReadOnFailure},
    {{"log", "level"}, ReadLevel},
    {{"log", "access_format"},
     [](Reader& reader, SettingsDraft& draft) {
       reader.Format(&draft.settings.log.access_format);
     }},
    {{"log", "reveal_keys"},
     [](Reader& reader, SettingsDraft& draft) { reader.Boolean(&draft.settings.log.reveal_keys); }},
};

constexpr std::array<std::string_view, 9> kTables = {
    "process", "ipsec", "gm", "core", "limits", "journal", "log", "rule", kHeaderTable};

void ReadMinSpi(Reader& reader, SettingsDraft& draft) {
  reader.Integer(256, UINT32_MAX, "0..255 are reserved, RFC 4303 2.1",
                 &draft.settings.ipsec.min_spi);
}

void ReadMaxSpi(Reader& reader, SettingsDraft& draft) {
  reader.Integer(256, UINT32_MAX, "0..255 are reserved, RFC 4303 2.1",
                 &draft.settings.ipsec.max_spi);
}

void ReadMissingAlgorithms(Reader& reader, SettingsDraft& draft) {
  constexpr std::array<std::string_view, 2> kWords = {"refuse", "drop"};
  size_t index = 0;
  reader.Word(kWords, &index);
  draft.settings.ipsec.missing_algorithms = static_cast<MissingAlgorithms>(index);
}

void ReadOffload(Reader& reader, SettingsDraft& draft) {
  constexpr std::array<std::string_view, 3> kWords = {"none", "crypto", "packet"};
  size_t index = 0;
  reader.Word(kWords, &index);
  draft.settings.ipsec.offload = static_cast<xfrm::OffloadKind>(index);
}

void ReadSecurityServer(Reader& reader, SettingsDraft& draft) {
  size_t index = 0;
  reader.Word(kSecurityServerWords, &index);
  draft.settings.ipsec.security_server = static_cast<SecurityServer>(index);
}

void ReadSecurityClient(Reader& reader, SettingsDraft& draft) {
  constexpr std::array<std::string_view, 2> kWords = {"lenient", "strict"};
  size_t index = 0;
  reader.Word(kWords, &index);
  draft.settings.ipsec.security_client = static_cast<SecurityClient>(index);
}

void ReadReplayWindow(Reader& reader, SettingsDraft& draft) {
  uint32_t packets = draft.settings.ipsec.replay_window;
  reader.Integer(1, xfrm::kReplayWindowMax, "packets", &packets);
  draft.settings.ipsec.replay_window = static_cast<uint16_t>(packets);
}

void ReadSecAgree(Reader& reader, SettingsDraft& draft) {
  size_t index = 0;
  reader.Word(kSecAgreeWords, &index);
  draft.settings.gm.sec_agree = static_cast<SecAgree>(index);
}

void ReadServiceRoute(Reader& reader, SettingsDraft& draft) {
  constexpr std::array<std::string_view, 2> kWords = {"replace", "reject"};
  size_t index = 0;
  reader.Word(kWords, &index);
  draft.settings.gm.service_route = static_cast<ServiceRoute>(index);
}

void ReadRegisterTimeout(Reader& reader, SettingsDraft& draft) {
  uint32_t seconds = draft.settings.core.register_timeout_ms / 1000;
  reader.Seconds(600, &seconds);
  draft.settings.core.register_timeout_ms = seconds * 1000;
}

void ReadTransport(Reader& reader, SettingsDraft& draft) {
  size_t index = 0;
  reader.Word(kTransportWords, &index);
  draft.settings.core.transport = static_cast<Transport>(index);
}

void ReadLimit(Reader& reader, uint32_t* out) {
  reader.Integer(1, 16'000'000, "registrations", out);
}

void ReadSize(Reader& reader, uint32_t* out) {
  reader.UdpSize(out);
}

void ReadDurability(Reader& reader, SettingsDraft& draft) {
  constexpr std::array<std::string_view, 2> kWords = {"strict", "relaxed"};
  size_t index = 0;
  reader.Word(kWords, &index);
  draft.settings.journal.durability = static_cast<Durability>(index);
}

void ReadSynchronous(Reader& reader, SettingsDraft& draft) {
  constexpr std::array<std::string_view, 3> kWords = {"full", "normal", "off"};
  size_t index = 0;
  reader.Word(kWords, &index);
  draft.settings.journal.synchronous = static_cast<Synchronous>(index);
}

void ReadOnFailure(Reader& reader, SettingsDraft& draft) {
  constexpr std::array<std::string_view, 2> kWords = {"refuse_new", "carry_on"};
  size_t index = 0;
  reader.Word(kWords, &index);
  draft.settings.journal.on_failure = static_cast<OnJournalFailure>(index);
}

void ReadLevel(Reader& reader, SettingsDraft& draft) {
  constexpr std::array<std::string_view, 4> kWords = {"debug", "info", "warn", "error"};
  size_t index = 1;
  reader.Word(kWords, &index);
  draft.settings.log.level = kWords[index];
}

std::vector<std::string_view> KeysOf(std::string_view table) {
  std::vector<std::string_view> keys;
  for (const Setting& setting : kSettings) {
    if (setting.path.table == table) keys.push_back(setting.path.key);
  }
  return keys;
}

void NoteUnknownTable(const TomlTable& table, SettingsDraft* draft) {
  draft->Error(table.line, fmt::format("unknown table {}: {}", Quoted(table.name),
                                       Hint(table.name, kTables, "the tables")));
}

void ReadEntry(std::string_view table, const TomlEntry& entry, SettingsDraft* draft) {
  for (const Setting& setting : kSettings) {
    if (setting.path != SettingsPath{table, entry.key}) continue;
    SettingsReader reader(setting.path, entry.value, draft);
    setting.read(reader, *draft);
    draft->seen.push_back({setting.path, entry.line, reader.is_good()});
    return;
  }
  NoteUnknownKey(table.empty() ? "" : fmt::format("[{}]", table), entry, KeysOf(table), draft);
}

void ReadTable(const TomlTable& table, SettingsDraft* draft) {
  const bool is_known = std::find(kTables.begin(), kTables.end(), table.name) != kTables.end();
  if (!is_known && !table.name.empty()) return NoteUnknownTable(table, draft);
  if (table.name == kRuleTable) return ReadRule(table, draft);
  if (table.name == kHeaderTable) return ReadHeader(table, draft);
  draft->seen_tables.push_back({table.name, table.line, !table.is_array});
  if (table.is_array) {
    return draft->Error(table.line,
                        fmt::format("[[{0}]]: there is one such table, written [{0}]", table.name));
  }
  for (const TomlEntry& entry : table.entries) ReadEntry(table.name, entry, draft);
}

}  // namespace

void NoteUnknownKey(std::string_view table, const TomlEntry& entry,
                    std::span<const std::string_view> keys, SettingsDraft* draft) {
  std::string hint;
  for (const Setting& setting : kSettings) {
    if (setting.path.key != entry.key) continue;
    hint += fmt::format("{}[{}]", hint.empty() ? "it belongs into " : " or ", setting.path.table);
  }
  if (hint.empty() && !table.empty()) {
    hint = Hint(entry.key, keys, fmt::format("the keys of {}", table));
  }
  if (hint.empty()) hint = fmt::format("the tables are {}", fmt::join(kTables, ", "));
  const std::string where = table.empty() ? "outside of all tables" : fmt::format("in {}", table);
  draft->Error(entry.line, fmt::format("unknown key {} {}: {}", Quoted(entry.key), where, hint));
}

bool ReadSettingsValues(std::string_view text, SettingsDraft* draft) {
  std::vector<TomlTable> tables;
  TomlError error;
  if (!ReadToml(text, &tables, &error)) {
    draft->Error(error.line, error.message);
    return false;
  }
  for (const TomlTable& table : tables) ReadTable(table, draft);
  return true;
}

}  // namespace edge
