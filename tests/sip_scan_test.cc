#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>
#include <random>
#include <string>

#include "sip/scan.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

using gmedge_test::GuardedText;
using gmedge_test::ReadData;

struct Scanned {
  // Line ends right behind the text must not be seen.
  Scanned(const ScanKernel& kernel, std::string_view text, char fill = '\n') {
    const GuardedText guarded(text, fill);
    result = kernel.scan(guarded.padded(), &feeds);
  }
  std::vector<int> at() const { return {feeds.at.begin(), feeds.at.begin() + feeds.count}; }

  LineFeeds feeds;
  ScanResult result;
};

// Each kernel is held to what is written here, not only to the scalar one.
class SipScanKernel : public testing::TestWithParam<ScanKernel> {
 protected:
  void Scan(std::string_view text) { scanned_ = std::make_unique<Scanned>(GetParam(), text); }
  const LineFeeds& feeds() const { return scanned_->feeds; }

  void ExpectAsScalar(const std::string& text) {
    const Scanned wanted({"reference", &ScanLinesScalar}, text);
    for (const char fill : {'\n', '\r', 'x'}) {
      const Scanned got(GetParam(), text, fill);
      SCOPED_TRACE(text);
      ASSERT_EQ(got.result, wanted.result);
      ASSERT_EQ(got.at(), wanted.at());
      EXPECT_EQ(got.feeds.empty_line, wanted.feeds.empty_line);
      EXPECT_EQ(got.feeds.body, wanted.feeds.body);
      EXPECT_EQ(got.feeds.cr_count, wanted.feeds.cr_count);
    }
  }

  std::unique_ptr<Scanned> scanned_;
};

TEST_P(SipScanKernel, FindsCrlfAndLf) {
  Scan("start\r\nA: 1\r\nB:2\n\r\nbody: x\r\n");
  EXPECT_EQ(scanned_->result, ScanResult::kOk);
  EXPECT_EQ(scanned_->at(), (std::vector{6, 12, 16}));
  EXPECT_EQ(feeds().empty_line, 17);
  EXPECT_EQ(feeds().body, 19);
  EXPECT_EQ(feeds().cr_count, 2U);
}

TEST_P(SipScanKernel, EmptyLineMayBeABareLf) {
  Scan("s\nA:\n\nbody");
  EXPECT_EQ(scanned_->result, ScanResult::kOk);
  EXPECT_EQ(feeds().empty_line, 5);
  EXPECT_EQ(feeds().body, 6);
}

TEST_P(SipScanKernel, EmptyLineMayBeTheFirst) {
  Scan("\r\nx\r\n");
  EXPECT_EQ(scanned_->result, ScanResult::kOk);
  EXPECT_EQ(feeds().count, 0U);
  EXPECT_EQ(feeds().empty_line, 0);
  EXPECT_EQ(feeds().body, 2);
  Scan("\nx\r\n");
  EXPECT_EQ(feeds().body, 1);
}

TEST_P(SipScanKernel, ALineOfBlanksIsNotTheEnd) {
  Scan("s\r\nA: 1\r\n \r\n\r\n");
  EXPECT_EQ(scanned_->at(), (std::vector{2, 8, 11}));
  EXPECT_EQ(feeds().empty_line, 12);
}

TEST_P(SipScanKernel, MissingEmptyLineMarksWhatIsThere) {
  for (const char* text : {"s\r\nA: 1\r\n", "s\r\nA: 1\r\n "}) {
    Scan(text);
    EXPECT_EQ(scanned_->result, ScanResult::kNoEmptyLine);
    EXPECT_EQ(scanned_->at(), (std::vector{2, 8}));
    EXPECT_EQ(feeds().empty_line, std::strlen(text));
    EXPECT_EQ(feeds().body, std::strlen(text));
  }
  Scan("");
  EXPECT_EQ(scanned_->result, ScanResult::kNoEmptyLine);
  EXPECT_EQ(feeds().count, 0U);
}

