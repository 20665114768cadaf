#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "reactor/timer_wheel.h"

namespace reactor {
namespace {

constexpr uint64_t kReach = uint64_t{1} << 42;  // 64^7.

std::vector<uint32_t> Fired(TimerWheel* wheel, uint64_t now_ms) {
  std::vector<uint32_t> indices;
  wheel->Advance(now_ms, [&](Timer* timer) {
    EXPECT_FALSE(timer->armed());
    indices.push_back(timer->index);
  });
  return indices;
}

using Indices = std::vector<uint32_t>;

TEST(ReactorTimerWheel, FiresAtItsTimeAndNotBefore) {
  // Each distance lies on another level.
  for (const uint64_t distance :
       {uint64_t{1}, uint64_t{63}, uint64_t{64}, uint64_t{5000}, uint64_t{300'000},
        uint64_t{1} << 30, uint64_t{1} << 38, kReach - 1, kReach, kReach * 3 + 17}) {
    const uint64_t start = 1'700'000'000'123;
    TimerWheel wheel(start);
    Timer timer;
    timer.index = 7;
    wheel.Arm(&timer, start + distance);
    EXPECT_TRUE(timer.armed());
    EXPECT_LE(wheel.NextExpiry(), start + distance);
    EXPECT_EQ(Fired(&wheel, start + distance - 1), Indices{}) << distance;
    EXPECT_EQ(Fired(&wheel, start + distance), Indices{7}) << distance;
    EXPECT_EQ(wheel.armed_count(), 0u);
    EXPECT_EQ(wheel.NextExpiry(), TimerWheel::kNever);
  }
}

TEST(ReactorTimerWheel, FiresInOrderOfExpiryThenOfArming) {
  TimerWheel wheel(1000);
  Timer timers[5];
  const uint64_t expiries[5] = {90'000, 1001, 5000, 90'000, 1001};
  for (uint32_t i = 0; i < 5; ++i) {
    timers[i].index = i;
    wheel.Arm(&timers[i], expiries[i]);
  }
  EXPECT_EQ(Fired(&wheel, 100'000), (Indices{1, 4, 2, 0, 3}));
}

TEST(ReactorTimerWheel, WhatIsArmedLateFiresAtTheNextAdvanceOnly) {
  TimerWheel wheel(1000);
  Timer timer;
  wheel.Arm(&timer, 10);
  EXPECT_EQ(wheel.NextExpiry(), 1000u);
  int count = 0;
  wheel.Advance(1000, [&](Timer* fired) {
    ++count;
    wheel.Arm(fired, 1000);  // Again without delay: must not hold the loop.
  });
  EXPECT_EQ(count, 1);
  EXPECT_EQ(wheel.armed_count(), 1u);
  EXPECT_EQ(Fired(&wheel, 1000).size(), 1u);
}

TEST(ReactorTimerWheel, FireMayArmForTheTimeBeingReached) {
  TimerWheel wheel(0);
  Timer timer;
  wheel.Arm(&timer, 10);
  std::vector<uint64_t> times;
  wheel.Advance(100, [&](Timer* fired) {
    times.push_back(wheel.now_ms());
    if (times.size() < 4) wheel.Arm(fired, wheel.now_ms() + 20);
  });
  EXPECT_EQ(times, (std::vector<uint64_t>{10, 30, 50, 70}));
  EXPECT_EQ(wheel.now_ms(), 100u);
}

TEST(ReactorTimerWheel, FireMayCancelWhatIsDueAtTheSameTime) {
  TimerWheel wheel(0);
  Timer first;
  Timer second;
  wheel.Arm(&first, 10);
  wheel.Arm(&second, 10);
  int count = 0;
  wheel.Advance(10, [&](Timer*) {
    ++count;
    wheel.Cancel(&second);
  });
  EXPECT_EQ(count, 1);
  EXPECT_FALSE(second.armed());
  EXPECT_EQ(wheel.NextExpiry(), TimerWheel::kNever);
}

TEST(ReactorTimerWheel, CancelForgetsTheSlot) {
  TimerWheel wheel(0);
  Timer timer;
  wheel.Cancel(&timer);  // No effect.
  wheel.Arm(&timer, 5000);
  EXPECT_NE(wheel.NextExpiry(), TimerWheel::kNever);
  wheel.Cancel(&timer);
  EXPECT_EQ(wheel.NextExpiry(), TimerWheel::kNever);
  EXPECT_EQ(wheel.armed_count(), 0u);
  EXPECT_EQ(Fired(&wheel, 10'000), Indices{});
}

TEST(ReactorTimerWheel, ArmingAgainMoves) {
  TimerWheel wheel(0);
  Timer timer;
  wheel.Arm(&timer, 5000);
  wheel.Arm(&timer, 70);
  EXPECT_EQ(wheel.armed_count(), 1u);
  EXPECT_EQ(Fired(&wheel, 70).size(), 1u);
  EXPECT_EQ(Fired(&wheel, 6000).size(), 0u);
}

TEST(ReactorTimerWheel, TimeNeverGoesBack) {
  TimerWheel wheel(1000);
  Fired(&wheel, 500);
  EXPECT_EQ(wheel.now_ms(), 1000u);
  Timer timer;
  wheel.Arm(&timer, 1001);
  EXPECT_EQ(Fired(&wheel, 900).size(), 0u);
  EXPECT_EQ(Fired(&wheel, 1001).size(), 1u);
}

TEST(ReactorTimerWheel, NeverIsATimeLikeAnother) {
  TimerWheel wheel(5);
  Timer timer;
  wheel.Arm(&timer, TimerWheel::kNever);
  EXPECT_EQ(Fired(&wheel, kReach * 5).size(), 0u);
  EXPECT_EQ(wheel.armed_count(), 1u);
  EXPECT_GT(wheel.NextExpiry(), kReach * 5);
}

TEST(ReactorTimerWheel, ACrowdedSlotIsSpreadOverManyCalls) {
  constexpr uint32_t kCount = 1000;
  constexpr uint64_t kWorkMax = 64;
  TimerWheel wheel(1);
  std::vector<Timer> timers(kCount);
  for (uint32_t i = 0; i < kCount; ++i) {
    timers[i].index = i;
    wheel.Arm(&timers[i], 4096 + i);  // All in one slot of the third level.
  }
  std::vector<uint32_t> fired;
  int calls = 0;
  for (; fired.size() < kCount; ++calls) {
    ASSERT_EQ(wheel.NextExpiry() > 10'000, false) << "would be waited for";
    const size_t before = fired.size();
    wheel.Advance(
        10'000,
        [&](Timer* timer) {
          EXPECT_EQ(wheel.now_ms(), timer->expiry_ms);
          fired.push_back(timer->index);
        },
        kWorkMax);
    EXPECT_LE(fired.size() - before, kWorkMax);
  }
  // Each is moved once or twice and fired once; taking a millisecond's slot counts, too.
  EXPECT_GE(calls, static_cast<int>(2 * kCount / kWorkMax));
  EXPECT_LE(calls, static_cast<int>(4 * kCount / kWorkMax));
  EXPECT_TRUE(std::is_sorted(fired.begin(), fired.end()));
  Fired(&wheel, 10'000);
  EXPECT_EQ(wheel.now_ms(), 10'000u);
  EXPECT_EQ(wheel.armed_count(), 0u);
}

TEST(ReactorTimerWheel, WhatWaitsToBeSpreadMayBeCanceledAndArmedAgain) {
  TimerWheel wheel(1);
  Timer timers[3];
  for (uint32_t i = 0; i < 3; ++i) {
    timers[i].index = i;
    wheel.Arm(&timers[i], 5000 + i);
  }
  const auto fire = [](Timer*) { ADD_FAILURE(); };
  wheel.Advance(4096, fire, 2);  // The slot is reached, and one of its timers moved.
  EXPECT_EQ(wheel.now_ms(), 4096u);
  wheel.Cancel(&timers[1]);
  wheel.Arm(&timers[2], 4097);
  EXPECT_EQ(Fired(&wheel, 4097), Indices{2});
  EXPECT_EQ(Fired(&wheel, 6000), Indices{0});
  EXPECT_EQ(wheel.NextExpiry(), TimerWheel::kNever);
}

// The wheel beside a sorted map, step for step.
class Model {
 public:
  explicit Model(uint64_t now_ms) : now_ms_(now_ms) {}

  void Arm(uint32_t index, uint64_t expiry_ms) {
    Cancel(index);
    if (expiry_ms <= now_ms_) {
      late_.push_back(index);
    } else {
      due_at_.emplace(expiry_ms, index);
    }
  }

  void Cancel(uint32_t index) {
    std::erase(late_, index);
    std::erase(firing_, index);
    std::erase_if(due_at_, [index](const auto& entry) { return entry.second == index; });
  }

  void BeginAdvance() { firing_.swap(late_); }

  // The next to fire on the way to now_ms, or -1.
  int64_t Pop(uint64_t now_ms) {
    if (!firing_.empty()) {
      const uint32_t index = firing_.front();
      firing_.pop_front();
      return index;
    }
    if (due_at_.empty() || due_at_.begin()->first > now_ms) {
      now_ms_ = std::max(now_ms_, now_ms);
      return -1;
    }
    now_ms_ = due_at_.begin()->first;
    const uint32_t index = due_at_.begin()->second;
    due_at_.erase(due_at_.begin());
    return index;
  }

  size_t armed_count() const { return late_.size() + firing_.size() + due_at_.size(); }
  uint64_t Earliest() const {
    if (!late_.empty()) return now_ms_;
    return due_at_.empty() ? TimerWheel::kNever : due_at_.begin()->first;
  }
  uint64_t now_ms() const { return now_ms_; }

 private:
  uint64_t now_ms_;
  std::deque<uint32_t> late_;
  std::deque<uint32_t> firing_;
  std::multimap<uint64_t, uint32_t> due_at_;
};

class Pair {
 public:
  explicit Pair(uint64_t seed)
      : random_(seed), wheel_(1'700'000'000'000), model_(1'700'000'000'000), timers_(200) {
    for (uint32_t i = 0; i < timers_.size(); ++i) {
      timers_[i] = std::make_unique<Timer>();
      timers_[i]->index = i;
    }
  }

  void Step() {
    if (Below(10) < 7) {
      Change();
    } else {
      Advance();
    }
    ASSERT_EQ(wheel_.armed_count(), model_.armed_count());
    ASSERT_EQ(wheel_.now_ms(), model_.now_ms());
    ASSERT_LE(wheel_.NextExpiry(), model_.Earliest());
    ASSERT_EQ(wheel_.NextExpiry() == TimerWheel::kNever, model_.armed_count() == 0);
    ASSERT_GE(wheel_.NextExpiry(), wheel_.now_ms());
  }

  int fired() const { return fired_; }

 private:
  uint64_t Below(uint64_t limit) { return random_() % limit; }

  // Mostly short times, sometimes any: up to 2^50 ms, past the top level.
  uint64_t Distance() { return Below(uint64_t{1} << (1 + Below(Below(8) == 0 ? 50 : 16))); }

  void Change() {
    const uint32_t index = static_cast<uint32_t>(Below(timers_.size()));
    if (Below(4) == 0) {
      wheel_.Cancel(timers_[index].get());
      model_.Cancel(index);
      return;
    }
    const uint64_t expiry_ms =
        Below(8) == 0 ? wheel_.now_ms() - Below(1000) : wheel_.now_ms() + Distance();
    wheel_.Arm(timers_[index].get(), expiry_ms);
    model_.Arm(index, expiry_ms);
  }

  void Advance() {
    // As a loop does it, or by any distance.
    uint64_t target = wheel_.now_ms() + Distance() / 4;
    if (Below(2) == 0) target = std::min(wheel_.NextExpiry(), target);
    model_.BeginAdvance();
    wheel_.Advance(target, [&](Timer* timer) {
      ++fired_;
      EXPECT_EQ(model_.Pop(target), int64_t{timer->index});
      EXPECT_EQ(model_.now_ms(), wheel_.now_ms());
      if (Below(3) == 0) Change();
    });
    EXPECT_EQ(model_.Pop(target), -1);
  }

  std::mt19937_64 random_;
  TimerWheel wheel_;
  Model model_;
  std::vector<std::unique_ptr<Timer>> timers_;
  int fired_ = 0;
};

TEST(ReactorTimerWheel, BehavesAsASortedMap) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    Pair pair(seed);
    for (int step = 0; step < 10'000; ++step) {
      pair.Step();
      if (testing::Test::HasFailure()) return;
    }
    EXPECT_GT(pair.fired(), 1000);
  }
}

}  // namespace
}  // namespace reactor
