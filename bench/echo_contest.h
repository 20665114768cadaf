// Two echo servers in one run, ours and the bare kernel interface, by the CPU time of their
// threads.
//
// Rounds alternate between the two, so that whatever else the machine does hits both alike.
#pragma once

#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "bench/raw_echo.h"

namespace bench {

inline constexpr int kServerCpu = 0;
inline constexpr int kLoadCpu = 1;
inline constexpr double kRatioGoal = 1.10;

struct Contest {
  const char* program;
  const char* unit;  // What is echoed.
  size_t size;       // Bytes of one.
  unsigned window;   // Under way at once.
};

// Server: Start(cpu, port, error), CpuSeconds(). Load: made with the port; Run(count).
template <typename Server, typename Load>
class Contender {
 public:
  bool Start(const Contest& contest) {
    uint16_t port = 0;
    std::string error;
    if (!server_.Start(kServerCpu, &port, &error)) {
      std::fprintf(stderr, "%s: %s\n", contest.program, error.c_str());
      return false;
    }
    load_ = std::make_unique<Load>(port);
    return load_->Run(10'000);  // Warm.
  }

  bool Round(int count) {
    const double before = server_.CpuSeconds();
    if (!load_->Run(count)) return false;
    rounds_.push_back((server_.CpuSeconds() - before) * 1e6 / count);
    return true;
  }

  const std::vector<double>& rounds() const { return rounds_; }

 private:
  Server server_;
  std::unique_ptr<Load> load_;
  std::vector<double> rounds_;
};

inline double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// What main() returns. Arguments: ROUNDS, and how many a round.
template <typename Raw, typename Ours, typename Load>
int RunContest(const Contest& contest, int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 15;
  const int count = argc > 2 ? std::atoi(argv[2]) : 100'000;
  if (rounds <= 0 || count <= 0) {
    std::fprintf(stderr, "usage: %s [ROUNDS [COUNT]]\n", contest.program);
    return 2;
  }
  PinToCpu(kLoadCpu);
  Contender<Raw, Load> raw;
  Contender<Ours, Load> ours;
  if (!raw.Start(contest) || !ours.Start(contest)) return EXIT_FAILURE;
  std::vector<double> ratios;
  for (int i = 0; i < rounds; ++i) {
    // Who goes first alternates too.
    const bool ok =
        i % 2 == 0 ? raw.Round(count) && ours.Round(count) : ours.Round(count) && raw.Round(count);
    if (!ok) {
      std::fprintf(stderr, "%s: an answer is missing\n", contest.program);
      return EXIT_FAILURE;
    }
    ratios.push_back(ours.rounds().back() / raw.rounds().back());
  }
  utsname system{};
  uname(&system);
  std::printf("echo of %zu-byte %ss, %u under way, %d rounds of %d, Linux %s\n", contest.size,
              contest.unit, contest.window, rounds, count, system.release);
  std::printf("raw io_uring  %6.3f us of CPU per %s (median)\n", Median(raw.rounds()),
              contest.unit);
  std::printf("reactor       %6.3f us of CPU per %s (median)\n", Median(ours.rounds()),
              contest.unit);
  std::printf("ratio         %6.3f    (median of rounds; goal: at most %.2f)\n", Median(ratios),
              kRatioGoal);
  return EXIT_SUCCESS;
}

}  // namespace bench
