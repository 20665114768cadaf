// The kernel for CPUs with AVX-512: a compare of 64 bytes is one instruction, and its result is the
// bits that are wanted.
#include "sip/scan_kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "sip/scan_step.h"

#define GMEDGE_AVX512 __attribute__((target("avx512f,avx512bw,bmi,bmi2,popcnt")))

namespace sip {
namespace {

struct Avx512Ends {
  GMEDGE_AVX512 LineEnds operator()(const char* at) const {
    const __m512i bytes = _mm512_loadu_si512(at);
    return {_mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\r')),
            _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\n'))};
  }
};

}  // namespace

bool HasAvx512() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
         __builtin_cpu_supports("popcnt");
}

GMEDGE_AVX512 ScanResult ScanLinesAvx512(PaddedView text, LineFeeds* feeds) {
  return ScanLinesBySteps(text, feeds, Avx512Ends());
}

}  // namespace sip

#endif
