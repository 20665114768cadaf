// The rules of several workers.
#include <fmt/format.h>

#include <algorithm>

#include "edge/cpus.h"
#include "edge/limits.h"
#include "edge/settings_draft.h"
#include "edge/takeover_link.h"
#include "edge/worker_settings.h"

namespace edge {
namespace {

using reactor::Endpoint;
using Socket = SettingsDraft::Socket;

constexpr SettingsPath kWorkers = {"process", "workers"};
constexpr SettingsPath kPinCpus = {"process", "pin_cpus"};
constexpr SettingsPath kSocket = {"ipsec", "socket"};
constexpr SettingsPath kPort = {"ipsec", "port"};
constexpr SettingsPath kClientPort = {"ipsec", "default_client_port"};
constexpr SettingsPath kServerPort = {"ipsec", "default_server_port"};
constexpr SettingsPath kCoreListen = {"core", "listen"};
constexpr SettingsPath kHost = {"core", "host"};

std::string Text(const Endpoint& endpoint) {
  char text[reactor::kEndpointTextMax];
  return {text, reactor::WriteEndpoint(endpoint, text)};
}

std::string AddressText(const Endpoint& endpoint) {
  char text[reactor::kEndpointTextMax];
  return {text, reactor::WriteAddress(endpoint, false, text)};
}

class Checker {
 public:
  explicit Checker(SettingsDraft* draft)
      : draft_(*draft), process_(draft->settings.process), core_(draft->settings.core) {}

  void Check() {
    if (!draft_.IsSet(kWorkers) && !draft_.IsBad(kWorkers)) process_.workers = DefaultWorkers();
    CheckProtectedPorts();
    CheckDefaultPorts();
    CheckClear();
    CheckCpus();
    CheckCoreListen();
  }

 private:
  struct Address {
    Endpoint endpoint;
    uint32_t ports;
  };
  std::vector<Address> Addresses() const;
  uint32_t DefaultWorkers() const;
  void CheckProtectedPorts();
  void CheckDefaultPorts();
  void CheckClear();
  void CheckCpus();
  void CheckCoreListen();
  bool SocketsAreKnown() const { return !draft_.IsBad(kSocket) && !draft_.IsBad(kPort); }

