#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "edge/report_log.h"
#include "tests/edge_world.h"

namespace edge {
namespace {

std::vector<Port> Ports() {
  return {MakePort(Side::kGm, At("192.0.2.10:5060")),
          MakePort(Side::kProtected, At("[2001:db8::10]:6101"))};
}

Attempt Registered() {
  Attempt attempt;
  attempt.impi = "001010000000001@ims.example.net";
  attempt.source = {0, At("198.51.100.77:5060")};
  attempt.result = "registered";
  attempt.status = 200;
  attempt.agreed = true;
  attempt.algorithms = {xfrm::Integrity::kHmacSha1_96, xfrm::Encryption::kAesCbc};
  attempt.spi_pc = 70001;
  attempt.spi_ps = 70002;
  attempt.port_pc = 6102;
  attempt.port_ps = 6101;
  attempt.esp_arrived = true;
  attempt.duration_ms = 31;
  return attempt;
}

Attempt Refused() {
  Attempt attempt;
  attempt.impi = "a";
  attempt.source = {0, At("198.51.100.77:5060")};
  attempt.result = "no common algorithm";
  attempt.status = 494;
  return attempt;
}

TEST(EdgeReportLog, ALineSaysWhoWhereAndWhatWasAgreed) {  // Pitfalls 31.
  EXPECT_EQ(FormatAttempt(Registered(), Ports()),
            "register impi=001010000000001@ims.example.net from=198.51.100.77:5060 "
            "at=192.0.2.10:5060: registered; status=200 alg=hmac-sha-1-96 ealg=aes-cbc "
            "spi-pc=70001 spi-ps=70002 port-pc=6102 port-ps=6101 esp=yes 31 ms");
}

TEST(EdgeReportLog, WithoutAnAgreementThereIsNoneInTheLine) {
  Attempt attempt = Refused();
  EXPECT_EQ(FormatAttempt(attempt, Ports()),
            "register impi=a from=198.51.100.77:5060 at=192.0.2.10:5060: no common algorithm; "
            "status=494 0 ms");
  attempt.impi = "";
  attempt.status = 0;  // The phone was told nothing.
  attempt.source = {1, At("[2001:db8::77]:37001")};
  EXPECT_EQ(FormatAttempt(attempt, Ports()),
            "register impi=- from=[2001:db8::77]:37001 at=[2001:db8::10]:6101: "
            "no common algorithm 0 ms");
}

TEST(EdgeReportLog, TheKernelsRefusalIsTheKernelsWordsAndOurs) {  // Pitfalls 7.
  Attempt attempt = Registered();
  attempt.result = "refused by the kernel";
  attempt.status = 500;
  attempt.kernel = std::errc::operation_not_permitted;
  attempt.explanation = "in its own words";
  const std::string ours(xfrm::Explain(attempt.kernel));
  EXPECT_NE(FormatAttempt(attempt, Ports())
                .find(": refused by the kernel (" + ours + "; in its own words); status=500"),
            std::string::npos)
      << FormatAttempt(attempt, Ports());
  attempt.explanation = "";
  EXPECT_NE(FormatAttempt(attempt, Ports()).find("(" + ours + "); status=500"), std::string::npos);
}

Attempt Unanswered() {
  Attempt attempt = Registered();
  attempt.result = "nobody answered the 401 over the new SAs";
  attempt.status = 0;
  attempt.esp_arrived = false;
  attempt.was_looked = true;
  attempt.use.is_known = true;
  return attempt;
}

TEST(EdgeReportLog, WhatCameInSaysWhereToLook) {  // Pitfalls 31.
  Attempt attempt = Unanswered();
  const auto line = [&] {
    attempt.esp_arrived = attempt.use.has_arrivals();
    return FormatAttempt(attempt, Ports());
  };
  const auto has = [&](const std::string& what) { return line().find(what) != line().npos; };
  EXPECT_TRUE(has(": nobody answered the 401 over the new SAs: no ESP came in on them alg="))
      << line();
  EXPECT_TRUE(has(" esp=no 31 ms")) << line();

  attempt.use.replayed = 2;
  EXPECT_TRUE(has(": ESP came in with sequence numbers that were refused")) << line();
  EXPECT_TRUE(has(" esp=yes esp-packets=0 esp-bytes=0 esp-undecrypted=0 esp-replayed=2 31 ms"));

  attempt.use.undecrypted = 3;
  EXPECT_TRUE(has(": ESP came in that could not be decrypted: the phone's keys differ")) << line();

  attempt.use.packets = 4;
  attempt.use.bytes = 4000;
  EXPECT_TRUE(has(": ESP came in, but nothing in it that answers the challenge")) << line();
  EXPECT_TRUE(has(" esp=yes esp-packets=4 esp-bytes=4000 esp-undecrypted=3 esp-replayed=2 31 ms"));

  attempt.use = {};
  EXPECT_TRUE(has(": whether ESP came in is not known")) << line();
  EXPECT_TRUE(has(" esp=unknown 31 ms")) << line();
}

TEST(EdgeReportLog, KernelCountersThatMovedAreInTheLine) {
  Attempt attempt = Unanswered();
  attempt.moved = "XfrmInNoStates+3 XfrmInTmplMismatch+1";
  EXPECT_NE(FormatAttempt(attempt, Ports())
                .find(" esp=no kernel: XfrmInNoStates+3 XfrmInTmplMismatch+1; 31 ms"),
            std::string::npos)
      << FormatAttempt(attempt, Ports());
}

TEST(EdgeReportLog, APhoneCannotForgeALine) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  for (const std::string& impi :
       {std::string("a\r\n2026 register impi=b: registered"), std::string("a\x1b[2J\x7f\xc2\x9b"),
        std::string("a status=200 esp=yes"), all}) {
    Attempt attempt = Refused();
    attempt.impi = impi;
    const std::string line = FormatAttempt(attempt, Ports());
    EXPECT_TRUE(std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; }))
        << line;
    // One word: what follows "impi=" up to " from=".
    const size_t begin = line.find("impi=") + 5;
    EXPECT_EQ(line.find(" from="), begin + impi.size()) << line;
    EXPECT_EQ(line.find(' ', begin), begin + impi.size()) << line;
  }
}

