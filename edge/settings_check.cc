// The rules that join several settings.
#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <set>
#include <utility>

#include "edge/limits.h"
#include "edge/sa_set.h"
#include "edge/settings_draft.h"
#include "edge/settings_rules.h"

namespace edge {
namespace {

using reactor::Endpoint;
using Socket = SettingsDraft::Socket;

constexpr SettingsPath kSocket = {"ipsec", "socket"};
constexpr SettingsPath kPort = {"ipsec", "port"};
constexpr SettingsPath kMinSpi = {"ipsec", "min_spi"};
constexpr SettingsPath kMaxSpi = {"ipsec", "max_spi"};
constexpr SettingsPath kClientPort = {"ipsec", "default_client_port"};
constexpr SettingsPath kServerPort = {"ipsec", "default_server_port"};
constexpr SettingsPath kAlgorithms = {"ipsec", "allowed_algorithms"};
constexpr SettingsPath kDeprecated = {"ipsec", "disable_deprecated_algorithms"};
constexpr SettingsPath kMark = {"ipsec", "mark"};
constexpr SettingsPath kMarkMask = {"ipsec", "mark_mask"};
constexpr SettingsPath kOffload = {"ipsec", "offload"};
constexpr SettingsPath kOffloadDevice = {"ipsec", "offload_device"};
constexpr SettingsPath kUdpEncTun = {"ipsec", "udp_enc_tun"};
constexpr SettingsPath kAccessFormat = {"log", "access_format"};
constexpr SettingsPath kRevealKeys = {"log", "reveal_keys"};
constexpr SettingsPath kJournalFile = {"journal", "file"};
constexpr SettingsPath kJournalKeyFile = {"journal", "key_file"};
constexpr SettingsPath kGmListen = {"gm", "listen"};
constexpr SettingsPath kCoreListen = {"core", "listen"};
constexpr SettingsPath kEmergencyNextHop = {"core", "emergency_next_hop"};
constexpr SettingsPath kHost = {"core", "host"};

std::string Address(const Endpoint& endpoint) {
  char text[reactor::kEndpointTextMax];
  return {text, reactor::WriteAddress(endpoint, false, text)};
}

std::string Text(const Endpoint& endpoint) {
  char text[reactor::kEndpointTextMax];
  return {text, reactor::WriteEndpoint(endpoint, text)};
}

// TS 33.203 §7.1: the protected ports are none of the default SIP ports.
bool IsSipPort(uint16_t port) {
  return port == 5060 || port == 5061;
}

class Checker {
 public:
  explicit Checker(SettingsDraft* draft) : draft_(*draft), settings_(draft->settings) {}

  void Check() {
    RequireAll();
    CheckProtectedPorts();
    CheckPortPairs();
    CheckWorkers(&draft_);
    const Settings::Ipsec& ipsec = settings_.ipsec;
    if (ipsec.default_client_port) {
      CheckPort("ipsec.default_client_port", draft_.LineOf(kClientPort),
                *ipsec.default_client_port);
    }
    if (ipsec.default_server_port) {
      CheckPort("ipsec.default_server_port", draft_.LineOf(kServerPort),
                *ipsec.default_server_port);
    }
    CheckDefaultPorts();
    CheckSpis();
    CheckAlgorithms();
    CheckRules(&draft_);
    CheckMark();
    CheckAccessFormat();
    CheckJournal();
    CheckOffload();
    CheckCore();
    CheckNextHops(&draft_);
    CheckSharedSockets();
    CheckPhonesCanBeProtected();
    for (const Socket& socket : draft_.protected_sockets) {
      settings_.ipsec.sockets.push_back(socket.endpoint);
    }
    for (const Socket& socket : draft_.gm_sockets) settings_.gm.listen.push_back(socket.endpoint);
  }

  void CheckPort(std::string_view name, uint32_t line, uint16_t port);

 private:
  void RequireAll();
  void Require(SettingsPath path, bool is_there, std::string_view form);
  void CheckProtectedPorts();
  void CheckPortPairs();
  void CheckDefaultPorts();
  void CheckSpis();
  void CheckAlgorithms();
  void CheckMark();
  void CheckOffload();
  void CheckAccessFormat();
  void CheckJournal();
  void CheckCore();
  void CheckEmergencyNextHop();
  void CheckSharedSockets();
  void CheckEspInUdp(std::string_view name, const Endpoint& socket, uint32_t line);
  void CheckPhonesCanBeProtected();

  size_t CountPorts(const Endpoint& address) const;
  bool HasPort(const Endpoint& address, uint16_t port) const;
  // No protected socket had a mistake of its own, so that the set of them can be judged.
  bool SocketsAreKnown() const { return !draft_.IsBad(kSocket) && !draft_.IsBad(kPort); }

