// What the vector kernels share: they differ in how they find the CR and LF of 64 bytes, not in
// what they make of them.
//
//   bytes        A : 1 CR LF B : 2 CR LF CR LF
//   lfs          . . . .  ^  . . . .  ^  .  ^
//   behind       . . . .  .  ^ ^ . .  .  ^  ^     one or two bytes behind a line feed
//   near         . . . .  .  . . . .  .  .  ^     lfs & behind: the empty line, or "LF x LF"
//
// What is rare - no empty line, too many lines - is left to the scalar kernel from the start, which
// costs twice the time at most.
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

[[gnu::always_inline]] inline void StoreFeeds(uint64_t bits, size_t block, LineFeeds* feeds) {
  uint16_t* out = feeds->at.data() + feeds->count;
  feeds->count += static_cast<size_t>(std::popcount(bits));
  for (; bits != 0; bits &= bits - 1) {
    *out++ = static_cast<uint16_t>(block + static_cast<size_t>(std::countr_zero(bits)));
  }
}

// The first of the line feeds `near` another that ends an empty line; 64 for none. Bit 0 is the
// byte at `block`; a line feed before the text counts as one.
inline size_t FindEmptyLine(std::string_view text, size_t block, uint64_t near) {
  for (; near != 0; near &= near - 1) {
    const size_t bit = static_cast<size_t>(std::countr_zero(near));
    const size_t feed = block + bit;
    if (feed >= text.size()) break;  // It is the padding's.
    if (feed == 0 || text[feed - 1] == '\n') return bit;
    if (text[feed - 1] == '\r' && (feed == 1 || text[feed - 2] == '\n')) return bit;
  }
  return kScanStep;
}

// `ends(const char* at)` yields the LineEnds of 64 bytes. Reads up to 63 bytes past the text:
// inside the padding, as a step begins in the text.
template <typename Ends>
[[gnu::always_inline]] inline ScanResult ScanLinesBySteps(PaddedView text, LineFeeds* feeds,
                                                          Ends ends) {
  feeds->count = feeds->cr_count = 0;
  uint64_t last_lfs = uint64_t{1} << (kScanStep - 1);  // As if a line had ended before the text.
  for (size_t block = 0; block < text.size() && feeds->count <= kLinesMax; block += kScanStep) {
    const LineEnds now = ends(text.data() + block);
    const uint64_t behind =
        (now.lfs << 1 | last_lfs >> (kScanStep - 1)) | (now.lfs << 2 | last_lfs >> (kScanStep - 2));
    if ((now.lfs & behind) != 0) [[unlikely]] {
      const size_t bit = FindEmptyLine(text, block, now.lfs & behind);
      if (bit != kScanStep) {
        const size_t feed = block + bit;
        const size_t begin = feed != 0 && text[feed - 1] == '\r' ? feed - 1 : feed;
        // Of the step's bits, those before the empty line. Its CR may be of the step before.
        const uint64_t before = begin < block ? 0 : (uint64_t{1} << (begin - block)) - 1;
        StoreFeeds(now.lfs & before, block, feeds);
        if (feeds->count > kLinesMax) break;
        feeds->cr_count += static_cast<size_t>(std::popcount(now.crs & before));
        if (begin < block) --feeds->cr_count;
        feeds->empty_line = static_cast<uint16_t>(begin);
        feeds->body = static_cast<uint16_t>(feed + 1);
        return ScanResult::kOk;
      }
    }
    feeds->cr_count += static_cast<size_t>(std::popcount(now.crs));
    StoreFeeds(now.lfs, block, feeds);
    last_lfs = now.lfs;
  }
  return ScanLinesScalar(text, feeds);
}

}  // namespace sip
