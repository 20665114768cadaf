// What the fuzzers of sip/ share: an assertion that is told by name, and views that must lie
// inside.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sip/edit.h"

namespace sip_fuzz {

inline void Check(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

// `piece` lies in `whole`, or is no view of anything.
inline void CheckInside(std::string_view piece, std::string_view whole, const char* what) {
  if (piece.data() == nullptr) return;
  const bool inside =
      piece.data() >= whole.data() && piece.data() + piece.size() <= whole.data() + whole.size();
  Check(inside, what);
}

// Whatever the parser says can be told in a log.
template <typename Enum>
void CheckNamed(Enum value) {
  Check(Name(value) != "Unknown", "a value has a name");
}

inline std::string Joined(const sip::Slices& slices) {
  std::string text;
  for (const std::string_view piece : slices.view()) text += piece;
  Check(text.size() == slices.size, "the size of the slices is that of their pieces");
  return text;
}

inline std::string_view AsText(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace sip_fuzz
