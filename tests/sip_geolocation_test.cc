#include <gtest/gtest.h>

#include <string>

#include "sip/geolocation.h"
#include "sip/list.h"
#include "tests/guard_page.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

// "uri|content id|params", or the error's name.
std::string Decoded(std::string_view text) {
  const gmedge_test::GuardedText guarded(text, '>');
  Geolocation geolocation;
  const ParseError error = DecodeGeolocation(guarded.text(), &geolocation);
  if (error != ParseError::kOk) return std::string(Name(error));
  return std::string(geolocation.uri) + "|" + std::string(geolocation.content_id) + "|" +
         std::string(geolocation.params);
}

// The examples of RFC 6442 4.1 and 5.
TEST(SipGeolocation, Good) {
  EXPECT_EQ(Decoded("<cid:target123@atlanta.example.com>"),
            "cid:target123@atlanta.example.com|target123@atlanta.example.com|");
  EXPECT_EQ(Decoded(" <sips:3sdefrhy2jj7@lis.atlanta.example.com> ; x=\"y\""),
            "sips:3sdefrhy2jj7@lis.atlanta.example.com||; x=\"y\"");
  EXPECT_EQ(Decoded("<CID:a%20b>"), "CID:a%20b|a%20b|");
  EXPECT_EQ(Decoded("<https://lis.example.com/a?b,c>"), "https://lis.example.com/a?b,c||");
}

TEST(SipGeolocation, Bad) {
  EXPECT_EQ(Decoded("cid:a"), "BadHeaderValue");
  EXPECT_EQ(Decoded("\"a\" <cid:a>"), "BadHeaderValue");
  EXPECT_EQ(Decoded("a <cid:a>"), "BadHeaderValue");
  EXPECT_EQ(Decoded("*"), "BadHeaderValue");
  for (const char* text : {"", "<cid:>", "<cid:a", "<cid:a>;", "<cid:a>x", "<a>", "<cid:%zz>"}) {
    EXPECT_EQ(Decoded(text), "BadAddress") << text;
  }
}

TEST(SipGeolocation, SeveralOverSeveralLines) {
  const gmedge_test::Parsed parsed(gmedge_test::RequestWith(
      "Geolocation: <cid:a>, <https://b/c,d>\r\nGeolocation: <sip:e@f>\r\n"));
  std::string all;
  ListReader reader(parsed.message, HeaderId::kGeolocation);
  for (ListMember member; reader.Next(&member);) all += Decoded(member.text) + "\n";
  EXPECT_EQ(all, "cid:a|a|\nhttps://b/c,d||\nsip:e@f||\n");
}

}  // namespace
}  // namespace sip
