// Which header a name means, compact forms included.
#pragma once

#include <cstdint>
#include <string_view>

namespace sip {

// Headers that gmedge reads or edits, and those that phones and cores send so often that to know
// them by name is cheaper than to check their spelling. Any other name is kOther.
enum class HeaderId : uint8_t {
  kOther,
  kAccept,
  kAcceptContact,  // a
  kAcceptEncoding,
  kAcceptLanguage,
  kAlertInfo,
  kAllow,
  kAllowEvents,  // u
  kAuthenticationInfo,
  kAuthorization,
  kCallId,  // i
  kCallInfo,
  kCellularNetworkInfo,
  kContact,  // m
  kContentDisposition,
  kContentEncoding,  // e
  kContentLength,    // l
  kContentType,      // c
  kCSeq,
  kDate,
  kEvent,  // o
  kExpires,
  kFeatureCaps,
  kFrom,  // f
  kGeolocation,
  kHistoryInfo,
  kMaxForwards,
  kMimeVersion,
  kMinExpires,
  kMinSe,
  kPAccessNetworkInfo,
  kPAssertedIdentity,
  kPAssertedService,
  kPAssociatedUri,
  kPath,
  kPCalledPartyId,
  kPChargingFunctionAddresses,
  kPChargingVector,
  kPEarlyMedia,
  kPPreferredIdentity,
  kPPreferredService,
  kPProfileKey,
  kPServedUser,
  kPVisitedNetworkId,
  kPriority,
  kPrivacy,
  kProxyAuthenticate,
  kProxyAuthorization,
  kProxyRequire,
  kRAck,
  kReason,
  kRecordRoute,
  kReferredBy,     // b
  kReferTo,        // r
  kRejectContact,  // j
  kReplaces,
  kRequestDisposition,  // d
  kRequire,
  kResourcePriority,
  kRetryAfter,
  kRoute,
  kRSeq,
  kSecurityClient,
  kSecurityServer,
  kSecurityVerify,
  kServer,
  kServiceRoute,
  kSessionExpires,  // x
  kSessionId,
  kSipEtag,
  kSipIfMatch,
  kSubject,  // s
  kSubscriptionState,
  kSupported,  // k
  kTimestamp,
  kTo,  // t
  kUnsupported,
  kUserAgent,
  kVia,  // v
  kWarning,
  kWwwAuthenticate,
};

inline constexpr int kHeaderIdCount = static_cast<int>(HeaderId::kWwwAuthenticate) + 1;

// Case-insensitive (RFC 3261 7.3.1); compact forms of RFC 3261 7.3.3 and its extensions.
HeaderId LookUpHeader(std::string_view name);

// The full form as the RFC writes it: "Call-ID". "" for kOther.
std::string_view Name(HeaderId id);

}  // namespace sip
