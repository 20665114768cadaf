// The pool beside a plain model of its header, over every short order of calls and many long ones:
// which pair comes next, when a rest is over, what a restart finds, and that all are counted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <vector>

#include "xfrm/spi_pool.h"

namespace xfrm {
namespace {

constexpr uint64_t kQuarantine = 10;
constexpr uint32_t kMinSpi = 1000;

SpiPool::Options Options(size_t pairs, uint64_t key) {
  SpiPool::Options options;
  options.min_spi = kMinSpi;
  options.max_spi = static_cast<uint32_t>(kMinSpi + 2 * pairs - 1);
  options.quarantine_ms = kQuarantine;
  options.permutation_key = {key, 0};
  return options;
}

std::vector<SpiPair> OrderOf(size_t pairs, uint64_t key) {
  SpiPool pool(Options(pairs, key));
  std::vector<SpiPair> order;
  while (const SpiPair pair = pool.Acquire(0)) order.push_back(pair);
  return order;
}

class Model {
 public:
  Model(size_t pairs, uint64_t key) : order_(OrderOf(pairs, key)), pairs_(pairs) {}

  SpiPair Acquire(uint64_t now, std::optional<uint32_t> avoid) {
    SetTime(now);
    for (size_t step = 0; step < order_.size(); ++step) {
      const size_t at = (cursor_ + step) % order_.size();
      if (!IsFree(at)) continue;
      if (avoid && (order_[at].client == *avoid || order_[at].server == *avoid)) {
        pairs_[at].was_avoided = true;
        continue;
      }
      CheckItsTurn(at);
      pairs_[at] = {.used = true, .acquired_at = ++turn_};
      cursor_ = (at + 1) % order_.size();
      return order_[at];
    }
    return SpiPair{};
  }

  void Release(SpiPair pair, uint64_t now) {
    SetTime(now);
    Pair& state = pairs_[At(pair)];
    state.used = false;
    state.free_from = epoch_ + 2;
    state.was_avoided = false;
  }

  bool Reserve(SpiPair pair) {
    const size_t at = At(pair);
    if (!IsFree(at)) return false;
    pairs_[at] = {.used = true};  // Its turn in the order is still to come.
    return true;
  }

  // Of those in the pool's order, the first that is free; nothing when none is.
  SpiPair Next() const {
    for (size_t step = 0; step < order_.size(); ++step) {
      const size_t at = (cursor_ + step) % order_.size();
      if (IsFree(at)) return order_[at];
    }
    return SpiPair{};
  }

  void ExpectCounts(const SpiPool& pool) const {
    SpiPool::Counts want;
    for (size_t at = 0; at < pairs_.size(); ++at) {
      ++(IsFree(at) ? want.free : pairs_[at].used ? want.used : want.quarantined);
    }
    const SpiPool::Counts counts = pool.counts();
    ASSERT_EQ(counts.free, want.free);
    ASSERT_EQ(counts.used, want.used);
    ASSERT_EQ(counts.quarantined, want.quarantined);
    ASSERT_EQ(counts.free + counts.used + counts.quarantined, pool.capacity());
  }

 private:
  struct Pair {
    bool used = false;
    bool was_avoided = false;  // Since it was free: it waits for the next lap.
    uint64_t free_from = 0;    // An epoch.
    uint64_t free_since = 0;   // A turn.
    uint64_t acquired_at = 0;  // A turn; 0: never.
  };

  // No pair comes a second time before one that was free all the while has come.
  void CheckItsTurn(size_t at) const {
    if (pairs_[at].acquired_at == 0) return;
    for (size_t other = 0; other < pairs_.size(); ++other) {
      if (other == at || !IsFree(other) || pairs_[other].was_avoided) continue;
      ASSERT_GE(pairs_[other].free_since, pairs_[at].acquired_at);
    }
  }

  void SetTime(uint64_t now) {
    epoch_ = std::max(epoch_, now / kQuarantine);
    ++turn_;
    for (Pair& pair : pairs_) {
      if (pair.free_from > epoch_ || pair.used) pair.free_since = turn_;
    }
  }

  bool IsFree(size_t at) const { return !pairs_[at].used && pairs_[at].free_from <= epoch_; }
  size_t At(SpiPair pair) const {
    return static_cast<size_t>(std::find(order_.begin(), order_.end(), pair) - order_.begin());
  }

  std::vector<SpiPair> order_;
  std::vector<Pair> pairs_;
  uint64_t epoch_ = 0;
  uint64_t turn_ = 0;
  size_t cursor_ = 0;
};

enum class Step {
  kAcquire,
  kAcquireAvoidingTheNext,
  kReleaseOldest,
  kReleaseNewest,
  kWaitHalf,
  kWaitTwice,
  kCrash,
};
constexpr int kSteps = 7;

// One run of the pool and what a daemon knows about it.
class Life {
 public:
  explicit Life(size_t pairs) : pairs_(pairs) { Start(); }

