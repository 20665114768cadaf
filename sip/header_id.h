// Which header a name means, compact forms included.
#pragma once

#include <cstdint>
#include <string_view>

namespace sip {

// Headers that gmedge reads or edits. Any other name is kOther and passes through untouched.
enum class HeaderId : uint8_t {
  kOther,
  kAllow,
  kAuthorization,
  kCallId,           // i
  kContact,          // m
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
  kPPreferredIdentity,
  kPPreferredService,
  kPProfileKey,
  kPServedUser,
  kPVisitedNetworkId,
  kPrivacy,
  kProxyAuthenticate,
  kProxyAuthorization,
  kProxyRequire,
  kRAck,
  kReason,
  kRecordRoute,
  kReferTo,  // r
  kReplaces,
  kRequire,
  kRetryAfter,
  kRoute,
  kRSeq,
  kSecurityClient,
  kSecurityServer,
  kSecurityVerify,
  kServer,
  kServiceRoute,
  kSessionExpires,  // x
  kSubject,         // s
  kSubscriptionState,
  kSupported,  // k
  kTo,         // t
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
