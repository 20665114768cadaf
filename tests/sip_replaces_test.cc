#include <gtest/gtest.h>

#include <string>

#include "sip/replaces.h"
#include "tests/guard_page.h"

namespace sip {
namespace {

// "call-id|to|from", " early" behind it; or the error's name.
std::string Decoded(std::string_view value) {
  const gmedge_test::GuardedText guarded(value, ';');
  Replaces replaces;
  const ParseError error = DecodeReplaces(guarded.text(), &replaces);
  if (error != ParseError::kOk) return std::string(Name(error));
  return std::string(replaces.call_id) + "|" + std::string(replaces.to_tag) + "|" +
         std::string(replaces.from_tag) + (replaces.early_only ? " early" : "");
}

// The examples of RFC 3891 6.1.
TEST(SipReplaces, Good) {
  EXPECT_EQ(Decoded("98732@sip.example.com\r\n ;from-tag=r33th4x0r\r\n ;to-tag=ff87ff"),
            "98732@sip.example.com|ff87ff|r33th4x0r");
  EXPECT_EQ(Decoded("12adf2f34456gs5;to-tag=12345;from-tag=54321"), "12adf2f34456gs5|12345|54321");
  EXPECT_EQ(Decoded("87134@171.161.34.23;to-tag=24796;from-tag=0"), "87134@171.161.34.23|24796|0");
  EXPECT_EQ(Decoded(" a ; TO-TAG = 1 ;From-Tag=2;Early-Only;x=y"), "a|1|2 early");
  EXPECT_EQ(Decoded("\"()<>:/[]?{}@\";to-tag=1;from-tag=2"), "\"()<>:/[]?{}@\"|1|2");
}

TEST(SipReplaces, Bad) {
  for (const char* text :
       {"", ";to-tag=1;from-tag=2", "a", "a;to-tag=1", "a;from-tag=1", "a;to-tag;from-tag=1",
        "a;to-tag=1;from-tag=2;to-tag=1", "a;to-tag=1;from-tag=2;early-only;early-only",
        "a b;to-tag=1;from-tag=2", "a@b@c;to-tag=1;from-tag=2", "@a;to-tag=1;from-tag=2",
        "a@;to-tag=1;from-tag=2", "a,b;to-tag=1;from-tag=2", "a;to-tag=1,from-tag=2",
        "a;to-tag=1;from-tag=2;", "a\x80;to-tag=1;from-tag=2", "a;;to-tag=1;from-tag=2"}) {
    EXPECT_EQ(Decoded(text), "BadHeaderValue") << text;
  }
}

}  // namespace
}  // namespace sip
