#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tools/ue_report.h"

namespace tools {
namespace {

using testing::HasSubstr;

FleetReport Sample() {
  FleetReport report;
  report.phones = 3;
  report.registered = 2;
  report.finished = 2;
  report.failed = 1;
  report.security = "none";
  report.failures["register: refused 403"] = 1;
  report.algorithms["null=aes-gcm"] = 2;
  Latencies& latencies = report.latencies[static_cast<size_t>(Step::kRegister)];
  latencies.Add(2000);
  latencies.Add(1000);
  return report;
}

TEST(UeReport, PercentilesAreNearestRank) {
  Latencies latencies;
  EXPECT_EQ(latencies.PercentileMs(50), 0);
  for (uint64_t i = 100; i > 0; --i) latencies.Add(i * 1000);
  EXPECT_EQ(latencies.PercentileMs(50), 50);
  EXPECT_EQ(latencies.PercentileMs(99), 99);
  EXPECT_EQ(latencies.PercentileMs(100), 100);
  EXPECT_EQ(latencies.PercentileMs(0), 1);
  latencies.Add(500);  // After it was asked.
  EXPECT_EQ(latencies.PercentileMs(0), 0.5);
}

TEST(UeReport, IsRightWhenAllFinished) {
  FleetReport report = Sample();
  EXPECT_FALSE(report.Ok());
  report.finished = 3;
  EXPECT_TRUE(report.Ok());
  report.violations["401: ik or ck leaks to the phone"] = 1;
  EXPECT_FALSE(report.Ok());
}

TEST(UeReport, IsRightWhenAllFailedAsExpected) {
  FleetReport report = Sample();
  report.expect_failure = true;
  EXPECT_FALSE(report.Ok());
  report.failed = 3;
  EXPECT_TRUE(report.Ok());
}

TEST(UeReport, TableTellsWhatHappened) {
  const std::string table = Sample().Table();
  EXPECT_THAT(table, HasSubstr("gmue: NOT as expected"));
  EXPECT_THAT(table, HasSubstr("1  register: refused 403"));
  EXPECT_THAT(table, HasSubstr("2  null=aes-gcm"));
  EXPECT_THAT(table, HasSubstr("register                       2       1.00       2.00"));
}

TEST(UeReport, JsonTellsTheSame) {
  const nlohmann::json json = nlohmann::json::parse(Sample().Json());
  EXPECT_EQ(json.at("ok"), false);
  EXPECT_EQ(json.at("phones"), 3);
  EXPECT_EQ(json.at("failures").at("register: refused 403"), 1);
  EXPECT_EQ(json.at("steps").at("register").at("count"), 2);
  EXPECT_EQ(json.at("steps").at("register").at("median_ms"), 1.0);
  EXPECT_EQ(json.at("steps").at("register").at("max_ms"), 2.0);
  EXPECT_FALSE(json.at("steps").contains("message"));
}

}  // namespace
}  // namespace tools
