#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "edge/settings.h"
#include "edge/settings_names.h"
#include "tests/edge_settings_text.h"

namespace edge {
namespace {

using testing::HasSubstr;

std::string ReportOf(const std::string& table, const std::string& entry) {
  return With(table, entry).Report("f");
}

TEST(SettingsNames, AnUnknownKeyNamesTheNearest) {
  EXPECT_EQ(ReportOf("ipsec", "temporary_timout = 3"),
            "f:2: error: unknown key \"temporary_timout\" in [ipsec]: did you mean "
            "\"temporary_timeout\"?\n");
  EXPECT_THAT(ReportOf("core", "nexthop = \"a\""), HasSubstr("did you mean \"next_hop\"?"));
}

TEST(SettingsNames, AnUnknownKeyUnlikeAllListsThem) {
  EXPECT_THAT(ReportOf("gm", "colour = 3"),
              HasSubstr("unknown key \"colour\" in [gm]: the keys of [gm] are listen, sec_agree, "
                        "take_over, udp_request_size_max, service_route, anonymous_emergency, "
                        "emergency_numbers\n"));
}

TEST(SettingsNames, AKeyOfAnotherTableIsSentThere) {
  EXPECT_THAT(ReportOf("gm", "min_spi = 3"), HasSubstr("in [gm]: it belongs into [ipsec]\n"));
  EXPECT_THAT(ReportOf("log", "listen = 3"), HasSubstr("it belongs into [gm] or [core]\n"));
  EXPECT_EQ(ParseSettings("port = 5062\n" + std::string(kGood)).Report("f"),
            "f:1: error: unknown key \"port\" outside of all tables: it belongs into [ipsec]\n");
  EXPECT_THAT(ParseSettings("ipsec = 3\n" + std::string(kGood).substr(8)).Report("f"),
              HasSubstr("f:1: error: unknown key \"ipsec\" outside of all tables: the tables are "
                        "process, ipsec, gm, core, limits, journal, log, rule, header\n"));
}

TEST(SettingsNames, AnUnknownTableNamesTheNearestOrAll) {
  EXPECT_EQ(ReportOf("limit", "a = 1"),
            "f:8: error: unknown table \"limit\": did you mean \"limits\"?\n");
  EXPECT_EQ(ReportOf("admin", "a = 1"),
            "f:8: error: unknown table \"admin\": the tables are process, ipsec, gm, core, limits, "
            "journal, log, rule, header\n");
}

TEST(SettingsNames, ATableWrittenAsAnArrayIsOneError) {
  std::string text = kGood;
  text.replace(text.find("[gm]"), 4, "[[gm]]");
  EXPECT_EQ(ParseSettings(text).Report("f"),
            "f:3: error: [[gm]]: there is one such table, written [gm]\n");
}

TEST(SettingsNames, ATableWithinATableIsAnUnknownKey) {
  std::string text = kGood;
  text += "[core.tls]\na = 1\n";
  EXPECT_THAT(ParseSettings(text).Report("f"),
              HasSubstr("f:8: error: unknown key \"tls\" in [core]"));
}

}  // namespace
}  // namespace edge
