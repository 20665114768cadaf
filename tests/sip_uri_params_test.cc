#include <gtest/gtest.h>

#include <string>

#include "sip/uri_params.h"
#include "tests/guard_page.h"

namespace sip {
namespace {

ParseError Decode(std::string_view text, UriParams* params) {
  Uri uri;
  EXPECT_EQ(DecodeUri(text, &uri), ParseError::kOk) << text;
  return DecodeUriParams(uri, params);
}

TEST(SipUriParams, All) {
  const gmedge_test::GuardedText guarded(
      "sip:a@h;transport=TCP;user=phone;maddr=[2001:db8::1];method=INVITE;comp=sigcomp;gr=x;"
      "ttl=255;lr;ob;sos;other=1",
      ';');
  UriParams params;
  ASSERT_EQ(Decode(guarded.text(), &params), ParseError::kOk);
  EXPECT_EQ(params.transport, "TCP");
  EXPECT_EQ(params.user, "phone");
  EXPECT_EQ(params.maddr, "[2001:db8::1]");
  EXPECT_EQ(params.method, "INVITE");
  EXPECT_EQ(params.comp, "sigcomp");
  EXPECT_EQ(params.gr, "x");
  EXPECT_EQ(params.ttl, 255);
  EXPECT_TRUE(params.has_gr && params.lr && params.ob && params.sos);
  EXPECT_EQ(params.phone_context, "");
}

TEST(SipUriParams, AbsentOnesAreEmpty) {
  UriParams params;
  ASSERT_EQ(Decode("sip:h", &params), ParseError::kOk);
  EXPECT_FALSE(params.lr || params.ob || params.sos || params.has_gr || params.ttl.has_value());
  EXPECT_EQ(params.transport, "");
}

TEST(SipUriParams, CaseFoldsAndFlagsMayHaveAValue) {
  UriParams params;
  ASSERT_EQ(Decode("sip:h;LR=on;Gr;SOS;Transport=udp", &params), ParseError::kOk);
  EXPECT_TRUE(params.lr && params.has_gr && params.sos);
  EXPECT_EQ(params.gr, "");
  EXPECT_EQ(params.transport, "udp");
}

// In a SIP URI a phone-context belongs to the user part (RFC 3261 19.1.6).
TEST(SipUriParams, PhoneContext) {
  UriParams params;
  ASSERT_EQ(Decode("tel:7042;phone-context=ims.example.com", &params), ParseError::kOk);
  EXPECT_EQ(params.phone_context, "ims.example.com");
  ASSERT_EQ(Decode("sip:7042;phone-context=x@h;user=phone", &params), ParseError::kOk);
  EXPECT_EQ(params.phone_context, "");
}

TEST(SipUriParams, RefusesWhatCouldBeReadInTwoWays) {
  for (const char* text : {"sip:h;lr;lr", "sip:h;transport=udp;TRANSPORT=tcp", "sip:h;gr;gr=1",
                           "sip:h;transport", "sip:h;maddr=", "sip:h;ttl=256", "sip:h;ttl=x"}) {
    UriParams params;
    EXPECT_EQ(Decode(text, &params), ParseError::kBadRequestUri) << text;
  }
}

// "name=value name=value ", "!" at the end for a syntax error.
std::string Headers(std::string_view headers) {
  UriHeaderReader reader(headers);
  std::string result;
  for (UriHeader header; reader.Next(&header);) {
    result += std::string(header.name) + "=" + std::string(header.value) + " ";
  }
  UriHeader after;
  EXPECT_FALSE(reader.Next(&after));
  return reader.ok() ? result : result + "!";
}

TEST(SipUriHeaderReader, WalksThem) {
  EXPECT_EQ(Headers(""), "");
  EXPECT_EQ(Headers("subject=project%20x&priority=urgent"), "subject=project%20x priority=urgent ");
  EXPECT_EQ(Headers("to=sip:bob%40biloxi.com"), "to=sip:bob%40biloxi.com ");
  EXPECT_EQ(Headers("a=&b=c=d"), "a= b=c=d ");
}

TEST(SipUriHeaderReader, StopsAtASyntaxError) {
  EXPECT_EQ(Headers("a"), "!");
  EXPECT_EQ(Headers("a=1&"), "a=1 !");
  EXPECT_EQ(Headers("a=1&&b=2"), "a=1 !");
  EXPECT_EQ(Headers("=1"), "!");
  EXPECT_EQ(Headers("&"), "!");
}

}  // namespace
}  // namespace sip
