#include <gtest/gtest.h>

#include <string>

#include "edge/limits.h"
#include "edge/settings_headers.h"
#include "tests/edge_settings_text.h"

namespace edge {
namespace {

// With these lines from line 8 on.
SettingsResult WithHeaders(const std::string& headers) {
  return ParseSettings(kGood + headers);
}

std::string ReportOf(const std::string& headers) {
  return WithHeaders(headers).Report("f");
}

// Of a header with this line, the third of its table.
std::string ErrorOf(const std::string& line) {
  return ReportOf("[[header]]\nvalue = \"1\"\n" + line + "\n");
}

constexpr const char* kNameAllowed =
    "allowed is a header name that gmedge has no rule for, such as \"X-IPsec\"\n";

TEST(SettingsHeaders, AreReadInTheirOrder) {
  const SettingsResult result = WithHeaders(
      "[[header]]\nname = \"X-A\"\nvalue = \"$ipsec(alg)\"\n"
      "[[header]]\nname = \"X-B\"\nvalue = \"\"\ndirection = \"to_phone\"\n"
      "condition = [\"INVITE\", \"response\"]\n"
      "[[header]]\nname = \"X-C\"\nvalue = \"$ipsec_ue(ik)\"\ndirection = \"to_core\"\n"
      "condition = \"REGISTER\"\nreveal_keys = true\n");
  ASSERT_EQ(result.Report("f"), "");
  const std::vector<HeaderLine>& headers = result.settings.headers;
  ASSERT_EQ(headers.size(), 3u);
  EXPECT_EQ(headers[0].name, "X-A");
  EXPECT_FALSE(headers[0].value.empty());
  EXPECT_EQ(headers[0].direction, Direction::kToCore);
  EXPECT_FALSE(headers[0].reveal_keys);
  EXPECT_EQ(headers[1].direction, Direction::kToPhone);
  EXPECT_TRUE(headers[1].value.empty());
  EXPECT_TRUE(headers[2].reveal_keys);
  EXPECT_TRUE(headers[2].value.reveals_keys());
}

TEST(SettingsHeaders, ANameGmedgeHasRulesForIsRefused) {
  EXPECT_EQ(ErrorOf("name = \"via\""),
            "f:10: error: header.name = \"via\": " + std::string(kNameAllowed));
  EXPECT_EQ(ErrorOf("name = \"X Y\""),
            "f:10: error: header.name = \"X Y\": " + std::string(kNameAllowed));
  EXPECT_EQ(ErrorOf("name = 1"),
            "f:10: error: header.name = 1: this is an integer; " + std::string(kNameAllowed));
  EXPECT_EQ(ErrorOf("name = \"" + std::string(kHeaderNameSizeMax, 'x') + "\""), "");
  EXPECT_NE(
      ErrorOf("name = \"" + std::string(kHeaderNameSizeMax + 1, 'x') + "\"").find(kNameAllowed),
      std::string::npos);
}

TEST(SettingsHeaders, AnUnknownVariableOrFieldIsRefused) {
  EXPECT_EQ(ReportOf("[[header]]\nname = \"X-A\"\nvalue = \"$ipsec(spi)\"\n"),
            "f:10: error: header.value = \"$ipsec(spi)\": $ipsec(spi): the fields are ik, ck, alg, "
            "ealg, ip, spi-c, spi-s, port-c, port-s\n");
  EXPECT_EQ(ReportOf("[[header]]\nname = \"X-A\"\nvalue = \"$ip(x)\"\n"),
            "f:10: error: header.value = \"$ip(x)\": $ip is no variable: allowed are "
            "$ipsec(field), $ipsec_ue(field), $rm, $rs, $ci and $$ for a $\n");
  EXPECT_EQ(ReportOf("[[header]]\nname = \"X-A\"\nvalue = \"a\\r\\nb\"\n"),
            "f:10: error: header.value = \"a\\x0d\\x0ab\": no control characters are allowed\n");
}

TEST(SettingsHeaders, DirectionAndConditionAreWords) {
  const std::string condition =
      "allowed are \"request\", \"response\", a method such as \"REGISTER\", or an array of them\n";
  EXPECT_EQ(ErrorOf("name = \"X-A\"\ndirection = \"both\""),
            "f:11: error: header.direction = \"both\": allowed are \"to_core\", \"to_phone\"\n");
  EXPECT_EQ(ErrorOf("name = \"X-A\"\ncondition = \"register\""),
            "f:11: error: header.condition = \"register\": " + condition);
  EXPECT_EQ(ErrorOf("name = \"X-A\"\ncondition = [\"INVITE\",\n3]"),
            "f:12: error: header.condition = 3: " + condition);
  EXPECT_EQ(ErrorOf("name = \"X-A\"\ncondition = []"),
            "f:11: error: header.condition = an array of 0: " + condition);
}

TEST(SettingsHeaders, KeysNeedRevealKeysAndNeverGoToAPhone) {
  const std::string keys = "[[header]]\nname = \"X-A\"\nvalue = \"$ipsec(ck)\"\n";
  EXPECT_EQ(ReportOf(keys),
            "f:10: error: header.value: ik and ck are secrets: only with reveal_keys = true beside "
            "it\n");
  EXPECT_EQ(ReportOf(keys + "reveal_keys = true\n"), "");
  EXPECT_EQ(ReportOf(keys + "reveal_keys = true\ndirection = \"to_phone\"\n"),
            "f:10: error: header.value: ik and ck are never sent to a phone\n");
  EXPECT_EQ(ReportOf(keys + "[log]\nreveal_keys = true\n"), ReportOf(keys)) << "that is the log's";
}

TEST(SettingsHeaders, NameAndValueAreNeeded) {
  EXPECT_EQ(ReportOf("[[header]]\nvalue = \"1\"\n"),
            "f:8: error: [[header]]: name is not set: name = \"X-IPsec\"\n");
  EXPECT_EQ(ReportOf("[[header]]\nname = \"X-A\"\n"),
            "f:8: error: [[header]]: value is not set: value = \"$ipsec(alg)\"\n");
}

TEST(SettingsHeaders, UnknownKeysAndASingleTableAreRefused) {
  EXPECT_EQ(ErrorOf("name = \"X-A\"\nheader = 1"),
            "f:11: error: unknown key \"header\" in [[header]]: the keys of [[header]] are name, "
            "value, direction, condition, reveal_keys\n");
  EXPECT_EQ(ReportOf("[header]\nname = \"X-A\"\n"),
            "f:8: error: [header]: there may be several such tables, written [[header]]\n");
}

TEST(SettingsHeaders, SoManyAreAllowedAndNotOneMore) {
  std::string headers;
  for (size_t i = 0; i < kHeaderLinesMax; ++i)
    headers += "[[header]]\nname = \"X-\"\nvalue = \"\"\n";
  EXPECT_EQ(ReportOf(headers), "");
  EXPECT_EQ(ReportOf(headers + "[[header]]\n"),
            "f:56: error: [[header]]: at most 16 are allowed\n");
}

TEST(SettingsHeaders, SoMuchTextIsAllowedAndNotAByteMore) {
  const auto header = [](size_t size) {
    return "[[header]]\nname = \"X-A\"\nvalue = \"" + std::string(size - 7, 'a') + "\"\n";
  };
  const std::string three = header(1024) + header(1024) + header(1024);
  EXPECT_EQ(ReportOf(three + header(1024)), "");
  EXPECT_EQ(ReportOf(three + header(1025)),
            "f:17: error: [[header]]: with this one the lines may come to 4097 bytes: at most 4096 "
            "in all\n");
  // A variable counts as long as it can be.
  EXPECT_EQ(ReportOf(three + header(1024 - kVariableSizeMax) + "[[header]]\nname = \"X-\"\n" +
                     "value = \"$ci\"\n"),
            "f:20: error: [[header]]: with this one the lines may come to 4102 bytes: at most 4096 "
            "in all\n");
}

}  // namespace
}  // namespace edge
