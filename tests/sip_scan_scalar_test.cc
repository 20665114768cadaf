#include <gtest/gtest.h>

#include <array>
#include <string>

#include "sip/scan.h"
#include "tests/guard_page.h"

namespace sip {
namespace {

using gmedge_test::GuardedText;

class SipScanScalar : public testing::Test {
 protected:
  ScanResult Scan(std::string_view text, int capacity = 8) {
    const GuardedText guarded(text, '\n');  // Line ends right behind the text must not be seen.
    index_ = {.marks = marks_.data(), .capacity = capacity};
    return ScanLinesScalar(guarded.padded(), &index_);
  }
  // "begin,colon,end,next"
  std::string Mark(int i) const {
    const LineMark& mark = marks_[static_cast<size_t>(i)];
    return std::to_string(mark.begin) + "," + std::to_string(mark.colon) + "," +
           std::to_string(mark.end) + "," + std::to_string(mark.next);
  }

  std::array<LineMark, 8> marks_;
  LineIndex index_;
};

TEST_F(SipScanScalar, MarksLinesWithCrlfAndWithLf) {
  ASSERT_EQ(Scan("start\r\nA: 1\r\nB:2\n\r\nbody: x\r\n"), ScanResult::kOk);
  ASSERT_EQ(index_.count, 3);
  EXPECT_EQ(Mark(0), "0,5,5,7");
  EXPECT_EQ(Mark(1), "7,8,11,13");
  EXPECT_EQ(Mark(2), "13,14,16,17");
  EXPECT_EQ(index_.empty_line, 17);
  EXPECT_EQ(index_.body, 19);
  EXPECT_FALSE(index_.stray_cr);
}

TEST_F(SipScanScalar, EmptyLineMayBeABareLf) {
  ASSERT_EQ(Scan("s\nA:\n\nbody"), ScanResult::kOk);
  EXPECT_EQ(index_.empty_line, 5);
  EXPECT_EQ(index_.body, 6);
}

TEST_F(SipScanScalar, FoldedLinesAreOne) {
  ASSERT_EQ(Scan("s\r\nA: 1,\r\n 2,\n\t3\r\nB: 4\r\n\r\n"), ScanResult::kOk);
  ASSERT_EQ(index_.count, 3);
  EXPECT_EQ(Mark(1), "3,4,16,18");
  EXPECT_EQ(Mark(2), "18,19,22,24");
}

TEST_F(SipScanScalar, ALineOfBlanksIsAFoldAndNotTheEnd) {
  ASSERT_EQ(Scan("s\r\nA: 1\r\n \r\n\r\n"), ScanResult::kOk);
  EXPECT_EQ(Mark(1), "3,4,10,12");
  EXPECT_EQ(index_.empty_line, 12);
}

TEST_F(SipScanScalar, ColonInAFoldIsFoundOnlyWhenItIsTheFirst) {
  ASSERT_EQ(Scan("s\r\nA\r\n : x:y\r\n\r\n"), ScanResult::kOk);
  EXPECT_EQ(Mark(1), "3,7,12,14");
}

TEST_F(SipScanScalar, LineWithoutColonHasItAtItsEnd) {
  ASSERT_EQ(Scan("s\r\nFoobar\r\n\r\n:"), ScanResult::kOk);
  EXPECT_EQ(Mark(1), "3,9,9,11");
}

TEST_F(SipScanScalar, MissingEmptyLineMarksWhatIsThere) {
  ASSERT_EQ(Scan("s\r\nA: 1\r\n"), ScanResult::kNoEmptyLine);
  EXPECT_EQ(index_.count, 2);
  EXPECT_EQ(index_.empty_line, 9);
  EXPECT_EQ(index_.body, 9);

  ASSERT_EQ(Scan("s\r\nA: 1"), ScanResult::kNoEmptyLine);
  ASSERT_EQ(index_.count, 2);
  EXPECT_EQ(Mark(1), "3,4,7,7");

  ASSERT_EQ(Scan("s\r\nA: 1\r\n "), ScanResult::kNoEmptyLine);
  ASSERT_EQ(index_.count, 2);
  EXPECT_EQ(Mark(1), "3,4,10,10");
}

TEST_F(SipScanScalar, NothingAtAllHasNoEmptyLine) {
  ASSERT_EQ(Scan(""), ScanResult::kNoEmptyLine);
  EXPECT_EQ(index_.count, 0);
}

TEST_F(SipScanScalar, CapacityIsALimit) {
  EXPECT_EQ(Scan("s\r\nA:1\r\n\r\n", 2), ScanResult::kOk);
  EXPECT_EQ(Scan("s\r\nA:1\r\nB:2\r\n\r\n", 2), ScanResult::kTooManyLines);
  EXPECT_EQ(index_.count, 2);
  EXPECT_EQ(index_.empty_line, 8);
}

TEST_F(SipScanScalar, TellsOfACrThatNoLfFollows) {
  EXPECT_EQ(Scan("s\r\nA: 1\rB: 2\r\n\r\n"), ScanResult::kOk);
  EXPECT_EQ(index_.count, 2);
  EXPECT_TRUE(index_.stray_cr);
  Scan("s\r\nA: 1\r\r\n\r\n");
  EXPECT_TRUE(index_.stray_cr);
  Scan("s\r\nA: 1\r\n x\ry\r\n\r\n");
  EXPECT_TRUE(index_.stray_cr);
  Scan("s\r\nA: 1\r\n\r\nbody\rbody");
  EXPECT_FALSE(index_.stray_cr);
}

TEST_F(SipScanScalar, LargestTextIsIndexed) {
  std::string text = "s\r\n";
  text.append(kMessageSizeMax - 7, 'a');
  text += "\r\n\r\n";
  ASSERT_EQ(text.size(), kMessageSizeMax);
  ASSERT_EQ(Scan(text), ScanResult::kOk);
  EXPECT_EQ(index_.empty_line, 65533);
  EXPECT_EQ(index_.body, 65535);
}

}  // namespace
}  // namespace sip
