// The invariants of the pool's header, alone and among threads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <fstream>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "xfrm/spi_pool.h"

namespace xfrm {
namespace {

using ::testing::Ne;
using ::testing::SizeIs;

constexpr uint64_t kQuarantine = 100;

SpiPool::Options Range(uint32_t min_spi, uint32_t max_spi, uint64_t quarantine_ms = kQuarantine) {
  SpiPool::Options options;
  options.min_spi = min_spi;
  options.max_spi = max_spi;
  options.quarantine_ms = quarantine_ms;
  options.permutation_key = {1, 2};
  return options;
}

std::vector<SpiPair> AcquireAll(SpiPool* pool, uint64_t now_ms = 0) {
  std::vector<SpiPair> pairs;
  while (const SpiPair pair = pool->Acquire(now_ms)) pairs.push_back(pair);
  return pairs;
}

void ExpectCounts(const SpiPool& pool, size_t free, size_t used, size_t quarantined) {
  const SpiPool::Counts counts = pool.counts();
  EXPECT_EQ(counts.free, free);
  EXPECT_EQ(counts.used, used);
  EXPECT_EQ(counts.quarantined, quarantined);
  EXPECT_EQ(counts.free + counts.used + counts.quarantined, pool.capacity());
}

TEST(XfrmSpiPool, HandsOutEverySpiOnce) {
  for (const uint32_t count : {2u, 3u, 64u, 127u, 128u, 129u, 1000u, 9001u}) {
    SpiPool pool(Range(256, 256 + count - 1));
    EXPECT_EQ(pool.capacity(), count / 2);
    std::set<uint32_t> spis;
    for (const SpiPair pair : AcquireAll(&pool)) {
      EXPECT_TRUE(spis.insert(pair.client).second);
      EXPECT_TRUE(spis.insert(pair.server).second);
    }
    EXPECT_THAT(spis, SizeIs(count / 2 * 2));
    EXPECT_GE(*spis.begin(), 256u);
    EXPECT_LE(*spis.rbegin(), 256 + count - 1);
    ExpectCounts(pool, 0, count / 2, 0);
  }
}

TEST(XfrmSpiPool, RefusesReservedSpisAndEmptyRanges) {
  EXPECT_DEATH(SpiPool(Range(255, 1000)), "min_spi");
  EXPECT_DEATH(SpiPool(Range(1000, 1000)), "max_spi");
}

TEST(XfrmSpiPool, CountsEveryPairOnce) {
  SpiPool pool(Range(1000, 1099));
  ExpectCounts(pool, 50, 0, 0);
  const SpiPair pair = pool.Acquire(0);
  ExpectCounts(pool, 49, 1, 0);
  pool.Release(pair, 0);
  ExpectCounts(pool, 49, 0, 1);
  EXPECT_TRUE(pool.Acquire(2 * kQuarantine));
  ExpectCounts(pool, 49, 1, 0);
}

TEST(XfrmSpiPool, ReleasedPairRestsForTheQuarantine) {
  for (const uint64_t released_at : {0u, 1u, 50u, 99u, 100u, 12345u}) {
    SpiPool pool(Range(1000, 1001));
    const SpiPair pair = pool.Acquire(released_at);
    ASSERT_TRUE(pair);
    EXPECT_EQ(pool.Acquire(released_at), SpiPair{});
    pool.Release(pair, released_at);
    for (uint64_t rest = 0; rest < kQuarantine; rest += 9) {
      ASSERT_EQ(pool.Acquire(released_at + rest), SpiPair{}) << rest;
    }
    EXPECT_EQ(pool.Acquire(released_at + 2 * kQuarantine), pair);
  }
}

// However time jumps, what has rested twice the quarantine is free with the next call.
TEST(XfrmSpiPool, LongPausesFreeWhatHasRested) {
  for (const uint64_t pause : {2u, 3u, 4u, 5u, 6u, 7u, 8u, 12u, 1000u}) {
    SpiPool pool(Range(1000, 1001));
    uint64_t now = 0;
    for (int i = 0; i < 20; ++i, now += pause * kQuarantine) {
      const SpiPair pair = pool.Acquire(now);
      ASSERT_TRUE(pair) << pause << " slices, turn " << i;
      pool.Release(pair, now);
    }
  }
}

TEST(XfrmSpiPool, WithoutQuarantineAPairIsFreeAtOnce) {
  SpiPool pool(Range(1000, 1001, 0));
  const SpiPair pair = pool.Acquire(0);
  pool.Release(pair, 0);
  ExpectCounts(pool, 1, 0, 0);
  EXPECT_EQ(pool.Acquire(0), pair);
}

// A worker whose clock lags must not shorten the rest of what it releases.
TEST(XfrmSpiPool, ALaggingClockShortensNoRest) {
  SpiPool pool(Range(1000, 1003));
  const SpiPair first = pool.Acquire(0);
  const SpiPair second = pool.Acquire(1000);
  pool.Release(first, 50);
  EXPECT_EQ(pool.Acquire(1000), SpiPair{});
  EXPECT_EQ(pool.Acquire(50 + 2 * kQuarantine), SpiPair{});
  EXPECT_EQ(pool.Acquire(1099), SpiPair{});
  EXPECT_EQ(pool.Acquire(1200), first);
  static_cast<void>(second);
}

TEST(XfrmSpiPool, GoesRoundBeforeItUsesAPairAgain) {
  SpiPool pool(Range(1000, 1999, 0));
  const SpiPair first = pool.Acquire(0);
  pool.Release(first, 0);
  for (int i = 1; i < 500; ++i) {
    const SpiPair pair = pool.Acquire(0);
    ASSERT_THAT(pair, Ne(first)) << i;
    pool.Release(pair, 0);
  }
  EXPECT_EQ(pool.Acquire(0), first);
}

TEST(XfrmSpiPool, NeverHandsOutThePhonesOwnSpis) {
  SpiPool probe(Range(1000, 1999));
  const SpiPair next = probe.Acquire(0);
  for (const uint32_t spi : {next.client, next.server}) {
    SpiPool pool(Range(1000, 1999));
    const uint32_t avoid[] = {77777, spi};
    const SpiPair other = pool.Acquire(0, avoid);
    EXPECT_THAT(other.client, Ne(spi));
    EXPECT_THAT(other.server, Ne(spi));
    // The pair passed over is not lost.
    std::vector<SpiPair> rest = AcquireAll(&pool);
    EXPECT_THAT(rest, SizeIs(499));
    EXPECT_THAT(rest, ::testing::Contains(next));
  }
}

TEST(XfrmSpiPool, HasNothingWhenOnlyAvoidedPairsAreFree) {
  SpiPool pool(Range(1000, 1001));
  const uint32_t avoid[] = {1001};
  EXPECT_EQ(pool.Acquire(0, avoid), SpiPair{});
  ExpectCounts(pool, 1, 0, 0);
  EXPECT_EQ(pool.Acquire(0), (SpiPair{1000, 1001}));
}

TEST(XfrmSpiPool, OrderIsKeyedAndNotSequential) {
  const auto order = [](uint64_t key) {
    SpiPool::Options options = Range(65536, 262144);
    options.permutation_key = {key, 0};
    SpiPool pool(options);
    std::vector<uint32_t> spis;
    for (int i = 0; i < 1000; ++i) spis.push_back(pool.Acquire(0).client);
    return spis;
  };
  EXPECT_EQ(order(1), order(1));
  EXPECT_NE(order(1), order(2));
  const std::vector<uint32_t> spis = order(1);
  int near = 0;
  for (size_t i = 1; i < spis.size(); ++i) {
    const int64_t distance = int64_t{spis[i]} - spis[i - 1];
    near += std::abs(distance) < 10 ? 1 : 0;
  }
  EXPECT_LT(near, 10);
}

TEST(XfrmSpiPool, TheTwoOfAPairAreFarApart) {
  SpiPool pool(Range(65536, 262144));
  for (int i = 0; i < 100; ++i) {
    const SpiPair pair = pool.Acquire(0);
    EXPECT_EQ(pair.server - pair.client, pool.capacity());
  }
}

// Restart: the new pool has another key, the kernel still has the old run's SAs.
TEST(XfrmSpiPool, ReservesPairsOfAnEarlierRun) {
  SpiPool earlier(Range(1000, 1999));
  SpiPool::Options options = Range(1000, 1999);
  options.permutation_key = {77, 88};
  SpiPool pool(options);
  std::vector<SpiPair> alive;
  for (int i = 0; i < 100; ++i) {
    alive.push_back(earlier.Acquire(0));
    EXPECT_TRUE(pool.Reserve(alive.back()));
    EXPECT_FALSE(pool.Reserve(alive.back())) << "is in use now";
  }
  ExpectCounts(pool, 400, 100, 0);
  for (const SpiPair pair : AcquireAll(&pool))
    EXPECT_THAT(alive, ::testing::Not(::testing::Contains(pair)));
  pool.Release(alive[0], 0);
  EXPECT_FALSE(pool.Reserve(alive[0])) << "rests";
}

TEST(XfrmSpiPool, ReservesPairsOnly) {
  SpiPool pool(Range(1000, 1999));
  EXPECT_FALSE(pool.Reserve({1000, 1501}));
  EXPECT_FALSE(pool.Reserve({1500, 1000}));
  EXPECT_FALSE(pool.Reserve({999, 1499}));
  EXPECT_FALSE(pool.Reserve({0, 0}));
  EXPECT_TRUE(pool.Reserve({1000, 1500}));
  ExpectCounts(pool, 499, 1, 0);
}

TEST(XfrmSpiPool, ReservesThePairThatHoldsAForeignSpi) {
  SpiPool pool(Range(1000, 2000));  // Odd: 2000 is left over.
  EXPECT_EQ(pool.ReserveHolding(1007), (SpiPair{1007, 1507}));
  EXPECT_EQ(pool.ReserveHolding(1508), (SpiPair{1008, 1508}));
  EXPECT_EQ(pool.ReserveHolding(1507), SpiPair{}) << "its pair is out already";
  EXPECT_EQ(pool.ReserveHolding(2000), SpiPair{});
  EXPECT_EQ(pool.ReserveHolding(999), SpiPair{});
  EXPECT_EQ(pool.ReserveHolding(0), SpiPair{});
  ExpectCounts(pool, 498, 2, 0);
  pool.Release({1007, 1507}, 0);
  ExpectCounts(pool, 498, 1, 1);
}

TEST(XfrmSpiPool, RefusesAReleaseOfWhatIsNotInUse) {
  SpiPool pool(Range(1000, 1999));
  EXPECT_DEATH(pool.Release({1000, 1500}, 0), "== kUsed");
  EXPECT_DEATH(pool.Release({1000, 1501}, 0), "index != kNoPair");
  const SpiPair pair = pool.Acquire(0);
  pool.Release(pair, 0);
  EXPECT_DEATH(pool.Release(pair, 0), "== kUsed") << "twice";
}

#if defined(__SANITIZE_THREAD__)
constexpr bool kHasShadow = true;
#elif defined(__has_feature)
constexpr bool kHasShadow = __has_feature(thread_sanitizer);
#else
constexpr bool kHasShadow = false;
#endif

// The thread sanitizer keeps several octets for each and gives none back: nothing to be measured.
size_t ResidentPages() {
  if (kHasShadow) return 0;
  std::ifstream file("/proc/self/statm");
  size_t total = 0;
  size_t resident = 0;
  file >> total >> resident;
  return resident;
}

TEST(XfrmSpiPool, FullRangeTouchesLittleMemory) {
  const size_t before = ResidentPages();
  SpiPool pool(Range(256, 0xffffffff));
  EXPECT_EQ(pool.capacity(), 0x7fffff80u);
  std::deque<SpiPair> pairs;
  for (uint64_t now = 0; now < 100'000; ++now) {
    pairs.push_back(pool.Acquire(now));
    if (pairs.size() < 1000) continue;
    pool.Release(pairs.front(), now);
    pairs.pop_front();
  }
  const size_t pages_of_16_mib = 4096;
  EXPECT_LT(ResidentPages(), before + pages_of_16_mib);
}

// A long way behind the cursor nothing is in use, and the memory goes back; what is still in use
// keeps its page only.
TEST(XfrmSpiPool, LargePoolGivesMemoryBack) {
  SpiPool pool(Range(256, 0xffffffff));
  const size_t before = ResidentPages();
  std::vector<SpiPair> kept;
  for (uint64_t now = 0; now < 2'000'000; ++now) {
    const SpiPair pair = pool.Acquire(now / 100);
    if (now % 100'000 == 0) {
      kept.push_back(pair);
    } else {
      pool.Release(pair, now / 100);
    }
  }
  const size_t half_of_those_touched = 1000;
  EXPECT_LT(ResidentPages(), before + half_of_those_touched);
  const SpiPool::Counts counts = pool.counts();
  EXPECT_EQ(counts.used, kept.size());
  EXPECT_LE(counts.quarantined, 20'000u);
  for (const SpiPair pair : kept) EXPECT_FALSE(pool.Reserve(pair)) << "is in use";
  for (const SpiPair pair : kept) pool.Release(pair, 20'000);
  ASSERT_TRUE(pool.Acquire(30'000));
  ExpectCounts(pool, pool.capacity() - 1, 1, 0);
}

TEST(XfrmSpiPool, ExhaustionPassesByItself) {
  for (const uint64_t quarantine : {uint64_t{0}, kQuarantine}) {
    SpiPool pool(Range(1000, 1000 + 2 * 3000 - 1, quarantine));
    const std::vector<SpiPair> pairs = AcquireAll(&pool);
    ASSERT_THAT(pairs, SizeIs(3000));
    uint64_t now = 0;
    for (const SpiPair pair : {pairs[0], pairs[1500], pairs[2999], pairs[1]}) {
      EXPECT_EQ(pool.Acquire(now), SpiPair{});
      pool.Release(pair, now);
      now += 2 * quarantine;
      EXPECT_EQ(pool.Acquire(now), pair);
    }
    ExpectCounts(pool, 0, 3000, 0);
  }
}

// Threads on a pool so small that they meet on every word. Who holds a pair marks it; two marks, a
// rest cut short or a lost pair fail.
class XfrmSpiPoolThreads : public ::testing::TestWithParam<uint64_t> {
 protected:
  static constexpr uint32_t kPairs = 150;
  static constexpr int kThreads = 4;
  static constexpr int kTurns = 200'000;

  void Work(int seed) {
    std::mt19937 random(static_cast<uint32_t>(seed));
    std::vector<SpiPair> held;
    ++started_;
    while (started_.load() < kThreads) std::this_thread::yield();
    for (int i = 0; i < kTurns; ++i) {
      const uint64_t now = clock_.fetch_add(random() % 2);
      if (held.size() < 30 && random() % 8 < 5) {
        const uint32_t avoid[] = {AnySpi(&random), AnySpi(&random)};
        const SpiPair pair = pool_.Acquire(now, avoid);
        if (!pair) continue;
        Take(pair, avoid);
        held.push_back(pair);
      } else if (!held.empty()) {
        Give(held.back());
        held.pop_back();
      }
    }
    while (!held.empty()) {
      Give(held.back());
      held.pop_back();
    }
  }

  static uint32_t AnySpi(std::mt19937* random) {
    return static_cast<uint32_t>(1000 + (*random)() % (2 * kPairs));
  }

  void Take(SpiPair pair, std::span<const uint32_t> avoid) {
    const uint32_t index = pair.client - 1000;
    failures_ += holders_[index].fetch_add(1) != 0 ? 1 : 0;
    failures_ += pair.server != pair.client + kPairs ? 1 : 0;
    for (const uint32_t spi : avoid) failures_ += spi == pair.client || spi == pair.server ? 1 : 0;
    const uint64_t since = released_at_[index].load();
    if (since != 0) failures_ += clock_.load() - (since - 1) < GetParam() ? 1 : 0;
  }

  void Give(SpiPair pair) {
    const uint32_t index = pair.client - 1000;
    holders_[index].fetch_sub(1);
    const uint64_t now = clock_.load();
    released_at_[index].store(now + 1);
    pool_.Release(pair, now);
  }

  SpiPool pool_{Range(1000, 1000 + 2 * kPairs - 1, GetParam())};
  std::atomic<int> started_{0};
  std::atomic<uint64_t> clock_{0};
  std::array<std::atomic<int>, kPairs> holders_{};
  std::array<std::atomic<uint64_t>, kPairs> released_at_{};  // Plus one; 0: never.
  std::atomic<int> failures_{0};
};

INSTANTIATE_TEST_SUITE_P(Quarantine, XfrmSpiPoolThreads, ::testing::Values(0, 1, 7, 500));

TEST_P(XfrmSpiPoolThreads, Pitfall34ShareWithoutOverlapAndLoseNothing) {
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back([this, i] { Work(i); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures_.load(), 0);

  const SpiPool::Counts counts = pool_.counts();
  EXPECT_EQ(counts.used, 0u);
  EXPECT_EQ(counts.free + counts.quarantined, kPairs);
  // Two epochs on, what a slow thread put late into an old epoch has come free too.
  uint64_t now = clock_.load();
  std::vector<SpiPair> pairs;
  for (int i = 0; i < 4; ++i, now += 2 * GetParam()) {
    const std::vector<SpiPair> more = AcquireAll(&pool_, now);
    pairs.insert(pairs.end(), more.begin(), more.end());
  }
  EXPECT_THAT(pairs, SizeIs(kPairs));
  ExpectCounts(pool_, 0, kPairs, 0);
}

// Within an epoch no pair comes free, and at most 28 rest and 4 are in use; so of 60 some are free
// all the while, also for a worker that was held up for several epochs within its call.
TEST(XfrmSpiPool, RefusesNobodyWhileAPairIsFree) {
  SpiPool pool(Range(1000, 1119, 10));
  std::atomic<uint64_t> clock{0};
  std::atomic<int> started{0};
  std::atomic<int> refused{0};
  const auto work = [&] {
    ++started;
    while (started.load() < 4) std::this_thread::yield();
    for (int i = 0; i < 300'000; ++i) {
      const uint64_t now = clock.fetch_add(1);
      const SpiPair pair = pool.Acquire(now);
      if (pair) {
        pool.Release(pair, now);
      } else {
        ++refused;
      }
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(refused.load(), 0);
}

// Memory that is given back while other threads take pairs of the very page: one thread lets time
// go by two epochs a turn, so that a page on which nothing is in use goes back at once.
TEST(XfrmSpiPoolGiveBack, LosesNoPairInUse) {
  SpiPool pool(Range(256, 256 + (1u << 22) - 1));
  std::vector<SpiPair> pairs;
  for (int i = 0; i < 3000; ++i) pairs.push_back(pool.Acquire(0));
  for (const SpiPair pair : pairs) pool.Release(pair, 0);
  std::atomic<uint64_t> clock{0};
  std::atomic<int> failures{0};
  std::atomic<int> working{3};
  const auto work = [&](uint32_t seed) {
    std::mt19937 random(seed);
    for (int i = 0; i < 20'000; ++i) {
      const SpiPair pair = pairs[random() % 2000];
      if (!pool.Reserve(pair)) continue;
      if (i % 16 == 0) std::this_thread::yield();
      failures += pool.Reserve(pair) ? 1 : 0;
      pool.Release(pair, clock.load());
    }
    --working;
  };
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < 3; ++i) threads.emplace_back(work, i);
  while (working.load() > 0) {
    const uint64_t now = clock.fetch_add(2 * kQuarantine) + 2 * kQuarantine;
    pool.Release(pool.Acquire(now), now);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures.load(), 0);
  ASSERT_TRUE(pool.Acquire(clock.load() + 2 * kQuarantine));
  ExpectCounts(pool, pool.capacity() - 1, 1, 0);
}

TEST(XfrmSpiPool, TellsWhichPairsRest) {
  SpiPool pool({.min_spi = 1000, .max_spi = 1019, .quarantine_ms = 1000});
  const SpiPair used = pool.Acquire(10'000);
  const SpiPair resting = pool.Acquire(10'000);
  EXPECT_TRUE(pool.Resting().empty());
  pool.Release(resting, 10'000);
  EXPECT_EQ(pool.Resting(), std::vector<SpiPair>{resting});
  pool.Release(used, 13'000);
  EXPECT_EQ(pool.Resting(), std::vector<SpiPair>{used}) << "the other one has rested";
}

}  // namespace
}  // namespace xfrm
