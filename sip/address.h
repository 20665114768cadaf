// name-addr and addr-spec with header parameters: From, To, Contact, Route, Path, P-Asserted-
// Identity and their like (RFC 3261 20.10).
#pragma once

#include <string_view>

#include "sip/error.h"
#include "sip/list.h"

namespace sip {

struct Address {
  std::string_view display;  // With its quotes, or empty.
  std::string_view uri;      // Without the angle brackets. Contact "*" gives "*".
  std::string_view params;   // Header parameters from the first ';' on, or empty.
  std::string_view tag;      // Of From and To: the value of their first tag parameter, or empty.
  bool bracketed = false;
};

// One list member. Without brackets everything from the first ';' on is a header parameter
// (RFC 3261 20.10) and a ',' or '?' in the URI is an error.
[[nodiscard]] ParseError DecodeAddress(LentText text, Address* address);

}  // namespace sip
