// Understands a message a given number of times and ends, for tools that count instructions: the
// difference between two counts is what so many messages cost, to the instruction
// (bench/sip_instructions).
//
//   sip_message_once MESSAGE hot|mix DEPTH COUNT     e.g. a-register mix L1 512
//
// Prints the scan kernel that was chosen.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <optional>
#include <string>

#include "bench/sip_bench.h"
#include "bench/sip_depths.h"
#include "sip/scan.h"

namespace sip_bench {
namespace {

std::optional<Depth> FindDepth(std::string_view name) {
  for (const NamedDepth& depth : kDepths) {
    if (name == depth.name) return depth.depth;
  }
  return std::nullopt;
}

bool IsRing(std::string_view name) {
  return name == "hot" || name == "mix";
}

bool IsMessage(std::string_view name) {
  return std::find(std::begin(kMessages), std::end(kMessages), name) != std::end(kMessages);
}

int Main(int argc, char** argv) {
  const std::optional<Depth> depth = argc == 5 ? FindDepth(argv[3]) : std::nullopt;
  int count = 0;
  if (!depth || !IsMessage(argv[1]) || !IsRing(argv[2]) ||
      std::from_chars(argv[4], argv[4] + std::strlen(argv[4]), count).ec != std::errc{}) {
    std::fputs("usage: sip_message_once MESSAGE hot|mix Parse|L1|L2|Validate COUNT\n", stderr);
    return 2;
  }
  Ring ring(argv[1], std::string_view(argv[2]) == "mix");
  sip::Message message;
  for (int i = 0; i < count; ++i) {
    if (!Understand(ring.Next().view(), *depth, &message)) {
      std::fputs("the message is refused\n", stderr);
      return 1;
    }
  }
  std::printf("%s\n", std::string(sip::ScanKernelName()).c_str());
  return 0;
}

}  // namespace
}  // namespace sip_bench

int main(int argc, char** argv) {
  return sip_bench::Main(argc, argv);
}
