// Any text as /proc/net/xfrm_stat: what was read, written out again, reads the same; what was
// refused changes nothing.
#include <cstdlib>
#include <string>

#include "xfrm/counters.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

std::string Written(const xfrm::KernelCounters& counters) {
  std::string text;
  for (const xfrm::KernelCounterInfo& info : xfrm::KernelCounterInfos()) {
    text += std::string(info.name) + " \t" + std::to_string(counters.*info.field) + "\n";
  }
  for (uint32_t i = 0; i < counters.unknown; ++i) text += "Unknown 1\n";
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  xfrm::KernelCounters before;
  before.in_error = 1234567;
  xfrm::KernelCounters counters = before;
  if (!xfrm::ParseKernelCounters({reinterpret_cast<const char*>(data), size}, &counters)) {
    Require(counters == before);
    return 0;
  }
  xfrm::KernelCounters again;
  Require(xfrm::ParseKernelCounters(Written(counters), &again) && again == counters);
  return 0;
}
