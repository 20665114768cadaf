// Which network a phone is on: P-Access-Network-Info and P-Visited-Network-ID (RFC 7315 5.3, 5.4).
#pragma once

#include <cstdint>
#include <string_view>

#include "sip/error.h"

namespace sip {

// What of the access types and classes of RFC 7315 5.4 and TS 24.229 7.2A.4 matters here.
enum class AccessKind : uint8_t {
  kOther,
  kGeran,
  kUtran,
  kEutran,
  kNr,
  kWlan,
  kUntrusted,  // Through an ePDG or N3IWF.
  kFixed,      // DSL, cable, Ethernet, fibre.
};
// "E-UTRAN"; "other" for kOther.
std::string_view Name(AccessKind kind);

// One member of P-Access-Network-Info. Views without quotes; empty when absent.
struct AccessNetwork {
  std::string_view access;  // Type or class as it stands: "3GPP-E-UTRAN-FDD".
  AccessKind kind = AccessKind::kOther;
  std::string_view cgi;           // cgi-3gpp.
  std::string_view utran_cell;    // utran-cell-id-3gpp: also of E-UTRAN and NR cells.
  std::string_view utran_sai;     // utran-sai-3gpp.
  std::string_view wlan_node;     // i-wlan-node-id.
  std::string_view local_zone;    // local-time-zone.
  std::string_view ue_address;    // UE-local-IP-address.
  bool network_provided = false;  // By a proxy, not by the phone.
  std::string_view params;
};

// One list member. kBadHeaderValue for a first part that is no token, broken parameters, or one of
// these parameters twice or without its value.
[[nodiscard]] ParseError DecodeAccessNetwork(std::string_view text, AccessNetwork* network);

// One member of P-Visited-Network-ID.
struct VisitedNetwork {
  std::string_view id;  // Without quotes, escapes as they stand.
  std::string_view params;
};

// One list member: a token or a quoted string, and parameters.
[[nodiscard]] ParseError DecodeVisitedNetwork(std::string_view text, VisitedNetwork* network);

}  // namespace sip
