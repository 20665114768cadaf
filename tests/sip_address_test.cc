#include <gtest/gtest.h>

#include "sip/address.h"

namespace sip {
namespace {

// "display|uri|params", "<>" before it when bracketed, or the error's name.
std::string Decoded(std::string_view text) {
  Address address;
  const ParseError error = DecodeAddress(text, &address);
  if (error != ParseError::kOk) return std::string(Name(error));
  std::string result = address.bracketed ? "<>" : "";
  result += std::string(address.display) + "|" + std::string(address.uri) + "|";
  return result + std::string(address.params);
}

TEST(SipAddress, NameAddr) {
  EXPECT_EQ(Decoded("<sip:a@b>"), "<>|sip:a@b|");
  EXPECT_EQ(Decoded(" Alice B. <sip:a@b;x?y=z> ; tag = 1 "), "<>Alice B.|sip:a@b;x?y=z|; tag = 1");
  EXPECT_EQ(Decoded(R"("A, <x> \"y\"" <sip:a@b>;tag=1)"), R"(<>"A, <x> \"y\""|sip:a@b|;tag=1)");
  EXPECT_EQ(Decoded("\"\"<tel:+1>"), "<>\"\"|tel:+1|");
  EXPECT_EQ(Decoded("<sip:a@[2001:db8::1]:5060;transport=tcp>;+sip.instance=\"<urn:x>\";q=0.5"),
            "<>|sip:a@[2001:db8::1]:5060;transport=tcp|;+sip.instance=\"<urn:x>\";q=0.5");
  EXPECT_EQ(Decoded("x\r\n <sip:a@b>\r\n ;lr"), "<>x|sip:a@b|;lr");
}

// RFC 3261 20.10: what follows ';' is a parameter of the header, not of the URI.
TEST(SipAddress, AddrSpec) {
  EXPECT_EQ(Decoded("sip:a@b;tag=1"), "|sip:a@b|;tag=1");
  EXPECT_EQ(Decoded("sip:a@b ; tag=1"), "|sip:a@b|; tag=1");
  EXPECT_EQ(Decoded("isbn:2983792873"), "|isbn:2983792873|");
  EXPECT_EQ(Decoded("*"), "|*|");
}

TEST(SipAddress, RefusesWhatCouldBeReadInTwoWays) {
  for (const char* text : {
           "",
           " ",
           "alan@example.com",
           "<sip:a@b",
           "sip:a@b>",
           "< sip:a@b>",
           "<sip:a@b >",
           "<>",
           "<sip:>",
           "<:a>",
           "<1sip:a>",
           "<sip:a<b>",
           "<sip:a\"b>",
           "<*>",
           "sip:a@b?x=y",
           "sip:a,b",
           "sip:a@b x",
           "sip:a@b \"x\"",
           "Bell, Alexander <sip:a@b>",
           "\"open <sip:a@b>",
           "\"x\" y <sip:a@b>",
           "\"x\" sip:a@b",
           "<sip:a@b>tag=1",
           "<sip:a@b>;;",
           "<sip:a@b>;",
           "<sip:a@b>;tag=\"x",
           "<sip:a@b> <sip:c@d>",
           "sip:a\tb",
           "<sip:a\x01>",
           "*;q=1",
       }) {
    EXPECT_EQ(Decoded(text), "BadAddress") << text;
  }
}

}  // namespace
}  // namespace sip
