#include <gtest/gtest.h>

#include "edge/rules.h"
#include "edge/settings.h"
#include "tests/edge_values.h"

namespace edge {
namespace {

Glob GlobOf(std::string_view text) {
  return *Glob::Parse(text);
}

Network NetworkOf(std::string_view text) {
  Network network;
  EXPECT_EQ(ParseNetwork(text, &network), NetworkError::kOk) << text;
  return network;
}

AlgorithmList Algos(std::string_view text) {
  AlgorithmList list;
  std::string error;
  std::string warning;
  EXPECT_TRUE(ParseAlgorithmList(text, &list, &error, &warning)) << error;
  return list;
}

struct Asked {
  std::string source = "198.51.100.77:5060";
  std::string realm = "ims.example";
  std::string user_agent = "Phone/1.0";
  std::string impi = "001@ims.example";
  Transport transport = Transport::kUdp;
};

RuleIndex Find(const std::vector<Rule>& rules, const Asked& asked) {
  const reactor::Endpoint source = At(asked.source);
  return FindRule(rules, {source, asked.realm, asked.user_agent, asked.impi, asked.transport});
}

TEST(Rules, WithoutAnyThereIsNone) {
  EXPECT_EQ(Find({}, {}), 0);
}

TEST(Rules, OneThatAsksNothingMatchesEverybody) {
  EXPECT_TRUE(Rule().matches_all());
  EXPECT_EQ(Find({Rule()}, {}), 1);
}

TEST(Rules, MatchBySourceNetwork) {
  Rule rule;
  rule.sources = {NetworkOf("198.51.100.0/24"), NetworkOf("2001:db8::/32")};
  EXPECT_FALSE(rule.matches_all());
  EXPECT_EQ(Find({rule}, {}), 1);
  EXPECT_EQ(Find({rule}, {.source = "[2001:db8::77]:5060"}), 1);
  EXPECT_EQ(Find({rule}, {.source = "198.51.101.77:5060"}), 0);
  EXPECT_EQ(Find({rule}, {.source = "[2001:db9::77]:5060"}), 0);
}

TEST(Rules, MatchByRealm) {
  Rule rule;
  rule.realm = GlobOf("ims.example");
  EXPECT_FALSE(rule.matches_all());
  EXPECT_EQ(Find({rule}, {}), 1);
  EXPECT_EQ(Find({rule}, {.realm = "IMS.EXAMPLE"}), 1);
  EXPECT_EQ(Find({rule}, {.realm = "ims.example.org"}), 0);
  EXPECT_EQ(Find({rule}, {.realm = ""}), 0);
}

TEST(Rules, MatchByUserAgent) {
  Rule rule;
  rule.user_agent = GlobOf("phone/1.*");
  EXPECT_FALSE(rule.matches_all());
  EXPECT_EQ(Find({rule}, {}), 1);
  EXPECT_EQ(Find({rule}, {.user_agent = "Phone/2.0"}), 0);
  EXPECT_EQ(Find({rule}, {.user_agent = ""}), 0);
  rule.user_agent = GlobOf("");
  EXPECT_EQ(Find({rule}, {.user_agent = ""}), 1);
}

TEST(Rules, MatchByImpi) {
  Rule rule;
  rule.impi = GlobOf("00?@*");
  EXPECT_FALSE(rule.matches_all());
  EXPECT_EQ(Find({rule}, {}), 1);
  EXPECT_EQ(Find({rule}, {.impi = "0010@ims.example"}), 0);
}

TEST(Rules, MatchByTransport) {
  Rule rule;
  rule.transport = Transport::kTcp;
  EXPECT_FALSE(rule.matches_all());
  EXPECT_EQ(Find({rule}, {}), 0);
  EXPECT_EQ(Find({rule}, {.transport = Transport::kTcp}), 1);
}

TEST(Rules, AllThatIsAskedMustHold) {
  Rule rule;
  rule.realm = GlobOf("ims.*");
  rule.user_agent = GlobOf("Phone*");
  EXPECT_EQ(Find({rule}, {}), 1);
  EXPECT_EQ(Find({rule}, {.realm = "x"}), 0);
  EXPECT_EQ(Find({rule}, {.user_agent = "x"}), 0);
}

TEST(Rules, TheFirstThatMatchesCounts) {
  Rule first;
  first.user_agent = GlobOf("Old*");
  Rule second;
  second.impi = GlobOf("001*");
  EXPECT_EQ(Find({first, second, Rule()}, {.user_agent = "Old/1"}), 1);
  EXPECT_EQ(Find({first, second, Rule()}, {}), 2);
  EXPECT_EQ(Find({first, second, Rule()}, {.impi = "2"}), 3);
}

TEST(Rules, WhatARuleDoesNotSetIsAsTheSettingsHaveIt) {
  Settings settings;
  settings.gm.sec_agree = SecAgree::kPrefer;
  settings.gm.udp_request_size_max = 1000;
  settings.ipsec.default_server_port = 6100;
  settings.ipsec.temporary_timeout_s = 7;
  settings.ipsec.allowed_algorithms = Algos("null=aes-gcm");
  settings.rules.resize(1);
  const Policy common = PolicyOf(settings, 1);
  EXPECT_EQ(common.sec_agree, SecAgree::kPrefer);
  EXPECT_EQ(common.security_server, SecurityServer::kStatic);
  EXPECT_EQ(common.port_server, 6100);
  EXPECT_EQ(common.port_client, std::nullopt);
  EXPECT_EQ(common.temporary_timeout_s, 7u);
  EXPECT_EQ(common.algorithms.pairs().size(), 1u);
  EXPECT_EQ(UdpRequestSizeMax(settings, 1), 1000u);

  Rule& rule = settings.rules[0];
  rule.sec_agree = SecAgree::kRequire;
  rule.security_server = SecurityServer::kSelected;
  rule.port_server = 6101;
  rule.port_client = 5101;
  rule.temporary_timeout_s = 8;
  rule.algos = Algos("hmac-sha-1-96");
  rule.udp_request_size_max = 0;
  const Policy own = PolicyOf(settings, 1);
  EXPECT_EQ(own.sec_agree, SecAgree::kRequire);
  EXPECT_EQ(own.security_server, SecurityServer::kSelected);
  EXPECT_EQ(own.port_server, 6101);
  EXPECT_EQ(own.port_client, 5101);
  EXPECT_EQ(own.temporary_timeout_s, 8u);
  EXPECT_EQ(own.algorithms.pairs().size(), 3u);
  EXPECT_EQ(UdpRequestSizeMax(settings, 1), 0u);
  EXPECT_EQ(UdpRequestSizeMax(settings, 0), 1000u);
  EXPECT_EQ(AllAlgorithms(settings).pairs().size(), 4u);
}

TEST(Rules, ClearIsAllowedWhereAnyRuleAllowsIt) {
  Settings settings;
  settings.rules.resize(2);
  EXPECT_FALSE(AllowsClear(settings));
  settings.rules[1].sec_agree = SecAgree::kPrefer;
  EXPECT_TRUE(AllowsClear(settings));
  settings.rules[1].sec_agree = SecAgree::kRequire;
  EXPECT_FALSE(AllowsClear(settings));
  settings.gm.sec_agree = SecAgree::kOff;
  EXPECT_TRUE(AllowsClear(settings));
}

}  // namespace
}  // namespace edge
