// Reason: why a request was sent, or a call ended (RFC 3326).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/error.h"

namespace sip {

struct Reason {
  std::string_view protocol;  // "SIP", "Q.850", "preemption": any case.
  std::optional<uint32_t> cause;
  std::string_view text;  // Without quotes, escapes as they stand.
  std::string_view params;
};

// One list member; there may be one a protocol. kBadHeaderValue for a protocol that is no token, a
// cause that is no number, one of the parameters twice, and broken syntax. An empty text passes.
[[nodiscard]] ParseError DecodeReason(std::string_view text, Reason* reason);

}  // namespace sip
