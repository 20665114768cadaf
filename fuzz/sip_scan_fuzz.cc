// Any bytes to every kernel: each marks as the scalar one does, and none reads past the padding.
#include <cstring>
#include <memory>

#include "fuzz/sip_check.h"
#include "sip/scan.h"
#include "tests/guard_page.h"

namespace sip_fuzz {
namespace {

using sip::LineFeeds;
using sip::ScanResult;

void CheckKernel(const sip::ScanKernel& kernel, sip::PaddedView text) {
  const auto wanted = std::make_unique<LineFeeds>();
  const auto got = std::make_unique<LineFeeds>();
  const ScanResult result = sip::ScanLinesScalar(text, wanted.get());
  Check(kernel.scan(text, got.get()) == result, "the same result");
  Check(got->count == wanted->count, "as many lines");
  Check(got->empty_line == wanted->empty_line, "the same empty line");
  Check(got->body == wanted->body, "the same body");
  Check(got->cr_count == wanted->cr_count, "as many CRs");
  Check(std::memcmp(got->at.data(), wanted->at.data(), wanted->count * sizeof(uint16_t)) == 0,
        "the same line feeds");
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
