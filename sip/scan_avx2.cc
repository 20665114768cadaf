// The kernel for CPUs with AVX2. It marks line feeds 64 bytes a step without a branch that depends
// on where they stand, and then cuts the lines:
//
//   bytes        A : 1 CR LF B : 2 CR LF CR LF
//   line feeds   . . . .  ^  . . . .  ^  .  ^     to an array of offsets, two or more a step
//   last         . . . .  .  . . . .  ^  .  .     LF before CR LF or LF: the empty line follows
//
// What is rare - no empty line, too many lines, a message that begins with a line end - it leaves
// to the scalar kernel from the start, which costs twice the time at most.
#include "sip/scan_avx2.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstring>

namespace sip {
namespace {

constexpr size_t kStep = 64;
// Line feeds of the lines that one message may have, of some folds, and of one step beyond.
constexpr size_t kFeedsMax = 192;

struct Feeds {
  uint16_t at[kFeedsMax + kStep];
  size_t count = 0;
  size_t empty_line = 0;  // 0: not found.
  uint64_t stray_cr = 0;  // Not 0: a CR without LF stands before the empty line.
};

__attribute__((target("avx2"))) inline uint64_t BitsOf(__m256i low, __m256i high) {
  const uint32_t low_bits = static_cast<uint32_t>(_mm256_movemask_epi8(low));
  const uint32_t high_bits = static_cast<uint32_t>(_mm256_movemask_epi8(high));
  return uint64_t{high_bits} << 32 | low_bits;
}

// The first of `feeds` in the block at `block` that an empty line follows; 64 for none. A feed
// before a CR that no LF follows is none.
size_t FirstEmpty(std::string_view text, size_t block, uint64_t candidates) {
  for (; candidates != 0; candidates &= candidates - 1) {
    const size_t bit = static_cast<size_t>(__builtin_ctzll(candidates));
    const size_t next = block + bit + 1;
    if (next >= text.size()) break;
    if (text[next] == '\n') return bit;
    if (next + 1 < text.size() && text[next + 1] == '\n') return bit;
  }
  return kStep;
}

// Unconditional stores of two offsets a step: nearly no step has more.
__attribute__((target("avx2,bmi"))) inline void Store(uint64_t bits, size_t block, Feeds* feeds) {
  uint16_t* out = feeds->at + feeds->count;
  feeds->count += static_cast<size_t>(__builtin_popcountll(bits));
  out[0] = static_cast<uint16_t>(block + _tzcnt_u64(bits));
  bits = _blsr_u64(bits);
  out[1] = static_cast<uint16_t>(block + _tzcnt_u64(bits));
  bits = _blsr_u64(bits);
  for (out += 2; bits != 0; bits = _blsr_u64(bits)) {
    *out++ = static_cast<uint16_t>(block + _tzcnt_u64(bits));
  }
}

// Reads up to 63 bytes past the text: inside the padding, as a step begins in the text.
__attribute__((target("avx2,bmi,popcnt"))) void FindFeeds(std::string_view text, Feeds* feeds) {
  const __m256i lf = _mm256_set1_epi8('\n');
  const __m256i cr = _mm256_set1_epi8('\r');
  uint64_t last_was_cr = 0;
  uint64_t last_was_lf = 0;
  for (size_t block = 0; block < text.size() && feeds->count <= kFeedsMax; block += kStep) {
    const auto* const at = reinterpret_cast<const __m256i*>(text.data() + block);
    const __m256i low = _mm256_loadu_si256(at);
    const __m256i high = _mm256_loadu_si256(at + 1);
    const uint64_t lfs = BitsOf(_mm256_cmpeq_epi8(low, lf), _mm256_cmpeq_epi8(high, lf));
    const uint64_t crs = BitsOf(_mm256_cmpeq_epi8(low, cr), _mm256_cmpeq_epi8(high, cr));
    // Seen from the byte behind a CR or LF.
    const uint64_t after_cr = crs << 1 | last_was_cr;
    const uint64_t after_lf = lfs << 1 | last_was_lf;
    const uint64_t stray = after_cr & ~lfs;
    const uint64_t candidates = after_lf & (lfs | crs);
    if (candidates != 0) {
      // The feed of a candidate may be the last byte of the step before.
      const size_t before = block == 0 ? 0 : block - 1;
      const uint64_t feeds_before = block == 0 ? candidates >> 1 : candidates;
      const size_t bit = FirstEmpty(text, before, feeds_before);
      if (bit != kStep) {
        feeds->empty_line = before + bit + 1;
        const uint64_t mask = (uint64_t{1} << (feeds->empty_line - block)) - 1;
        feeds->stray_cr |= stray & mask;
        Store(lfs & mask, block, feeds);
        return;
      }
    }
    feeds->stray_cr |= stray;
    Store(lfs, block, feeds);
    last_was_cr = crs >> (kStep - 1);
    last_was_lf = lfs >> (kStep - 1);
  }
}

// The line's first colon, its end when it has none. A name is nearly always in the first 32 bytes.
__attribute__((target("avx2,bmi"))) inline size_t FindColon(const char* text, size_t begin,
                                                            size_t end) {
  const __m256i colon = _mm256_set1_epi8(':');
  for (size_t at = begin; at < end; at += 32) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + at));
    const int bits = _mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, colon));
    if (bits == 0) continue;
    const size_t found = at + _tzcnt_u32(static_cast<uint32_t>(bits));
    return found < end ? found : end;
  }
  return end;
}

}  // namespace

bool HasAvx2() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("popcnt");
}

__attribute__((target("avx2,bmi"))) ScanResult ScanLinesAvx2(PaddedView text, LineIndex* index) {
  const char* const base = text.bytes().data();
  if (text.size() == 0 || base[0] == '\r' || base[0] == '\n') return ScanLinesScalar(text, index);
  Feeds feeds;
  FindFeeds(text.bytes(), &feeds);
  if (feeds.empty_line == 0) return ScanLinesScalar(text, index);

  index->count = 0;
  size_t begin = 0;
  for (size_t i = 0; i < feeds.count; ++i) {
    const size_t feed = feeds.at[i];
    if (base[feed + 1] == ' ' || base[feed + 1] == '\t') continue;  // A fold.
    if (index->count == index->capacity) return ScanLinesScalar(text, index);
    const size_t end = feed - (base[feed - 1] == '\r' ? 1 : 0);
    const size_t colon = FindColon(base, begin, end);
    index->marks[index->count++] = {static_cast<uint16_t>(begin), static_cast<uint16_t>(colon),
                                    static_cast<uint16_t>(end), static_cast<uint16_t>(feed + 1)};
    begin = feed + 1;
  }
  index->stray_cr = feeds.stray_cr != 0;
  index->empty_line = static_cast<uint16_t>(feeds.empty_line);
  index->body = static_cast<uint16_t>(feeds.empty_line + (base[feeds.empty_line] == '\r' ? 2 : 1));
  return ScanResult::kOk;
}

}  // namespace sip

#endif
