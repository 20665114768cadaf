// What of a message may be shown: keys are hidden, nothing acts on the terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tools {

// Control characters (C0, DEL, C1), invisible and direction-changing characters, and bytes that are
// no UTF-8 become \xNN. A backslash in front of an x becomes \x5c, so that every \xNN is a byte;
// others stay.
std::string Escaped(std::string_view text);

// Where something stands, for people.
struct TextPlace {
  size_t line = 0;    // From 1.
  size_t column = 0;  // From 1, in bytes.
  std::string text;   // The line as it is shown; of a long one, the part around the place.
  size_t caret = 0;   // Characters of `text` before the place.
};

// Views lent bytes. The one way out for anything that came with a message: ik and ck of a challenge
// (TS 24.229 5.4.1.2.1) come out as "(hidden)" wherever they stand, in broken headers too.
class ShownText {
 public:
  static constexpr std::string_view kHidden = "(hidden)";

  ShownText(std::string_view bytes, bool reveal_keys);

  // Escaped, folds joined by a blank. REQUIRES: `piece` lies inside the bytes, or is empty.
  std::string Of(std::string_view piece) const;
  // REQUIRES: offset <= bytes.size().
  TextPlace PlaceOf(size_t offset) const;

 private:
  struct Range {
    size_t begin;
    size_t end;
  };

  void FindKeys();
  std::string Show(size_t begin, size_t end, bool join_folds) const;
  size_t SkipFold(size_t at, size_t end) const;

  std::string_view bytes_;
  std::vector<Range> hidden_;  // In order, apart.
};

}  // namespace tools
