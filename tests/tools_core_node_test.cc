// The core as a whole: control lines, call-me, counters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools_core_fixture.h"
#include "tools/core_node.h"

namespace tools {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using CoreNodeTest = CoreFixture;

TEST_F(CoreNodeTest, SaysWhyItCannotCall) {
  EXPECT_EQ(Control("mt MESSAGE 001010000000001"), "error not registered\n");
  EXPECT_EQ(Control("mt MESSAGE 999"), "error unknown subscriber\n");
  EXPECT_EQ(Control("mt REGISTER 001010000000001"),
            "error method is not MESSAGE, OPTIONS or INVITE\n");
  EXPECT_EQ(Control("dance"), "error unknown command\n");
  EXPECT_EQ(Control(""), "error unknown command\n");
}

TEST_F(CoreNodeTest, TellsTheOperatorTheFinalStatus) {
  Register();
  EXPECT_EQ(Control("mt MESSAGE 001010000000001"), "");
  const auto request = Sent();
  ASSERT_EQ(request.size(), 1u);
  Give(ResponseText(request[0].message, 480));
  EXPECT_EQ(Told(), "ok 480\n");
}

TEST_F(CoreNodeTest, FindsTheSubscriberByAnyIdentity) {
  Register(2);
  for (const std::string identity :
       {"001010000000003", "sip:001010000000003@ims.mnc001.mcc001.3gppnetwork.org",
        "tel:+10000000003"}) {
    EXPECT_EQ(Control("mt OPTIONS " + identity), "");
    EXPECT_EQ(Sent().size(), 1u) << identity;
  }
}

TEST_F(CoreNodeTest, CallsBackWhoAsksForIt) {
  Register();
  const auto sent = Give(RequestText("MESSAGE", "call-me INVITE"));
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].message.status(), 200);
  EXPECT_EQ(sent[1].message.method(), sip::Method::kInvite);
  EXPECT_THAT(Violated(), IsEmpty());
}

TEST_F(CoreNodeTest, CannotCallBackAWrongIdentity) {
  Give(RequestText("MESSAGE", "call-me OPTIONS"));  // Not registered: who asserted that?
  EXPECT_THAT(Violated(), ElementsAre("MESSAGE: call-me by P-Asserted-Identity: not registered"));
}

TEST_F(CoreNodeTest, CountsWhatItDid) {
  Register();
  Give(RequestText("MESSAGE", "Hello"));
  const std::string stats = Control("stats");
  EXPECT_THAT(stats, HasSubstr("registers=2 challenges=1 registrations=1 "));
  EXPECT_THAT(stats, HasSubstr("registered=1 "));
  EXPECT_THAT(stats, HasSubstr("mo_message=1 "));
  EXPECT_THAT(stats, HasSubstr("violations=0\n"));
}

TEST_F(CoreNodeTest, AnswersToThePortThatRportAsksFor) {
  std::string text = RegisterText({});
  text.replace(text.find("branch=z9hG4bKa"), 15, "branch=z9hG4bKa;rport");
  const Owned datagram(text);
  const reactor::Endpoint elsewhere = At("10.0.0.11:7000");
  node().OnDatagram(core_, elsewhere, datagram.view(), now_ms_, &outbox_);
  ASSERT_EQ(outbox_.datagrams().size(), 1u);
  EXPECT_EQ(outbox_.datagrams()[0].peer, elsewhere);
  EXPECT_THAT(std::string(outbox_.Text(outbox_.datagrams()[0])), HasSubstr(";rport=7000"));
}

TEST_F(CoreNodeTest, HasNothingToDoAtFirst) {
  EXPECT_EQ(node().NextExpiry(), reactor::TimerWheel::kNever);
}

}  // namespace
}  // namespace tools
