// What the vector kernels share: they differ in how they find the CR and LF of 64 bytes, not in
// what they make of them.
//
//   bytes        A : 1 CR LF B : 2 CR LF CR LF
//   lf           . . . .  ^  . . . .  ^  .  ^
//   after_lf     . . . .  .  ^ . . .  .  ^  .
//   empty        . . . .  .  . . . .  .  .  ^     LF behind LF, or behind a CR behind LF
//
// No branch depends on where line feeds stand but the one at the empty line. What is rare - no
// empty line, too many lines - is left to the scalar kernel from the start, which costs twice the
// time at most.
#pragma once

#include <bit>

#include "sip/scan.h"

namespace sip {

inline constexpr size_t kScanStep = 64;

// One bit for each of 64 bytes, the first in the lowest.
struct LineEnds {
  uint64_t crs;
  uint64_t lfs;
};

// Offsets of three line feeds are stored whether there are so many or not: hardly any step has
// more, and a store costs less than a wrong guess.
[[gnu::always_inline]] inline void StoreFeeds(uint64_t bits, size_t block, LineFeeds* feeds) {
  uint16_t* out = feeds->at.data() + feeds->count;
  feeds->count += static_cast<size_t>(std::popcount(bits));
  for (int i = 0; i < 3; ++i) {
    out[i] = static_cast<uint16_t>(block + static_cast<size_t>(std::countr_zero(bits)));
    bits &= bits - 1;
  }
  for (out += 3; bits != 0; bits &= bits - 1) {
    *out++ = static_cast<uint16_t>(block + static_cast<size_t>(std::countr_zero(bits)));
  }
}

// `ends(const char* at)` yields the LineEnds of 64 bytes. Reads up to 63 bytes past the text:
// inside the padding, as a step begins in the text.
template <typename Ends>
[[gnu::always_inline]] inline ScanResult ScanLinesBySteps(PaddedView text, LineFeeds* feeds,
                                                          Ends ends) {
  feeds->count = 0;
  uint64_t stray = 0;
  LineEnds last = {0, uint64_t{1} << (kScanStep - 1)};  // As if a line had ended before the text.
  for (size_t block = 0; block < text.size() && feeds->count <= kLinesMax; block += kScanStep) {
    const LineEnds now = ends(text.data() + block);
    const uint64_t after_cr = now.crs << 1 | last.crs >> (kScanStep - 1);
    const uint64_t after_lf = now.lfs << 1 | last.lfs >> (kScanStep - 1);
    const uint64_t second_after_lf = now.lfs << 2 | last.lfs >> (kScanStep - 2);
    const uint64_t empty = now.lfs & (after_lf | (after_cr & second_after_lf));
    if (empty != 0) [[unlikely]] {
      const size_t feed = block + static_cast<size_t>(std::countr_zero(empty));
      if (feed >= text.size()) break;  // It is the padding's.
      const size_t begin = (after_lf & empty & (~empty + 1)) != 0 ? feed : feed - 1;
      // Of the step's bits, those before the empty line; none when it began in the step before.
      const uint64_t mask = begin < block ? 0 : (uint64_t{1} << (begin - block)) - 1;
      StoreFeeds(now.lfs & mask, block, feeds);
      if (feeds->count > kLinesMax) break;
      feeds->stray_cr = (stray | (after_cr & ~now.lfs & mask)) != 0;
      feeds->empty_line = static_cast<uint16_t>(begin);
      feeds->body = static_cast<uint16_t>(feed + 1);
      return ScanResult::kOk;
    }
    stray |= after_cr & ~now.lfs;
    StoreFeeds(now.lfs, block, feeds);
    last = now;
  }
  return ScanLinesScalar(text, feeds);
}

}  // namespace sip
