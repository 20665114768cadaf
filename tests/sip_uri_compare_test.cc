#include <gtest/gtest.h>

#include <string>

#include "sip/uri_compare.h"
#include "tests/guard_page.h"

namespace sip {
namespace {

bool Same(std::string_view a, std::string_view b) {
  const gmedge_test::GuardedText guarded_a(a, '0');
  const gmedge_test::GuardedText guarded_b(b, '0');
  Uri uri_a;
  Uri uri_b;
  EXPECT_EQ(DecodeUri(guarded_a.text(), &uri_a), ParseError::kOk) << a;
  EXPECT_EQ(DecodeUri(guarded_b.text(), &uri_b), ParseError::kOk) << b;
  const bool same = SameUri(uri_a, uri_b);
  EXPECT_EQ(SameUri(uri_b, uri_a), same) << a << " and " << b;
  EXPECT_TRUE(SameUri(uri_a, uri_a)) << a;
  return same;
}

struct Case {
  const char* a;
  const char* b;
};

// The examples of RFC 3261 19.1.4.
TEST(SipUriCompare, SameByTheRfc) {
  for (const Case& c : {
           Case{"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp"},
           Case{"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"},
           Case{"sip:carol@chicago.com", "sip:carol@chicago.com;security=on"},
           Case{"sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"},
           Case{"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"},
           Case{"sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x"},
       }) {
    EXPECT_TRUE(Same(c.a, c.b)) << c.a << " and " << c.b;
  }
}

TEST(SipUriCompare, DifferentByTheRfc) {
  for (const Case& c : {
           Case{"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"},
           Case{"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"},
           Case{"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"},
           Case{"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"},
           Case{"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"},
           Case{"sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"},
           Case{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"},
       }) {
    EXPECT_FALSE(Same(c.a, c.b)) << c.a << " and " << c.b;
  }
}

TEST(SipUriCompare, Sip) {
  EXPECT_FALSE(Same("sip:a@h", "sips:a@h"));
  EXPECT_FALSE(Same("sip:h", "sip:a@h"));
  EXPECT_FALSE(Same("sip:a@h", "sip:a:@h"));
  EXPECT_FALSE(Same("sip:a:b@h", "sip:a:B@h"));
  EXPECT_TRUE(Same("sip:a:%62@h", "sip:a:b@h"));
  EXPECT_FALSE(Same("sip:ab@h", "sip:abc@h"));
  EXPECT_FALSE(Same("sip:h;ttl=1", "sip:h"));
  EXPECT_FALSE(Same("sip:h;user=phone", "sip:h"));
  EXPECT_FALSE(Same("sip:h;maddr=1.2.3.4", "sip:h"));
  EXPECT_FALSE(Same("sip:h;%6Daddr=1.2.3.4", "sip:h"));
  EXPECT_FALSE(Same("sip:h;method=INVITE", "sip:h;method=invite"));
  EXPECT_TRUE(Same("sip:h;lr", "sip:h;LR="));
  EXPECT_FALSE(Same("sip:h;x=1;x=2", "sip:h;x=1"));
  EXPECT_TRUE(Same("sip:h;x=1;x=2", "sip:H;x=1;x=2"));
  EXPECT_TRUE(Same("sip:h;x=%61", "sip:h;x=A"));
}

// Only what is not reserved is its escape (RFC 3261 19.1.4).
TEST(SipUriCompare, EscapesOfReservedCharactersAreOthers) {
  EXPECT_FALSE(Same("sip:a%2Bb@h", "sip:a+b@h"));
  EXPECT_TRUE(Same("sip:a%2Bb@h", "sip:a%2bb@h"));
  EXPECT_TRUE(Same("sip:%2D%5f@h", "sip:-_@h"));
  EXPECT_FALSE(Same("sip:%2541@h", "sip:A@h"));
  EXPECT_FALSE(Same("sip:%00@h", "sip:0@h"));
}

TEST(SipUriCompare, HeadersAgreeInAll) {
  EXPECT_FALSE(Same("sip:h?a=1&b=2", "sip:h?a=1"));
  EXPECT_FALSE(Same("sip:h?a=1&a=1", "sip:h?a=1&b=1"));
  EXPECT_TRUE(Same("sip:h?A=%31&b=2", "sip:h?b=2&a=1"));
  EXPECT_FALSE(Same("sip:h?a=x", "sip:h?a=X"));
  EXPECT_FALSE(Same("sip:h?a", "sip:H?A"));  // What is no header is like nothing else.
  EXPECT_TRUE(Same("sip:h?a", "sip:H?a"));
}

TEST(SipUriCompare, Ipv6HostsByValue) {
  EXPECT_TRUE(Same("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0:0:0:0:0:1]"));
  EXPECT_TRUE(Same("sip:a@[::ffff:192.0.2.1]", "sip:a@[::ffff:c000:201]"));
  EXPECT_FALSE(Same("sip:a@[2001:db8::1]", "sip:a@[2001:db8::2]"));
  EXPECT_FALSE(Same("sip:a@[::ffff:192.0.2.1]", "sip:a@192.0.2.1"));
}

TEST(SipUriCompare, Tel) {
  EXPECT_TRUE(Same("tel:+1-201-555-0123", "tel:+1.(201)5550123"));
  EXPECT_TRUE(Same("TEL:+12015550123", "tel:+12015550123"));
  EXPECT_FALSE(Same("tel:+12015550123", "tel:12015550123"));
  EXPECT_TRUE(Same("tel:7042;phone-context=Example.COM", "tel:7042;phone-context=example.com"));
  EXPECT_TRUE(Same("tel:7042;phone-context=+1-914", "tel:70-42;phone-context=+1914"));
  EXPECT_FALSE(Same("tel:7042;phone-context=a-b.com", "tel:7042;phone-context=ab.com"));
  EXPECT_TRUE(Same("tel:1;ext=1-2;isub=x", "tel:1;ISUB=X;ext=12"));
  EXPECT_FALSE(Same("tel:1;ext=12", "tel:1"));
  EXPECT_FALSE(Same("tel:1;ext=12;x=1", "tel:1;ext=12;y=1"));
  EXPECT_TRUE(Same("tel:*31#aB", "tel:*31#Ab"));
  EXPECT_FALSE(Same("tel:+1555", "sip:+1555@h;user=phone"));
}

TEST(SipUriCompare, Urn) {
  EXPECT_TRUE(Same("urn:service:sos.POLICE", "URN:Service:SOS.police"));
  EXPECT_FALSE(Same("urn:service:sos.police", "urn:service:sos"));
  EXPECT_TRUE(Same("urn:GSMA:imei:90420156-025763-0", "urn:gsma:imei:90420156-025763-0"));
  EXPECT_FALSE(Same("urn:example:a", "urn:example:A"));
  EXPECT_TRUE(Same("urn:example:a%2Cz", "urn:example:a%2cz"));
  EXPECT_FALSE(Same("urn:example:a%2CZ", "urn:example:a%2cz"));
  EXPECT_FALSE(Same("urn:example:a%2Cz", "urn:example:a,z"));
  EXPECT_FALSE(Same("urn:example:a", "urn:other:a"));
}

TEST(SipUriCompare, BeyondTheLimitOnlyTheSameTextIsTheSame) {
  std::string many = "sip:a@h";
  for (int i = 0; i <= kComparedParamsMax; ++i) many += ";p" + std::to_string(i);
  EXPECT_TRUE(Same(many, many));
  EXPECT_TRUE(Same(many, "sip:a@H" + many.substr(7)));
  EXPECT_FALSE(Same(many, "sip:a@h"));
  std::string tel = "tel:1";
  for (int i = 0; i <= kComparedParamsMax; ++i) tel += ";p" + std::to_string(i);
  EXPECT_TRUE(Same(tel, tel));
  EXPECT_FALSE(Same(tel, tel + ";q"));
}

}  // namespace
}  // namespace sip
