#include <gtest/gtest.h>

#include <string>

#include "sip/list.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

using gmedge_test::Parsed;
using gmedge_test::RequestWith;

// "name=value|..." with "!" at the end when the list is broken. Quoted values get quotes.
std::string Params(std::string_view text, char separator = ';') {
  std::string result;
  ParamReader reader(text, separator);
  for (Param param; reader.Next(&param);) {
    result += param.name;
    if (param.has_value) result += "=";
    if (param.quoted) result += '"';
    result += param.value;
    if (param.quoted) result += '"';
    result += "|";
  }
  EXPECT_EQ(IsParamList(text, separator), reader.ok());
  return reader.ok() ? result : result + "!";
}

std::string Members(std::string_view lines, int empty_count = 0) {
  const Parsed parsed(RequestWith(lines));
  std::string result;
  ListReader reader(parsed.message, HeaderId::kSupported);
  for (ListMember member; reader.Next(&member);) {
    EXPECT_EQ(member.header->id, HeaderId::kSupported);
    result += std::string(member.text) + "|";
  }
  EXPECT_EQ(reader.empty_count(), empty_count) << lines;
  return result;
}

// What is left of a list when the parameter of that name is cut.
std::string Without(const std::string& text, std::string_view name, char separator) {
  const std::string_view cut = FindParam(text, name, separator)->with_separator;
  return std::string(text).erase(static_cast<size_t>(cut.data() - text.data()), cut.size());
}

TEST(SipList, ComparesAsciiWithoutCase) {
  EXPECT_TRUE(EqualsIgnoreCase("Sec-Agree", "sEC-aGREE"));
  EXPECT_TRUE(EqualsIgnoreCase("", ""));
  EXPECT_FALSE(EqualsIgnoreCase("sec-agree", "sec-agre"));
  EXPECT_FALSE(EqualsIgnoreCase("a@", "a`"));
}

TEST(SipList, TrimsFolds) {
  EXPECT_EQ(Trim(" \r\n\ta b\r\n "), "a b");
  EXPECT_EQ(Trim(" \t"), "");
  EXPECT_EQ(Trim(""), "");
}

