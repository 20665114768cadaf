// Sixteen characters at once, with what every 64-bit x86 and ARM has: SSE2 and NEON by way of the
// compiler's vector types. Comparisons of Bytes16 give 0xff where they hold and 0 elsewhere.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace sip {

using Bytes16 = uint8_t __attribute__((vector_size(16)));

// REQUIRES: 16 readable bytes.
inline Bytes16 Load16(const char* text) {
  Bytes16 bytes;
  std::memcpy(&bytes, text, sizeof(bytes));
  return bytes;
}

inline Bytes16 Splat16(char c) {
  return Bytes16{} + static_cast<uint8_t>(c);
}

// Bit i is the highest bit of byte i.
inline uint32_t Bits(Bytes16 bytes) {
#if defined(__SSE2__)
  __m128i vector;
  std::memcpy(&vector, &bytes, sizeof(vector));
  return static_cast<uint32_t>(_mm_movemask_epi8(vector));
#elif defined(__aarch64__)
  uint8x16_t vector;
  std::memcpy(&vector, &bytes, sizeof(vector));
  constexpr int8_t kPlaces[16] = {0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7};
  const uint8x16_t bits = vshlq_u8(vshrq_n_u8(vector, 7), vld1q_s8(kPlaces));
  return static_cast<uint32_t>(vaddv_u8(vget_low_u8(bits))) |
         static_cast<uint32_t>(vaddv_u8(vget_high_u8(bits))) << 8;
#else
  uint32_t bits = 0;
  for (uint32_t i = 0; i < 16; ++i) bits |= (uint32_t{bytes[i]} >> 7) << i;
  return bits;
#endif
}

// Where the comparison holds, as bits.
inline uint32_t EqualBits(Bytes16 a, Bytes16 b) {
  return Bits(reinterpret_cast<Bytes16>(a == b));
}

// Where `c` first stands in [begin, end) of a padded text, or `end`. For what is looked for nearby:
// memchr() is faster in the distance.
inline size_t FindNear(const char* text, size_t begin, size_t end, char c) {
  for (size_t at = begin; at < end; at += sizeof(Bytes16)) {
    const uint32_t bits = EqualBits(Load16(text + at), Splat16(c));
    if (bits == 0) continue;
    const size_t found = at + static_cast<size_t>(std::countr_zero(bits));
    return found < end ? found : end;
  }
  return end;
}

}  // namespace sip
