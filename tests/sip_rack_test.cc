#include <gtest/gtest.h>

#include <string>

#include "sip/rack.h"
#include "tests/guard_page.h"

namespace sip {
namespace {

// "rseq cseq method", or the error's name.
std::string Decoded(std::string_view value) {
  const gmedge_test::GuardedText guarded(value, '1');
  RAck rack;
  const ParseError error = DecodeRAck(guarded.text(), &rack);
  if (error != ParseError::kOk) return std::string(Name(error));
  return std::to_string(rack.rseq) + " " + std::to_string(rack.cseq.number) + " " +
         std::string(rack.cseq.method_text);
}

TEST(SipRAck, Good) {
  EXPECT_EQ(Decoded("776656 1 INVITE"), "776656 1 INVITE");
  EXPECT_EQ(Decoded(" 1\t 0 \r\n FOO "), "1 0 FOO");
  EXPECT_EQ(Decoded("4294967295 4294967295 INVITE"), "4294967295 4294967295 INVITE");
  RAck rack;
  ASSERT_EQ(DecodeRAck("1 2 INVITE", &rack), ParseError::kOk);
  EXPECT_EQ(rack.cseq.method, Method::kInvite);
}

TEST(SipRAck, Bad) {
  for (const char* text : {"", "1", "1 1", "0 1 INVITE", "x 1 INVITE", "1 x INVITE", "1 1INVITE",
                           "4294967296 1 INVITE", "1 4294967296 INVITE", "-1 1 INVITE",
                           "1 1 INVITE x", "1/1 INVITE", "1 1 \"INVITE\"", "1 1 INVITE;x"}) {
    EXPECT_EQ(Decoded(text), "BadHeaderValue") << text;
  }
}

TEST(SipRSeq, FromOneOn) {
  EXPECT_EQ(DecodeRSeq("1"), 1U);
  EXPECT_EQ(DecodeRSeq(" 4294967295 "), UINT32_MAX);
  for (const char* text : {"", "0", "00", "x", "1x", "1 2", "4294967296"}) {
    EXPECT_EQ(DecodeRSeq(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace sip
