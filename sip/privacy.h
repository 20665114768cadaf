// Privacy (RFC 3323 4.2, RFC 3325 9.3, RFC 7044 6.1): what of the caller is not to be told.
#pragma once

#include <cstdint>
#include <string_view>

#include "sip/error.h"

namespace sip {

struct Privacy {
  bool none = false;      // Nothing is to be hidden, whatever the subscription says.
  bool header = false;    // Via, Contact and their like.
  bool session = false;   // SDP.
  bool user = false;      // What the user wrote of himself.
  bool id = false;        // P-Asserted-Identity, outside the trust domain.
  bool history = false;   // History-Info.
  bool critical = false;  // Refuse with 500 what cannot be hidden.
  bool unknown = false;   // A value of some other RFC.
};

// A whole value. kBadHeaderValue for an empty value among the others, one that is no token, "none"
// with another, and "critical" alone.
[[nodiscard]] ParseError DecodePrivacy(std::string_view value, Privacy* privacy);

}  // namespace sip
