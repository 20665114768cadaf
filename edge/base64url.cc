#include "edge/base64url.h"

#include <array>

namespace edge {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Its high bits are in no digit's value.
constexpr uint8_t kNoDigit = 0xff;
constexpr std::array<uint8_t, 256> kValues = [] {
  std::array<uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (size_t i = 0; i < kDigits.size(); ++i) {
    values[static_cast<uint8_t>(kDigits[i])] = static_cast<uint8_t>(i);
  }
  return values;
}();

char Digit(uint32_t bits) {
  return kDigits[bits & 63];
}

uint32_t Value(char c) {
  return kValues[static_cast<uint8_t>(c)];
}

}  // namespace

char* WriteBase64Url(std::span<const uint8_t> bytes, char* out) {
  size_t at = 0;
  for (; at + 3 <= bytes.size(); at += 3) {
    const uint32_t bits =
        uint32_t{bytes[at]} << 16 | uint32_t{bytes[at + 1]} << 8 | uint32_t{bytes[at + 2]};
    *out++ = Digit(bits >> 18);
    *out++ = Digit(bits >> 12);
    *out++ = Digit(bits >> 6);
    *out++ = Digit(bits);
  }
  const size_t left = bytes.size() - at;
  if (left == 0) return out;
  const uint32_t bits = uint32_t{bytes[at]} << 16 | (left == 2 ? uint32_t{bytes[at + 1]} << 8 : 0);
  *out++ = Digit(bits >> 18);
  *out++ = Digit(bits >> 12);
  if (left == 2) *out++ = Digit(bits >> 6);
  return out;
}

bool ReadBase64Url(std::string_view text, std::span<uint8_t> out, size_t* size) {
  const size_t left = text.size() % 4;
  *size = text.size() / 4 * 3 + (left == 0 ? 0 : left - 1);
  if (left == 1 || *size > out.size()) return false;
  uint32_t seen = 0;
  uint8_t* to = out.data();
  size_t at = 0;
  for (; at + 4 <= text.size(); at += 4) {
    const uint32_t a = Value(text[at]);
    const uint32_t b = Value(text[at + 1]);
    const uint32_t c = Value(text[at + 2]);
    const uint32_t d = Value(text[at + 3]);
    seen |= a | b | c | d;
    *to++ = static_cast<uint8_t>(a << 2 | b >> 4);
    *to++ = static_cast<uint8_t>(b << 4 | c >> 2);
    *to++ = static_cast<uint8_t>(c << 6 | d);
  }
  if (left != 0) {
    const uint32_t a = Value(text[at]);
    const uint32_t b = Value(text[at + 1]);
    const uint32_t c = left == 3 ? Value(text[at + 2]) : 0;
    seen |= a | b | c;
    *to++ = static_cast<uint8_t>(a << 2 | b >> 4);
    if (left == 3) *to++ = static_cast<uint8_t>(b << 4 | c >> 2);
    if (((left == 3 ? c << 6 : b << 4) & 0xff) != 0) return false;
  }
  return seen < 64;
}

}  // namespace edge
