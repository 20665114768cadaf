#include "sip/scan.h"

#include <cassert>

#include "sip/scan_kernels.h"

namespace sip {
namespace {

// The best first.
#if defined(__x86_64__)
constexpr std::array kKernels = {ScanKernel{"avx512", &ScanLinesAvx512},
                                 ScanKernel{"avx2", &ScanLinesAvx2},
                                 ScanKernel{"scalar", &ScanLinesScalar}};
// Who has AVX-512 has AVX2: the rest of the list can run.
size_t FirstUsable() {
  if (!HasAvx2()) return 2;
  return HasAvx512() ? 0 : 1;
}
#elif defined(__aarch64__)
constexpr std::array kKernels = {ScanKernel{"neon", &ScanLinesNeon},
                                 ScanKernel{"scalar", &ScanLinesScalar}};
size_t FirstUsable() {
  return 0;
}
#else
constexpr std::array kKernels = {ScanKernel{"scalar", &ScanLinesScalar}};
size_t FirstUsable() {
  return 0;
}
#endif

// Chosen once at start: one indirect call per message is the whole price of the seam. Until then,
// in the constructors of other files, the scalar one serves.
constinit const ScanKernel* chosen = &kKernels.back();
[[maybe_unused]] const bool is_chosen = [] {
  chosen = &kKernels[FirstUsable()];
  return true;
}();

}  // namespace

ScanResult ScanLines(PaddedView text, LineFeeds* feeds) {
  assert(text.size() <= kMessageSizeMax);
  return chosen->scan(text, feeds);
}

std::span<const ScanKernel> ScanKernels() {
  return std::span<const ScanKernel>(kKernels).subspan(FirstUsable());
}

std::string_view ScanKernelName() {
  return chosen->name;
}

}  // namespace sip
