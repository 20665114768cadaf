#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <random>
#include <string>

#include "sip/scan.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

using gmedge_test::GuardedText;
using gmedge_test::ReadData;

constexpr int kCapacity = 32;

struct Scanned {
  Scanned(const ScanKernel& kernel, std::string_view text) {
    const GuardedText guarded(text);
    index.marks = marks.data();
    index.capacity = kCapacity;
    result = kernel.scan(guarded.padded(), &index);
  }

  std::array<LineMark, kCapacity> marks;
  LineIndex index;
  ScanResult result;
};

void ExpectSame(const Scanned& a, const Scanned& b, std::string_view text) {
  ASSERT_EQ(a.result, b.result) << text;
  ASSERT_EQ(a.index.count, b.index.count) << text;
  EXPECT_EQ(a.index.empty_line, b.index.empty_line) << text;
  EXPECT_EQ(a.index.body, b.index.body) << text;
  EXPECT_EQ(a.index.stray_cr, b.index.stray_cr) << text;
  const size_t size = static_cast<size_t>(a.index.count) * sizeof(LineMark);
  EXPECT_EQ(std::memcmp(a.marks.data(), b.marks.data(), size), 0) << text;
}

TEST(SipScan, EveryKernelMarksAsTheScalarOneDoes) {
  const ScanKernel reference = {"reference", &ScanLinesScalar};
  std::mt19937 random(1);  // Always the same texts.
  for (const char* file : {"a-register", "b-401", "c-invite", "d-200-register"}) {
    const std::string good = ReadData(std::string("messages/") + file + ".sip");
    for (int round = 0; round < 200; ++round) {
      std::string text = good.substr(0, random() % (good.size() + 1));
      for (int change = 0; change < round % 8 && !text.empty(); ++change) {
        text[random() % text.size()] = "\r\n \t:x"[random() % 6];
      }
      for (const ScanKernel& kernel : ScanKernels()) {
        ExpectSame(Scanned(kernel, text), Scanned(reference, text), text);
      }
    }
  }
}

TEST(SipScan, UsesTheFirstKernelAndKeepsTheScalarOneLast) {
  ASSERT_FALSE(ScanKernels().empty());
  EXPECT_EQ(ScanKernelName(), ScanKernels().front().name);
  EXPECT_EQ(ScanKernels().back().name, "scalar");
  const ScanKernel chosen = {ScanKernelName(), &ScanLines};
  const std::string text = ReadData("messages/b-401.sip");
  ExpectSame(Scanned(chosen, text), Scanned(ScanKernels().front(), text), text);
}

}  // namespace
}  // namespace sip
