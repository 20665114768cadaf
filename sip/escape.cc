#include "sip/escape.h"

#include "sip/chars.h"

namespace sip {
namespace {

// escaped = "%" HEXDIG HEXDIG
bool IsEscape(std::string_view text, size_t at) {
  return text.size() - at > 2 && Is(text[at + 1], kHexChar) && Is(text[at + 2], kHexChar);
}

}  // namespace

bool AreEscapesGood(std::string_view text) {
  size_t at = text.find('%');
  while (at != std::string_view::npos) {
    if (!IsEscape(text, at)) return false;
    at = text.find('%', at + 3);
  }
  return true;
}

std::optional<size_t> Unescape(std::string_view text, std::span<char> out) {
  size_t size = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    if (size == out.size()) return std::nullopt;
    char c = text[at];
    if (c == '%') {
      if (!IsEscape(text, at)) return std::nullopt;
      c = static_cast<char>(HexValue(text[at + 1]) << 4 | HexValue(text[at + 2]));
      at += 2;
    }
    out[size++] = c;
  }
  return size;
}

}  // namespace sip
