#include <gtest/gtest.h>

#include <string>

#include "edge/limits.h"
#include "edge/settings.h"
#include "edge/settings_rules.h"
#include "tests/edge_values.h"

namespace edge {
namespace {

constexpr const char* kGood =
    "[ipsec]\nsocket = [\"ipsec:192.0.2.10:5100\", \"ipsec:192.0.2.10:6100\"]\n"
    "[gm]\nlisten = \"192.0.2.10\"\n[core]\nlisten = \"198.51.100.10\"\n"
    "next_hop = \"198.51.100.20\"\n";

// With these lines from line 8 on.
SettingsResult With(const std::string& rules) {
  return ParseSettings(kGood + rules);
}

std::string ReportOf(const std::string& rules) {
  return With(rules).Report("f");
}

// Of a rule with this line.
std::string ErrorOf(const std::string& line) {
  return ReportOf("[[rule]]\nrealm = \"a\"\n" + line + "\n");
}

TEST(SettingsRules, AreReadInTheirOrder) {
  const SettingsResult result = With(
      "[[rule]]\nsource = [\"192.0.2.0/24\", \"2001:db8::/32\"]\nrealm = \"ims.example\"\n"
      "user_agent = \"Old*\"\nimpi = \"001*\"\ntransport = \"tcp\"\nsec_agree = \"prefer\"\n"
      "security_server = \"selected\"\ntemporary_timeout = 5\nudp_request_size_max = 9\n"
      "quirks = [\"answer_to_port_uc\"]\n"
      "ipsec_create = {port_server = 6100, port_client = 5100, algos = \"null=aes-gcm\"}\n"
      "[[rule]]\nsource = \"192.0.2.1\"\n");
  ASSERT_EQ(result.Report("f"), "");
  ASSERT_EQ(result.settings.rules.size(), 2u);
  const Rule& rule = result.settings.rules[0];
  ASSERT_EQ(rule.sources.size(), 2u);
  EXPECT_TRUE(rule.sources[1].Contains(At("[2001:db8::1]")));
  EXPECT_TRUE(rule.realm->Matches("ims.example"));
  EXPECT_TRUE(rule.user_agent->Matches("Old/1"));
  EXPECT_TRUE(rule.impi->Matches("001"));
  EXPECT_EQ(rule.transport, Transport::kTcp);
  EXPECT_EQ(rule.sec_agree, SecAgree::kPrefer);
  EXPECT_EQ(rule.security_server, SecurityServer::kSelected);
  EXPECT_EQ(rule.temporary_timeout_s, 5u);
  EXPECT_EQ(rule.udp_request_size_max, 9u);
  EXPECT_TRUE(rule.quirks.Has(Quirk::kAnswerToPortUc));
  EXPECT_EQ(rule.port_server, 6100);
  EXPECT_EQ(rule.port_client, 5100);
  EXPECT_EQ(rule.algos->pairs().size(), 1u);
  EXPECT_EQ(result.settings.rules[1].sources.at(0).prefix, 32);
  EXPECT_FALSE(result.settings.rules[1].sec_agree);
  EXPECT_FALSE(result.settings.rules[1].quirks.Has(Quirk::kAnswerToPortUc));
}

TEST(SettingsRules, WhatMatchesIsReadOrRefused) {
  EXPECT_EQ(ErrorOf("source = \"192.0.2.0/33\""),
            "f:10: error: rule.source = \"192.0.2.0/33\": allowed are \"192.0.2.0/24\", "
            "\"2001:db8::/32\" and such\n");
  EXPECT_EQ(ErrorOf("source = [\"192.0.2.0/24\",\n\"192.0.2.1/24\"]"),
            "f:11: error: rule.source = \"192.0.2.1/24\": bits are set behind the prefix\n");
  EXPECT_EQ(ErrorOf("source = []"),
            "f:10: error: rule.source = an array of 0: allowed are 1..256 networks\n");
  EXPECT_EQ(ErrorOf("source = 3"),
            "f:10: error: rule.source = 3: this is an integer; allowed are \"192.0.2.0/24\", "
            "\"2001:db8::/32\" and such\n");
  EXPECT_EQ(ErrorOf("user_agent = 3"),
            "f:10: error: rule.user_agent = 3: this is an integer; a string is allowed, with * for "
            "any text and ? for a character\n");
  const std::string most(kGlobSizeMax, 'x');
  EXPECT_EQ(ErrorOf("impi = \"*" + most + "*\""), "");
  EXPECT_NE(
      ErrorOf("impi = \"" + most + "?\"").find(": at most 63 characters are allowed beside *"),
      std::string::npos);
  EXPECT_EQ(ErrorOf("transport = \"sctp\""),
            "f:10: error: rule.transport = \"sctp\": allowed are \"udp\", \"tcp\"\n");
}

TEST(SettingsRules, SoManyNetworksAreAllowedAndNotOneMore) {
  std::string list = "source = [";
  for (size_t i = 0; i < kNetworksMax; ++i) list += "\n\"192.0.2.1\",";
  EXPECT_EQ(ErrorOf(list + "]"), "");
  EXPECT_EQ(ErrorOf(list + "\n\"192.0.2.1\"]"),
            "f:10: error: rule.source = an array of 257: allowed are 1..256 networks\n");
}

TEST(SettingsRules, WhatTheySetIsReadOrRefused) {
  EXPECT_EQ(ErrorOf("sec_agree = \"no\""),
            "f:10: error: rule.sec_agree = \"no\": allowed are \"require\", \"prefer\", \"off\"\n");
  EXPECT_EQ(ErrorOf("security_server = 1"),
            "f:10: error: rule.security_server = 1: this is an integer; allowed are \"static\", "
            "\"selected\"\n");
  EXPECT_EQ(ErrorOf("temporary_timeout = 0"),
            "f:10: error: rule.temporary_timeout = 0: allowed are 1..3600 (seconds)\n");
  EXPECT_EQ(ErrorOf("udp_request_size_max = 65536"),
            "f:10: error: rule.udp_request_size_max = 65536: allowed are 0..65535 (bytes; 0: TCP "
            "first, 65535: UDP)\n");
  const std::string quirks = "allowed are \"answer_to_port_uc\", one or an array\n";
  EXPECT_EQ(ErrorOf("quirks = \"answer_to_port_uc\""), "");
  EXPECT_EQ(ErrorOf("quirks = [\"answer_to_port_uc\",\n\"slow\"]"),
            "f:11: error: rule.quirks = \"slow\": " + quirks);
  EXPECT_EQ(ErrorOf("quirks = 1"), "f:10: error: rule.quirks = 1: " + quirks);
}

TEST(SettingsRules, IpsecCreateIsATableOfItsThreeParameters) {
  EXPECT_EQ(ErrorOf("ipsec_create = 6100"),
            "f:10: error: rule.ipsec_create = 6100: allowed is {port_server = PORT, port_client = "
            "PORT, algos = \"...\"}, any of them\n");
  EXPECT_EQ(ErrorOf("ipsec_create = {port = 6100}"),
            "f:10: error: unknown key \"port\" in rule.ipsec_create: it belongs into [ipsec]\n");
  EXPECT_EQ(ErrorOf("ipsec_create = {algo = \"null\"}"),
            "f:10: error: unknown key \"algo\" in rule.ipsec_create: did you mean \"algos\"?\n");
  EXPECT_EQ(ErrorOf("ipsec_create = {port_server = 0}"),
            "f:10: error: rule.ipsec_create.port_server = 0: a port is 1..65535\n");
  EXPECT_EQ(ErrorOf("ipsec_create = {algos = \"rot13\"}"),
            "f:10: error: rule.ipsec_create.algos = \"rot13\": \"rot13\" is no algorithm: "
            "hmac-md5-96, hmac-sha-1-96, aes-gmac, des-ede3-cbc, aes-cbc, aes-gcm, null or a pair "
            "integrity=encryption\n");
  EXPECT_EQ(ErrorOf("[rule.ipsec_create]\nport_server = 6100"), "");
}

TEST(SettingsRules, APortIsOneOfTheSockets) {
  EXPECT_EQ(ErrorOf("ipsec_create = {port_server = 6101}"),
            "f:10: error: rule.ipsec_create.port_server = 6101: no socket has it; the ports of "
            "ipsec.socket are 5100, 6100\n");
  EXPECT_EQ(ErrorOf("ipsec_create = {port_client = 6101}"),
            "f:10: error: rule.ipsec_create.port_client = 6101: no socket has it; the ports of "
            "ipsec.socket are 5100, 6100\n");
}

TEST(SettingsRules, TheTwoPortsDifferWhereverTheyComeFrom) {
  EXPECT_EQ(ErrorOf("ipsec_create = {port_client = 6100, port_server = 6100}"),
            "f:10: error: rule.ipsec_create.port_client = port_server = 6100: they must differ (TS "
            "33.203 7.1)\n");
  const std::string with_client = std::string(kGood).replace(8, 0, "default_client_port = 5100\n");
  EXPECT_EQ(
      ParseSettings(with_client + "[[rule]]\nipsec_create = {port_server = 5100}\n").Report("f"),
      "f:10: error: rule.ipsec_create.port_server = ipsec.default_client_port = 5100: they must "
      "differ (TS 33.203 7.1)\n");
  EXPECT_EQ(ParseSettings(with_client +
                          "[[rule]]\nipsec_create = {port_server = 5100, port_client = 6100}\n")
                .Report("f"),
            "");
  const std::string with_server = std::string(kGood).replace(8, 0, "default_server_port = 6100\n");
  EXPECT_EQ(
      ParseSettings(with_server + "[[rule]]\nipsec_create = {port_client = 6100}\n").Report("f"),
      "f:10: error: rule.ipsec_create.port_client = ipsec.default_server_port = 6100: they must "
      "differ (TS 33.203 7.1)\n");
}

TEST(SettingsRules, DeprecatedAlgorithmsLeaveTheirListsToo) {
  const std::string strict =
      std::string(kGood).replace(8, 0, "disable_deprecated_algorithms = true\n");
  const std::string rule = "[[rule]]\nipsec_create = {algos = \"";
  const SettingsResult result = ParseSettings(strict + rule + "aes-gcm,hmac-sha-1-96\"}\n");
  ASSERT_EQ(result.Report("f"), "");
  EXPECT_EQ(result.settings.rules[0].algos->pairs().size(), 1u);
  EXPECT_EQ(ParseSettings(strict + rule + "hmac-sha-1-96\"}\n").Report("f"),
            "f:10: error: ipsec.disable_deprecated_algorithms leaves nothing of "
            "rule.ipsec_create.algos: not deprecated are null=aes-gcm and aes-gmac=null\n");
}

TEST(SettingsRules, UnknownKeysAreNamedWithAHint) {
  EXPECT_EQ(ErrorOf("useragent = \"x\""),
            "f:10: error: unknown key \"useragent\" in [[rule]]: did you mean \"user_agent\"?\n");
  EXPECT_EQ(ErrorOf("min_spi = 300"),
            "f:10: error: unknown key \"min_spi\" in [[rule]]: it belongs into [ipsec]\n");
  EXPECT_EQ(ErrorOf("colour = 3"),
            "f:10: error: unknown key \"colour\" in [[rule]]: the keys of [[rule]] are source, "
            "realm, user_agent, impi, transport, ipsec_create, sec_agree, security_server, "
            "temporary_timeout, udp_request_size_max, quirks\n");
}

TEST(SettingsRules, OneTableAloneIsNoList) {
  EXPECT_EQ(ReportOf("[rule]\nrealm = \"a\"\n"),
            "f:8: error: [rule]: there may be several such tables, written [[rule]]\n");
}

TEST(SettingsRules, OneThatCannotBeReachedIsRemarkedOn) {
  EXPECT_EQ(ReportOf("[[rule]]\n[[rule]]\nrealm = \"a\"\n"),
            "f:9: warning: [[rule]]: it is never reached: the one in line 8 matches every phone\n");
  EXPECT_EQ(ReportOf("[[rule]]\nrealm = 3\n[[rule]]\nrealm = \"a\"\n"),
            "f:9: error: rule.realm = 3: this is an integer; a string is allowed, with * for any "
            "text and ? for a character\n");
}

TEST(SettingsRules, SoManyAreAllowedAndNotOneMore) {
  std::string rules;
  for (size_t i = 0; i < kRulesMax; ++i) rules += "[[rule]]\nrealm = \"a\"\n";
  EXPECT_EQ(ReportOf(rules), "");
  EXPECT_EQ(ReportOf(rules + "[[rule]]\nrealm = \"a\"\n"),
            "f:136: error: [[rule]]: at most 64 are allowed\n");
}

// Only one worker has a port that a rule names, and only one knows a phone in clear.
TEST(SettingsRules, CountForWorkers) {
  const std::string four =
      "[process]\nworkers = 2\n[ipsec]\nsocket = [\"ipsec:192.0.2.10:6101\", "
      "\"ipsec:192.0.2.10:6102\", \"ipsec:192.0.2.10:6103\", \"ipsec:192.0.2.10:6104\"]\n"
      "[gm]\nlisten = \"192.0.2.10\"\n[core]\nlisten = \"198.51.100.10\"\n"
      "next_hop = \"198.51.100.20\"\n[[rule]]\n";
  EXPECT_EQ(ParseSettings(four).Report("f"), "");
  EXPECT_EQ(ParseSettings(four + "ipsec_create = {port_server = 6104}\n").Report("f"),
            "f:11: warning: rule.ipsec_create.port_server = 6104: one of 2 workers has it, the "
            "others take any port\n");
  EXPECT_EQ(ParseSettings(four + "ipsec_create = {port_client = 6104}\n").Report("f"),
            "f:11: warning: rule.ipsec_create.port_client = 6104: one of 2 workers has it, the "
            "others take any port\n");
  EXPECT_EQ(ParseSettings(four + "sec_agree = \"prefer\"\n").Report("f"),
            "f:2: error: process.workers = 2: only with sec_agree = \"require\": a phone in clear "
            "is known to one worker and may come to any\n");
  const std::string unset = four.substr(four.find("[ipsec]"));
  EXPECT_EQ(ParseSettings(unset + "ipsec_create = {port_server = 6104}\n").settings.process.workers,
            1u);
}

TEST(SettingsRules, PhonesThatMustAgreeNeedAPlaceToGoOn) {
  const std::string elsewhere =
      "[ipsec]\nsocket = [\"ipsec:192.0.2.11:5100\", \"ipsec:192.0.2.11:6100\"]\n[gm]\n"
      "listen = \"192.0.2.10\"\nsec_agree = \"off\"\n[core]\nlisten = \"198.51.100.10\"\n"
      "next_hop = \"198.51.100.20\"\n[[rule]]\n";
  EXPECT_EQ(ParseSettings(elsewhere).Report("f"), "");
  EXPECT_EQ(
      ParseSettings(elsewhere + "sec_agree = \"require\"\n").Report("f"),
      "f:4: error: gm.listen 192.0.2.10: no ipsec.socket is on 192.0.2.10, where phones would "
      "go on after the challenge\n");
}

}  // namespace
}  // namespace edge
