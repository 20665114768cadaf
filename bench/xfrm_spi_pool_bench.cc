// What a pair of SPIs costs: from our pool and from two made the way the peers make theirs, alone
// and with up to four threads; how long one acquire takes at worst; from a nearly full pool.
#include <benchmark/benchmark.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

#include "xfrm/permutation.h"
#include "xfrm/spi_pool.h"

namespace xfrm {
namespace {

constexpr uint64_t kQuarantine = 1000;
constexpr uint32_t kMinSpi = 65536;
constexpr uint32_t kPairs = 98304;  // The default range.

SpiPool::Options DefaultRange() {
  SpiPool::Options options;
  options.quarantine_ms = kQuarantine;
  options.permutation_key = {1, 2};
  return options;
}

struct OurPool {
  SpiPool pool{DefaultRange()};

  SpiPair Acquire(uint64_t now_ms, std::span<const uint32_t> avoid) {
    return pool.Acquire(now_ms, avoid);
  }
  void Release(SpiPair pair, uint64_t now_ms) { pool.Release(pair, now_ms); }
};

// Two lists under a mutex, first free out, given back at the end; here without their allocations
// and their search through what is used. No quarantine, an order anybody can tell.
class MutexListPool {
 public:
  MutexListPool() {
    for (uint32_t i = 0; i < kPairs; ++i) free_.push_back({kMinSpi + i, kMinSpi + kPairs + i});
  }

  SpiPair Acquire(uint64_t, std::span<const uint32_t> avoid) {
    const std::scoped_lock lock(mutex_);
    for (auto at = free_.begin(); at != free_.end(); ++at) {
      if (Hits(*at, avoid)) continue;
      used_.splice(used_.begin(), free_, at);
      return used_.front();
    }
    return SpiPair{};
  }

  void Release(SpiPair pair, uint64_t) {
    const std::scoped_lock lock(mutex_);
    used_.front() = pair;
    free_.splice(free_.end(), used_, used_.begin());
  }

  static bool Hits(SpiPair pair, std::span<const uint32_t> avoid) {
    return std::any_of(avoid.begin(), avoid.end(),
                       [pair](uint32_t spi) { return spi == pair.client || spi == pair.server; });
  }

 private:
  std::mutex mutex_;
  std::list<SpiPair> free_;
  std::list<SpiPair> used_;
};

// An array shuffled at start, used as a ring under a mutex. No quarantine; what one has seen go by
// comes again in the order of its release.
class MutexArrayPool {
 public:
  MutexArrayPool() : ring_(kPairs) {
    std::iota(ring_.begin(), ring_.end(), 0u);
    std::shuffle(ring_.begin(), ring_.end(), std::mt19937(1));
  }

  SpiPair Acquire(uint64_t, std::span<const uint32_t> avoid) {
    const std::scoped_lock lock(mutex_);
    if (count_ == 0) return SpiPair{};
    const SpiPair pair = {kMinSpi + ring_[first_], kMinSpi + kPairs + ring_[first_]};
    if (MutexListPool::Hits(pair, avoid)) return SpiPair{};
    first_ = first_ + 1 < kPairs ? first_ + 1 : 0;
    --count_;
    return pair;
  }

  void Release(SpiPair pair, uint64_t) {
    const std::scoped_lock lock(mutex_);
    ring_[(first_ + count_) % kPairs] = pair.client - kMinSpi;
    ++count_;
  }

 private:
  std::mutex mutex_;
  std::vector<uint32_t> ring_;
  size_t first_ = 0;
  size_t count_ = kPairs;
};

template <typename Pool>
Pool* Shared() {
  static Pool pool;
  return &pool;
}

// The clock all threads share runs so fast that epochs change every 4000 turns, as they do in
// service at 400 registrations a second, and no pair is missing.
class SharedClock {
 public:
  uint64_t Turn() {
    static std::atomic<uint64_t> clock{0};
    if (++turns_ % 64 == 0) now_ms_ = clock.fetch_add(16);
    return now_ms_;
  }

 private:
  uint64_t now_ms_ = 0;
  uint64_t turns_ = 0;
};

// Each thread on a CPU of its own, as far as there are some: else a busy machine lets them take
// turns on one, and nobody meets anybody.
void StayOnCpu(int thread) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(static_cast<size_t>(thread) % std::thread::hardware_concurrency(), &cpus);
  pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus);
}

constexpr uint32_t kAvoid[] = {3000000001, 3000000002};

