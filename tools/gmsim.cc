// gmsim: gmedge's core, journal and kernel queue in a simulated world, run after run, to find what
// does not hold (docs/simulator.md).
#include <absl/flags/flag.h>
#include <fmt/format.h>
#include <sodium.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "tools/program.h"
#include "tools/sim_shrink.h"

ABSL_FLAG(uint64_t, seed, 1, "the first run's");
ABSL_FLAG(uint32_t, seeds, 1, "how many runs, of consecutive seeds");
ABSL_FLAG(uint32_t, random_seeds, 0, "and how many of random ones, which are printed");
ABSL_FLAG(uint32_t, phones, 24, "of a run");
ABSL_FLAG(uint32_t, hours, 12, "of a run, simulated");
ABSL_FLAG(bool, swarm, false, "draw how often each fault comes, seed by seed, from never to often");
ABSL_FLAG(bool, shrink, true, "make a run in which something does not hold small, and print it");
ABSL_FLAG(uint32_t, trace_lines, 200, "how much of it, from its end");
ABSL_FLAG(bool, verbose, false, "a line each run");

namespace {

struct Total {
  tools::SimResult sum;
  uint64_t runs = 0;
  uint64_t violated = 0;
};

void Add(const tools::SimResult& result, Total* total) {
  ++total->runs;
  tools::SimResult& sum = total->sum;
  sum.step += result.step;
  sum.digest = sum.digest * 31 + result.digest;
  sum.starts += result.starts;
  sum.starts_failed += result.starts_failed;
  sum.crashes += result.crashes;
  sum.power_losses += result.power_losses;
  sum.promises_checked += result.promises_checked;
  edge::Add(result.stats, &sum.stats);
}

// The end of the trace of a run, as small as it gets.
void Explain(const tools::SimPlan& plan, const tools::SimResult& found) {
  const tools::SimPlan small = absl::GetFlag(FLAGS_shrink) ? tools::Shrink(plan, found) : plan;
  std::vector<std::string> trace;
  const tools::SimResult again = tools::SimRun(small, &trace).Run();
  std::string faults;
  for (size_t i = 0; i < tools::kSimFaults; ++i) {
    if (small.weights[i] != 0) faults += fmt::format(" {}", Name(static_cast<tools::SimFault>(i)));
  }
  fmt::print("  shrunk: {} of {} phones, faults:{}, {} steps, {} lines of trace\n",
             small.phones - small.phones_out.size(), small.phones, faults, again.step,
             trace.size());
  const size_t lines = std::min<size_t>(trace.size(), absl::GetFlag(FLAGS_trace_lines));
  const size_t first = trace.size() - lines;
  for (size_t i = first; i < trace.size(); ++i) fmt::print("  {}\n", trace[i]);
}

void RunSeed(uint64_t seed, Total* total) {
  const uint32_t phones = absl::GetFlag(FLAGS_phones);
  const uint32_t hours = absl::GetFlag(FLAGS_hours);
  const bool is_swarm = absl::GetFlag(FLAGS_swarm);
  const tools::SimPlan plan = tools::MakePlan(seed, phones, hours, is_swarm);
  const tools::SimResult result = tools::SimRun(plan).Run();
  Add(result, total);
  if (absl::GetFlag(FLAGS_verbose)) {
    fmt::print("seed {}: {} registrations, {} crashes, {} steps, digest {:016x}\n", seed,
               result.stats.registrations, result.crashes, result.step, result.digest);
  }
  if (result.violation.empty()) return;
  ++total->violated;
  fmt::print("seed {}, step {}, at {} ms: {}\n", seed, result.step, result.at_ms, result.violation);
  fmt::print("  again: gmsim --seed {} --phones {} --hours {}{}\n", seed, phones, hours,
             is_swarm ? " --swarm" : "");
  std::fflush(stdout);
  Explain(plan, result);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  tools::ParseFlags(argc, argv,
                    "a deterministic simulator of gmedge, its phones, core and machine");
  spdlog::set_level(spdlog::level::off);
  if (sodium_init() < 0) return 1;
  const uint64_t begin_us = tools::NowUs();
  Total total;
  const uint64_t seed = absl::GetFlag(FLAGS_seed);
  for (uint32_t i = 0; i < absl::GetFlag(FLAGS_seeds) && total.violated == 0; ++i) {
    RunSeed(seed + i, &total);
  }
  std::random_device device;
  for (uint32_t i = 0; i < absl::GetFlag(FLAGS_random_seeds) && total.violated == 0; ++i) {
    const uint64_t random_seed = device();
    fmt::print("random seed {}\n", random_seed);
    std::fflush(stdout);
    RunSeed(random_seed, &total);
  }
  const double seconds = static_cast<double>(tools::NowUs() - begin_us) / 1e6;
  const tools::SimResult& sum = total.sum;
  const uint64_t hours = total.runs * absl::GetFlag(FLAGS_hours);
  fmt::print(
      "gmsim: {} runs, {} registrations, {} refreshes, {} starts ({} failed), {} deaths, {} power "
      "losses, {} promises checked, {} steps, digest {:016x}; {} hours in {:.1f} s, {:.0f} a "
      "minute; {}\n",
      total.runs, sum.stats.registrations, sum.stats.refreshes, sum.starts, sum.starts_failed,
      sum.crashes, sum.power_losses, sum.promises_checked, sum.step, sum.digest, hours, seconds,
      static_cast<double>(hours) * 60 / seconds, total.violated == 0 ? "no violation" : "VIOLATED");
  return total.violated == 0 ? 0 : 1;
}