class EdgeReportLogWrite : public testing::Test {
 protected:
  // The lines that came out of what `write` does, without their times.
  template <typename Write>
  std::vector<std::string> Lines(Write write) {
    testing::internal::CaptureStdout();
    write();
    std::istringstream text(testing::internal::GetCapturedStdout());
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) {
      const size_t time_end = line.find("] ");
      EXPECT_NE(time_end, line.npos) << line;
      lines.push_back(line.substr(time_end + 2));
    }
    return lines;
  }

  std::vector<Port> ports_ = Ports();
  ReportLog log_{&ports_};
};

TEST_F(EdgeReportLogWrite, ASuccessIsInfoAndAFailureAWarning) {
  const std::vector<std::string> lines = Lines([this] {
    log_.Write(Registered(), 1000);
    log_.Write(Refused(), 1000);
  });
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], "[info] " + FormatAttempt(Registered(), ports_));
  EXPECT_EQ(lines[1], "[warning] " + FormatAttempt(Refused(), ports_));
}

TEST_F(EdgeReportLogWrite, AFloodOfAttemptsIsNoFloodOfLines) {
  constexpr int kLimit = ReportLog::kLinesPerSecond;
  const auto write = [this](int count, uint64_t now_ms) {
    return Lines([&] {
      for (int i = 0; i < count; ++i) log_.Write(Refused(), now_ms);
    });
  };
  EXPECT_EQ(write(kLimit + 40, 5000).size(), static_cast<size_t>(kLimit));
  EXPECT_EQ(write(2, 5999).size(), 0u);
  const std::vector<std::string> lines = write(1, 6000);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], "[warning] 42 more registration attempts not shown");
  EXPECT_EQ(write(kLimit, 6001).size(), static_cast<size_t>(kLimit) - 1);
  EXPECT_EQ(write(1, 7000).size(), 2u);  // The one of the second before, and this.
  EXPECT_EQ(write(1, 9000).size(), 1u);  // Told once.
}

TEST_F(EdgeReportLogWrite, AttemptsInALineAreWholeLines) {  // Braces are no format of ours.
  Attempt attempt = Refused();
  attempt.impi = "{}{0}%s%n";
  const std::vector<std::string> lines = Lines([&] { log_.Write(attempt, 1000); });
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("impi={}{0}%s%n from="), lines[0].npos);
}

}  // namespace
}  // namespace edge