  void Do(Step step) {
    switch (step) {
      case Step::kAcquire:
        Acquire(false);
        break;
      case Step::kAcquireAvoidingTheNext:
        Acquire(true);
        break;
      case Step::kReleaseOldest:
        Release(0);
        break;
      case Step::kReleaseNewest:
        Release(held_.empty() ? 0 : held_.size() - 1);
        break;
      case Step::kWaitHalf:
        now_ += kQuarantine / 2;
        break;
      case Step::kWaitTwice:
        now_ += 2 * kQuarantine;
        break;
      case Step::kCrash:
        Crash();
        break;
    }
    model_->ExpectCounts(*pool_);
  }

  size_t held_count() const { return held_.size(); }
  void ReleaseAt(size_t which) { Release(which); }

 private:
  void Start() {
    ++key_;
    pool_ = std::make_unique<SpiPool>(Options(pairs_, key_));
    model_ = std::make_unique<Model>(pairs_, key_);
  }

  void Acquire(bool avoid_next) {
    std::optional<uint32_t> avoid;
    if (const SpiPair next = model_->Next(); next && avoid_next) {
      avoid = now_ % 2 == 0 ? next.client : next.server;
    }
    const SpiPair pair = avoid ? pool_->Acquire(now_, {&*avoid, 1}) : pool_->Acquire(now_);
    ASSERT_EQ(pair, model_->Acquire(now_, avoid));
    if (pair) held_.push_back(pair);
  }

  void Release(size_t which) {
    if (held_.empty()) return;
    pool_->Release(held_[which], now_);
    model_->Release(held_[which], now_);
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(which));
  }

  // What is held lives on in the kernel; what rested is gone.
  void Crash() {
    Start();
    for (const SpiPair pair : held_) {
      ASSERT_TRUE(pool_->Reserve(pair));
      ASSERT_TRUE(model_->Reserve(pair));
      ASSERT_FALSE(pool_->Reserve(pair));
    }
  }

  const size_t pairs_;
  uint64_t key_ = 0;
  uint64_t now_ = 0;
  std::unique_ptr<SpiPool> pool_;
  std::unique_ptr<Model> model_;
  std::vector<SpiPair> held_;
};

// Every order of `length` calls of the first `kinds`, each from a pool whose pairs are all free.
void WalkAllOrders(Life* life, int length, int kinds) {
  const int orders = static_cast<int>(std::pow(kinds, length));
  for (int order = 0; order < orders; ++order) {
    for (int i = 0, rest = order; i < length; ++i, rest /= kinds) {
      life->Do(static_cast<Step>(rest % kinds));
    }
    ASSERT_FALSE(::testing::Test::HasFailure()) << "order " << order;
    while (life->held_count() > 0) life->Do(Step::kReleaseNewest);
    life->Do(Step::kWaitTwice);
  }
}

TEST(XfrmSpiPoolModel, AgreesOverEveryShortOrderOfCalls) {
  for (const size_t pairs : {1u, 2u, 3u}) {
    Life life(pairs);
    WalkAllOrders(&life, 7, kSteps - 1);
  }
}

TEST(XfrmSpiPoolModel, AgreesOverEveryShortOrderOfCallsAndCrashes) {
  Life life(2);
  WalkAllOrders(&life, 5, kSteps);
}

// From two SPIs on, over and under the borders of words and blocks; nearly empty to exhausted.
TEST(XfrmSpiPoolModel, AgreesOverRandomLongOnes) {
  std::mt19937 random(4711);
  for (const size_t pairs : {1u, 3u, 63u, 64u, 65u, 500u, 1023u, 1024u, 1025u, 2049u}) {
    Life life(pairs);
    for (int i = 0; i < 3000; ++i) {
      // Waves, so that all fillings come by.
      const bool filling = i / 700 % 2 == 0;
      for (size_t burst = 0; burst <= pairs / 150; ++burst) {
        if (filling != (random() % 4 == 0)) {
          life.Do(random() % 4 == 0 ? Step::kAcquireAvoidingTheNext : Step::kAcquire);
        } else if (life.held_count() > 0) {
          life.ReleaseAt(random() % life.held_count());
        }
      }
      if (random() % 8 == 0) life.Do(random() % 4 == 0 ? Step::kWaitTwice : Step::kWaitHalf);
      if (random() % 500 == 0) life.Do(Step::kCrash);
      ASSERT_FALSE(HasFailure()) << pairs << " pairs, turn " << i;
    }
  }
}

}  // namespace
}  // namespace xfrm
