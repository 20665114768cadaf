// The rules of core.next_hop: where requests to the core go.
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "edge/next_hop_limits.h"
#include "edge/settings_draft.h"

namespace edge {
namespace {

using reactor::Endpoint;
using Socket = SettingsDraft::Socket;

constexpr SettingsPath kNextHop = {"core", "next_hop"};
constexpr SettingsPath kResolver = {"core", "resolver"};
constexpr SettingsPath kProbeInterval = {"core", "probe_interval"};
constexpr SettingsPath kPort = {"ipsec", "port"};

std::string Text(const Endpoint& endpoint) {
  char text[reactor::kEndpointTextMax];
  return {text, reactor::WriteEndpoint(endpoint, text)};
}

// Which of our own ports that is: the name of its setting, or "".
std::string OwnPort(const SettingsDraft& draft, const Endpoint& endpoint) {
  const std::vector<Endpoint>& listens = draft.settings.core.listens;
  for (size_t i = 0; i < listens.size(); ++i) {
    if (!(listens[i] == endpoint)) continue;
    return i < draft.core_sockets.size() ? "core.listen"
                                         : fmt::format("core.listen of worker {}", i);
  }
  const auto is_it = [&](const Socket& socket) {
    const bool is_known = socket.has_port || !draft.IsBad(kPort);
    return is_known && socket.endpoint == endpoint;
  };
  if (std::any_of(draft.gm_sockets.begin(), draft.gm_sockets.end(), is_it)) return "gm.listen";
  const bool is_protected =
      std::any_of(draft.protected_sockets.begin(), draft.protected_sockets.end(), is_it);
  return is_protected ? "ipsec.socket" : "";
}

void CheckNextHop(const Socket& hop, SettingsDraft* draft) {
  const auto fail = [&](const std::string& why) {
    draft->Error(hop.line, fmt::format("core.next_hop = {}: {}", Text(hop.endpoint), why));
  };
  for (const Endpoint& listen : draft->settings.core.listens) {
    if (listen.family() == hop.endpoint.family()) continue;
    return fail(
        fmt::format("it cannot be reached from core.listen = {}; both are IPv4 or both "
                    "IPv6",
                    Text(listen)));
  }
  const std::string own = OwnPort(*draft, hop.endpoint);
  if (!own.empty()) return fail("this is our own " + own);
  std::vector<Endpoint>& hops = draft->settings.core.next_hops;
  if (std::find(hops.begin(), hops.end(), hop.endpoint) != hops.end()) {
    return fail("it is there twice");
  }
  hops.push_back(hop.endpoint);
}

void CheckResolvers(SettingsDraft* draft) {
  constexpr uint16_t kDnsPort = 53;
  for (Socket& resolver : draft->resolvers) {
    if (!resolver.has_port) resolver.endpoint.set_port(kDnsPort);
    draft->settings.core.resolvers.push_back(resolver.endpoint);
  }
  if (draft->resolvers.size() <= kResolversMax) return;
  draft->Error(draft->LineOf(kResolver), fmt::format("core.resolver: {} servers: at most {}",
                                                     draft->resolvers.size(), kResolversMax));
}

}  // namespace

void CheckNextHops(SettingsDraft* draft) {
  CheckResolvers(draft);
  for (const Socket& hop : draft->next_hops) CheckNextHop(hop, draft);
  Settings::Core& core = draft->settings.core;
  if (core.next_hops.size() > kNextHopsMax) {
    draft->Error(draft->LineOf(kNextHop), fmt::format("core.next_hop: {} addresses: at most {}",
                                                      core.next_hops.size(), kNextHopsMax));
  }
  if (!draft->IsSet(kProbeInterval) && core.next_hops.size() > 1) {
    core.probe_interval_s = kProbeIntervalS;
  }
}

}  // namespace edge
