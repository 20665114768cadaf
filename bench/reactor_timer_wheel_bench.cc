#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "reactor/timer_wheel.h"

namespace reactor {
namespace {

// As many timers as a worker with that many phones: times from milliseconds to an hour.
class Crowd {
 public:
  explicit Crowd(size_t count) : random_(1), timers_(count) {
    for (Timer& timer : timers_) wheel_.Arm(&timer, Time());
  }

  uint64_t Time() {
    return wheel_.now_ms() + 1 + random_() % (uint64_t{1} << (5 + random_() % 17));
  }
  Timer* Any() { return &timers_[random_() % timers_.size()]; }
  TimerWheel& wheel() { return wheel_; }

 private:
  std::minstd_rand random_;
  TimerWheel wheel_{1'700'000'000'000};
  std::vector<Timer> timers_;
};

// A retransmission timer or an expiry moved on.
void BM_ArmAgain(benchmark::State& state) {
  Crowd crowd(static_cast<size_t>(state.range(0)));
  for (auto _ : state) crowd.wheel().Arm(crowd.Any(), crowd.Time());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_ArmAgain)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

void BM_CancelAndArm(benchmark::State& state) {
  Crowd crowd(static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    Timer* const timer = crowd.Any();
    crowd.wheel().Cancel(timer);
    crowd.wheel().Arm(timer, crowd.Time());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_CancelAndArm)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

// A millisecond goes by; what is due is armed again. Items are timers that fired.
void BM_Advance(benchmark::State& state) {
  Crowd crowd(static_cast<size_t>(state.range(0)));
  uint64_t now_ms = crowd.wheel().now_ms();
  int64_t fired = 0;
  for (auto _ : state) {
    crowd.wheel().Advance(++now_ms, [&](Timer* timer) {
      ++fired;
      crowd.wheel().Arm(timer, crowd.Time());
    });
  }
  state.SetItemsProcessed(fired);
}
BENCHMARK(BM_Advance)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

void BM_NextExpiry(benchmark::State& state) {
  Crowd crowd(100'000);
  for (auto _ : state) benchmark::DoNotOptimize(crowd.wheel().NextExpiry());
}
BENCHMARK(BM_NextExpiry);

}  // namespace
}  // namespace reactor

BENCHMARK_MAIN();
