#include "edge/glob.h"

namespace edge {
namespace {

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

char Upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c;
}

}  // namespace

std::optional<Glob> Glob::Parse(std::string_view text) {
  Glob glob;
  size_t place = 0;
  for (const char c : text) {
    const uint64_t bit = uint64_t{1} << place;
    if (c == '*') {
      glob.stays_ |= bit;
      continue;
    }
    if (place == kGlobSizeMax) return std::nullopt;
    ++place;
    if (c == '?') {
      for (uint64_t& takes : glob.takes_) takes |= bit;
    } else {
      glob.takes_[static_cast<uint8_t>(Lower(c))] |= bit;
      glob.takes_[static_cast<uint8_t>(Upper(c))] |= bit;
    }
  }
  glob.end_ = uint64_t{1} << place;
  return glob;
}

bool Glob::Matches(std::string_view text) const {
  uint64_t places = 1;
  for (const char c : text) {
    places = (places & takes_[static_cast<uint8_t>(c)]) << 1 | (places & stays_);
    if (places == 0) return false;
  }
  return (places & end_) != 0;
}

}  // namespace edge
