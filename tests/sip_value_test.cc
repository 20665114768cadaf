#include <gtest/gtest.h>

#include <string>

#include "sip/value.h"
#include "tests/guard_page.h"

namespace sip {
namespace {

std::string Split(std::string_view text) {
  const ValueParts parts = SplitValue(text);
  return std::string(parts.head) + "|" + std::string(parts.params);
}

TEST(SipValue, HeadAndParams) {
  EXPECT_EQ(Split("a"), "a|");
  EXPECT_EQ(Split(" a b\r\n ;c=\";\";d "), "a b|;c=\";\";d");
  EXPECT_EQ(Split("\"a;\\\";b\";c"), "\"a;\\\";b\"|;c");
  EXPECT_EQ(Split(";c"), "|;c");
  EXPECT_EQ(Split(""), "|");
  EXPECT_EQ(Split("\"a;b"), "\"a;b|");  // What does not close has no parameters.
}

TEST(SipValue, TokenAtTheFront) {
  std::string_view text = " \r\n a-b/c";
  EXPECT_EQ(CutToken(&text), "a-b");
  EXPECT_EQ(text, "/c");
  EXPECT_EQ(CutToken(&text), "");
  EXPECT_EQ(text, "/c");
}

TEST(SipValue, Q) {
  EXPECT_EQ(DecodeQ("0"), 0);
  EXPECT_EQ(DecodeQ("0."), 0);
  EXPECT_EQ(DecodeQ("0.7"), 700);
  EXPECT_EQ(DecodeQ("0.25"), 250);
  EXPECT_EQ(DecodeQ("0.001"), 1);
  EXPECT_EQ(DecodeQ("1"), 1000);
  EXPECT_EQ(DecodeQ("1.000"), 1000);
  for (const char* text : {"", ".5", "2", "1.001", "0.1234", "0,5", "-0", "0.x", "1.0000", " 1"}) {
    EXPECT_FALSE(DecodeQ(text).has_value()) << text;
  }
}

struct Read {
  std::string_view value;
  bool flag = false;
  std::string_view both;
  bool has_both = false;
};
constexpr ParamField<Read> kFields[] = {{"value", &Read::value},
                                        {"flag", nullptr, &Read::flag},
                                        {"both", &Read::both, &Read::has_both}};

TEST(SipValue, ParamsGoToTheirFields) {
  Read read;
  ASSERT_TRUE(ReadParams(";x; VALUE = \"1\";flag=on;both;value2=2", kFields, &read));
  EXPECT_EQ(read.value, "1");
  EXPECT_TRUE(read.flag);
  EXPECT_TRUE(read.has_both);
  EXPECT_EQ(read.both, "");
  read = {};
  ASSERT_TRUE(ReadParams("", kFields, &read));
  EXPECT_FALSE(read.flag);
}

TEST(SipValue, WhatStandsTwiceOrHasNoValueIsRefused) {
  for (const char* text : {";value=1;value=1", ";value", ";value=", ";value=\"\"", ";flag;Flag",
                           ";both;both=1", ";;flag", ";value=\"1"}) {
    Read read;
    EXPECT_FALSE(ReadParams(text, kFields, &read)) << text;
  }
}

TEST(SipValue, ReadsNothingBehindTheText) {
  const gmedge_test::GuardedText guarded("\"a\\", '"');
  EXPECT_EQ(Split(guarded.text()), "\"a\\|");
  const gmedge_test::GuardedText token("abc", 'd');
  std::string_view text = token.text();
  EXPECT_EQ(CutToken(&text), "abc");
}

}  // namespace
}  // namespace sip
