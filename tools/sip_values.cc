#include "tools/sip_values.h"

#include "sip/access_network.h"
#include "sip/charging.h"
#include "sip/contact.h"
#include "sip/content_type.h"
#include "sip/date.h"
#include "sip/event.h"
#include "sip/feature_tag.h"
#include "sip/geolocation.h"
#include "sip/identity.h"
#include "sip/privacy.h"
#include "sip/rack.h"
#include "sip/reason.h"
#include "sip/replaces.h"
#include "sip/retry_after.h"
#include "sip/session_timer.h"
#include "sip/warning.h"

namespace tools {
namespace {

using sip::HeaderId;
using sip::ParseError;

template <typename Value, ParseError (*kDecode)(std::string_view, Value*)>
ParseError Check(std::string_view text) {
  Value value;
  return kDecode(text, &value);
}

ParseError CheckRSeq(std::string_view text) {
  return sip::DecodeRSeq(text).has_value() ? ParseError::kOk : ParseError::kBadHeaderValue;
}

// That it is an address at all is said where it is taken apart.
template <typename Value, ParseError (*kDecode)(std::string_view, Value*)>
ParseError CheckAddress(std::string_view text) {
  const ParseError error = Check<Value, kDecode>(text);
  return error == ParseError::kBadAddress ? ParseError::kOk : error;
}

constexpr auto kIdentity = CheckAddress<sip::Identity, sip::DecodeIdentity>;

constexpr ValueCheck kChecks[] = {
    {HeaderId::kContact, true, CheckAddress<sip::Contact, sip::DecodeContact>},
    {HeaderId::kContentType, false, Check<sip::ContentType, sip::DecodeContentType>},
    {HeaderId::kDate, false, Check<int64_t, sip::DecodeDate>},
    {HeaderId::kEvent, false, Check<sip::Event, sip::DecodeEvent>},
    {HeaderId::kFeatureCaps, true, Check<sip::FeatureCaps, sip::DecodeFeatureCaps>},
    {HeaderId::kGeolocation, true, Check<sip::Geolocation, sip::DecodeGeolocation>},
    {HeaderId::kMinSe, false, Check<uint32_t, sip::DecodeMinSe>},
    {HeaderId::kPAccessNetworkInfo, true, Check<sip::AccessNetwork, sip::DecodeAccessNetwork>},
    {HeaderId::kPAssertedIdentity, true, kIdentity},
    {HeaderId::kPAssociatedUri, true, kIdentity},
    {HeaderId::kPCalledPartyId, true, kIdentity},
    {HeaderId::kPChargingFunctionAddresses, true,
     Check<sip::ChargingAddresses, sip::DecodeChargingAddresses>},
    {HeaderId::kPChargingVector, false, Check<sip::ChargingVector, sip::DecodeChargingVector>},
    {HeaderId::kPPreferredIdentity, true, kIdentity},
    {HeaderId::kPVisitedNetworkId, true, Check<sip::VisitedNetwork, sip::DecodeVisitedNetwork>},
    {HeaderId::kPrivacy, false, Check<sip::Privacy, sip::DecodePrivacy>},
    {HeaderId::kRAck, false, Check<sip::RAck, sip::DecodeRAck>},
    {HeaderId::kRSeq, false, CheckRSeq},
    {HeaderId::kReason, true, Check<sip::Reason, sip::DecodeReason>},
    {HeaderId::kReplaces, false, Check<sip::Replaces, sip::DecodeReplaces>},
    {HeaderId::kRetryAfter, false, Check<sip::RetryAfter, sip::DecodeRetryAfter>},
    {HeaderId::kSessionExpires, false, Check<sip::SessionExpires, sip::DecodeSessionExpires>},
    {HeaderId::kSubscriptionState, false,
     Check<sip::SubscriptionState, sip::DecodeSubscriptionState>},
    {HeaderId::kWarning, true, Check<sip::Warning, sip::DecodeWarning>},
};

}  // namespace

std::span<const ValueCheck> ValueChecks() {
  return kChecks;
}

}  // namespace tools
