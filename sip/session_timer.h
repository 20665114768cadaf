// Session-Expires and Min-SE (RFC 4028).
#pragma once

#include <cstdint>
#include <string_view>

#include "sip/error.h"

namespace sip {

// No session timer may be shorter (RFC 4028 4, 5): answered 422, not malformed.
inline constexpr uint32_t kSessionIntervalMin = 90;

enum class Refresher : uint8_t { kNone, kUac, kUas };
// "uac"; "" for kNone.
std::string_view Name(Refresher refresher);

struct SessionExpires {
  uint32_t seconds = 0;
  Refresher refresher = Refresher::kNone;
  std::string_view params;
};

// kBadHeaderValue for what begins with no number, a refresher other than uac and uas, one that
// stands twice, and broken syntax.
[[nodiscard]] ParseError DecodeSessionExpires(std::string_view value, SessionExpires* expires);

// delta-seconds *( SEMI generic-param ).
[[nodiscard]] ParseError DecodeMinSe(std::string_view value, uint32_t* seconds);

}  // namespace sip
