#include <gtest/gtest.h>

#include "sip/chars.h"

namespace sip {
namespace {

TEST(SipChars, TokenIsAlphanumericAndTenMarks) {
  EXPECT_TRUE(IsToken("azAZ09-.!%*_+`'~"));
  EXPECT_FALSE(IsToken(""));
  int count = 0;
  for (int c = 0; c < 256; ++c) count += Is(static_cast<char>(c), kTokenChar) ? 1 : 0;
  EXPECT_EQ(count, 26 + 26 + 10 + 10);
}

TEST(SipChars, LowerCaseIsAsciiOnly) {
  EXPECT_EQ(ToLower('A'), 'a');
  EXPECT_EQ(ToLower('Z'), 'z');
  EXPECT_EQ(ToLower('@'), '@');
  EXPECT_EQ(ToLower('['), '[');
  EXPECT_EQ(ToLower('\xc4'), '\xc4');
}

TEST(SipChars, BlanksAreThoseOfFolds) {
  EXPECT_EQ(SkipBlanks("\r\n \tx", 0), 4U);
  EXPECT_EQ(SkipBlanks("   ", 1), 3U);
  EXPECT_EQ(SkipBlanks("\vx", 0), 0U);
}

}  // namespace
}  // namespace sip
