#include <gtest/gtest.h>

#include <string>

#include "sip/retry_after.h"
#include "tests/guard_page.h"

namespace sip {
namespace {

// "seconds|comment|duration", or the error's name.
std::string Decoded(std::string_view value) {
  const gmedge_test::GuardedText guarded(value, ')');
  RetryAfter retry_after;
  const ParseError error = DecodeRetryAfter(guarded.text(), &retry_after);
  if (error != ParseError::kOk) return std::string(Name(error));
  return std::to_string(retry_after.seconds) + "|" + std::string(retry_after.comment) + "|" +
         (retry_after.duration.has_value() ? std::to_string(*retry_after.duration) : "-");
}

// The examples of RFC 3261 20.33.
TEST(SipRetryAfter, Good) {
  EXPECT_EQ(Decoded("18000;duration=3600"), "18000||3600");
  EXPECT_EQ(Decoded("120 (I'm in a meeting)"), "120|I'm in a meeting|-");
  EXPECT_EQ(Decoded("0"), "0||-");
  EXPECT_EQ(Decoded(" 5(a (b;c) \\) \\( d)\r\n ;x=y; Duration = 7 "), "5|a (b;c) \\) \\( d|7");
  EXPECT_EQ(Decoded("5 ()"), "5||-");
}

TEST(SipRetryAfter, Bad) {
  for (const char* text : {"",        "(a)",        ";duration=1",  "x",
                           "-1",      "4294967296", "5 a",          "5 (a",
                           "5 (a\\)", "5 (a (b)",   "5 (a) b",      "5 (a)(b)",
                           "5 a (b)", "5;duration", "5;duration=x", "5;duration=1;duration=1",
                           "5;;x",    "5;",         "5 )",          "5, 6"}) {
    EXPECT_EQ(Decoded(text), "BadHeaderValue") << text;
  }
}

}  // namespace
}  // namespace sip
