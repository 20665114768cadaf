// The kernel for CPUs with AVX2: two compares a character and 64 bytes.
#include "sip/scan_kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "sip/scan_step.h"

#define GMEDGE_AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt")))

namespace sip {
namespace {

struct Avx2Ends {
  GMEDGE_AVX2 static uint64_t BitsOf(__m256i low, __m256i high) {
    const uint32_t low_bits = static_cast<uint32_t>(_mm256_movemask_epi8(low));
    const uint32_t high_bits = static_cast<uint32_t>(_mm256_movemask_epi8(high));
    return uint64_t{high_bits} << 32 | low_bits;
  }

  GMEDGE_AVX2 LineEnds operator()(const char* at) const {
    const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at) + 1);
    const __m256i cr = _mm256_set1_epi8('\r');
    const __m256i lf = _mm256_set1_epi8('\n');
    return {BitsOf(_mm256_cmpeq_epi8(low, cr), _mm256_cmpeq_epi8(high, cr)),
            BitsOf(_mm256_cmpeq_epi8(low, lf), _mm256_cmpeq_epi8(high, lf))};
  }
};

}  // namespace

bool HasAvx2() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
}

GMEDGE_AVX2 ScanResult ScanLinesAvx2(PaddedView text, LineFeeds* feeds) {
  return ScanLinesBySteps(text, feeds, Avx2Ends());
}

}  // namespace sip

#endif
