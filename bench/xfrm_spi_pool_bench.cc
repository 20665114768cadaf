// What a pair of SPIs costs: alone, and with up to four threads on one pool.
#include <benchmark/benchmark.h>

#include <atomic>
#include <vector>

#include "xfrm/permutation.h"
#include "xfrm/spi_pool.h"

namespace xfrm {
namespace {

constexpr uint64_t kQuarantine = 1000;

SpiPool* SharedPool() {
  SpiPool::Options options;  // The default range: 98304 pairs.
  options.quarantine_ms = kQuarantine;
  options.permutation_key = {1, 2};
  static SpiPool pool(options);
  return &pool;
}

// One pair at a time, each thread. The clock they share runs so fast that epochs change every 4000
// turns: what has rested is drained as in service, and no pair is missing.
void AcquireAndRelease(benchmark::State& state) {
  static std::atomic<uint64_t> clock{0};
  SpiPool* pool = SharedPool();
  const uint32_t avoid[] = {3000000001, 3000000002};
  uint64_t now_ms = clock.load();
  uint64_t turns = 0;
  uint64_t failed = 0;
  for (auto _ : state) {
    if (++turns % 64 == 0) now_ms = clock.fetch_add(16);
    const SpiPair pair = pool->Acquire(now_ms, avoid);
    benchmark::DoNotOptimize(pair);
    if (pair) {
      pool->Release(pair, now_ms);
    } else {
      ++failed;
    }
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["failed"] = static_cast<double>(failed);
}
BENCHMARK(AcquireAndRelease)->ThreadRange(1, 4)->UseRealTime();

// A pool that is `percent` full, as at the end of a long day: the cursor has to look for gaps.
void AcquireFromAPoolFilledTo(benchmark::State& state) {
  SpiPool::Options options;
  options.quarantine_ms = 0;
  options.permutation_key = {1, 2};
  SpiPool pool(options);
  const size_t used = pool.capacity() * static_cast<size_t>(state.range(0)) / 100;
  std::vector<SpiPair> held;
  for (size_t i = 0; i < pool.capacity(); ++i) held.push_back(pool.Acquire(0));
  for (size_t i = used, at = 0; i < pool.capacity(); ++i, at = (at + 7919) % held.size()) {
    pool.Release(held[at], 0);
    held.erase(held.begin() + static_cast<std::ptrdiff_t>(at));
  }
  size_t next = 0;
  for (auto _ : state) {
    const SpiPair pair = pool.Acquire(0);
    benchmark::DoNotOptimize(pair);
    pool.Release(held[next], 0);
    held[next] = pair;
    next = (next + 7919) % held.size();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(AcquireFromAPoolFilledTo)->Arg(50)->Arg(99);

void RefuseFromAnExhaustedPool(benchmark::State& state) {
  SpiPool::Options options;
  options.permutation_key = {1, 2};
  SpiPool pool(options);
  while (pool.Acquire(0)) {
  }
  for (auto _ : state) benchmark::DoNotOptimize(pool.Acquire(0));
}
BENCHMARK(RefuseFromAnExhaustedPool);

void PermutePair(benchmark::State& state) {
  const Permutation permutation(98304, {1, 2});
  uint64_t index = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(permutation.Forward(index));
    index = index + 1 < permutation.size() ? index + 1 : 0;
  }
}
BENCHMARK(PermutePair);

}  // namespace
}  // namespace xfrm

BENCHMARK_MAIN();
