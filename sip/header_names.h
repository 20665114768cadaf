// The names behind HeaderId: full and compact forms.
#pragma once

#include <array>
#include <string_view>

#include "sip/header_id.h"

namespace sip {

// Indexed by HeaderId.
inline constexpr std::array<std::string_view, kHeaderIdCount> kHeaderNames = {
    "",
    "Accept",
    "Accept-Contact",
    "Accept-Encoding",
    "Accept-Language",
    "Alert-Info",
    "Allow",
    "Allow-Events",
    "Authentication-Info",
    "Authorization",
    "Call-ID",
    "Call-Info",
    "Cellular-Network-Info",
    "Contact",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "CSeq",
    "Date",
    "Event",
    "Expires",
    "Feature-Caps",
    "From",
    "Geolocation",
    "History-Info",
    "Max-Forwards",
    "MIME-Version",
    "Min-Expires",
    "Min-SE",
    "P-Access-Network-Info",
    "P-Asserted-Identity",
    "P-Asserted-Service",
    "P-Associated-URI",
    "Path",
    "P-Called-Party-ID",
    "P-Charging-Function-Addresses",
    "P-Charging-Vector",
    "P-Early-Media",
    "P-Preferred-Identity",
    "P-Preferred-Service",
    "P-Profile-Key",
    "P-Served-User",
    "P-Visited-Network-ID",
    "Priority",
    "Privacy",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Require",
    "RAck",
    "Reason",
    "Record-Route",
    "Referred-By",
    "Refer-To",
    "Reject-Contact",
    "Replaces",
    "Request-Disposition",
    "Require",
    "Resource-Priority",
    "Retry-After",
    "Route",
    "RSeq",
    "Security-Client",
    "Security-Server",
    "Security-Verify",
    "Server",
    "Service-Route",
    "Session-Expires",
    "Session-ID",
    "SIP-ETag",
    "SIP-If-Match",
    "Subject",
    "Subscription-State",
    "Supported",
    "Timestamp",
    "To",
    "Unsupported",
    "User-Agent",
    "Via",
    "Warning",
    "WWW-Authenticate",
};
static_assert(kHeaderNames.back() == "WWW-Authenticate");

struct Compact {
  char letter;
  HeaderId id;
};
// RFC 3261 7.3.3, and RFC 3515 (r), 3841 (a, d, j), 3892 (b), 4028 (x), 6665 (o, u).
inline constexpr Compact kCompactForms[] = {
    {'a', HeaderId::kAcceptContact},
    {'b', HeaderId::kReferredBy},
    {'c', HeaderId::kContentType},
    {'d', HeaderId::kRequestDisposition},
    {'e', HeaderId::kContentEncoding},
    {'f', HeaderId::kFrom},
    {'i', HeaderId::kCallId},
    {'j', HeaderId::kRejectContact},
    {'k', HeaderId::kSupported},
    {'l', HeaderId::kContentLength},
    {'m', HeaderId::kContact},
    {'o', HeaderId::kEvent},
    {'r', HeaderId::kReferTo},
    {'s', HeaderId::kSubject},
    {'t', HeaderId::kTo},
    {'u', HeaderId::kAllowEvents},
    {'v', HeaderId::kVia},
    {'x', HeaderId::kSessionExpires},
};

// By character, both cases.
inline constexpr std::array<HeaderId, 256> kOneLetter = [] {
  std::array<HeaderId, 256> ids{};
  for (const Compact& compact : kCompactForms) {
    ids[static_cast<size_t>(compact.letter)] = compact.id;
    ids[static_cast<size_t>(compact.letter - 'a' + 'A')] = compact.id;
  }
  return ids;
}();

}  // namespace sip
