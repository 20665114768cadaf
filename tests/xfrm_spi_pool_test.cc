// The invariants of the pool's header, alone and among threads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "xfrm/spi_pool.h"

namespace xfrm {
namespace {

using ::testing::Ne;
using ::testing::Optional;
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
  while (const std::optional<SpiPair> pair = pool->Acquire(now_ms)) pairs.push_back(*pair);
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
  const SpiPair pair = *pool.Acquire(0);
  ExpectCounts(pool, 49, 1, 0);
  pool.Release(pair, 0);
  ExpectCounts(pool, 49, 0, 1);
  EXPECT_TRUE(pool.Acquire(2 * kQuarantine).has_value());
  ExpectCounts(pool, 49, 1, 0);
}

TEST(XfrmSpiPool, ReleasedPairRestsForTheQuarantine) {
  for (const uint64_t released_at : {0u, 1u, 50u, 99u, 100u, 12345u}) {
    SpiPool pool(Range(1000, 1001));
    const std::optional<SpiPair> pair = pool.Acquire(released_at);
    ASSERT_TRUE(pair.has_value());
    EXPECT_EQ(pool.Acquire(released_at), std::nullopt);
    pool.Release(*pair, released_at);
    for (uint64_t rest = 0; rest < kQuarantine; rest += 9) {
      ASSERT_EQ(pool.Acquire(released_at + rest), std::nullopt) << rest;
    }
    EXPECT_THAT(pool.Acquire(released_at + 2 * kQuarantine), Optional(*pair));
  }
}

// However time jumps, what has rested twice the quarantine is free with the next call.
TEST(XfrmSpiPool, LongPausesFreeWhatHasRested) {
  for (const uint64_t pause : {2u, 3u, 4u, 5u, 6u, 7u, 8u, 12u, 1000u}) {
    SpiPool pool(Range(1000, 1001));
    uint64_t now = 0;
    for (int i = 0; i < 20; ++i, now += pause * kQuarantine) {
      const std::optional<SpiPair> pair = pool.Acquire(now);
      ASSERT_TRUE(pair.has_value()) << pause << " slices, turn " << i;
      pool.Release(*pair, now);
    }
  }
}

TEST(XfrmSpiPool, WithoutQuarantineAPairIsFreeAtOnce) {
  SpiPool pool(Range(1000, 1001, 0));
  const std::optional<SpiPair> pair = pool.Acquire(0);
  pool.Release(*pair, 0);
  ExpectCounts(pool, 1, 0, 0);
  EXPECT_EQ(pool.Acquire(0), pair);
}

// A worker whose clock lags must not shorten the rest of what it releases.
TEST(XfrmSpiPool, ALaggingClockShortensNoRest) {
  SpiPool pool(Range(1000, 1003));
  const std::optional<SpiPair> first = pool.Acquire(0);
  const std::optional<SpiPair> second = pool.Acquire(1000);
  pool.Release(*first, 50);
  EXPECT_EQ(pool.Acquire(1000), std::nullopt);
  EXPECT_EQ(pool.Acquire(50 + 2 * kQuarantine), std::nullopt);
  EXPECT_EQ(pool.Acquire(1099), std::nullopt);
  EXPECT_EQ(pool.Acquire(1200), first);
  static_cast<void>(second);
}

TEST(XfrmSpiPool, GoesRoundBeforeItUsesAPairAgain) {
  SpiPool pool(Range(1000, 1999, 0));
  const SpiPair first = *pool.Acquire(0);
  pool.Release(first, 0);
  for (int i = 1; i < 500; ++i) {
    const SpiPair pair = *pool.Acquire(0);
    ASSERT_THAT(pair, Ne(first)) << i;
    pool.Release(pair, 0);
  }
  EXPECT_THAT(pool.Acquire(0), Optional(first));
}

TEST(XfrmSpiPool, NeverHandsOutThePhonesOwnSpis) {
  SpiPool probe(Range(1000, 1999));
  const SpiPair next = *probe.Acquire(0);
  for (const uint32_t spi : {next.client, next.server}) {
    SpiPool pool(Range(1000, 1999));
    const uint32_t avoid[] = {77777, spi};
    const SpiPair other = *pool.Acquire(0, avoid);
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
  EXPECT_EQ(pool.Acquire(0, avoid), std::nullopt);
  ExpectCounts(pool, 1, 0, 0);
  EXPECT_THAT(pool.Acquire(0), Optional(SpiPair{1000, 1001}));
}

TEST(XfrmSpiPool, OrderIsKeyedAndNotSequential) {
  const auto order = [](uint64_t key) {
    SpiPool::Options options = Range(65536, 262144);
    options.permutation_key = {key, 0};
    SpiPool pool(options);
    std::vector<uint32_t> spis;
    for (int i = 0; i < 1000; ++i) spis.push_back(pool.Acquire(0)->client);
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
    const SpiPair pair = *pool.Acquire(0);
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
    alive.push_back(*earlier.Acquire(0));
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
  EXPECT_THAT(pool.ReserveHolding(1007), Optional(SpiPair{1007, 1507}));
  EXPECT_THAT(pool.ReserveHolding(1508), Optional(SpiPair{1008, 1508}));
  EXPECT_EQ(pool.ReserveHolding(1507), std::nullopt) << "its pair is out already";
  EXPECT_EQ(pool.ReserveHolding(2000), std::nullopt);
  EXPECT_EQ(pool.ReserveHolding(999), std::nullopt);
  EXPECT_EQ(pool.ReserveHolding(0), std::nullopt);
  ExpectCounts(pool, 498, 2, 0);
  pool.Release({1007, 1507}, 0);
  ExpectCounts(pool, 498, 1, 1);
}

TEST(XfrmSpiPool, RefusesAReleaseOfWhatIsNotInUse) {
  SpiPool pool(Range(1000, 1999));
  EXPECT_DEATH(pool.Release({1000, 1500}, 0), "before & bit");
  EXPECT_DEATH(pool.Release({1000, 1501}, 0), "has_value");
  const SpiPair pair = *pool.Acquire(0);
  pool.Release(pair, 0);
  EXPECT_DEATH(pool.Release(pair, 0), "before & bit") << "twice";
}

size_t ResidentPages() {
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
    pairs.push_back(*pool.Acquire(now));
    if (pairs.size() < 1000) continue;
    pool.Release(pairs.front(), now);
    pairs.pop_front();
  }
  const size_t pages_of_16_mib = 4096;
  EXPECT_LT(ResidentPages(), before + pages_of_16_mib);
}

// A plain model of the header's words beside the pool, over random calls.
TEST(XfrmSpiPool, AgreesWithAModelOverRandomCalls) {
  std::mt19937_64 random(4711);
  SpiPool pool(Range(1000, 1399));
  std::vector<SpiPair> used;
  std::map<uint32_t, uint64_t> released_at;
  uint64_t now = 0;
  for (int i = 0; i < 200'000; ++i) {
    now += random() % 50 == 0 ? random() % 700 : random() % 3;
    if (!used.empty() && random() % 2 == 0) {
      std::swap(used[random() % used.size()], used.back());
      pool.Release(used.back(), now);
      released_at[used.back().client] = now;
      used.pop_back();
    } else if (const std::optional<SpiPair> pair = pool.Acquire(now)) {
      const auto found = released_at.find(pair->client);
      if (found != released_at.end()) {
        ASSERT_GE(now - found->second, kQuarantine);
        released_at.erase(found);
      }
      used.push_back(*pair);
    } else {
      // All others rest, none of them for twice the quarantine.
      ASSERT_EQ(used.size() + released_at.size(), 200u);
      for (const auto& [spi, since] : released_at) ASSERT_LT(now - since, 2 * kQuarantine);
    }
    const SpiPool::Counts counts = pool.counts();
    ASSERT_EQ(counts.used, used.size());
    ASSERT_EQ(counts.free + counts.used + counts.quarantined, 200u);
  }
}

// Threads on a pool so small that they meet on every word. Who holds a pair marks it; two marks, a
// rest cut short or a lost pair fail.
class XfrmSpiPoolThreads : public ::testing::TestWithParam<uint64_t> {
 protected:
  static constexpr uint32_t kPairs = 150;
  static constexpr int kThreads = 4;
  static constexpr int kTurns = 50'000;

  void Work(int seed) {
    std::mt19937 random(static_cast<uint32_t>(seed));
    std::vector<SpiPair> held;
    for (int i = 0; i < kTurns; ++i) {
      const uint64_t now = clock_.fetch_add(random() % 2);
      if (held.size() < 30 && random() % 8 < 5) {
        const uint32_t avoid[] = {AnySpi(&random), AnySpi(&random)};
        const std::optional<SpiPair> pair = pool_.Acquire(now, avoid);
        if (!pair) continue;
        Take(*pair, avoid);
        held.push_back(*pair);
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
  std::atomic<uint64_t> clock_{0};
  std::array<std::atomic<int>, kPairs> holders_{};
  std::array<std::atomic<uint64_t>, kPairs> released_at_{};  // Plus one; 0: never.
  std::atomic<int> failures_{0};
};

INSTANTIATE_TEST_SUITE_P(Quarantine, XfrmSpiPoolThreads, ::testing::Values(0, 1, 7, 500));

TEST_P(XfrmSpiPoolThreads, ShareWithoutOverlapAndLoseNothing) {
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

}  // namespace
}  // namespace xfrm
