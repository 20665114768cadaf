// What the vector kernels share: they differ in how they find the CR and LF of 64 bytes, not in
// what they make of them. What is rare - no empty line, too many lines - is left to the scalar
// kernel from the start, which costs twice the time at most.
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

// True when the line that ends with the line feed at `feed`, at most two bytes behind the last one,
// is nothing but its end.
inline bool IsEmptyLine(const char* text, size_t feed) {
  if (feed == 0 || text[feed - 1] == '\n') return true;
  return text[feed - 1] == '\r' && (feed == 1 || text[feed - 2] == '\n');
}

// `ends(const char* at)` yields the LineEnds of 64 bytes. Reads up to 63 bytes past the text:
// inside the padding, as a step begins in the text.
template <typename Ends>
[[gnu::always_inline]] inline ScanResult ScanLinesBySteps(PaddedView text, LineFeeds* feeds,
                                                          Ends ends) {
  const char* const bytes = text.data();
  const size_t size = text.size();
  size_t count = 0;
  size_t cr_count = 0;
  size_t last = SIZE_MAX;  // The line feed before; a line begins with the text.
  for (size_t block = 0; block < size; block += kScanStep) {
    const LineEnds now = ends(bytes + block);
    for (uint64_t lfs = now.lfs; lfs != 0; lfs &= lfs - 1) {
      const size_t bit = static_cast<size_t>(std::countr_zero(lfs));
      const size_t feed = block + bit;
      if (feed - last <= 2 && IsEmptyLine(bytes, feed)) [[unlikely]] {
        if (feed >= size || count > kLinesMax) return ScanLinesScalar(text, feeds);
        const size_t begin = feed != 0 && bytes[feed - 1] == '\r' ? feed - 1 : feed;
        // CRs up to here, but for the one of the empty line.
        cr_count += static_cast<size_t>(std::popcount(now.crs & ((uint64_t{1} << bit) - 1)));
        feeds->count = count;
        feeds->cr_count = cr_count - (feed - begin);
        feeds->empty_line = static_cast<uint16_t>(begin);
        feeds->body = static_cast<uint16_t>(feed + 1);
        return ScanResult::kOk;
      }
      feeds->at[count++] = static_cast<uint16_t>(feed);
      last = feed;
    }
    cr_count += static_cast<size_t>(std::popcount(now.crs));
    if (count > kLinesMax) break;
  }
  return ScanLinesScalar(text, feeds);
}

}  // namespace sip
