#include <gtest/gtest.h>

#include "sip/number.h"

namespace sip {
namespace {

TEST(SipNumber, ReadsDigitsBetweenBlanks) {
  EXPECT_EQ(DecodeNumber("0"), 0U);
  EXPECT_EQ(DecodeNumber(" 0068\r\n "), 68U);
  EXPECT_EQ(DecodeNumber("4294967295"), UINT32_MAX);
  EXPECT_EQ(DecodeNumber("255", 255), 255U);
}

TEST(SipNumber, RefusesEverythingElse) {
  for (const char* text : {"", " ", "-1", "+1", "1 2", "x", "1x", "0x1", "4294967296",
                           "36893488147419103232", "1.0"}) {
    EXPECT_FALSE(DecodeNumber(text).has_value()) << text;
  }
  EXPECT_FALSE(DecodeNumber("256", 255).has_value());
}

TEST(SipCSeq, IsANumberAndAMethod) {
  CSeq cseq;
  ASSERT_EQ(DecodeCSeq("0009\r\n  INVITE", &cseq), ParseError::kOk);
  EXPECT_EQ(cseq.number, 9U);
  EXPECT_EQ(cseq.method, Method::kInvite);
  EXPECT_EQ(cseq.method_text, "INVITE");
  ASSERT_EQ(DecodeCSeq("4294967295 X.y", &cseq), ParseError::kOk);
  EXPECT_EQ(cseq.number, UINT32_MAX);
  EXPECT_EQ(cseq.method, Method::kOther);
}

TEST(SipCSeq, RefusesBrokenSyntax) {
  for (const char* text : {"", "1", "1 ", "INVITE", "1INVITE", "-1 INVITE", "4294967296 INVITE",
                           "1 INV ITE", "1 INVITE;x", "x INVITE", "1, INVITE"}) {
    CSeq cseq;
    EXPECT_EQ(DecodeCSeq(text, &cseq), ParseError::kBadCSeq) << text;
  }
}

}  // namespace
}  // namespace sip