TEST_P(SipScanKernel, CountsCrsUpToTheEmptyLine) {
  for (const auto& [text, count] : {std::pair{"s\r\nA: 1\rB: 2\r\n\r\n", 3U},
                                    {"s\r\nA: 1\r\r\n\r\n", 3U},
                                    {"s\r\nA: 1\r", 2U},
                                    {"s\r\nA: 1\r\n\r\nbody\rbody", 2U},
                                    {"s\nA: 1\n\n\r", 0U}}) {
    Scan(text);
    EXPECT_EQ(feeds().cr_count, count) << text;
  }
}

// Every line end and the empty line on each side of every border between steps.
TEST_P(SipScanKernel, MarksTheSameWhereverAStepEnds) {
  for (const char* rest : {"\r\nA: 1\r\n\r\nbody", "\nA: 1\n\nb\n\n", "\nA:1\r\n x: 2\n\t3\r\n\r\n",
                           "\r\nA: 1\rB\r\n\r\n", "\n\rA\n\r\r\n\r\n", "\r\nA: 1\r\n\r", "\n\r\n\r",
                           "\r\n\r\n\r", "\r\r\n\r\n", "\n\r\n", "\r\n\r\n\rbody\r\n"}) {
    for (size_t size = 0; size < 200; ++size) ExpectAsScalar(std::string(size, 's') + rest);
  }
}

TEST_P(SipScanKernel, LinesAreLimited) {
  std::string text;
  for (size_t i = 0; i < kLinesMax; ++i) text += i % 3 == 0 ? "A:\n" : " b\r\n";
  Scan(text + "\r\n");
  EXPECT_EQ(scanned_->result, ScanResult::kOk);
  EXPECT_EQ(feeds().count, kLinesMax);
  EXPECT_EQ(feeds().empty_line, text.size());
  Scan(text + "C:\r\n\r\n");
  EXPECT_EQ(scanned_->result, ScanResult::kTooManyLines);
  EXPECT_EQ(feeds().count, kLinesMax);
  EXPECT_EQ(feeds().empty_line, text.size());
  for (size_t size = 0; size < 70; ++size) {  // The limit at every place of a step.
    ExpectAsScalar(std::string(size, 's') + text + "\r\n");
    ExpectAsScalar(std::string(size, 's') + text + std::string(size, '\t') + "\n\n");
    ExpectAsScalar("s" + std::string(kLinesMax - 70 + 2 * size, '\r') +
                   std::string(kLinesMax, 'x') + "\n\n");
  }
}

TEST_P(SipScanKernel, LargestTextIsIndexed) {
  std::string text = "s\r\n";
  text.append(kMessageSizeMax - 7, 'a');
  text += "\r\n\r\n";
  ASSERT_EQ(text.size(), kMessageSizeMax);
  Scan(text);
  EXPECT_EQ(scanned_->result, ScanResult::kOk);
  EXPECT_EQ(feeds().empty_line, 65533);
  EXPECT_EQ(feeds().body, 65535);
}

TEST_P(SipScanKernel, MarksDamagedMessagesAsTheScalarOneDoes) {
  std::mt19937 random(1);  // Always the same texts.
  for (const char* file : {"a-register", "b-401", "c-invite", "d-200-register"}) {
    const std::string good = ReadData(std::string("messages/") + file + ".sip");
    for (int round = 0; round < 200; ++round) {
      std::string text = good.substr(0, random() % (good.size() + 1));
      for (int change = 0; change < round % 8 && !text.empty(); ++change) {
        text[random() % text.size()] = "\r\n \t:x"[random() % 6];
      }
      ExpectAsScalar(text);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(OfThisCpu, SipScanKernel,
                         testing::ValuesIn(ScanKernels().begin(), ScanKernels().end()),
                         [](const testing::TestParamInfo<ScanKernel>& kernel) {
                           return std::string(kernel.param.name);
                         });

TEST(SipScan, UsesTheFirstKernelAndKeepsTheScalarOneLast) {
  ASSERT_FALSE(ScanKernels().empty());
  EXPECT_EQ(ScanKernelName(), ScanKernels().front().name);
  EXPECT_EQ(ScanKernels().back().name, "scalar");
  const Scanned chosen({"", &ScanLines}, ReadData("messages/b-401.sip"));
  EXPECT_EQ(chosen.at(), Scanned(ScanKernels().front(), ReadData("messages/b-401.sip")).at());
}

}  // namespace
}  // namespace sip
