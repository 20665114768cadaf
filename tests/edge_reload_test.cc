#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "edge/reload.h"
#include "edge/settings_toml.h"

namespace edge {
namespace {

using Names = std::vector<std::string>;

Settings Base() {
  Settings settings;
  settings.process.workers = 1;
  return settings;
}

Rule Of(std::string_view impi, uint32_t timeout_s) {
  Rule rule;
  rule.impi = Glob::Parse(impi);
  rule.temporary_timeout_s = timeout_s;
  return rule;
}

TEST(EdgeReload, NothingChangedIsNothingTaken) {
  const Reload reload = PlanReload(Base(), Base());
  EXPECT_EQ(reload.taken, Names{});
  EXPECT_EQ(reload.refused, Names{});
}

TEST(EdgeReload, WhatCanChangeIsTakenAndWhatNeedsARestartNamed) {
  Settings wanted = Base();
  wanted.limits.retry_after_s = 77;
  wanted.limits.connections_max = 99;
  wanted.ipsec.allowed_algorithms = AlgorithmList::All().WithoutDeprecated();
  wanted.ipsec.min_spi = 999;
  wanted.core.orig_ioi = "home";
  wanted.rules = {Of("001*", 5)};
  const Reload reload = PlanReload(Base(), wanted);
  EXPECT_EQ(reload.taken,
            (Names{"ipsec.allowed_algorithms", "core.orig_ioi", "limits.retry_after", "[[rule]]"}));
  EXPECT_EQ(reload.refused, (Names{"ipsec.min_spi", "limits.connections_max"}));
  EXPECT_EQ(reload.settings.limits.retry_after_s, 77u);
  EXPECT_EQ(reload.settings.limits.connections_max, Base().limits.connections_max);
  EXPECT_EQ(reload.settings.ipsec.allowed_algorithms, wanted.ipsec.allowed_algorithms);
  EXPECT_EQ(reload.settings.ipsec.min_spi, Base().ipsec.min_spi);
  EXPECT_EQ(reload.settings.core.orig_ioi, "home");
  EXPECT_EQ(reload.settings.rules, wanted.rules);
}

// core.listen is kept twice.
TEST(EdgeReload, ASettingIsNamedOnce) {
  Settings wanted = Base();
  ASSERT_TRUE(reactor::ParseEndpoint("192.0.2.1:5070", 0, &wanted.core.listen));
  wanted.core.listens = {wanted.core.listen};
  EXPECT_EQ(PlanReload(Base(), wanted).refused, Names{"core.listen"});
}

// Phones in clear are known to one worker only (design D6), and the workers stay.
TEST(EdgeReload, NoPhonesInClearBesideSeveralWorkers) {
  Settings running = Base();
  running.process.workers = 2;
  Settings wanted = Base();
  wanted.gm.sec_agree = SecAgree::kPrefer;
  const Reload reload = PlanReload(running, wanted);
  EXPECT_EQ(reload.taken, Names{});
  EXPECT_EQ(reload.refused, (Names{"process.workers", "gm.sec_agree"}));

  wanted.gm.sec_agree = SecAgree::kRequire;
  wanted.rules = {Of("001*", 5)};
  wanted.rules[0].sec_agree = SecAgree::kOff;
  EXPECT_EQ(PlanReload(running, wanted).refused, (Names{"process.workers", "[[rule]]"}));
  wanted.rules[0].sec_agree.reset();
  EXPECT_EQ(PlanReload(running, wanted).taken, Names{"[[rule]]"});
}

// Which algorithms the device can do was asked at start.
TEST(EdgeReload, NoOtherAlgorithmsBesideAnOffloadDevice) {
  Settings running = Base();
  running.ipsec.offload = xfrm::OffloadKind::kCrypto;
  Settings wanted = running;
  wanted.ipsec.allowed_algorithms = AlgorithmList::All().WithoutDeprecated();
  EXPECT_EQ(PlanReload(running, wanted).refused, Names{"ipsec.allowed_algorithms"});
}

TEST(EdgeReload, APhoneStaysWithTheRuleThatAsksTheSameOfIt) {
  const std::vector<Rule> before = {Of("001*", 5), Of("002*", 6), Of("003*", 7)};
  const std::vector<Rule> now = {Of("003*", 70), Of("001*", 5)};
  EXPECT_EQ(MapRules(before, now), (std::vector<RuleIndex>{0, 2, 0, 1}));
  EXPECT_EQ(MapRules({}, now), std::vector<RuleIndex>{0});
}

// Every setting of docs/gmedge.toml is compared, and the file says of each whether it needs a
// restart.
TEST(EdgeReload, TheDocumentedSettingsSayWhatNeedsARestart) {
  std::ifstream file(std::string(GMEDGE_SOURCE_DIR) + "/docs/gmedge.toml");
  std::stringstream text;
  text << file.rdbuf();
  const std::string sample = text.str();
  ASSERT_FALSE(sample.empty());
  const std::string head = sample.substr(0, sample.find("\n\n"));

  std::vector<TomlTable> tables;
  TomlError error;
  const std::regex key_line("(^|\n)# ([a-z_]+ = )");
  ASSERT_TRUE(ReadToml(std::regex_replace(sample, key_line, "$1$2"), &tables, &error))
      << error.line << error.message;
  int keys = 0;
  for (const TomlTable& table : tables) {
    if (table.is_array) continue;
    for (const TomlEntry& entry : table.entries) {
      if (table.name == "ipsec" && entry.key == "mark_mask") continue;  // Part of ipsec.mark.
      const std::string name = table.name + "." + entry.key;
      ++keys;
      const std::optional<bool> is_reloadable = IsReloadable(table.name, entry.key);
      ASSERT_TRUE(is_reloadable.has_value()) << name;
      const bool is_named = std::regex_search(head, std::regex("\\b" + name + "\\b[,.]"));
      EXPECT_NE(*is_reloadable, is_named) << name;
    }
  }
  EXPECT_GT(keys, 40);
}

}  // namespace
}  // namespace edge