  SettingsDraft& draft_;
  Settings& settings_;
};

void Checker::RequireAll() {
  Require(kSocket, !draft_.protected_sockets.empty(),
          "at least two, a client and a server port: [\"ipsec:IP:port\", \"ipsec:IP:port\"]");
  Require(kGmListen, !draft_.gm_sockets.empty(),
          "the addresses phones register at: [\"IP\", \"IP:port\"]");
  Require(kCoreListen, !draft_.core_sockets.empty(), "our address towards the core: \"IP:port\"");
}

void Checker::Require(SettingsPath path, bool is_there, std::string_view form) {
  if (is_there || draft_.IsBad(path)) return;
  draft_.Error(draft_.LineOf(path),
               fmt::format("{}.{} is not set: {}", path.table, path.key, form));
}

void Checker::CheckProtectedPorts() {
  constexpr std::string_view kWhy = "5060 and 5061 are no protected ports (TS 33.203 7.1)";
  const uint16_t port = settings_.ipsec.port;
  const bool is_port_forbidden = draft_.IsSet(kPort) && IsSipPort(port);
  if (is_port_forbidden) {
    draft_.Error(draft_.LineOf(kPort), fmt::format("ipsec.port = {}: {}", port, kWhy));
  }
  for (Socket& socket : draft_.protected_sockets) {
    if (!socket.has_port) {
      socket.endpoint.set_port(port);
    } else if (IsSipPort(socket.endpoint.port())) {
      draft_.Error(socket.line,
                   fmt::format("ipsec.socket \"ipsec:{}\": {}", Text(socket.endpoint), kWhy));
    }
  }
}

// A UE gets a client and a server port of one address (TS 33.203 §7.1).
void Checker::CheckPortPairs() {
  if (!SocketsAreKnown()) return;
  const std::vector<Socket>& sockets = draft_.protected_sockets;
  for (size_t i = 0; i < sockets.size(); ++i) {
    if (CountPorts(sockets[i].endpoint) >= 2) continue;
    const auto same = [&](const Socket& other) {
      return SameAddress(other.endpoint, sockets[i].endpoint);
    };
    const auto begin = sockets.begin();
    if (std::any_of(begin, begin + static_cast<std::ptrdiff_t>(i), same)) continue;
    draft_.Error(sockets[i].line,
                 fmt::format("ipsec.socket: {} has one protected port: a client and a server port "
                             "are needed on each address",
                             Address(sockets[i].endpoint)));
  }
}

void Checker::CheckPort(std::string_view name, uint32_t line, uint16_t port) {
  if (!SocketsAreKnown()) return;
  const std::vector<Socket>& sockets = draft_.protected_sockets;
  const bool is_on_some = std::any_of(sockets.begin(), sockets.end(), [&](const Socket& socket) {
    return socket.endpoint.port() == port;
  });
  if (!is_on_some) {
    std::set<uint16_t> ports;
    for (const Socket& socket : sockets) ports.insert(socket.endpoint.port());
    return draft_.Error(
        line, fmt::format("{} = {}: no socket has it; the ports of ipsec.socket are {}", name, port,
                          fmt::join(ports, ", ")));
  }
  std::set<std::string> without;
  for (const Socket& socket : sockets) {
    if (!HasPort(socket.endpoint, port)) without.insert(Address(socket.endpoint));
  }
  if (without.empty()) return;
  draft_.Warning(line, fmt::format("{} = {}: no such port on {}: another one is taken there", name,
                                   port, fmt::join(without, ", ")));
}

void Checker::CheckDefaultPorts() {
  const Settings::Ipsec& ipsec = settings_.ipsec;
  if (!ipsec.default_client_port || ipsec.default_client_port != ipsec.default_server_port) return;
  draft_.Error(std::max(draft_.LineOf(kClientPort), draft_.LineOf(kServerPort)),
               fmt::format("ipsec.default_client_port = ipsec.default_server_port = {}: "
                           "they must differ (TS 33.203 7.1)",
                           *ipsec.default_client_port));
}

void Checker::CheckSpis() {
  if (draft_.IsBad(kMinSpi) || draft_.IsBad(kMaxSpi)) return;
  Settings::Ipsec& ipsec = settings_.ipsec;
  const uint32_t line = std::max(draft_.LineOf(kMinSpi), draft_.LineOf(kMaxSpi));
  if (ipsec.min_spi > ipsec.max_spi) {
    draft_.Warning(line, fmt::format("ipsec.min_spi = {} is above ipsec.max_spi = {}: swapped",
                                     ipsec.min_spi, ipsec.max_spi));
    std::swap(ipsec.min_spi, ipsec.max_spi);
  }
  if (ipsec.min_spi < ipsec.max_spi) return;
  draft_.Error(line, fmt::format("ipsec.min_spi = ipsec.max_spi = {}: a phone needs two SPIs",
                                 ipsec.min_spi));
}

// Whatever allowed_algorithms names, the filter comes after it.
void Checker::CheckAlgorithms() {
  Settings::Ipsec& ipsec = settings_.ipsec;
  if (!ipsec.disable_deprecated_algorithms || draft_.IsBad(kAlgorithms)) return;
  ipsec.allowed_algorithms = ipsec.allowed_algorithms.WithoutDeprecated();
  if (!ipsec.allowed_algorithms.empty()) return;
  draft_.Error(std::max(draft_.LineOf(kAlgorithms), draft_.LineOf(kDeprecated)),
               "ipsec.disable_deprecated_algorithms leaves nothing of ipsec.allowed_algorithms: "
               "not deprecated are null=aes-gcm and aes-gmac=null");
}

// A mask alone would clear bits, which nobody means by it.
void Checker::CheckMark() {
  if (draft_.IsBad(kMark) || draft_.IsBad(kMarkMask)) return;
  xfrm::PacketMark& mark = settings_.ipsec.mark;
  if (!draft_.IsSet(kMark)) {
    if (!draft_.IsSet(kMarkMask)) return;
    return draft_.Error(draft_.LineOf(kMarkMask),
                        fmt::format("ipsec.mark_mask = {:#x}: ipsec.mark is not set", mark.mask));
  }
  if (!draft_.IsSet(kMarkMask)) mark.mask = UINT32_MAX;
  if ((mark.value & ~mark.mask) == 0) return;
  draft_.Error(std::max(draft_.LineOf(kMark), draft_.LineOf(kMarkMask)),
               fmt::format("ipsec.mark = {:#x}: it has bits outside of ipsec.mark_mask = {:#x}",
                           mark.value, mark.mask));
}

// Keys are shown where an operator has said so twice.
void Checker::CheckAccessFormat() {
  const Settings::Log& log = settings_.log;
  if (!log.access_format.reveals_keys() || log.reveal_keys || draft_.IsBad(kRevealKeys)) return;
  draft_.Error(draft_.LineOf(kAccessFormat),
               "log.access_format: ik and ck are secrets: only with log.reveal_keys = true");
}

void Checker::CheckJournal() {
  Settings::Journal& journal = settings_.journal;
  if (draft_.IsBad(kJournalFile) || draft_.IsBad(kJournalKeyFile)) return;
  if (!journal.is_on()) {
    if (!draft_.IsSet(kJournalKeyFile)) return;
    return draft_.Error(draft_.LineOf(kJournalKeyFile),
                        "journal.key_file: without journal.file there is no journal");
  }
  if (journal.key_file.empty()) journal.key_file = journal.file + ".key";
  if (journal.key_file != journal.file) return;
  draft_.Error(draft_.LineOf(kJournalKeyFile), "journal.key_file: it is journal.file itself");
}

// Whether there is such a device, and what it can do, the kernel says at start (edge/offload).
void Checker::CheckOffload() {
  if (draft_.IsBad(kOffload) || draft_.IsBad(kOffloadDevice)) return;
  const std::string& device = settings_.ipsec.offload_device;
  const bool is_wanted = settings_.ipsec.offload != xfrm::OffloadKind::kNone;
  if (is_wanted && !draft_.IsSet(kOffloadDevice)) {
    return draft_.Error(draft_.LineOf(kOffload),
                        "ipsec.offload: the network device is not named: "
                        "ipsec.offload_device = \"eth0\"");
  }
  const bool is_name = !device.empty() && device.size() < IF_NAMESIZE && device != "." &&
                       device != ".." && device.find_first_of("/: ") == device.npos;
  if (is_name || !draft_.IsSet(kOffloadDevice)) return;
  draft_.Error(draft_.LineOf(kOffloadDevice),
               fmt::format("ipsec.offload_device = \"{}\": no name of a network device: 1..{} "
                           "characters, no / : or blank",
                           device, IF_NAMESIZE - 1));
}

void Checker::CheckCore() {
  Settings::Core& core = settings_.core;
  if (core.listens.empty()) return;
  if (!draft_.IsSet(kHost)) {
    char text[reactor::kEndpointTextMax];
    core.host.assign(text, reactor::WriteAddress(core.listen, true, text));
  }
  CheckEmergencyNextHop();
}

void Checker::CheckEmergencyNextHop() {
  const Settings::Core& core = settings_.core;
  if (!core.emergency_next_hop) {
    if (!settings_.gm.anonymous_emergency || draft_.IsBad(kEmergencyNextHop)) return;
    return draft_.Error(draft_.LineOf({"gm", "anonymous_emergency"}),
                        "gm.anonymous_emergency = true: core.emergency_next_hop is missing, "
                        "where such calls go");
  }
  for (const Endpoint& listen : core.listens) {
    if (listen.family() == core.emergency_next_hop->family()) continue;
    return draft_.Error(draft_.LineOf(kEmergencyNextHop),
                        fmt::format("core.emergency_next_hop = {}: it cannot be reached from "
                                    "core.listen = {}; both are IPv4 or both IPv6",
                                    Text(*core.emergency_next_hop), Text(listen)));
  }
}

// Every address and port is one socket with one purpose.
void Checker::CheckSharedSockets() {
  struct Use {
    std::string name;
    Endpoint endpoint;
    uint32_t line;
  };
  std::vector<Use> uses;
  const std::vector<Endpoint>& listens = settings_.core.listens;
  for (size_t i = 0; i < listens.size(); ++i) {
    const bool is_listed = i < draft_.core_sockets.size();
    const std::string whose = is_listed ? "" : fmt::format(" of worker {}", i);
    uses.push_back(
        {"core.listen" + whose, listens[i], draft_.core_sockets[is_listed ? i : 0].line});
  }
  for (const Socket& socket : draft_.gm_sockets) {
    uses.push_back({"gm.listen", socket.endpoint, socket.line});
  }
  for (const Socket& socket : draft_.protected_sockets) {
    const bool is_known = socket.has_port || !draft_.IsBad(kPort);
    if (is_known) uses.push_back({"ipsec.socket", socket.endpoint, socket.line});
  }
  for (size_t i = 0; i < uses.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (!(uses[i].endpoint == uses[j].endpoint)) continue;
      draft_.Error(uses[i].line, fmt::format("{}: {} is taken by {} in line {}", uses[i].name,
                                             Text(uses[i].endpoint), uses[j].name, uses[j].line));
      break;
    }
    CheckEspInUdp(uses[i].name, uses[i].endpoint, uses[i].line);
  }
  const size_t named =
      draft_.core_sockets.size() + draft_.gm_sockets.size() + draft_.protected_sockets.size();
  if (named > kPortsMax) {
    draft_.Error(draft_.LineOf(kSocket),
                 fmt::format("{} sockets in all: at most {}", named, kPortsMax));
  }
}

// The port of ESP in UDP is the kernel's on every address that has protected ports.
void Checker::CheckEspInUdp(std::string_view name, const Endpoint& socket, uint32_t line) {
  if (!settings_.ipsec.udp_enc_tun || socket.port() != kEspInUdpPort || CountPorts(socket) == 0) {
    return;
  }
  draft_.Error(line, fmt::format("{}: {} is taken by ipsec.udp_enc_tun in line {}: ESP in UDP "
                                 "comes there (RFC 3948)",
                                 name, Text(socket), draft_.LineOf(kUdpEncTun)));
}

// Security-Server names ports, not addresses: a phone goes on at the address it registered at.
void Checker::CheckPhonesCanBeProtected() {
  const auto is_off = [](const Rule& rule) {
    return !rule.sec_agree || *rule.sec_agree == SecAgree::kOff;
  };
  const bool off = settings_.gm.sec_agree == SecAgree::kOff &&
                   std::all_of(settings_.rules.begin(), settings_.rules.end(), is_off);
  if (!SocketsAreKnown() || off) return;
  for (const Socket& socket : draft_.gm_sockets) {
    if (draft_.protected_sockets.empty() || CountPorts(socket.endpoint) > 0) continue;
    draft_.Error(socket.line, fmt::format("gm.listen {0}: no ipsec.socket is on {0}, where phones "
                                          "would go on after the challenge",
                                          Address(socket.endpoint)));
  }
}

size_t Checker::CountPorts(const Endpoint& address) const {
  std::set<uint16_t> ports;
  for (const Socket& socket : draft_.protected_sockets) {
    if (SameAddress(socket.endpoint, address)) ports.insert(socket.endpoint.port());
  }
  return ports.size();
}

bool Checker::HasPort(const Endpoint& address, uint16_t port) const {
  return std::any_of(
      draft_.protected_sockets.begin(), draft_.protected_sockets.end(), [&](const Socket& socket) {
        return SameAddress(socket.endpoint, address) && socket.endpoint.port() == port;
      });
}

}  // namespace

void CheckSocketPort(std::string_view name, uint32_t line, uint16_t port, SettingsDraft* draft) {
  Checker(draft).CheckPort(name, line, port);
}

void CheckSettings(SettingsDraft* draft) {
  Checker(draft).Check();
}

}  // namespace edge
