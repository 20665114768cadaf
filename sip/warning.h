// Warning (RFC 3261 20.43).
#pragma once

#include <cstdint>
#include <string_view>

#include "sip/error.h"

namespace sip {

struct Warning {
  uint16_t code = 0;       // 100..999.
  std::string_view agent;  // host, host:port or a pseudonym.
  std::string_view text;   // Without quotes, escapes as they stand.
};

// One list member. kBadHeaderValue for anything but the three parts.
[[nodiscard]] ParseError DecodeWarning(std::string_view text, Warning* warning);

}  // namespace sip
