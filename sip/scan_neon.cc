// The kernel for 64-bit ARM. NEON has no instruction that makes bits of a comparison: each byte
// keeps the bit of its place, and three rounds of adding neighbours bring eight of them together.
#include "sip/scan_kernels.h"

#if defined(__aarch64__)

#include <arm_neon.h>

#include "sip/scan_step.h"

namespace sip {
namespace {

struct NeonEnds {
  static uint64_t BitsOf(const uint8x16x4_t& bytes, uint8_t wanted) {
    constexpr uint8_t kPlaces[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t places = vld1q_u8(kPlaces);
    const uint8x16_t byte = vdupq_n_u8(wanted);
    const uint8x16_t low = vpaddq_u8(vandq_u8(vceqq_u8(bytes.val[0], byte), places),
                                     vandq_u8(vceqq_u8(bytes.val[1], byte), places));
    const uint8x16_t high = vpaddq_u8(vandq_u8(vceqq_u8(bytes.val[2], byte), places),
                                      vandq_u8(vceqq_u8(bytes.val[3], byte), places));
    const uint8x16_t all = vpaddq_u8(low, high);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(all, all)), 0);
  }

  LineEnds operator()(const char* at) const {
    const auto* const text = reinterpret_cast<const uint8_t*>(at);
    const uint8x16x4_t bytes = {
        {vld1q_u8(text), vld1q_u8(text + 16), vld1q_u8(text + 32), vld1q_u8(text + 48)}};
    return {BitsOf(bytes, '\r'), BitsOf(bytes, '\n')};
  }
};

}  // namespace

ScanResult ScanLinesNeon(PaddedView text, LineFeeds* feeds) {
  return ScanLinesBySteps(text, feeds, NeonEnds());
}

}  // namespace sip

#endif
