// The settings file (TOML): read once, checked as a whole, every mistake told at once.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/algorithm_list.h"
#include "edge/flow.h"
#include "edge/header_lines.h"
#include "edge/journal_settings.h"
#include "edge/rules.h"
#include "edge/template.h"
#include "reactor/endpoint.h"
#include "xfrm/probe.h"

namespace edge {

// What becomes of allowed algorithms that the kernel lacks.
enum class MissingAlgorithms : uint8_t { kRefuse, kDrop };
// What becomes of a request of a phone that takes another Route than it was given.
enum class ServiceRoute : uint8_t { kReplace, kReject };
// What becomes of a REGISTER over SAs that does not offer others (spec sheet 1.4).
enum class SecurityClient : uint8_t { kLenient, kStrict };

struct Settings {
  // [process]
  struct Process {
    uint32_t workers = 1;  // Default: as the protected ports are enough for and CPUs are there.
    std::vector<uint32_t> pin_cpus;  // Of each worker; empty: anywhere. true names the first ones.
    uint32_t drain_s = 5;            // At most so long the end waits for what is under way.
    std::string takeover_socket;     // Where `gmedge --takeover` asks; "": it cannot.
  };
  // [ipsec]: the names, meanings and defaults of OpenSIPS proto_ipsec.
  struct Ipsec {
    std::vector<reactor::Endpoint> sockets;  // socket = ["ipsec:IP[:port]", ...]: protected ports.
    uint16_t port = 5062;                    // For a socket that names none.
    uint32_t min_spi = 65536;                // 256..2^32-1; swapped with a warning if min > max.
    uint32_t max_spi = 262144;
    uint32_t temporary_timeout_s = 30;            // 1..3600: how long a set waits to be confirmed.
    std::optional<uint16_t> default_client_port;  // Must be the port of a socket; not equal...
    std::optional<uint16_t> default_server_port;  // ...to one another.
    AlgorithmList allowed_algorithms = AlgorithmList::All();  // In order of preference.
    bool disable_deprecated_algorithms = false;  // Applied to allowed_algorithms on load.
    MissingAlgorithms missing_algorithms = MissingAlgorithms::kRefuse;  // Likewise.
    SecurityServer security_server = SecurityServer::kStatic;
    SecurityClient security_client = SecurityClient::kLenient;
    uint32_t reqid = 0x676d6564;     // Marks our SAs and policies in the kernel; not 0.
    uint32_t lifetime_slack_s = 30;  // Kernel lifetimes outlast ours by this (design D3).
    uint16_t replay_window = 32;     // 1..4096 packets.
    xfrm::PacketMark mark;           // mark, mark_mask.
    xfrm::OffloadKind offload = xfrm::OffloadKind::kNone;
    std::string offload_device;  // Its name, "eth0"; needed unless offload is none.
    bool udp_enc_tun = false;    // mod=UDP-enc-tun for phones behind a NAT that offer it.
  };
  // [gm]: towards the phones, unprotected.
  struct Gm {
    std::vector<reactor::Endpoint> listen;  // ["IP[:5060]", ...]
    SecAgree sec_agree = SecAgree::kRequire;
    bool take_over = true;  // A port in use may be taken by who authenticates (spec sheet 4.5).
    uint32_t udp_request_size_max = 1300;  // Larger requests, ESP included, try TCP first.
    ServiceRoute service_route = ServiceRoute::kReplace;
    bool anonymous_emergency = false;  // Phones that are not registered may call for help.
    std::vector<std::string> emergency_numbers;  // Dialled like others they get 380.
  };
  // [core]: towards the IMS core.
  struct Core {
    reactor::Endpoint listen;  // "IP[:5060]": source of all we send to the core. Of one worker...
    std::vector<reactor::Endpoint> listens;    // ...and of all: as listed, or ports in a row.
    std::vector<reactor::Endpoint> next_hops;  // next_hop = ["IP[:5060]", ...]: by preference.
    std::vector<reactor::Endpoint> resolvers;  // DNS servers, "IP[:53]"; empty: the system's.
    uint32_t probe_interval_s = 0;  // OPTIONS to each; 0: none. Default: 10 when several.
    // "IP[:5060]": where calls for help go, the E-CSCF; none: as all others.
    std::optional<reactor::Endpoint> emergency_next_hop;
    std::string host;                      // Our name in Path; default: the listen address.
    std::string visited_network_id;        // P-Visited-Network-ID without quotes; "" leaves it out.
    std::string orig_ioi;                  // Of P-Charging-Vector; "" leaves the parameter out.
    std::string access_network_info;       // Network-provided P-Access-Network-Info; "" for none.
    uint32_t register_timeout_ms = 32000;  // 64*T1: a silent core is answered with 504.
    Transport transport = Transport::kUdp;  // Of requests whose Route asks for none.
    uint32_t udp_request_size_max = 65535;  // As of [gm].
    bool reg_event = true;  // Subscribe to the registration state of each phone (RFC 3680).
  };
  struct Limits {
    uint32_t registrations_max = 1'000'000;
    uint32_t half_open_max = 100'000;          // Registrations that wait for an answer, in all...
    uint32_t half_open_per_source_max = 16;    // ...and of one address.
    uint32_t connections_max = 16'384;         // TCP, in all...
    uint32_t connections_per_source_max = 16;  // ...and of one source at the unprotected ports.
    uint32_t connection_idle_s = 3600;         // Without a byte either way.
    uint32_t registers_per_second_max = 0;     // New ones, of a worker; 0: as many as come.
    uint32_t refusals_per_second_max = 1000;   // 503 in overload; beyond, silence.
    uint32_t retry_after_s = 10;               // At least; at most twice that.
  };
  using Journal = JournalSettings;
  struct Log {
    std::string level = "info";  // debug, info, warn, error.
    Template access_format;      // Of each message that came over a tunnel; empty: no lines.
    bool reveal_keys = false;    // ik and ck may stand in it.
  };

  Process process;
  Ipsec ipsec;
  Gm gm;
  Core core;
  Limits limits;
  Journal journal;
  Log log;
  std::vector<Rule> rules;          // [[rule]], in the order of the file.
  std::vector<HeaderLine> headers;  // [[header]], likewise.
};

// One mistake or remark.
struct SettingsNote {
  bool is_error = true;
  uint32_t line = 0;    // From 1; 0: the file as a whole.
  std::string message;  // What was read and what is allowed.

  // "gmedge.toml:12: error: ipsec.port = 70000: ..."
  std::string Text(std::string_view file_name) const;
};

// What the kernel of this machine can do for the settings.
struct KernelVerdict {
  std::vector<std::string> lacks;  // What keeps us from serving here; no setting mends it.
  bool is_unknown = false;         // It could not be asked; `lacks` says why.
  std::string works;               // What was tried and works, for people.
};
// How it is asked (edge/kernel_check.h).
using KernelProbe = std::function<xfrm::ProbeReport(xfrm::ProbeFamilies)>;

struct SettingsResult {
  Settings settings;  // Only meaningful when ok().
  std::vector<SettingsNote> notes;
  KernelVerdict kernel;  // Empty when nobody asked.

  bool ok() const;
  // Text() of each, a line each, by line of the file.
  std::string Report(std::string_view file_name) const;
};

// `probe` null: the kernel is not asked, and every algorithm taken for there.
SettingsResult ParseSettings(std::string_view text, const KernelProbe& probe = nullptr);
// An unreadable file is one error with line 0.
SettingsResult LoadSettings(const std::string& path, const KernelProbe& probe = nullptr);

}  // namespace edge
