// What bounds a parser of text messages from below, for benches: touching the bytes, finding the
// newlines, and finding of every line its begin, first colon and end, without asking what they
// mean.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sip_bench {

struct IndexedLine {
  uint32_t begin;
  uint32_t colon;
  uint32_t end;
};

inline int CountNewlines(std::string_view text) {
  int count = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    at = static_cast<const char*>(std::memchr(at, '\n', static_cast<size_t>(end - at)));
    if (at == nullptr) break;
    ++at;
    ++count;
  }
  return count;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) inline uint64_t EqualBytes(__m256i low, __m256i high, char c) {
  const __m256i wanted = _mm256_set1_epi8(c);
  const int low_bits = _mm256_movemask_epi8(_mm256_cmpeq_epi8(low, wanted));
  const int high_bits = _mm256_movemask_epi8(_mm256_cmpeq_epi8(high, wanted));
  return uint64_t{static_cast<uint32_t>(high_bits)} << 32 | static_cast<uint32_t>(low_bits);
}

// Up to the empty line; 64 bytes a step, the marks walked bit by bit. No folds, no bare CR, no
// limits: what a parser has to do on top is the difference.
// REQUIRES: 64 readable bytes behind the text, an empty line in it, room for its lines.
__attribute__((target("avx2,bmi"))) inline int IndexLines(std::string_view text,
                                                          IndexedLine* lines) {
  int count = 0;
  uint32_t begin = 0;
  uint32_t colon = 0;
  for (uint32_t block = 0; block < text.size(); block += 64) {
    const auto* const at = reinterpret_cast<const __m256i*>(text.data() + block);
    const __m256i low = _mm256_loadu_si256(at);
    const __m256i high = _mm256_loadu_si256(at + 1);
    const uint64_t colons = EqualBytes(low, high, ':');
    for (uint64_t ends = EqualBytes(low, high, '\n'); ends != 0; ends &= ends - 1) {
      const uint32_t end = block + static_cast<uint32_t>(__builtin_ctzll(ends));
      if (end - begin < 2) return count;
      if (colon == 0) {
        const uint64_t first =
            begin > block ? colons >> (begin - block) << (begin - block) : colons;
        colon = block + static_cast<uint32_t>(_tzcnt_u64(first));
      }
      lines[count++] = {begin, colon, end - 1};
      begin = end + 1;
      colon = 0;
    }
    if (colon == 0 && begin < block + 64) {
      const uint64_t first = begin > block ? colons >> (begin - block) << (begin - block) : colons;
      if (first != 0) colon = block + static_cast<uint32_t>(__builtin_ctzll(first));
    }
  }
  return count;
}
#endif

}  // namespace sip_bench
