// [[rule]]: which phones are offered and asked for what. What in OpenSIPS is script around
// ipsec_create() is a list here, of which the first that matches counts.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "edge/algorithm_list.h"
#include "edge/flow.h"
#include "edge/glob.h"
#include "edge/network.h"

namespace edge {

struct Settings;

// May a phone register without a security agreement (RFC 3329)?
enum class SecAgree : uint8_t { kRequire, kPrefer, kOff };
// Which mechanisms Security-Server names (spec sheet 1.3).
enum class SecurityServer : uint8_t { kStatic, kSelected };

// What phones of a kind need that the standards do not say; a bit each.
enum class Quirk : uint8_t {
  // Over UDP answers go back the way their request came (SA2, port_ps → port_uc), not port_pc →
  // port_us as TS 33.203 7.1 wants them.
  kAnswerToPortUc,
};
class Quirks {
 public:
  void Add(Quirk quirk) { bits_ |= Bit(quirk); }
  bool Has(Quirk quirk) const { return (bits_ & Bit(quirk)) != 0; }
  bool operator==(const Quirks&) const = default;

 private:
  static constexpr uint8_t Bit(Quirk quirk) {
    return static_cast<uint8_t>(1u << static_cast<unsigned>(quirk));
  }
  uint8_t bits_ = 0;
};

// Whoever is all that is set, and what holds for them; what is not set is as the settings have it
// for everybody.
struct Rule {
  std::vector<Network> sources;  // Any of them; empty: anywhere.
  std::optional<Glob> realm;     // Of the credentials. Who names none is as who names "".
  std::optional<Glob> user_agent;
  std::optional<Glob> impi;
  std::optional<Transport> transport;

  // ipsec_create([port_server], [port_client], [algos]) of proto_ipsec.
  std::optional<uint16_t> port_server;  // In place of ipsec.default_server_port...
  std::optional<uint16_t> port_client;  // ...and of ipsec.default_client_port.
  std::optional<AlgorithmList> algos;   // In place of ipsec.allowed_algorithms.
  std::optional<SecAgree> sec_agree;
  std::optional<SecurityServer> security_server;
  std::optional<uint32_t> temporary_timeout_s;
  std::optional<uint32_t> udp_request_size_max;
  Quirks quirks;

  bool matches_all() const;
  bool operator==(const Rule&) const = default;
};

// A rule by its place in Settings::rules, from 1; 0 is none.
using RuleIndex = uint16_t;

// What rules can ask of a REGISTER in clear. Later ones of the same phone are under the same rule.
struct RuleFacts {
  const reactor::Endpoint& source;
  std::string_view realm;
  std::string_view user_agent;
  std::string_view impi;
  Transport transport = Transport::kUdp;
};

// The first that matches.
RuleIndex FindRule(std::span<const Rule> rules, const RuleFacts& facts);

// What holds under that rule.
struct Policy {
  RuleIndex rule = 0;
  SecAgree sec_agree = SecAgree::kRequire;
  SecurityServer security_server = SecurityServer::kStatic;
  std::optional<uint16_t> port_server;
  std::optional<uint16_t> port_client;
  AlgorithmList algorithms;
  uint32_t temporary_timeout_s = 0;
};
// REQUIRES: rule <= settings.rules.size().
Policy PolicyOf(const Settings& settings, RuleIndex rule);
// The one that every message to a phone asks for.
uint32_t UdpRequestSizeMax(const Settings& settings, RuleIndex rule);
// And that every answer does.
bool HasQuirk(const Settings& settings, RuleIndex rule, Quirk quirk);

// May a phone of any of these rules be registered in clear; of any rule or of none.
bool AllowClear(std::span<const Rule> rules);
bool AllowsClear(const Settings& settings);
// What may be agreed with anybody.
AlgorithmList AllAlgorithms(const Settings& settings);

}  // namespace edge
