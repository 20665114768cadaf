#include "tools/sip_report_fields.h"

namespace tools {
namespace {

using sip::HeaderId;

constexpr Field kFields[] = {
    {HeaderId::kVia, FieldKind::kVias},
    {HeaderId::kFrom, FieldKind::kAddress},
    {HeaderId::kTo, FieldKind::kAddress},
    {HeaderId::kCallId, FieldKind::kText},
    {HeaderId::kCSeq, FieldKind::kCSeq},
    {HeaderId::kMaxForwards, FieldKind::kText},
    {HeaderId::kExpires, FieldKind::kText},
    {HeaderId::kContact, FieldKind::kAddresses},
    {HeaderId::kRoute, FieldKind::kAddresses},
    {HeaderId::kRecordRoute, FieldKind::kAddresses},
    {HeaderId::kPath, FieldKind::kAddresses},
    {HeaderId::kServiceRoute, FieldKind::kAddresses},
    {HeaderId::kPPreferredIdentity, FieldKind::kAddresses},
    {HeaderId::kPAssertedIdentity, FieldKind::kAddresses},
    {HeaderId::kPAssociatedUri, FieldKind::kAddresses},
    {HeaderId::kPCalledPartyId, FieldKind::kAddresses},
    {HeaderId::kPServedUser, FieldKind::kAddresses},
    {HeaderId::kReferTo, FieldKind::kAddresses},
    {HeaderId::kSecurityClient, FieldKind::kMechanisms},
    {HeaderId::kSecurityServer, FieldKind::kMechanisms},
    {HeaderId::kSecurityVerify, FieldKind::kMechanisms},
    {HeaderId::kAuthorization, FieldKind::kDigests},
    {HeaderId::kProxyAuthorization, FieldKind::kDigests},
    {HeaderId::kWwwAuthenticate, FieldKind::kDigests},
    {HeaderId::kProxyAuthenticate, FieldKind::kDigests},
};

}  // namespace

std::span<const Field> ReportFields() {
  return kFields;
}

std::string KeyOf(HeaderId id) {
  std::string key;
  for (const char c : sip::Name(id)) {
    const bool is_upper = c >= 'A' && c <= 'Z';
    if (c == '-') {
      key += '_';
    } else {
      key += is_upper ? static_cast<char>(c + ('a' - 'A')) : c;
    }
  }
  return key;
}

}  // namespace tools
