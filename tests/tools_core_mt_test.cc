// Requests that the core sends to phones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools_core_fixture.h"
#include "tools/core_mt.h"
#include "tools/respond.h"

namespace tools {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kAnswerLines =
    "Contact: <sip:001010000000001@198.51.100.77:37002>\r\n"
    "Record-Route: <sip:t1@192.0.2.10:6101;lr>\r\nRecord-Route: <sip:t1@10.0.0.10:5060;lr>\r\n";

class CoreMt : public CoreFixture {
 protected:
  // Starts one over the control socket.
  std::deque<Owned> Start(const std::string& method) {
    Register();
    EXPECT_EQ(Control("mt " + method + " 001010000000001"), "");
    return Sent();
  }
};

TEST_F(CoreMt, GoesAlongThePathToTheContact) {
  const auto sent = Start("MESSAGE");
  ASSERT_EQ(sent.size(), 1u);
  const sip::Message& request = sent[0].message;
  EXPECT_EQ(sip::Validate(request), sip::ParseError::kOk);
  EXPECT_EQ(request.request_uri(), "sip:001010000000001@198.51.100.77:37002");
  EXPECT_EQ(request.Value(sip::HeaderId::kRoute), "<sip:t8f3a2c1b@10.0.0.10:5060;lr;ob>");
  EXPECT_EQ(request.Value(sip::HeaderId::kPCalledPartyId),
            fmt::format("<sip:001010000000001@{}>", kRealm));
  EXPECT_TRUE(request.Has(sip::HeaderId::kPAssertedIdentity));
  EXPECT_THAT(request.Value(sip::HeaderId::kPChargingVector), HasSubstr("term-ioi="));
  EXPECT_FALSE(request.body().empty());
}

TEST_F(CoreMt, IsSentAgainUntilAnswered) {
  const auto sent = Start("OPTIONS");
  EXPECT_THAT(Advance(499), IsEmpty());
  const auto again = Advance(1);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].text, sent.at(0).text);
  Give(ResponseText(sent[0].message, 100));
  EXPECT_EQ(Advance(1000).size(), 1u);  // A provisional response does not end it.
  Give(ResponseText(sent[0].message, 200));
  EXPECT_EQ(Told(), "ok 200\n");
  EXPECT_THAT(Advance(60'000), IsEmpty());
  EXPECT_EQ(node().mt().answered, 1u);
}

TEST_F(CoreMt, TimesOut) {
  options_.mt_timeout_ms = 5000;
  Start("OPTIONS");
  Advance(4999);
  EXPECT_EQ(Told(), "");
  Advance(1);
  EXPECT_EQ(Told(), "error timeout\n");
  EXPECT_EQ(node().mt().timeouts, 1u);
  EXPECT_EQ(node().NextExpiry(), reactor::TimerWheel::kNever);
}

TEST_F(CoreMt, AcknowledgesAndEndsACall) {
  const auto invite = Start("INVITE");
  Give(ResponseText(invite.at(0).message, 180, kAnswerLines));
  EXPECT_THAT(Advance(10'000), IsEmpty());  // It rings: the INVITE is not sent again.
  const auto sent = Give(ResponseText(invite[0].message, 200, kAnswerLines));
  ASSERT_EQ(sent.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    const sip::Message& request = sent[i].message;
    EXPECT_EQ(request.method(), i == 0 ? sip::Method::kAck : sip::Method::kBye);
    EXPECT_EQ(request.request_uri(), "sip:001010000000001@198.51.100.77:37002");
    EXPECT_EQ(request.Value(sip::HeaderId::kRoute),
              "<sip:t1@10.0.0.10:5060;lr>, <sip:t1@192.0.2.10:6101;lr>");
    EXPECT_EQ(TagOf(request, sip::HeaderId::kTo), "ue");
    EXPECT_EQ(request.Value(sip::HeaderId::kCSeq), i == 0 ? "1 ACK" : "2 BYE");
  }
  EXPECT_EQ(Told(), "");
  Give(ResponseText(sent[1].message, 200));
  EXPECT_EQ(Told(), "ok 200\n");
  EXPECT_EQ(node().mt().answered, 1u);
}

TEST_F(CoreMt, ACallLastsAsLongAsAskedFor) {
  options_.mt.call_ms = 1500;
  const auto invite = Start("INVITE");
  const auto answered = Give(ResponseText(invite.at(0).message, 200, kAnswerLines));
  ASSERT_EQ(answered.size(), 1u);
  EXPECT_EQ(answered[0].message.method(), sip::Method::kAck);
  EXPECT_THAT(Advance(1'499), IsEmpty());
  const auto bye = Advance(1);
  ASSERT_EQ(bye.size(), 1u);
  EXPECT_EQ(bye[0].message.method(), sip::Method::kBye);
  EXPECT_EQ(Told(), "");
  Give(ResponseText(bye[0].message, 200));
  EXPECT_EQ(Told(), "ok 200\n");
}

TEST_F(CoreMt, AcknowledgesARepeatedAnswerAgain) {
  const auto invite = Start("INVITE");
  const std::string ok = ResponseText(invite.at(0).message, 200, kAnswerLines);
  const std::string ack = Give(ok).at(0).text;
  const auto sent = Give(ok);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].text, ack);
}

TEST_F(CoreMt, AcknowledgesARefusalAlongTheInvite) {
  const auto invite = Start("INVITE");
  const auto sent = Give(ResponseText(invite.at(0).message, 486));
  ASSERT_EQ(sent.size(), 1u);
  const sip::Message& ack = sent[0].message;
  EXPECT_EQ(ack.method(), sip::Method::kAck);
  EXPECT_EQ(ack.Value(sip::HeaderId::kVia), invite[0].message.Value(sip::HeaderId::kVia));
  EXPECT_EQ(ack.Value(sip::HeaderId::kRoute), invite[0].message.Value(sip::HeaderId::kRoute));
  EXPECT_EQ(Told(), "ok 486\n");
  EXPECT_EQ(node().mt().refused, 1u);
}

TEST_F(CoreMt, IgnoresAnswersToNothing) {
  const auto sent = Start("OPTIONS");
  const std::string ok = ResponseText(sent.at(0).message, 200);
  Give(ok);
  Give(ok);
  EXPECT_EQ(node().mt().answered, 1u);
}

}  // namespace
}  // namespace tools
