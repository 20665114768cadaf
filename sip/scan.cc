#include "sip/scan.h"

#include <array>
#include <cassert>

#include "sip/scan_avx2.h"

namespace sip {
namespace {

#if defined(__x86_64__)
constexpr std::array kKernels = {ScanKernel{"avx2", &ScanLinesAvx2},
                                 ScanKernel{"scalar", &ScanLinesScalar}};

size_t FirstUsable() {
  return HasAvx2() ? 0 : 1;
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

ScanResult ScanLines(PaddedView text, LineIndex* index) {
  assert(text.size() <= kMessageSizeMax);
  return chosen->scan(text, index);
}

std::span<const ScanKernel> ScanKernels() {
  return std::span<const ScanKernel>(kKernels).subspan(FirstUsable());
}

std::string_view ScanKernelName() {
  return chosen->name;
}

}  // namespace sip
