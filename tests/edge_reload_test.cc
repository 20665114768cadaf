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

std::string ReadDoc(const std::string& name) {
  std::ifstream file(std::string(GMEDGE_SOURCE_DIR) + "/docs/" + name);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty()) << name;
  return text.str();
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
  wanted.headers.resize(1);
  const Reload reload = PlanReload(Base(), wanted);
  EXPECT_EQ(reload.taken, (Names{"ipsec.allowed_algorithms", "core.orig_ioi", "limits.retry_after",
                                 "[[rule]]", "[[header]]"}));
  EXPECT_EQ(reload.refused, (Names{"ipsec.min_spi", "limits.connections_max"}));
  EXPECT_EQ(reload.settings.limits.retry_after_s, 77u);
  EXPECT_EQ(reload.settings.limits.connections_max, Base().limits.connections_max);
  EXPECT_EQ(reload.settings.ipsec.allowed_algorithms, wanted.ipsec.allowed_algorithms);
  EXPECT_EQ(reload.settings.ipsec.min_spi, Base().ipsec.min_spi);
  EXPECT_EQ(reload.settings.core.orig_ioi, "home");
  EXPECT_EQ(reload.settings.rules, wanted.rules);
  EXPECT_EQ(reload.settings.headers, wanted.headers);
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

// "table.key" of every setting that docs/gmedge.toml has.
Names DocumentedSettings() {
  const std::regex key_line("(^|\n)# ([a-z_]+ = |\\[\\[)");
  std::vector<TomlTable> tables;
  TomlError error;
  EXPECT_TRUE(
      ReadToml(std::regex_replace(ReadDoc("gmedge.toml"), key_line, "$1$2"), &tables, &error))
      << error.line << error.message;
  Names names;
  for (const TomlTable& table : tables) {
    if (table.is_array) continue;
    for (const TomlEntry& entry : table.entries) names.push_back(table.name + "." + entry.key);
  }
  EXPECT_GT(names.size(), 40u);
  return names;
}

std::optional<bool> MayChange(const std::string& name) {
  if (name == "ipsec.mark_mask") return true;  // Part of ipsec.mark.
  const size_t dot = name.find('.');
  return IsReloadable(name.substr(0, dot), name.substr(dot + 1));
}

// Every setting is compared, and the documented file names those that need a restart.
TEST(EdgeReload, TheSettingsFileSaysWhatNeedsARestart) {
  const std::string sample = ReadDoc("gmedge.toml");
  const std::string head = sample.substr(0, sample.find("\n\n"));
  for (const std::string& name : DocumentedSettings()) {
    ASSERT_TRUE(MayChange(name).has_value()) << name;
    const bool is_named = std::regex_search(head, std::regex("\\b" + name + "\\b[,.]"));
    EXPECT_NE(*MayChange(name), is_named) << name;
  }
}

// So does the table of docs/operating.md, which has them all.
TEST(EdgeReload, TheTableOfSettingsIsWhole) {
  const std::string table = ReadDoc("operating.md");
  for (const std::string& name : DocumentedSettings()) {
    std::smatch row;
    const std::regex wanted("\\| `" + name + "` \\|[^|]*\\|[^|]*\\| (R?) ?\\|");
    ASSERT_TRUE(std::regex_search(table, row, wanted)) << name;
    EXPECT_EQ(row[1] == "R", !*MayChange(name)) << name;
  }
}

}  // namespace
}  // namespace edge
