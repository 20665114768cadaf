// Any text as a header value: padded it reads as it does without padding, whatever the padding is,
// though the one is read along its marks and the other character by character.
#include "fuzz/sip_check.h"
#include "tests/guard_page.h"
#include "tests/sip_both_ways.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sip_fuzz;
  if (size > 4096) return 0;
  const gmedge_test::GuardedText guarded(AsText(data, size), '"');
  const std::string padded = gmedge_test::TellAll(guarded.padded());
  Check(padded == gmedge_test::TellAll(guarded.text()), "both ways say the same");
  const gmedge_test::GuardedText other(AsText(data, size), ',');
  Check(padded == gmedge_test::TellAll(other.padded()), "the padding does not matter");
  return 0;
}
