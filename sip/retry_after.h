// Retry-After (RFC 3261 20.33).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/error.h"

namespace sip {

struct RetryAfter {
  uint32_t seconds = 0;
  std::string_view comment;          // Without the outer parentheses, escapes as they stand.
  std::optional<uint32_t> duration;  // Seconds of being reachable from then on.
  std::string_view params;
};

// kBadHeaderValue for what begins with no number, a comment that does not close, a duration that is
// none or stands twice, and broken syntax.
[[nodiscard]] ParseError DecodeRetryAfter(std::string_view value, RetryAfter* retry_after);

}  // namespace sip
