// Geolocation: where the phone is, or where that can be read (RFC 6442 4.1).
#pragma once

#include <string_view>

#include "sip/error.h"

namespace sip {

struct Geolocation {
  std::string_view uri;         // Without brackets: "cid:...", "sips:...", "https://...".
  std::string_view content_id;  // Of a cid: URI, the body part's Content-ID without <>; or empty.
  std::string_view params;
};

// One list member. kBadAddress as DecodeAddress() says; kBadHeaderValue for a URI without brackets
// or with a name before it.
[[nodiscard]] ParseError DecodeGeolocation(std::string_view text, Geolocation* geolocation);

}  // namespace sip
