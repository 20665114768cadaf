// Content-Type (RFC 3261 20.15).
#pragma once

#include <string_view>

#include "sip/error.h"

namespace sip {

struct ContentType {
  std::string_view type;      // "application": any case.
  std::string_view subtype;   // "sdp", "3gpp-ims+xml".
  std::string_view boundary;  // Of multipart, without quotes; case-sensitive.
  std::string_view charset;
  std::string_view params;

  // Case-insensitive: Is("application", "sdp").
  bool Is(std::string_view wanted_type, std::string_view wanted_subtype) const;
};

// kBadHeaderValue for anything but two tokens with a slash between and parameters that have values,
// one of these twice, a multipart without boundary.
[[nodiscard]] ParseError DecodeContentType(std::string_view value, ContentType* content_type);

}  // namespace sip
