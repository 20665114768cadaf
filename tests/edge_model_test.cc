// Random walks: phones, a core, a kernel and a network that all do as they like, and what must hold
// after every step whatever they do. A walk is told by its seed, and repeats.

#include "tests/edge_model.h"

#include <gtest/gtest.h>

#include "edge/reg_events.h"
#include "tools/sim_heard.h"
#include "tools/sim_tables.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GMEDGE_SLOW_BUILD
#endif
#endif

namespace edge {
namespace {

#ifdef GMEDGE_SLOW_BUILD
constexpr int kWalks = 6;
constexpr int kStepsPerWalk = 6'000;
#else
constexpr int kWalks = 18;
constexpr int kStepsPerWalk = 60'000;
static_assert(kWalks * kStepsPerWalk >= 1'000'000);
#endif
constexpr int kPhones = 24;
constexpr int kStepsPerScan = 64;
constexpr size_t kFlightMax = 128;
constexpr uint32_t kSpiMin = 256;
constexpr uint32_t kSpiMax = 351;  // 48 pairs: fewer than there may be sets.

Settings ModelSettings(int walk) {
  Settings settings = StepSettings(2 + walk % 2);
  settings.core.reg_event = walk % 3 != 0;
  settings.gm.take_over = walk % 4 != 0;
  return settings;
}

class Walk {
 public:
  explicit Walk(int seed)
      : chance_(static_cast<uint64_t>(seed)),
        core_(&chance_),
        world_(ModelSettings(seed), kSpiMin, kSpiMax) {
    for (int i = 0; i < kPhones; ++i) phones_.emplace_back(i, &chance_);
    world_.set_watch([this](const Flow& to, const Sent& sent) {
      ExpectNone(tools::CheckSend(&world_.core(), world_.side(to.port), to, sent.text));
    });
  }

  // Stops at the first step after which something does not hold.
  void Run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
      Step();
      CheckStep();
      if (i % kStepsPerScan == 0) Scan();
      if (testing::Test::HasFailure()) ADD_FAILURE() << "at step " << i;
    }
    if (!testing::Test::HasFailure()) End();
  }
  const Stats& stats() { return world_.core().stats(); }

 private:
  void Step() {
    const uint64_t what = chance_.Below(100);
    if (what < 82 && !flight_.empty()) return DeliverOne();
    if (what < 91) return Launch(phones_[chance_.Below(phones_.size())].Act());
    if (what < 93) return Launch({std::string(kIcscf), std::string(kCore), core_.CallPhone().text});
    if (what < 95) return Launch({std::string(kIcscf), std::string(kCore), core_.TellPhone().text});
    if (what < 99) return Pass();
    Kernel();
  }

  void Launch(InFlight message) {
    if (message.text.empty() || flight_.size() >= kFlightMax || chance_.Percent(4)) return;
    if (chance_.Percent(5)) flight_.push_back(message);
    flight_.push_back(std::move(message));
  }

  // Out of order, by a few.
  void DeliverOne() {
    const size_t index = chance_.Below(std::min<size_t>(flight_.size(), 8));
    const InFlight message = std::move(flight_[index]);
    flight_.erase(flight_.begin() + static_cast<ptrdiff_t>(index));
    if (message.to != kCore && message.to.starts_with("10.")) {
      return Launch({std::string(kIcscf), std::string(kCore), core_.Hear(message.text)});
    }
    for (ModelPhone& phone : phones_) {
      if (phone.IsAt(message.to)) return Launch(phone.Hear(message));
    }
    ToEdge(message);
  }

  void ToEdge(const InFlight& message) {
    heard_.Before({world_.PortAt(message.to), At(message.from)}, message.text);
    world_.Receive(message.from, message.to, message.text);
    CheckHeard(message);
    world_.Settle();
    Collect();
  }

  void Collect() {
    while (!world_.sent().empty()) {
      const Sent sent = world_.Pop();
      Launch({sent.from, sent.to, sent.text});
    }
  }

