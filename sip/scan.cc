#include "sip/scan.h"

#include <array>
#include <cassert>

namespace sip {
namespace {

// A kernel for a CPU goes before the scalar one, and the choice below asks the CPU for it.
constexpr std::array kKernels = {ScanKernel{"scalar", &ScanLinesScalar}};

// Chosen once at start: one indirect call per message is the whole price of the seam.
constinit const ScanKernel* const kChosen = kKernels.data();

}  // namespace

ScanResult ScanLines(PaddedView text, LineIndex* index) {
  assert(text.size() <= kMessageSizeMax);
  return kChosen->scan(text, index);
}

std::span<const ScanKernel> ScanKernels() {
  return kKernels;
}

std::string_view ScanKernelName() {
  return kChosen->name;
}

}  // namespace sip
