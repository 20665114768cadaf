// Any bytes to every kernel: each marks as the scalar one does, and none reads past the padding.
// The wide comparisons that stage 2 and the decoders are made of see what a look at each byte sees.
#include <cstring>
#include <memory>

#include "fuzz/sip_check.h"
#include "sip/bytes16.h"
#include "sip/marks.h"
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

void CheckBytes16(sip::PaddedView text) {
  for (size_t at = 0; at < text.size(); ++at) {
    const uint32_t bits = sip::EqualBits(sip::Load16(text.data() + at), sip::Splat16(text[at]));
    for (size_t i = 0; i < sizeof(sip::Bytes16); ++i) {
      Check((bits >> i & 1) == (text.data()[at + i] == text[at]), "a byte is equal or it is not");
    }
  }
}

bool IsStructure(char c) {
  return static_cast<uint8_t>(c) <= ' ' || std::string_view("\",;<=>").find(c) != std::string::npos;
}

void CheckMarks(sip::PaddedView text) {
  sip::Marks marks(text);
  for (size_t at = 0; at < text.size(); ++at) {
    if (IsStructure(text[at])) Check(marks.Next() <= at, "what structures is marked");
    if (marks.Next() == at) marks.Step();
    Check(marks.Next() > at, "each mark stands once");
  }
  Check(marks.Next() == text.size(), "no mark stands behind the end");
}

}  // namespace
}  // namespace sip_fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sip_fuzz;
  if (size > sip::kMessageSizeMax) return 0;
  for (const char fill : {'\n', ' ', 'x'}) {
    const gmedge_test::GuardedText guarded(AsText(data, size), fill);
    for (const sip::ScanKernel& kernel : sip::ScanKernels()) CheckKernel(kernel, guarded.padded());
    CheckBytes16(guarded.padded());
    CheckMarks(guarded.padded());
  }
  return 0;
}
