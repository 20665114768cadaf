#include <gtest/gtest.h>

#include <array>
#include <string>

#include "sip/escape.h"
#include "tests/guard_page.h"

namespace sip {
namespace {

std::string Unescaped(std::string_view text) {
  std::array<char, 64> out;
  const std::optional<size_t> size = Unescape(text, out);
  return size.has_value() ? std::string(out.data(), *size) : "bad";
}

TEST(SipEscape, EachEscapeIsReadOnce) {
  EXPECT_EQ(Unescaped(""), "");
  EXPECT_EQ(Unescaped("alice"), "alice");
  EXPECT_EQ(Unescaped("sips%3Auser%40example.com"), "sips:user@example.com");
  EXPECT_EQ(Unescaped("%61%6C%6c"), "all");
  EXPECT_EQ(Unescaped("%25%34%31"), "%41");  // RFC 4475 3.1.1.3: not "A".
  EXPECT_EQ(Unescaped("%2541"), "%41");
  EXPECT_EQ(Unescaped("null-%00-null"), std::string("null-\0-null", 11));  // 3.1.1.4.
  EXPECT_EQ(Unescaped("%fF"), "\xff");
}

TEST(SipEscape, BadEscapesAreRefused) {
  for (const char* text : {"%", "a%", "%4", "%zz", "%4g", "%g4", "%%41", "a%41%", "% 1"}) {
    EXPECT_EQ(Unescaped(text), "bad") << text;
    EXPECT_FALSE(AreEscapesGood(text)) << text;
  }
  for (const char* text : {"", "a", "%41", "%41%42", "a%41b"}) {
    EXPECT_TRUE(AreEscapesGood(text)) << text;
  }
}

TEST(SipEscape, ReadsNothingBehindTheText) {
  for (const char* text : {"a%4", "a%"}) {
    const gmedge_test::GuardedText guarded(text, '1');
    EXPECT_EQ(Unescaped(guarded.text()), "bad");
    EXPECT_FALSE(AreEscapesGood(guarded.text()));
  }
}

TEST(SipEscape, WritesNothingBehindTheBuffer) {
  std::array<char, 3> out = {'x', 'y', 'z'};
  EXPECT_EQ(Unescape("%41%42", std::span(out).first(2)), 2U);
  EXPECT_EQ(std::string(out.data(), 3), "ABz");
  EXPECT_EQ(Unescape("abc", std::span(out).first(2)), std::nullopt);
  EXPECT_EQ(out[2], 'z');
  EXPECT_EQ(Unescape("", {}), 0U);
}

}  // namespace
}  // namespace sip
