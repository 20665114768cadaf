#include <gtest/gtest.h>

#include <string>

#include "sip/uri.h"

namespace sip {
namespace {

// "scheme|user|password|host|port|params|headers", the host in [] when IPv6, or the error's name.
std::string Decoded(std::string_view text) {
  Uri uri;
  const ParseError error = DecodeUri(text, &uri);
  EXPECT_EQ(uri.text, text);
  if (error != ParseError::kOk) return std::string(Name(error));
  static constexpr std::string_view kSchemes[] = {"other", "sip", "sips", "tel", "urn"};
  std::string result(kSchemes[static_cast<size_t>(uri.scheme)]);
  const std::string host(uri.host);
  for (const std::string& part :
       {std::string(uri.user), std::string(uri.password),
        uri.host_is_ipv6 ? "[" + host + "]" : host, std::to_string(uri.port),
        std::string(uri.params), std::string(uri.headers)}) {
    result += "|" + part;
  }
  return result;
}

TEST(SipUri, Sip) {
  EXPECT_EQ(Decoded("sip:example.com"), "sip|||example.com|0||");
  EXPECT_EQ(Decoded("SIP:a@example.com:5061"), "sip|a||example.com|5061||");
  EXPECT_EQ(Decoded("sips:a:secret@192.0.2.1;transport=tcp;lr?Subject=x&y=z"),
            "sips|a|secret|192.0.2.1|0|;transport=tcp;lr|Subject=x&y=z");
  EXPECT_EQ(Decoded("sip:a:@h"), "sip|a||h|0||");
  EXPECT_EQ(Decoded("sip:[2001:db8::10]:5060;lr"), "sip|||[2001:db8::10]|5060|;lr|");
  EXPECT_EQ(Decoded("sip:a@[::ffff:192.0.2.1]"), "sip|a||[::ffff:192.0.2.1]|0||");
  EXPECT_EQ(Decoded("sip:+1-555;phone-context=x@h;user=phone"),
            "sip|+1-555;phone-context=x||h|0|;user=phone|");
  EXPECT_EQ(Decoded("sip:t8f3@p_cscf.example.net:5060;lr;ob"),
            "sip|t8f3||p_cscf.example.net|5060|;lr;ob|");
}

TEST(SipUri, TelAndUrn) {
  EXPECT_EQ(Decoded("tel:+1-555-123.4(5)"), "tel|+1-555-123.4(5)|||0||");
  EXPECT_EQ(Decoded("tel:7042;phone-context=example.com"),
            "tel|7042|||0|;phone-context=example.com|");
  EXPECT_EQ(Decoded("TEL:*31#"), "tel|*31#|||0||");
  EXPECT_EQ(Decoded("urn:service:sos.police"), "urn|service:sos.police|||0||");
}

TEST(SipUri, OtherSchemesAreUnsupported) {
  for (const char* text : {"http://x", "soap.beep://192.0.2.103:3002", "mailto:a@b", "im:a@b"}) {
    EXPECT_EQ(Decoded(text), "UnsupportedScheme") << text;
  }
}

TEST(SipUri, RefusesBrokenSyntax) {
  for (const char* text : {
           "",
           "sip",
           "sip:",
           ":a",
           "1sip:a",
           "<sip:a>",
           "sip:a b",
           "sip:a\"",
           "sip:@h",
           "sip:a@",
           "sip:a@b@c",
           "sip::5060",
           "sip:h:",
           "sip:h:0",
           "sip:h:65536",
           "sip:h:x",
           "sip:h:1x",
           "sip:[::1",
           "sip:::1",
           "sip:[]",
           "sip:[1]",
           "sip:[::1%eth0]",
           "sip:[::1::2]",
           "sip:[1:2:3:4:5:6:7:8:9]",
           "sip:[2001:db8::9:1",
           "sip:2001:db8::9:1",
           "sip:[[::1]]",
           "sip:[::1]x",
           "sip:h/x",
           "sip:h;",
           "sip:h;;lr",
           "sip:h;=x",
           "sip:h?",
           "sip:h%41",
           "tel:",
           "tel:;x",
           "tel:+",
           "tel:1+2",
           "tel:abcxyz",
           "tel:1;",
           "tel:1;;x",
           "urn:x",
           "urn::x",
           "urn:x:",
           "sip:h\x7f",
           "sip:%zz@h",
           "sip:a%4@h",
           "sip:a:%@h",
           "sip:h;p=%g1",
           "sip:h?a=%1",
           "tel:1;p=%",
           "urn:service:sos%4",
       }) {
    EXPECT_EQ(Decoded(text), "BadRequestUri") << text;
  }
}

// RFC 4475 3.1.1.3, 3.1.1.4: escapes stay as they are, whatever they mean.
// Sixteen at once and one by one, at every place of texts of either kind.
TEST(SipUri, AnyByteAnywhereIsTakenOrRefused) {
  for (const std::string good : {"sip:u@host.xyz", "sip:user@proxy.host.xyz;transport=tcp;lr"}) {
    for (size_t at = 4; at < good.size(); ++at) {
      for (int c = 0; c < 256; ++c) {
        std::string text = good;
        text[at] = static_cast<char>(c);
        // Nowhere two hex digits stand behind what becomes '%'.
        const bool is_bad = c <= ' ' || c == '"' || c == '<' || c == '>' || c == 0x7f || c == '%';
        EXPECT_EQ(IsUriText(text), !is_bad) << at << " " << c;
      }
    }
  }
}

TEST(SipUri, EscapesStay) {
  EXPECT_EQ(Decoded("sip:sips%3Auser%40example.com@example.net"),
            "sip|sips%3Auser%40example.com||example.net|0||");
  EXPECT_EQ(Decoded("sip:%25%34%31:%00@h;a=%2c?b=%0d%0A"), "sip|%25%34%31|%00|h|0|;a=%2c|b=%0d%0A");
}

// RFC 5118 4.2, 4.3, 4.10: where the address ends and the port begins.
TEST(SipUri, Ipv6) {
  EXPECT_EQ(Decoded("sip:[2001:db8::10:5070]"), "sip|||[2001:db8::10:5070]|0||");
  EXPECT_EQ(Decoded("sip:[2001:db8::10]:5070"), "sip|||[2001:db8::10]|5070||");
  EXPECT_EQ(Decoded("sip:user@[2001:DB8:0:0:8:800:200C:417A];lr"),
            "sip|user||[2001:DB8:0:0:8:800:200C:417A]|0|;lr|");
}

TEST(SipUri, UnsupportedSchemeSetsOnlyTheText) {
  Uri uri;
  ASSERT_EQ(DecodeUri("http://x;y", &uri), ParseError::kUnsupportedScheme);
  EXPECT_EQ(uri.scheme, Scheme::kOther);
  EXPECT_EQ(uri.host, "");
  EXPECT_EQ(uri.params, "");
}

TEST(SipHostPort, BlanksMayStandAroundTheColon) {
  HostPort host_port;
  ASSERT_TRUE(DecodeHostPort("[2001:db8::1] : 5060", &host_port));
  EXPECT_EQ(host_port.host, "2001:db8::1");
  EXPECT_TRUE(host_port.is_ipv6);
  EXPECT_EQ(host_port.port, 5060);
  ASSERT_TRUE(DecodeHostPort("host", &host_port));
  EXPECT_FALSE(host_port.is_ipv6);
  EXPECT_EQ(host_port.port, 0);
  EXPECT_FALSE(DecodeHostPort("", &host_port));
  EXPECT_FALSE(DecodeHostPort(" host", &host_port));
  EXPECT_FALSE(DecodeHostPort("2001:db8::9:1", &host_port));  // RFC 5118 4.1.
}

}  // namespace
}  // namespace sip
