#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sip/via.h"
#include "tests/tools_texts.h"
#include "tools/respond.h"

namespace tools {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

class RespondTest : public testing::Test {
 protected:
  // A request with that topmost Via, answered to a source.
  std::string Answer(const std::string& via, const reactor::Endpoint& source, const Reply& reply) {
    const Owned request("OPTIONS sip:a@b SIP/2.0\r\nVia: " + via +
                        "\r\nFrom: <sip:c@d>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: x\r\n"
                        "CSeq: 7 OPTIONS\r\n\r\n");
    EXPECT_EQ(request.error, sip::ParseError::kOk);
    outbox_.Clear();
    if (!Respond(request.message, reply, At("10.0.0.1:5060"), source, &outbox_)) return "";
    peer_ = outbox_.datagrams()[0].peer;
    return std::string(outbox_.Text(outbox_.datagrams()[0]));
  }
  Outbox outbox_;
  reactor::Endpoint peer_;
};

TEST_F(RespondTest, GoesToSentBysPortAtTheSource) {
  const std::string text =
      Answer("SIP/2.0/UDP 192.0.2.1:6101;branch=z9hG4bKa", At("192.0.2.1:6102"), {});
  EXPECT_EQ(peer_, At("192.0.2.1:6101"));
  EXPECT_THAT(text, HasSubstr("Via: SIP/2.0/UDP 192.0.2.1:6101;branch=z9hG4bKa\r\n"));
}

TEST_F(RespondTest, WithoutAPortGoesToTheDefaultOne) {
  Answer("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa", At("192.0.2.1:40000"), {});
  EXPECT_EQ(peer_, At("192.0.2.1:5060"));
}

TEST_F(RespondTest, NamesASourceThatIsNotSentBy) {
  const std::string text =
      Answer("SIP/2.0/UDP pc33.example.com:6101;branch=z9hG4bKa", At("192.0.2.9:40000"), {});
  EXPECT_EQ(peer_, At("192.0.2.9:6101"));
  EXPECT_THAT(text, HasSubstr(";received=192.0.2.9"));
}

TEST_F(RespondTest, HonoursRport) {
  const std::string text =
      Answer("SIP/2.0/UDP 192.0.2.1:6101;rport;branch=z9hG4bKa", At("192.0.2.1:40000"), {});
  EXPECT_EQ(peer_, At("192.0.2.1:40000"));
  EXPECT_THAT(text, HasSubstr("rport=40000"));
  EXPECT_THAT(text, HasSubstr("received=192.0.2.1"));
}

TEST_F(RespondTest, ReceivedOfIpv6HasNoBrackets) {
  const std::string text =
      Answer("SIP/2.0/UDP [2001:db8::9]:6101;branch=z9hG4bKa", At("[2001:db8::1]:6101"), {});
  EXPECT_THAT(text, HasSubstr(";received=2001:db8::1"));
}

TEST_F(RespondTest, CarriesABody) {
  const std::string text = Answer(
      "SIP/2.0/UDP 192.0.2.1:6101;branch=z9hG4bKa", At("192.0.2.1:6101"),
      {.to_tag = "t", .extra = "Server: x\r\n", .content_type = "text/plain", .body = "hey"});
  const Owned response(text);
  ASSERT_EQ(response.error, sip::ParseError::kOk);
  EXPECT_EQ(response.message.body(), "hey");
  EXPECT_EQ(response.message.Value(sip::HeaderId::kContentType), "text/plain");
  EXPECT_EQ(response.message.Value(sip::HeaderId::kContentLength), "3");
  EXPECT_EQ(response.message.FindNext(response.message.Find(sip::HeaderId::kContentLength)),
            nullptr);
  EXPECT_EQ(TagOf(response.message, sip::HeaderId::kTo), "t");
  EXPECT_THAT(text, EndsWith("\r\n\r\nhey"));
}

TEST_F(RespondTest, ARequestWithoutViaCannotBeAnswered) {
  const Owned request("OPTIONS sip:a@b SIP/2.0\r\nCall-ID: x\r\n\r\n");
  EXPECT_FALSE(Respond(request.message, {}, At("10.0.0.1:5060"), At("10.0.0.2:5060"), &outbox_));
  EXPECT_TRUE(outbox_.empty());
}

TEST(Respond, ReadsTheEndpointOfAUri) {
  EXPECT_EQ(EndpointOfUri("sip:orig@192.0.2.1:6060;lr"), At("192.0.2.1:6060"));
  EXPECT_EQ(EndpointOfUri("sip:192.0.2.1;lr"), At("192.0.2.1:5060"));
  EXPECT_EQ(EndpointOfUri("sip:[2001:db8::1]:7;lr"), At("[2001:db8::1]:7"));
  EXPECT_EQ(EndpointOfUri("sip:scscf.example.com"), std::nullopt);
  EXPECT_EQ(EndpointOfUri("tel:+123"), std::nullopt);
  EXPECT_EQ(EndpointOfUri(""), std::nullopt);
}

TEST(Respond, TakesRouteSetsInBothOrders) {
  const Owned message(
      "OPTIONS sip:a@b SIP/2.0\r\nRecord-Route: <sip:1;lr>, <sip:2;lr>\r\nVia: x\r\n"
      "Record-Route: <sip:3;lr>\r\n\r\n");
  EXPECT_EQ(RouteSet(message.message, RouteOrder::kCallee), "<sip:1;lr>, <sip:2;lr>, <sip:3;lr>");
  EXPECT_EQ(RouteSet(message.message, RouteOrder::kCaller), "<sip:3;lr>, <sip:2;lr>, <sip:1;lr>");
  const Owned without("OPTIONS sip:a@b SIP/2.0\r\nVia: x\r\n\r\n");
  EXPECT_EQ(RouteSet(without.message, RouteOrder::kCaller), "");
}

}  // namespace
}  // namespace tools
