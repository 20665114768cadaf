// What a forwarded message costs with several workers, beside one, in CPU microseconds.
//
//   edge_workers --gmedge=build/release/gmedge [--workers=2] [--phones=4000] [--rounds=7]
//
// Two gmedges in sim mode serve as many phones, one with one worker on CPU 0 and one with several,
// each on a CPU of its own. They take turns under the same load, as much as a window for each
// worker lets through, so that what the machine does beside meets both. Counted is CPU time of
// their threads: on a machine without CPUs to spare the phones and the core run where workers do.
#include <absl/flags/flag.h>
#include <absl/flags/parse.h>
#include <absl/flags/usage.h>
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <vector>

#include "bench/edge_load_process.h"
#include "bench/edge_load_traffic.h"

ABSL_FLAG(std::string, gmedge, "", "the program to measure");
ABSL_FLAG(int, workers, 2, "how many, 2..32");
ABSL_FLAG(int, phones, 4000, "phones of each, 2..60000");
ABSL_FLAG(int, rounds, 7, "how often each flow runs on each");
ABSL_FLAG(double, seconds, 1, "how long each time");
ABSL_FLAG(int, window, 64, "transactions under way at once for each worker, 1..1024");

namespace bench {
namespace {

constexpr LoadFlow kFlows[] = {LoadFlow::kRefresh, LoadFlow::kMoOptions, LoadFlow::kMoInvite,
                               LoadFlow::kMtMessage};

// One gmedge, its phones and its core.
class Side {
 public:
  Side(uint32_t number, int workers)
      : workers_(workers),
        number_(number),
        traffic_(MakeLoadNetwork(LoadTransport::kUdp, number),
                 static_cast<uint32_t>(absl::GetFlag(FLAGS_phones))) {
    char pattern[] = "/tmp/edge_workers.XXXXXX";
    if (mkdtemp(pattern) != nullptr) folder_ = pattern;
  }
  ~Side() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  bool Start(std::string* error) {
    if (!traffic_.Open(error)) return false;
    const LoadNetwork& network = traffic_.network();
    WriteSettings(network);
    const std::vector<std::string> command = {absl::GetFlag(FLAGS_gmedge), "--xfrm=sim",
                                              "--config=" + folder_ + "/gmedge.toml"};
    if (!edge_.Start(command, -1, folder_ + "/log", error)) return false;
    Address core = network.edge_core;
    core.port = static_cast<uint16_t>(core.port + workers_ - 1);
    if (!edge_.AwaitUdp(network.edge_gm, error) || !edge_.AwaitUdp(core, error)) return false;
    const LoadResult result = traffic_.Run(LoadFlow::kRegistration, Pace(600));
    if (traffic_.fresh() == 0 && result.refused + result.lost == 0) return true;
    *error = fmt::format("{} phones could not register", result.refused + result.lost);
    return false;
  }
  // CPU microseconds a message; 0 when none came through.
  double Measure(LoadFlow flow) {
    const double before = edge_.CpuSeconds();
    const LoadResult result = traffic_.Run(flow, Pace(absl::GetFlag(FLAGS_seconds)));
    messages_ += result.forwarded;
    lost_ += result.lost + result.refused;
    if (result.forwarded == 0) return 0;
    return (edge_.CpuSeconds() - before) * 1e6 / static_cast<double>(result.forwarded);
  }
  int Stop() { return edge_.Stop(); }
  uint64_t messages() const { return messages_; }
  uint64_t lost() const { return lost_; }
  std::string Log() const {
    std::ostringstream text;
    text << std::ifstream(folder_ + "/log").rdbuf();
    return text.str();
  }

 private:
  LoadPace Pace(double seconds) const {
    return {0, absl::GetFlag(FLAGS_window) * workers_, seconds};
  }
  void WriteSettings(const LoadNetwork& network) const {
    std::ofstream file(folder_ + "/gmedge.toml");
    cpu_set_t cpus;
    const bool has_cpus =
        sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) >= workers_;
    file << fmt::format("[process]\nworkers = {}\npin_cpus = {}\n", workers_, has_cpus);
    file << fmt::format("[ipsec]\nreqid = {}\nsocket = [", number_ + 1);
    for (int port = 6100; port < 6100 + 3 * workers_; ++port) {
      file << fmt::format("\"ipsec:{}:{}\", ", IpText(network.edge_gm.ip), port);
    }
    file << fmt::format("]\nmax_spi = {}\n", 131072 + 8 * absl::GetFlag(FLAGS_phones));
    file << fmt::format(
        "[gm]\nlisten = \"{}\"\n[core]\nlisten = \"{}\"\nnext_hop = \"{}\"\nreg_event = false\n",
        IpText(network.edge_gm.ip), IpText(network.edge_core.ip), IpText(network.core.ip));
    file << "visited_network_id = \"visited.example\"\norig_ioi = \"visited.example\"\n";
    file << "[log]\nlevel = \"warn\"\n";
  }

  const int workers_;
  const uint32_t number_;
  std::string folder_;
  LoadTraffic traffic_;
  LoadProcess edge_;
  uint64_t messages_ = 0;
  uint64_t lost_ = 0;
};

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

int Run() {
  Side one(0, 1);
  Side many(1, absl::GetFlag(FLAGS_workers));
  for (Side* const side : {&one, &many}) {
    std::string error;
    if (side->Start(&error)) continue;
    fmt::print(stderr, "edge_workers: {}\n{}", error, side->Log());
    return 1;
  }
  fmt::print("{} phones each; CPU µs per message, medians of {} rounds\n",
             absl::GetFlag(FLAGS_phones), absl::GetFlag(FLAGS_rounds));
  fmt::print("{:<18}{:>12}{:>12}{:>8}\n", "", "1 worker",
             fmt::format("{} workers", absl::GetFlag(FLAGS_workers)), "ratio");
  for (const LoadFlow flow : kFlows) {
    std::vector<double> of_one;
    std::vector<double> of_many;
    std::vector<double> ratios;
    for (int round = 0; round < absl::GetFlag(FLAGS_rounds); ++round) {
      of_one.push_back(one.Measure(flow));
      of_many.push_back(many.Measure(flow));
      ratios.push_back(of_one.back() > 0 ? of_many.back() / of_one.back() : 0);
    }
    fmt::print("{:<18}{:>12.2f}{:>12.2f}{:>8.2f}\n", Name(flow), Median(of_one), Median(of_many),
               Median(ratios));
  }
  const bool is_sound = one.messages() > 0 && many.messages() > 0 &&
                        100 * (one.lost() + many.lost()) < one.messages() + many.messages();
  fmt::print("lost: {} of {}, {} of {}\n", one.lost(), one.messages(), many.lost(),
             many.messages());
  const bool is_ended = one.Stop() == 0 && many.Stop() == 0;
  return is_sound && is_ended ? 0 : 1;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("CPU microseconds per message of several workers beside one");
  absl::ParseCommandLine(argc, argv);
  const auto is_within = [](int value, int min, int max) { return value >= min && value <= max; };
  if (absl::GetFlag(FLAGS_gmedge).empty() || !is_within(absl::GetFlag(FLAGS_workers), 2, 32) ||
      !is_within(absl::GetFlag(FLAGS_phones), 2, 60'000) ||
      !is_within(absl::GetFlag(FLAGS_window), 1, 1024) || absl::GetFlag(FLAGS_rounds) < 1) {
    fmt::print(stderr,
               "edge_workers: --gmedge=PROGRAM, --workers 2..32, --phones 2..60000, --window "
               "1..1024, --rounds 1 or more\n");
    return 2;
  }
  return bench::Run();
}
