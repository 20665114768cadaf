// Any bytes to every kernel: each marks as the scalar one does, and none reads past the padding.
#include <array>
#include <cstring>

#include "fuzz/sip_check.h"
#include "sip/scan.h"
#include "tests/guard_page.h"

namespace sip_fuzz {
namespace {

using sip::LineIndex;
using sip::LineMark;
using sip::ScanResult;

constexpr int kCapacity = 97;

struct Scanned {
  ScanResult Run(const sip::ScanKernel& kernel, sip::PaddedView text) {
    index = {.marks = marks.data(), .capacity = kCapacity};
    return kernel.scan(text, &index);
  }

  std::array<LineMark, kCapacity> marks;
  LineIndex index;
};

void CheckKernel(const sip::ScanKernel& kernel, sip::PaddedView text) {
  Scanned wanted;
  Scanned got;
  const ScanResult result = wanted.Run({"scalar", &sip::ScanLinesScalar}, text);
  Check(got.Run(kernel, text) == result, "the same result");
  Check(got.index.count == wanted.index.count, "as many lines");
  Check(got.index.empty_line == wanted.index.empty_line, "the same empty line");
  Check(got.index.body == wanted.index.body, "the same body");
  Check(got.index.stray_cr == wanted.index.stray_cr, "the same stray CR");
  const size_t size = static_cast<size_t>(wanted.index.count) * sizeof(LineMark);
  Check(std::memcmp(got.marks.data(), wanted.marks.data(), size) == 0, "the same marks");
}

}  // namespace
}  // namespace sip_fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sip_fuzz;
  if (size > sip::kMessageSizeMax) return 0;
  for (const char fill : {'\n', ' ', 'x'}) {
    const gmedge_test::GuardedText guarded(AsText(data, size), fill);
    for (const sip::ScanKernel& kernel : sip::ScanKernels()) CheckKernel(kernel, guarded.padded());
  }
  return 0;
}
