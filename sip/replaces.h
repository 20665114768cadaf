// Replaces: the dialog that an INVITE takes over (RFC 3891 6.1).
#pragma once

#include <string_view>

#include "sip/error.h"

namespace sip {

// All compare byte by byte.
struct Replaces {
  std::string_view call_id;
  std::string_view to_tag;
  std::string_view from_tag;
  bool early_only = false;
};

// A whole value. kBadHeaderValue without exactly one of each tag, for a Call-ID with a blank in it,
// and for broken syntax.
[[nodiscard]] ParseError DecodeReplaces(std::string_view value, Replaces* replaces);

}  // namespace sip
