#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>

#include "sip/scan_avx2.h"
#include "tests/guard_page.h"

#if defined(__x86_64__)
namespace sip {
namespace {

using gmedge_test::GuardedText;

class SipScanAvx2 : public testing::Test {
 protected:
  void SetUp() override {
    if (!HasAvx2()) GTEST_SKIP() << "this CPU has no AVX2";
  }

  void ExpectAsScalar(const std::string& text, int capacity = 97) {
    SCOPED_TRACE(text);
    const GuardedText guarded(text);
    std::array<LineMark, 97> marks;
    std::array<LineMark, 97> wanted_marks;
    index_ = {.marks = marks.data(), .capacity = capacity};
    LineIndex wanted = {.marks = wanted_marks.data(), .capacity = capacity};
    ASSERT_EQ(ScanLinesAvx2(guarded.padded(), &index_), ScanLinesScalar(guarded.padded(), &wanted));
    ASSERT_EQ(index_.count, wanted.count);
    EXPECT_EQ(index_.empty_line, wanted.empty_line);
    EXPECT_EQ(index_.body, wanted.body);
    EXPECT_EQ(index_.stray_cr, wanted.stray_cr);
    const size_t size = static_cast<size_t>(wanted.count) * sizeof(LineMark);
    EXPECT_EQ(std::memcmp(marks.data(), wanted_marks.data(), size), 0);
  }

  LineIndex index_;
};

// Every line end and the empty line on each side of every border between steps.
TEST_F(SipScanAvx2, MarksTheSameWhereverAStepEnds) {
  for (const char* rest : {"\r\nA: 1\r\n\r\nbody", "\nA: 1\n\nb\n\n", "\nA:1\r\n x: 2\n\t3\r\n\r\n",
                           "\r\nA: 1\rB\r\n\r\n", "\n\rA\n\r\r\n\r\n", "\r\nA: 1\r\n\r", "\n\r\n\r",
                           "\r\n\r\n\r", "\r\r\n\r\n", "\n\r\n"}) {
    for (size_t size = 0; size < 200; ++size) ExpectAsScalar(std::string(size, 's') + rest);
  }
}

TEST_F(SipScanAvx2, IgnoresACrBehindTheEmptyLine) {
  for (size_t size = 1; size < 130; ++size) {
    ExpectAsScalar(std::string(size, 's') + "\r\n\r\n\rbody\r\n");
    EXPECT_FALSE(index_.stray_cr);
  }
}

TEST_F(SipScanAvx2, KeepsTheLimitOfLines) {
  std::string text = "s\r\n";
  for (int i = 0; i < 300; ++i, text += "A:\n") {
    ExpectAsScalar(text + "\r\n");
    ExpectAsScalar(text + "\r\n", 3);
  }
}

TEST_F(SipScanAvx2, FindsAColonFarFromTheBeginOfItsLine) {
  for (size_t size = 0; size < 100; ++size) {
    ExpectAsScalar("s\r\n" + std::string(size, 'n') + ": 1\r\n:2\r\n\r\n");
    ExpectAsScalar("s\r\n" + std::string(size + 1, 'n') + "\r\n:2\r\n\r\n");
  }
}

}  // namespace
}  // namespace sip
#endif
