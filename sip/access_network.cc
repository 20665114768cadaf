#include "sip/access_network.h"

#include "sip/chars.h"
#include "sip/value.h"

namespace sip {
namespace {

constexpr ParseError kBad = ParseError::kBadHeaderValue;

struct Prefix {
  std::string_view text;
  AccessKind kind;
};

// Whole names and beginnings of names: what follows tells the duplex mode or the radio.
constexpr Prefix kPrefixes[] = {
    {"3GPP-GERAN", AccessKind::kGeran},
    {"3GPP-UTRAN", AccessKind::kUtran},
    {"3GPP-E-UTRAN", AccessKind::kEutran},
    {"3GPP-NR", AccessKind::kNr},
    {"3GPP-WLAN", AccessKind::kWlan},
    {"IEEE-802.11", AccessKind::kWlan},
    {"untrusted-non-3GPP", AccessKind::kUntrusted},
    {"IEEE-802.3", AccessKind::kFixed},
    {"ADSL", AccessKind::kFixed},
    {"RADSL", AccessKind::kFixed},
    {"SDSL", AccessKind::kFixed},
    {"HDSL", AccessKind::kFixed},
    {"VDSL", AccessKind::kFixed},
    {"IDSL", AccessKind::kFixed},
    {"xDSL", AccessKind::kFixed},
    {"DOCSIS", AccessKind::kFixed},
    {"GPON", AccessKind::kFixed},
    {"XGPON", AccessKind::kFixed},
    {"GSTN", AccessKind::kFixed},
};

// A name goes on behind the beginning with a digit, a letter or '-': "ADSL2+", "IEEE-802.11a",
// "3GPP-UTRAN-FDD"; but not "3GPP-NRX", hence the '-' that 3GPP writes.
bool Begins(std::string_view access, std::string_view prefix) {
  if (!EqualsIgnoreCase(access.substr(0, prefix.size()), prefix)) return false;
  if (access.size() == prefix.size() || !prefix.starts_with("3GPP-")) return true;
  return access[prefix.size()] == '-';
}

AccessKind LookUpAccess(std::string_view access) {
  for (const Prefix& prefix : kPrefixes) {
    if (Begins(access, prefix.text)) return prefix.kind;
  }
  return AccessKind::kOther;
}

constexpr ParamField<AccessNetwork> kFields[] = {
    {"cgi-3gpp", &AccessNetwork::cgi},
    {"utran-cell-id-3gpp", &AccessNetwork::utran_cell},
    {"utran-sai-3gpp", &AccessNetwork::utran_sai},
    {"i-wlan-node-id", &AccessNetwork::wlan_node},
    {"local-time-zone", &AccessNetwork::local_zone},
    {"UE-local-IP-address", &AccessNetwork::ue_address},
    {"network-provided", nullptr, &AccessNetwork::network_provided},
};

}  // namespace

std::string_view Name(AccessKind kind) {
  switch (kind) {
    case AccessKind::kOther:
      return "other";
    case AccessKind::kGeran:
      return "GERAN";
    case AccessKind::kUtran:
      return "UTRAN";
    case AccessKind::kEutran:
      return "E-UTRAN";
    case AccessKind::kNr:
      return "NR";
    case AccessKind::kWlan:
      return "WLAN";
    case AccessKind::kUntrusted:
      return "untrusted";
    case AccessKind::kFixed:
      return "fixed";
  }
  return "other";
}

// access-net-spec = ( access-type / access-class ) *( SEMI access-info )
ParseError DecodeAccessNetwork(std::string_view text, AccessNetwork* network) {
  *network = {};
  const ValueParts parts = SplitValue(text);
  if (!IsToken(parts.head) || !ReadParams(parts.params, kFields, network)) return kBad;
  network->access = parts.head;
  network->kind = LookUpAccess(parts.head);
  network->params = parts.params;
  return ParseError::kOk;
}

// vnetwork-spec = ( token / quoted-string ) *( SEMI vnetwork-param )
ParseError DecodeVisitedNetwork(std::string_view text, VisitedNetwork* network) {
  *network = {};
  const ValueParts parts = SplitValue(text);
  std::string_view id = parts.head;
  if (id.starts_with('"')) {
    if (SkipQuoted(id, 0) != id.size()) return kBad;
    id = id.substr(1, id.size() - 2);
  } else if (!IsToken(id)) {
    return kBad;
  }
  if (!IsParamList(parts.params)) return kBad;
  network->id = id;
  network->params = parts.params;
  return ParseError::kOk;
}

}  // namespace sip