TEST(SipList, SkipsAQuotedStringWithItsEscapes) {
  EXPECT_EQ(SkipQuoted(R"("a\"b"c)", 0), 6U);
  EXPECT_EQ(SkipQuoted(R"(x"")", 1), 3U);
  EXPECT_EQ(SkipQuoted(R"("a\")", 0), std::string_view::npos);
  EXPECT_EQ(SkipQuoted(R"("\)", 0), std::string_view::npos);
}

TEST(SipParamReader, ReadsSemicolonLists) {
  EXPECT_EQ(Params(";a;b=c;d=\"e;f\""), "a|b=c|d=\"e;f\"|");
  EXPECT_EQ(Params("a=1;b"), "a=1|b|");
  EXPECT_EQ(Params(" ; a = 1 \r\n ;\r\n b\t=\t\"x\" "), "a=1|b=\"x\"|");
  EXPECT_EQ(Params(";uri=<sip:a;b,c>;x"), "uri=<sip:a;b,c>|x|");
  EXPECT_EQ(Params(";maddr=[2001:db8::1];a=b=c"), "maddr=[2001:db8::1]|a=b=c|");
  EXPECT_EQ(Params(";a=;b= ;c"), "a=|b=|c|");
  EXPECT_EQ(Params(R"(;a="x\";y";b)"), R"(a="x\";y"|b|)");
  EXPECT_EQ(Params(""), "");
  EXPECT_EQ(Params(" \r\n "), "");
}

TEST(SipParamReader, ReadsDigestLists) {
  EXPECT_EQ(Params(R"(realm="a,b", nonce="x==",algorithm=MD5 , uri=sip:a;b)", ','),
            R"(realm="a,b"|nonce="x=="|algorithm=MD5|uri=sip:a;b|)");
  EXPECT_EQ(Params(",a=1,, ,b=2,", ','), "a=1|b=2|");
  EXPECT_EQ(Params("nonce=abc==,x", ','), "nonce=abc==|x|");
}

TEST(SipParamReader, TellsBrokenLists) {
  for (const char* text : {";;a", ";", ";a;", ";a;;b", ";=1", ";a=\"x", ";a=\"x\"y", ";a b",
                           ";a=b c", ";a,b", ";a=<x", ";\"a\"", ";a=b\"c\"", ";a=1,b=2", ";a>"}) {
    EXPECT_TRUE(Params(text).ends_with("!")) << text;
  }
  for (const char* text : {"a=\"x", "a=1 b=2", "=1", "a;b", "Basic realm=\"x\""}) {
    EXPECT_TRUE(Params(text, ',').ends_with("!")) << text;
  }
  ParamReader reader(";;");
  Param param;
  EXPECT_FALSE(reader.Next(&param));
  EXPECT_FALSE(reader.Next(&param));
}

TEST(SipParamReader, ViewsLieInTheText) {
  const std::string_view text = "; a = \"b\" ;c";
  ParamReader reader(text);
  Param param;
  ASSERT_TRUE(reader.Next(&param));
  EXPECT_EQ(param.text, "a = \"b\"");
  EXPECT_EQ(param.with_separator, "; a = \"b\"");
  ASSERT_TRUE(reader.Next(&param));
  EXPECT_EQ(param.with_separator, ";c");
}

TEST(SipParamReader, AnyOneParameterCanBeCut) {
  EXPECT_EQ(Without(";a;b=1;c", "a", ';'), ";b=1;c");
  EXPECT_EQ(Without(";a ; b=1;c", "b", ';'), ";a ;c");
  EXPECT_EQ(Without(";a;b=1;c", "c", ';'), ";a;b=1");
  EXPECT_EQ(Without(";a", "a", ';'), "");
  const std::string digest = "ik=\"1\" , realm=\"r\",\r\n nonce=\"n\"";
  EXPECT_EQ(Without(digest, "ik", ','), "realm=\"r\",\r\n nonce=\"n\"");
  EXPECT_EQ(Without(digest, "realm", ','), "ik=\"1\" ,\r\n nonce=\"n\"");
  EXPECT_EQ(Without(digest, "nonce", ','), "ik=\"1\" , realm=\"r\"");
  EXPECT_EQ(Without("a=1", "a", ','), "");
  EXPECT_EQ(Without("a=1,,", "a", ','), "");
}

TEST(SipParamReader, FindsByNameWithoutCase) {
  EXPECT_EQ(FindParam(";Tag=x;lr", "tag")->value, "x");
  EXPECT_FALSE(FindParam(";Tag=x;lr", "lr")->has_value);
  EXPECT_FALSE(FindParam(";Tag=x;lr", "ta").has_value());
  EXPECT_FALSE(FindParam("", "tag").has_value());
  EXPECT_EQ(FindParam("a=1,b=2", "b", ',')->value, "2");
}

TEST(SipListReader, GoesOnOverLines) {
  EXPECT_EQ(Members("Supported: a , b\r\nX: y\r\nk: c,\r\n d\r\nSUPPORTED:e\r\n"), "a|b|c|d|e|");
  EXPECT_EQ(Members(""), "");
}

TEST(SipListReader, CommasInQuotesAndBracketsDoNotSeparate) {
  EXPECT_EQ(Members("Supported: \"a,\\\"b\" <sip:x,y>;p=\"1,2\" , c\r\n"),
            "\"a,\\\"b\" <sip:x,y>;p=\"1,2\"|c|");
  EXPECT_EQ(Members("Supported: \"a, b\r\n"), "\"a, b|");
  EXPECT_EQ(Members("Supported: <a, b\r\nSupported: c\r\n"), "<a, b|c|");
}

TEST(SipListReader, SkipsAndCountsEmptyMembers) {
  EXPECT_EQ(Members("Supported: a,\r\n", 1), "a|");
  EXPECT_EQ(Members("Supported: , a,, b ,\r\n", 3), "a|b|");
  EXPECT_EQ(Members("Supported:\r\nSupported: a\r\n", 1), "a|");
  EXPECT_EQ(Members("Supported: ,\r\n", 2), "");
}

TEST(SipListReader, OptionTagsAreWholeWordsWithoutCase) {
  const Parsed parsed(RequestWith("Require: path,Sec-Agree\r\nRequire: gruu\r\n"));
  EXPECT_TRUE(HasOptionTag(parsed.message, HeaderId::kRequire, "sec-agree"));
  EXPECT_TRUE(HasOptionTag(parsed.message, HeaderId::kRequire, "gruu"));
  EXPECT_FALSE(HasOptionTag(parsed.message, HeaderId::kRequire, "sec"));
  EXPECT_FALSE(HasOptionTag(parsed.message, HeaderId::kProxyRequire, "sec-agree"));
}

TEST(SipListReader, CutsMembersFromText) {
  std::string_view rest = " a , \"b,c\",d";
  EXPECT_EQ(CutMember(rest, &rest), "a");
  EXPECT_EQ(CutMember(rest, &rest), "\"b,c\"");
  EXPECT_EQ(CutMember(rest, &rest), "d");
  EXPECT_EQ(rest, "");
  EXPECT_EQ(CutMember("", &rest), "");
}

}  // namespace
}  // namespace sip
