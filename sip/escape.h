// Percent escapes of URIs (RFC 3261 25.1 `escaped`, RFC 3986 2.1).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sip {

// REQUIRES: Is(digit, kHexChar).
constexpr uint8_t HexValue(char digit) {
  return static_cast<uint8_t>(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
}

// True when two hex digits follow every '%'.
bool AreEscapesGood(std::string_view text);

// Writes `text` with each %HH as the byte it means, once only: "%2541" gives "%41", not "A"
// (RFC 4475 3.1.1.3). The result may hold any byte, NUL included (RFC 4475 3.1.1.4). Returns its
// size, never over text.size(); nothing when an escape is bad or `out` is too small.
std::optional<size_t> Unescape(std::string_view text, std::span<char> out);

}  // namespace sip