// One pair at a time, each thread.
template <typename Pool>
void AcquireAndRelease(benchmark::State& state) {
  StayOnCpu(state.thread_index());
  Pool* pool = Shared<Pool>();
  SharedClock clock;
  uint64_t failed = 0;
  for (auto _ : state) {
    const uint64_t now_ms = clock.Turn();
    const SpiPair pair = pool->Acquire(now_ms, kAvoid);
    if (pair) {
      pool->Release(pair, now_ms);
    } else {
      ++failed;
    }
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["failed"] = static_cast<double>(failed);
}
BENCHMARK(AcquireAndRelease<OurPool>)->ThreadRange(1, 4)->UseRealTime();
BENCHMARK(AcquireAndRelease<MutexListPool>)->ThreadRange(1, 4)->UseRealTime();
BENCHMARK(AcquireAndRelease<MutexArrayPool>)->ThreadRange(1, 4)->UseRealTime();

// What a worker waits at worst: each acquire timed, with the others at work. Includes the clock's
// own time, which is told beside it.
double Quantile(std::vector<uint32_t>* sorted, double share) {
  return (*sorted)[static_cast<size_t>(static_cast<double>(sorted->size() - 1) * share)];
}

template <typename Pool>
void TimeOfOneAcquire(benchmark::State& state) {
  using Clock = std::chrono::steady_clock;
  StayOnCpu(state.thread_index());
  Pool* pool = Shared<Pool>();
  SharedClock clock;
  std::vector<uint32_t> times;
  std::vector<uint32_t> clock_times;
  times.reserve(static_cast<size_t>(state.max_iterations));
  for (auto _ : state) {
    const uint64_t now_ms = clock.Turn();
    const Clock::time_point zero = Clock::now();
    const Clock::time_point begin = Clock::now();
    const SpiPair pair = pool->Acquire(now_ms, kAvoid);
    const Clock::time_point end = Clock::now();
    if (pair) pool->Release(pair, now_ms);
    times.push_back(static_cast<uint32_t>((end - begin).count()));
    if (times.size() % 64 == 0) {
      clock_times.push_back(static_cast<uint32_t>((begin - zero).count()));
    }
  }
  std::sort(times.begin(), times.end());
  std::sort(clock_times.begin(), clock_times.end());
  const auto tell = [&state](const char* name, double value) {
    state.counters[name] = benchmark::Counter(value, benchmark::Counter::kAvgThreads);
  };
  tell("p50_ns", Quantile(&times, 0.5));
  tell("p99_ns", Quantile(&times, 0.99));
  tell("p99.9_ns", Quantile(&times, 0.999));
  tell("clock_ns", Quantile(&clock_times, 0.5));
}
constexpr int kTimed = 1'000'000;
BENCHMARK(TimeOfOneAcquire<OurPool>)->Iterations(kTimed)->ThreadRange(1, 4)->UseRealTime();
BENCHMARK(TimeOfOneAcquire<MutexListPool>)->Iterations(kTimed)->ThreadRange(1, 4)->UseRealTime();
BENCHMARK(TimeOfOneAcquire<MutexArrayPool>)->Iterations(kTimed)->ThreadRange(1, 4)->UseRealTime();

// A pool of which all but `range(0)` pairs are in use: the cursor has to look for gaps. The pairs
// in use change all the while, and those that rest come free with time.
void AcquireWhenLeft(benchmark::State& state) {
  SpiPool pool(DefaultRange());
  std::vector<SpiPair> held;
  for (uint32_t i = 0; i < kPairs - state.range(0); ++i) held.push_back(pool.Acquire(0));
  std::shuffle(held.begin(), held.end(), std::mt19937(1));
  const uint64_t turns_an_epoch = static_cast<uint64_t>(state.range(0)) / 4 + 1;
  uint64_t now_ms = 0;
  uint64_t turns = 0;
  size_t next = 0;
  uint64_t failed = 0;
  for (auto _ : state) {
    if (++turns % turns_an_epoch == 0) now_ms += kQuarantine;
    const SpiPair pair = pool.Acquire(now_ms, kAvoid);
    if (pair) {
      pool.Release(held[next], now_ms);
      held[next] = pair;
      next = next + 1 < held.size() ? next + 1 : 0;
    } else {
      ++failed;
    }
  }
  state.counters["failed"] = static_cast<double>(failed);
}
BENCHMARK(AcquireWhenLeft)->Arg(kPairs / 2)->Arg(kPairs / 100)->Arg(kPairs / 1000);

// With an epoch between two calls each looks at all pairs once.
void RefuseFromAnExhaustedPool(benchmark::State& state) {
  SpiPool pool(DefaultRange());
  while (pool.Acquire(0)) {
  }
  const uint64_t epochs = static_cast<uint64_t>(state.range(0));
  uint64_t now_ms = 0;
  for (auto _ : state) {
    now_ms += epochs * kQuarantine;
    benchmark::DoNotOptimize(pool.Acquire(now_ms, kAvoid));
  }
}
BENCHMARK(RefuseFromAnExhaustedPool)->ArgName("epochs_between")->Arg(0)->Arg(1);

// The full range: no table, and memory that is given back.
void AcquireAndReleaseFullRange(benchmark::State& state) {
  SpiPool::Options options = DefaultRange();
  options.min_spi = 256;
  options.max_spi = 0xffffffff;
  SpiPool pool(options);
  SharedClock clock;
  for (auto _ : state) {
    const uint64_t now_ms = clock.Turn();
    pool.Release(pool.Acquire(now_ms, kAvoid), now_ms);
  }
}
BENCHMARK(AcquireAndReleaseFullRange);

void Counts(benchmark::State& state) {
  SpiPool pool(DefaultRange());
  while (pool.Acquire(0)) {
  }
  for (auto _ : state) benchmark::DoNotOptimize(pool.counts().used);
}
BENCHMARK(Counts);

// What bounds a pool without locks: one uncontended compare-and-swap.
void OneAtomicInstruction(benchmark::State& state) {
  std::atomic<uint32_t> word{0};
  uint32_t seen = 0;
  for (auto _ : state) {
    word.compare_exchange_strong(seen, seen + 1);
    ++seen;
  }
  benchmark::DoNotOptimize(word.load());
}
BENCHMARK(OneAtomicInstruction);

void Start(benchmark::State& state) {
  for (auto _ : state) SpiPool pool(DefaultRange());
}
BENCHMARK(Start)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace xfrm

// Where there never was a second thread, glibc's mutexes leave their atomic instructions out. Ours
// and the peers' programs have threads.
int main(int argc, char** argv) {
  std::thread([] {}).join();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