  SettingsDraft& draft_;
  Settings::Process& process_;
  Settings::Core& core_;
};

std::vector<Checker::Address> Checker::Addresses() const {
  std::vector<Address> addresses;
  for (const Socket& socket : draft_.protected_sockets) {
    const auto found = std::find_if(addresses.begin(), addresses.end(), [&](const Address& known) {
      return reactor::SameAddress(known.endpoint, socket.endpoint);
    });
    if (found == addresses.end()) {
      addresses.push_back({socket.endpoint, 1});
    } else {
      ++found->ports;
    }
  }
  return addresses;
}

// As many as there are pairs of ports on every address and CPUs to run on; no more than core.listen
// and pin_cpus name, where they name several. Where a default port is preferred there is one, since
// only one worker can have that port, and one where phones may be in clear.
uint32_t Checker::DefaultWorkers() const {
  const Settings::Ipsec& ipsec = draft_.settings.ipsec;
  const std::vector<Address> addresses = Addresses();
  if (!SocketsAreKnown() || addresses.empty()) return 1;
  if (ipsec.default_client_port || ipsec.default_server_port) return 1;
  for (const Rule& rule : draft_.settings.rules) {
    if (rule.port_client || rule.port_server) return 1;
  }
  if (AllowsClear(draft_.settings)) return 1;
  size_t workers = std::min<size_t>(kWorkersMax, AllowedCpus().size());
  for (const Address& address : addresses) {
    workers = std::min<size_t>(workers, address.ports / kPortsPerWorkerMin);
  }
  if (draft_.core_sockets.size() > 1) workers = std::min(workers, draft_.core_sockets.size());
  if (!process_.pin_cpus.empty()) workers = std::min(workers, process_.pin_cpus.size());
  return static_cast<uint32_t>(std::max<size_t>(workers, 1));
}

// One worker's ports are a matter of ipsec.socket alone.
void Checker::CheckProtectedPorts() {
  if (!SocketsAreKnown() || process_.workers == 1) return;
  const uint32_t needed = process_.workers * static_cast<uint32_t>(kPortsPerWorkerMin);
  for (const Address& address : Addresses()) {
    if (address.ports >= needed) continue;
    draft_.Error(draft_.LineOf(kWorkers),
                 fmt::format("process.workers = {}: each needs a client and a server port of its "
                             "own on each address of ipsec.socket; {} has {}: add {}",
                             process_.workers, AddressText(address.endpoint), address.ports,
                             needed - address.ports));
  }
}

void Checker::CheckDefaultPorts() {
  if (process_.workers == 1) return;
  const Settings::Ipsec& ipsec = draft_.settings.ipsec;
  const auto warn = [&](std::string_view name, uint32_t line, std::optional<uint16_t> port) {
    if (!port) return;
    draft_.Warning(line, fmt::format("{} = {}: one of {} workers has it, the others take any port",
                                     name, *port, process_.workers));
  };
  warn("ipsec.default_client_port", draft_.LineOf(kClientPort), ipsec.default_client_port);
  warn("ipsec.default_server_port", draft_.LineOf(kServerPort), ipsec.default_server_port);
  for (size_t i = 0; i < draft_.settings.rules.size(); ++i) {
    const Rule& rule = draft_.settings.rules[i];
    const SettingsDraft::RuleLines& lines = draft_.rule_lines[i];
    warn("rule.ipsec_create.port_client", lines.port_client, rule.port_client);
    warn("rule.ipsec_create.port_server", lines.port_server, rule.port_server);
  }
}

// The unprotected ports are everybody's: a phone in clear that takes another port of its own would
// be a stranger there, and one with SAs could be registered in clear beside them.
void Checker::CheckClear() {
  if (process_.workers == 1 || !AllowsClear(draft_.settings)) return;
  draft_.Error(draft_.LineOf(kWorkers),
               fmt::format("process.workers = {}: only with sec_agree = \"require\": a phone in "
                           "clear is known to one worker and may come to any",
                           process_.workers));
}

void Checker::CheckCpus() {
  if (!draft_.is_pinned || draft_.IsBad(kWorkers)) return;
  if (process_.pin_cpus.empty()) {
    process_.pin_cpus = AllowedCpus();
    if (process_.pin_cpus.size() < process_.workers) {
      return draft_.Error(draft_.LineOf(kPinCpus),
                          fmt::format("process.pin_cpus = true: {} workers, but we may run on {} "
                                      "CPUs only",
                                      process_.workers, process_.pin_cpus.size()));
    }
    process_.pin_cpus.resize(process_.workers);
  }
  if (process_.pin_cpus.size() == process_.workers) return;
  draft_.Error(draft_.LineOf(kPinCpus),
               fmt::format("process.pin_cpus: {} CPUs for {} workers: name one for each",
                           process_.pin_cpus.size(), process_.workers));
}

// One address: the others have the next ports. Several: each worker has its own.
void Checker::CheckCoreListen() {
  const std::vector<Socket>& sockets = draft_.core_sockets;
  if (draft_.IsBad(kCoreListen) || sockets.empty()) return;
  core_.listen = sockets[0].endpoint;
  core_.listens = {core_.listen};
  if (draft_.IsBad(kWorkers)) return;
  if (sockets.size() > 1 && sockets.size() != process_.workers) {
    return draft_.Error(sockets[0].line,
                        fmt::format("core.listen: {} addresses for {} workers: name one for each, "
                                    "or one alone, whose ports go on from there",
                                    sockets.size(), process_.workers));
  }
  for (uint32_t i = 1; i < process_.workers; ++i) {
    Endpoint next = sockets.size() > 1 ? sockets[i].endpoint : core_.listen;
    if (sockets.size() == 1) {
      if (core_.listen.port() + i > UINT16_MAX) {
        return draft_.Error(sockets[0].line,
                            fmt::format("core.listen = {}: {} workers take ports from there on, "
                                        "and there are none above 65535",
                                        Text(core_.listen), process_.workers));
      }
      next.set_port(static_cast<uint16_t>(core_.listen.port() + i));
    }
    if (draft_.IsSet(kHost) && !reactor::SameAddress(next, core_.listen)) {
      return draft_.Error(draft_.LineOf(kHost),
                          "core.host: one name for several addresses of core.listen: a worker is "
                          "told by its port where it has a name");
    }
    core_.listens.push_back(next);
  }
}

constexpr SettingsPath kTakeoverSocket = {"process", "takeover_socket"};

void CheckTakeover(SettingsDraft* draft) {
  const std::string& path = draft->settings.process.takeover_socket;
  if (path.size() <= kTakeoverPathMax || draft->IsBad(kTakeoverSocket)) return;
  draft->Error(draft->LineOf(kTakeoverSocket),
               fmt::format("process.takeover_socket = \"{}\": a path of at most {} bytes (unix(7))",
                           path, kTakeoverPathMax));
}

}  // namespace

void CheckWorkers(SettingsDraft* draft) {
  CheckTakeover(draft);
  Checker(draft).Check();
}

}  // namespace edge
