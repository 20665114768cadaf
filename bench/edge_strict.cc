// What a strict journal adds to a registration: CPU time and latency beside none.
//
//   edge_strict --gmedge=build/release/gmedge [--phones=2000] [--rounds=7] [--synchronous=normal]
//
// Two gmedges with simulated IPsec, one of them with a journal that commits before each 200, take
// turns: new phones register as fast as a window lets them, then others at half that rate, which is
// where the latencies mean something. Counted is the CPU time of all threads, the journal's writer
// with them.
#include <absl/flags/flag.h>
#include <absl/flags/parse.h>
#include <absl/flags/usage.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "bench/edge_load_files.h"
#include "bench/edge_load_process.h"
#include "bench/edge_load_traffic.h"
#include "bench/raw_echo.h"

ABSL_FLAG(std::string, gmedge, "", "the program to measure");
ABSL_FLAG(int, phones, 2000, "that register each time, 100..20000");
ABSL_FLAG(int, rounds, 7, "1..50");
ABSL_FLAG(std::string, synchronous, "normal", "of the journal: off, normal or full");
ABSL_FLAG(int, server_cpu, 0, "where both gmedges run; -1: anywhere");
ABSL_FLAG(int, load_cpu, 1, "where the phones and the core run; -1: anywhere");

namespace bench {
namespace {

struct Round {
  double cpu_us = 0;  // A registration, flat out.
  double per_second = 0;
  double p50_us = 0;  // At half that rate.
  double p99_us = 0;
};

// One gmedge, its phones and its core.
class Side {
 public:
  Side(uint32_t number, bool has_journal)
      : has_journal_(has_journal),
        traffic_(MakeLoadNetwork(LoadTransport::kUdp, number), PhonesMax()) {}

  bool Start(std::string* error) {
    if (!traffic_.Open(error)) return false;
    std::ofstream file(scratch_.File("gmedge.toml"));
    file << LoadSettings(traffic_.network(), 65536 + 8 * PhonesMax() + 65536)
         << fmt::format("[limits]\nregistrations_max = {}\n", 2 * PhonesMax());
    if (has_journal_) {
      file << fmt::format("[journal]\nfile = \"{}\"\nkey_file = \"{}\"\nsynchronous = \"{}\"\n",
                          scratch_.File("journal"), scratch_.File("key"),
                          absl::GetFlag(FLAGS_synchronous));
    }
    file.close();
    return edge_.Start({absl::GetFlag(FLAGS_gmedge), "--xfrm=sim",
                        "--config=" + scratch_.File("gmedge.toml")},
                       absl::GetFlag(FLAGS_server_cpu), scratch_.File("log"), error) &&
           edge_.AwaitUdp(traffic_.network().edge_gm, error) &&
           edge_.AwaitUdp(traffic_.network().edge_core, error);
  }

  Round Measure() {
    Round round;
    const double before = edge_.CpuSeconds();
    const LoadResult fast = Register({.seconds = 60});
    if (fast.completed == 0) return round;
    round.cpu_us = (edge_.CpuSeconds() - before) * 1e6 / static_cast<double>(fast.completed);
    round.per_second = static_cast<double>(fast.completed) / fast.seconds;
    const LoadResult paced = Register({.per_second = round.per_second / 2, .seconds = 60});
    round.p50_us = LatencyUs(paced.latency_ns, 0.5);
    round.p99_us = LatencyUs(paced.latency_ns, 0.99);
    return round;
  }
  uint64_t failed() const { return failed_; }
  int Stop() { return edge_.Stop(); }
  std::string Log() const { return scratch_.Text("log"); }

 private:
  static uint32_t PhonesMax() {
    return static_cast<uint32_t>(2 * absl::GetFlag(FLAGS_phones) * absl::GetFlag(FLAGS_rounds));
  }
  LoadResult Register(const LoadPace& pace) {
    LoadResult result = traffic_.Run(LoadFlow::kRegistration, pace,
                                     static_cast<uint64_t>(absl::GetFlag(FLAGS_phones)));
    failed_ += result.lost + result.refused;
    return result;
  }

  const bool has_journal_;
  const Scratch scratch_{"edge_strict"};
  LoadTraffic traffic_;
  LoadProcess edge_;
  uint64_t failed_ = 0;
};

double Median(const std::vector<Round>& rounds, double Round::*what) {
  std::vector<double> values;
  for (const Round& round : rounds) values.push_back(round.*what);
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

int Run() {
  PinToCpu(absl::GetFlag(FLAGS_load_cpu));
  Side without(0, false);
  Side strict(1, true);
  for (Side* const side : {&without, &strict}) {
    std::string error;
    if (side->Start(&error)) continue;
    fmt::print(stderr, "edge_strict: {}\n{}", error, side->Log());
    return 1;
  }
  std::vector<Round> of_without;
  std::vector<Round> of_strict;
  std::vector<double> ratios;
  for (int round = 0; round < absl::GetFlag(FLAGS_rounds); ++round) {
    of_without.push_back(without.Measure());
    of_strict.push_back(strict.Measure());
    ratios.push_back(of_strict.back().cpu_us / std::max(of_without.back().cpu_us, 1e-9));
  }
  const auto middle = ratios.begin() + static_cast<std::ptrdiff_t>(ratios.size() / 2);
  std::nth_element(ratios.begin(), middle, ratios.end());
  fmt::print("{} rounds of {} registrations; medians; synchronous = \"{}\"\n",
             absl::GetFlag(FLAGS_rounds), absl::GetFlag(FLAGS_phones),
             absl::GetFlag(FLAGS_synchronous));
  fmt::print("{:<16}{:>12}{:>14}{:>10}{:>10}\n", "", "CPU µs each", "a second", "p50 µs", "p99 µs");
  for (const auto& [name, rounds] :
       {std::pair("no journal", &of_without), std::pair("strict journal", &of_strict)}) {
    fmt::print("{:<16}{:>12.2f}{:>14.0f}{:>10.0f}{:>10.0f}\n", name,
               Median(*rounds, &Round::cpu_us), Median(*rounds, &Round::per_second),
               Median(*rounds, &Round::p50_us), Median(*rounds, &Round::p99_us));
  }
  fmt::print("CPU ratio {:.2f} (median of rounds); not registered: {}, {}\n", *middle,
             without.failed(), strict.failed());
  const bool is_ended = without.Stop() == 0 && strict.Stop() == 0;
  return is_ended && without.failed() + strict.failed() == 0 ? 0 : 1;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("what a strict journal adds to a registration");
  absl::ParseCommandLine(argc, argv);
  const auto is_within = [](int value, int min, int max) { return value >= min && value <= max; };
  if (absl::GetFlag(FLAGS_gmedge).empty() || !is_within(absl::GetFlag(FLAGS_phones), 100, 20'000) ||
      !is_within(absl::GetFlag(FLAGS_rounds), 1, 50)) {
    fmt::print(stderr, "edge_strict: --gmedge=PROGRAM, --phones 100..20000, --rounds 1..50\n");
    return 2;
  }
  return bench::Run();
}
