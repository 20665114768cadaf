#include <gtest/gtest.h>

#include <string>

#include "sip/via.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

using gmedge_test::Parsed;
using gmedge_test::RequestWith;

ParseError Decode(std::string_view text) {
  Via via;
  return DecodeVia(text, &via);
}

TEST(SipVia, TakesAllApart) {
  Via via;
  const std::string_view text =
      "SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK1;rport;x=y;received=198.51.100.7";
  ASSERT_EQ(DecodeVia(text, &via), ParseError::kOk);
  EXPECT_EQ(via.transport, Transport::kUdp);
  EXPECT_EQ(via.transport_text, "UDP");
  EXPECT_EQ(via.host, "192.0.2.1");
  EXPECT_FALSE(via.host_is_ipv6);
  EXPECT_EQ(via.port, 5070);
  EXPECT_EQ(via.branch, "z9hG4bK1");
  EXPECT_TRUE(via.branch.starts_with(kMagicCookie));
  EXPECT_EQ(via.received, "198.51.100.7");
  EXPECT_TRUE(via.has_rport);
  EXPECT_EQ(via.rport_text, "rport");
  EXPECT_EQ(via.rport, 0);
  EXPECT_EQ(via.params, ";branch=z9hG4bK1;rport;x=y;received=198.51.100.7");
  EXPECT_EQ(via.text, text);
}

TEST(SipVia, Ipv6AndRport) {
  Via via;
  ASSERT_EQ(DecodeVia("sip/2.0/tcp [2001:db8::1]:5060 ;RPORT = 1234;branch=x", &via),
            ParseError::kOk);
  EXPECT_EQ(via.transport, Transport::kTcp);
  EXPECT_EQ(via.host, "2001:db8::1");
  EXPECT_TRUE(via.host_is_ipv6);
  EXPECT_EQ(via.rport_text, "RPORT = 1234");
  EXPECT_EQ(via.rport, 1234);
}

TEST(SipVia, BlanksAndFoldsMayStandAnywhere) {
  Via via;
  ASSERT_EQ(DecodeVia(" SIP / 2.0\r\n / TLS\t host : 5061 ; branch = x ", &via), ParseError::kOk);
  EXPECT_EQ(via.transport, Transport::kTls);
  EXPECT_EQ(via.host, "host");
  EXPECT_EQ(via.port, 5061);
  EXPECT_EQ(via.branch, "x");
}

// RFC 5118 4.5 forbids the brackets that some peers put there.
TEST(SipVia, ReceivedLosesItsBrackets) {
  Via via;
  ASSERT_EQ(DecodeVia("SIP/2.0/UDP h;received=[2001:db8::9:255]", &via), ParseError::kOk);
  EXPECT_EQ(via.received, "2001:db8::9:255");
}

TEST(SipVia, KnowsNoOtherTransport) {
  Via via;
  ASSERT_EQ(DecodeVia("SIP/2.0/UNKNOWN h", &via), ParseError::kOk);
  EXPECT_EQ(via.transport, Transport::kOther);
  EXPECT_EQ(via.transport_text, "UNKNOWN");
  EXPECT_EQ(via.branch, "");
  EXPECT_EQ(via.params, "");
  ASSERT_EQ(DecodeVia("SIP/2.0/SCTP h", &via), ParseError::kOk);
  EXPECT_EQ(via.transport, Transport::kSctp);
}

TEST(SipVia, RefusesBrokenSyntax) {
  for (const char* text : {
           "",
           "SIP",
           "SIP/2.0",
           "SIP/2.0/",
           "SIP/2.0/UDP",
           "SIP/2.0/UDP ",
           "SIP/2.0/UDPh",
           "SIP/2.0/UDP;x",
           "SIP/7.0/UDP h",
           "HTTP/2.0/UDP h",
           "SIP 2.0/UDP h",
           "SIP/2.0 UDP h",
           "SIP/2.0/UDP h:",
           "SIP/2.0/UDP h:0",
           "SIP/2.0/UDP h:65536",
           "SIP/2.0/UDP h x",
           "SIP/2.0/UDP 2001:db8::1",
           "SIP/2.0/UDP [::1",
           "SIP/2.0/UDP h;",
           "SIP/2.0/UDP h;;x",
           "SIP/2.0/UDP h;branch",
           "SIP/2.0/UDP h;branch=",
           "SIP/2.0/UDP h;branch=a;branch=b",
           "SIP/2.0/UDP h;rport;rport=1",
           "SIP/2.0/UDP h;rport=0",
           "SIP/2.0/UDP h;rport=x",
           "SIP/2.0/UDP h;rport=65536",
           "SIP/2.0/UDP h;received=",
           "SIP/2.0/UDP h;received=a;received=b",
       }) {
    EXPECT_EQ(Decode(text), ParseError::kBadVia) << text;
  }
}

TEST(SipVia, TopmostIsTheFirstMemberOfTheFirstLine) {
  const std::string request = RequestWith("");
  const size_t at = request.find("Via:");
  Via via;
  {
    const Parsed parsed(
        std::string(request).insert(at, "v: SIP/2.0/TCP a;x=\",\" , SIP/2.0/UDP b\r\n"));
    ASSERT_EQ(DecodeTopVia(parsed.message, &via), ParseError::kOk);
    EXPECT_EQ(via.host, "a");
    EXPECT_EQ(via.text, "SIP/2.0/TCP a;x=\",\"");
  }
  const Parsed parsed("OPTIONS sip:a SIP/2.0\r\nX: y\r\n\r\n");
  EXPECT_EQ(DecodeTopVia(parsed.message, &via), ParseError::kMissingHeader);
}

}  // namespace
}  // namespace sip