  void Pass() {
    static constexpr uint64_t kShort[] = {1, 20, 20, 500, 500, 1'000, 2'000};
    static constexpr uint64_t kLong[] = {10'000, 31'000, 31'000, 128'000, 900'000};
    world_.Advance(chance_.Percent(4) ? kLong[chance_.Below(std::size(kLong))]
                                      : kShort[chance_.Below(std::size(kShort))]);
    Collect();
  }

  void Kernel() {
    static constexpr std::errc kErrors[] = {std::errc::operation_not_permitted,
                                            std::errc::file_exists, std::errc::not_enough_memory};
    switch (chance_.Below(16)) {
      case 0: {
        const std::errc error = kErrors[chance_.Below(std::size(kErrors))];
        const int ordinal = static_cast<int>(chance_.Below(6));
        world_.kernel().SetFault(
            [=](uint16_t, int number) { return number == ordinal ? error : std::errc{}; });
        return;
      }
      case 1:
        return world_.kernel().DropNextAnswers(1);
      case 2:
        return world_.kernel().HoldAnswers(true);
      case 3:
        return world_.set_kernel_deaf(true);
      default:
        return Mend();
    }
  }
  void Mend() {
    world_.kernel().SetFault(nullptr);
    world_.set_kernel_deaf(false);
    world_.ReleaseAnswers();
    Collect();
  }

  // --- What holds ---

  static void ExpectNone(const std::string& wrong) { EXPECT_EQ(wrong, ""); }

  void CheckHeard(const InFlight& message) {
    ExpectNone(heard_.After(message.text));
    const bool is_request = StatusOf(message.text) == 0;
    const bool is_protected = message.to.find(":61") != std::string::npos;
    for (const Sent& sent : world_.sent()) {
      if (sent.from != kCore || !is_request || !is_protected) continue;
      ExpectNone(heard_.Forwarded(message.text, sent.text));
    }
  }
  void CheckStep() {
    ExpectNone(tools::CheckBounds(&world_.core(), kPhones, world_.spis().capacity()));
  }
  void Scan() {
    world_.Forget();
    heard_.Forget();
    edge::Core* const core = &world_.core();
    ExpectNone(tables_.Scan({&core, 1}, world_.spis(), world_.kernel()));
  }

  // With a kernel that works again, and nobody who says anything more, all goes back to where it
  // came from.
  void End() {
    Mend();
    flight_.clear();
    for (int i = 0; i < 100; ++i) {
      world_.Advance(100'000);
      Collect();
      flight_.clear();
    }
    Scan();
    Registrar& registrar = world_.core().registrar();
    EXPECT_EQ(world_.kernel().sa_count(), 0u);
    EXPECT_EQ(registrar.sets().in_use(), 0u);
    EXPECT_EQ(registrar.bindings().in_use(), 0u);
    EXPECT_EQ(world_.core().transactions(), 0u);
    EXPECT_EQ(world_.core().registers_under_way(), 0u);
    EXPECT_EQ(world_.core().reg_events().subscriptions().in_use(), 0u);
  }

  Chance chance_;
  ModelCore core_;
  World world_;
  std::vector<ModelPhone> phones_;
  std::vector<InFlight> flight_;
  tools::HeardCheck heard_{&world_.core()};
  tools::TableCheck tables_;
};

class EdgeModel : public testing::TestWithParam<int> {};

TEST_P(EdgeModel, WhatMustHoldHoldsAfterEveryStep) {
  Walk walk(GetParam());
  walk.Run(kStepsPerWalk);
  // A walk in which nothing happens shows nothing.
  const Stats& stats = walk.stats();
  const auto often = [](uint64_t count, int steps) {
    return count >= static_cast<uint64_t>(kStepsPerWalk / steps);
  };
  EXPECT_TRUE(often(stats.registrations, 2000)) << stats.registrations;
  EXPECT_TRUE(often(stats.refreshes, 8000)) << stats.refreshes;
  EXPECT_TRUE(often(stats.deregistrations, 12000)) << stats.deregistrations;
  EXPECT_TRUE(often(stats.sets_timed_out, 4000)) << stats.sets_timed_out;
  EXPECT_TRUE(often(stats.sets_refused + stats.sets_unknown, 8000)) << stats.sets_refused;
  EXPECT_TRUE(often(stats.drop_not_carried, 8000)) << stats.drop_not_carried;
  EXPECT_TRUE(often(stats.drop_no_set, 4000)) << stats.drop_no_set;
}

INSTANTIATE_TEST_SUITE_P(Seeds, EdgeModel, testing::Range(1, kWalks + 1));

}  // namespace
}  // namespace edge
