// Simulated runs (docs/simulator.md): a slice of seeds in which all must hold, a few that nobody
// has seen before, and what makes a run worth the name: it repeats, something happens in it, and
// what does not hold is found and made small.
#include <gtest/gtest.h>
#include <sodium.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <random>

#include "tools/sim_run.h"
#include "tools/sim_shrink.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GMEDGE_SLOW_BUILD
#endif
#endif

namespace tools {
namespace {

#ifdef GMEDGE_SLOW_BUILD
constexpr uint64_t kSeeds = 4;
constexpr uint32_t kHours = 2;
constexpr int kRandomSeeds = 1;
#else
constexpr uint64_t kSeeds = 40;
constexpr uint32_t kHours = 6;
constexpr int kRandomSeeds = 4;
#endif
constexpr uint32_t kPhones = 24;

class ToolsSimRun : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ASSERT_GE(sodium_init(), 0);
    spdlog::set_level(spdlog::level::off);
  }
  static SimResult Run(const SimPlan& plan) { return SimRun(plan).Run(); }
};

TEST_F(ToolsSimRun, NothingIsViolatedInAFixedSlice) {
  SimResult sum;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const bool is_swarm = seed % 2 == 0;
    const SimResult result = Run(MakePlan(seed, kPhones, kHours, is_swarm));
    ASSERT_EQ(result.violation, "")
        << "gmsim --seed " << seed << " --hours " << kHours << (is_swarm ? " --swarm" : "");
    sum.starts += result.starts;
    sum.starts_failed += result.starts_failed;
    sum.power_losses += result.power_losses;
    sum.promises_checked += result.promises_checked;
    edge::Add(result.stats, &sum.stats);
  }
  // A run in which nothing happens shows nothing.
  const uint64_t hours = kSeeds * kHours;
  EXPECT_GE(sum.stats.registrations, 40 * hours);
  EXPECT_GE(sum.stats.refreshes, 10 * hours);
  EXPECT_GE(sum.starts, hours / 2);
  EXPECT_GE(sum.promises_checked, 8 * hours);
  EXPECT_GE(sum.stats.restored_sets, 4 * hours);
#ifndef GMEDGE_SLOW_BUILD
  EXPECT_GE(sum.power_losses, 20u);
  EXPECT_GE(sum.starts_failed, 50u);
  EXPECT_GE(sum.stats.deregistrations, hours);
  EXPECT_GE(sum.stats.sets_unknown, 20u);
  EXPECT_GE(sum.stats.sets_refused, 20u);
  EXPECT_GE(sum.stats.journal_failed, 20u);
  EXPECT_GE(sum.stats.superseded, 5u);
  EXPECT_GE(sum.stats.superseded_at_address, 5u);
#endif
}

TEST_F(ToolsSimRun, NothingIsViolatedInRunsThatNobodyHasSeenBefore) {
  std::random_device device;
  for (int i = 0; i < kRandomSeeds; ++i) {
    const uint64_t seed = device();
    std::printf("gmsim --seed %llu --hours %u --swarm\n", static_cast<unsigned long long>(seed),
                kHours);
    std::fflush(stdout);
    EXPECT_EQ(Run(MakePlan(seed, kPhones, kHours, true)).violation, "");
  }
}

TEST_F(ToolsSimRun, ASeedGivesTheSameRunEachTime) {
  const SimPlan plan = MakePlan(7, kPhones, kHours, true);
  std::vector<std::string> once;
  std::vector<std::string> again;
  const SimResult first = SimRun(plan, &once).Run();
  const SimResult second = SimRun(plan, &again).Run();
  EXPECT_EQ(first.digest, second.digest);
  EXPECT_EQ(first.step, second.step);
  EXPECT_GT(once.size(), 1000u);
  EXPECT_EQ(once, again);
  EXPECT_NE(Run(MakePlan(8, kPhones, kHours, true)).digest, first.digest);
}

// What is expected of the SPI pool is more than it was asked for.
SimPlan ViolatedPlan() {
  SimPlan plan = MakePlan(3, 8, kHours, false);
  plan.settings.ipsec.max_spi = 255 + 40;
  plan.rest_ms = 3'600'000;
  return plan;
}

TEST_F(ToolsSimRun, WhatDoesNotHoldIsSaidWithItsStep) {
  const SimResult result = Run(ViolatedPlan());
  EXPECT_EQ(result.violation, "an SPI is given out within its quarantine");
  EXPECT_GT(result.step, 0u);
  EXPECT_GT(result.at_ms, 0u);
}

TEST_F(ToolsSimRun, ARunInWhichSomethingDoesNotHoldIsMadeSmall) {
  const SimPlan plan = ViolatedPlan();
  std::vector<std::string> trace;
  const SimResult found = SimRun(plan, &trace).Run();
  const SimPlan small = Shrink(plan, found, 150);
  std::vector<std::string> small_trace;
  const SimResult again = SimRun(small, &small_trace).Run();
  EXPECT_EQ(again.violation, found.violation);
  EXPECT_LT(small_trace.size(), trace.size());
  EXPECT_GT(small.phones_out.size(), 0u);
  uint32_t weights = 0;
  for (const uint32_t weight : small.weights) weights += weight;
  EXPECT_LT(weights, kSimFaults);
}

}  // namespace
}  // namespace tools
