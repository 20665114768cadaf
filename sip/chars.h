// Character classes of the SIP grammar (RFC 3261 25.1), one table lookup each.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sip {

enum CharClass : uint8_t {
  kTokenChar = 1,  // token: alphanum and -.!%*_+`'~
  kBlankChar = 2,  // SP, HT, and the CR LF of a fold.
  kDigitChar = 4,
  kAlphaChar = 8,
  kHexChar = 16,
  kHostChar = 32,        // Host names and IPv4 addresses; '_' too, which operators do use.
  kUriChar = 64,         // What a URI may hold as far as RFC 3986 3 goes: see IsUriText().
  kStructureChar = 128,  // Where a parameter's name ends: " , ; < = > and blanks.
};

inline constexpr std::array<uint8_t, 256> kCharClasses = [] {
  std::array<uint8_t, 256> classes{};
  const auto add = [&classes](std::string_view chars, int bits) {
    for (const char c : chars) {
      uint8_t& entry = classes[static_cast<uint8_t>(c)];
      entry = static_cast<uint8_t>(entry | bits);
    }
  };
  add("0123456789", kTokenChar | kDigitChar | kHexChar | kHostChar);
  add("abcdefghijklmnopqrstuvwxyz", kTokenChar | kAlphaChar | kHostChar);
  add("ABCDEFGHIJKLMNOPQRSTUVWXYZ", kTokenChar | kAlphaChar | kHostChar);
  add("abcdefABCDEF", kHexChar);
  add("-.!%*_+`'~", kTokenChar);
  add("-._", kHostChar);
  add(" \t\r\n", kBlankChar);
  add("\",;<=> \t\r\n", kStructureChar);
  for (size_t c = ' ' + 1; c < classes.size(); ++c) {
    if (c == '"' || c == '<' || c == '>' || c == 0x7f) continue;
    classes[c] = static_cast<uint8_t>(classes[c] | kUriChar);
  }
  return classes;
}();

constexpr bool Is(char c, int char_class) {
  return (kCharClasses[static_cast<uint8_t>(c)] & char_class) != 0;
}

// True for text of at least one character, all of that class.
constexpr bool AllOf(std::string_view text, int char_class) {
  for (const char c : text) {
    if (!Is(c, char_class)) return false;
  }
  return !text.empty();
}

constexpr bool IsToken(std::string_view text) {
  return AllOf(text, kTokenChar);
}

// ASCII only: what the grammar means by case-insensitive.
constexpr char ToLower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// The first index from `at` on that holds no blank.
constexpr size_t SkipBlanks(std::string_view text, size_t at) {
  while (at < text.size() && Is(text[at], kBlankChar)) ++at;
  return at;
}

}  // namespace sip
