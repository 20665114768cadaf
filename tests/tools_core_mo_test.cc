// Requests of phones as the core answers them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools_core_fixture.h"
#include "tools/core_mo.h"
#include "tools/respond.h"

namespace tools {
namespace {

using testing::ElementsAre;

class CoreMo : public CoreFixture {
 protected:
  static std::vector<int> Statuses(const std::deque<Owned>& messages) {
    std::vector<int> statuses;
    for (const Owned& owned : messages) statuses.push_back(owned.message.status());
    return statuses;
  }
};

TEST_F(CoreMo, AnswersSingleRequestsAtOnce) {
  for (const char* method : {"MESSAGE", "OPTIONS", "SUBSCRIBE", "UPDATE"}) {
    EXPECT_THAT(Statuses(Give(RequestText(method))), ElementsAre(200)) << method;
  }
  EXPECT_EQ(node().mo().messages, 1u);
  EXPECT_EQ(node().mo().options, 1u);
  EXPECT_EQ(node().mo().others, 2u);
}

TEST_F(CoreMo, AnswersAnInviteWithADialog) {
  const auto sent = Give(RequestText("INVITE"));
  ASSERT_THAT(Statuses(sent), ElementsAre(100, 180, 200));
  const sip::Message& ok = sent[2].message;
  EXPECT_EQ(ok.Value(sip::HeaderId::kContact), "<sip:10.0.0.20:5060>");
  EXPECT_EQ(RouteSet(ok, RouteOrder::kCaller),
            "<sip:t1@192.0.2.10:6101;lr>, <sip:t1@10.0.0.10:5060;lr>, <sip:mo@10.0.0.20:5060;lr>");
  EXPECT_EQ(ok.Value(sip::HeaderId::kContentType), "application/sdp");
  EXPECT_THAT(std::string(ok.body()), testing::StartsWith("v=0\r\n"));
  EXPECT_EQ(TagOf(ok, sip::HeaderId::kTo), TagOf(sent[1].message, sip::HeaderId::kTo));
  EXPECT_EQ(TagOf(sent[0].message, sip::HeaderId::kTo), "");
}

TEST_F(CoreMo, RepeatsTheAnswerUntilItsAck) {
  Give(RequestText("INVITE"));
  EXPECT_THAT(Statuses(Advance(499)), ElementsAre());
  EXPECT_THAT(Statuses(Advance(1)), ElementsAre(200));
  EXPECT_THAT(Statuses(Advance(1000)), ElementsAre(200));
  EXPECT_THAT(Statuses(Give(RequestText("INVITE"))), ElementsAre(200));
  Give(RequestText("ACK", "", ";tag=x"));
  EXPECT_THAT(Statuses(Advance(60'000)), ElementsAre());
  EXPECT_EQ(node().mo().invites, 1u);
  EXPECT_EQ(node().mo().answered, 1u);
}

TEST_F(CoreMo, GivesUpOnAnAckThatNeverComes) {
  Give(RequestText("INVITE"));
  size_t repeated = 0;
  for (int i = 0; i < 400; ++i) repeated += Advance(100).size();
  EXPECT_EQ(repeated, 10u);  // 0.5, 1, 2 and then every 4 s within 32 s.
  EXPECT_EQ(node().NextExpiry(), reactor::TimerWheel::kNever);
  EXPECT_EQ(node().mo().answered, 0u);
}

TEST_F(CoreMo, RingsAsLongAsToldTo) {
  options_.answer_delay_ms = 3000;
  EXPECT_THAT(Statuses(Give(RequestText("INVITE"))), ElementsAre(100, 180));
  EXPECT_THAT(Statuses(Give(RequestText("INVITE"))), ElementsAre(180));
  EXPECT_THAT(Statuses(Advance(2999)), ElementsAre());
  EXPECT_THAT(Statuses(Advance(1)), ElementsAre(200));
}

TEST_F(CoreMo, EndsARingingCallByCancel) {
  options_.answer_delay_ms = 3000;
  Give(RequestText("INVITE"));
  const auto sent = Give(RequestText("CANCEL"));
  ASSERT_THAT(Statuses(sent), ElementsAre(200, 487));
  EXPECT_EQ(sent[1].message.Value(sip::HeaderId::kCSeq), "1 INVITE");
  Give(RequestText("ACK", "", ";tag=x"));
  EXPECT_THAT(Statuses(Advance(10'000)), ElementsAre());
  EXPECT_EQ(node().mo().cancelled, 1u);
  EXPECT_EQ(node().mo().answered, 0u);
}

TEST_F(CoreMo, CancelOfNoCallIs481) {
  EXPECT_THAT(Statuses(Give(RequestText("CANCEL"))), ElementsAre(481));
}

TEST_F(CoreMo, ByeEndsTheCallEvenWithoutAck) {
  Give(RequestText("INVITE"));
  EXPECT_THAT(Statuses(Give(RequestText("BYE", "", ";tag=x", 2))), ElementsAre(200));
  EXPECT_THAT(Statuses(Advance(10'000)), ElementsAre());
  EXPECT_EQ(node().mo().byes, 1u);
}

}  // namespace
}  // namespace tools
