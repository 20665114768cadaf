// A glob: '*' is any text, '?' any one character, everything else itself; case does not count.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace edge {

// Characters of a glob beside '*'.
inline constexpr size_t kGlobSizeMax = 63;

// All places of the glob where a reading may stand are one word, moved on by each character of the
// text: the time is linear in the text whatever the glob is. 2 KB; trivially copyable.
class Glob {
 public:
  // Nothing for more than kGlobSizeMax characters beside '*'.
  static std::optional<Glob> Parse(std::string_view text);

  bool Matches(std::string_view text) const;
  // The same text of the glob; another for the same may differ.
  bool operator==(const Glob&) const = default;

 private:
  std::array<uint64_t, 256> takes_{};  // Bit i: place i goes on to i + 1 by this character.
  uint64_t stays_ = 0;                 // Bit i: place i stays by any: a '*' stands there.
  uint64_t end_ = 0;                   // The place behind the last.
};

}  // namespace edge
