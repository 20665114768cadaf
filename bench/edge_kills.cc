// Kills gmedge again and again while phones register, and looks whether a phone that had got its
// 200 was lost.
//
//   edge_kills --gmedge=build/release/gmedge [--kills=500] [--rate=2000] [--seed=1] [--before=N]
//
// --before=N registers N phones before anything is killed, and prints what each start says of
// its journal: how long a start with so many takes, and what of it.
//
// Each life of gmedge, with simulated IPsec and a strict journal in SQLite, begins with a message
// each way for every phone that is registered; then new phones register at a fixed rate until, at
// an instant nobody foresees, it is killed (SIGKILL), with whatever was under way. At the end the
// journal is read: every phone must be in it, and no SPI twice.
#include <absl/flags/flag.h>
#include <absl/flags/parse.h>
#include <absl/flags/usage.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <unordered_set>

#include "bench/edge_load_files.h"
#include "bench/edge_load_process.h"
#include "bench/edge_load_traffic.h"
#include "edge/sqlite_store.h"

ABSL_FLAG(std::string, gmedge, "", "the program to kill");
ABSL_FLAG(int, kills, 500, "how often, 1..10000");
ABSL_FLAG(double, rate, 2'000, "registrations a second");
ABSL_FLAG(uint32_t, before, 0, "phones that register before the first kill, 0..1000000");
ABSL_FLAG(uint32_t, seed, 1, "of the instants");

namespace bench {
namespace {

constexpr uint64_t kStartMaxNs = 60'000'000'000;
constexpr double kLifeMaxS = 0.1;  // From when registrations begin.

class EdgeKills {
 public:
  EdgeKills() : traffic_(MakeLoadNetwork(), PhonesMax()), random_(absl::GetFlag(FLAGS_seed)) {}

  int Run() {
    std::string error;
    if (!Open(&error)) return Fail(error);
    const int kills = absl::GetFlag(FLAGS_kills);
    for (int kill = 0; kill <= kills; ++kill) {
      if (!Start(&error)) return Fail(error);
      if (const uint64_t lost = CountLost(); lost > 0) {
        return Fail(fmt::format("after kill {}: {} of {} messages were not served\n", kill, lost,
                                2 * traffic_.registered()));
      }
      if (kill == kills) break;
      if (kill == 0 && absl::GetFlag(FLAGS_before) > 0) {
        traffic_.Run(LoadFlow::kRegistration, {.seconds = 600}, absl::GetFlag(FLAGS_before));
        fmt::print("{} phones are registered\n", traffic_.registered());
      }
      Live();
      edge_.Kill();
      if (isatty(STDERR_FILENO) != 0 || (kill + 1) % 50 == 0) {
        fmt::print(stderr, "{} kills, {} phones registered\n", kill + 1, traffic_.registered());
      }
    }
    if (edge_.Stop() != 0) return Fail("it did not end well\n");
    return Judge();
  }

 private:
  static uint32_t PhonesMax() {
    return static_cast<uint32_t>(absl::GetFlag(FLAGS_kills) * absl::GetFlag(FLAGS_rate) *
                                 kLifeMaxS) +
           absl::GetFlag(FLAGS_before) + 2;
  }

  bool Open(std::string* error) {
    if (!traffic_.Open(error)) return false;
    std::ofstream(scratch_.File("gmedge.toml"))
        << LoadSettings(traffic_.network(), 65536 + 8 * PhonesMax() + 65536, "info")
        << fmt::format("[limits]\nregistrations_max = {}\n", 2 * PhonesMax())
        // A kill takes nothing that the system has been given.
        << fmt::format("[journal]\nfile = \"{}\"\nkey_file = \"{}\"\nsynchronous = \"off\"\n",
                       scratch_.File("journal"), scratch_.File("key"));
    return true;
  }

  bool Start(std::string* error) {
    const uint64_t begin_ns = NowNs();
    if (!edge_.Start(
            {absl::GetFlag(FLAGS_gmedge), "--xfrm=sim", "--config=" + scratch_.File("gmedge.toml")},
            -1, scratch_.File("log"), error)) {
      return false;
    }
    while (edge_.running() && !IsReady() && NowNs() < begin_ns + kStartMaxNs) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    if (!edge_.running() || !IsReady()) {
      *error = "it does not start: ";
      return false;
    }
    const double start_s = static_cast<double>(NowNs() - begin_ns) / 1e9;
    start_max_s_ = std::max(start_max_s_, start_s);
    if (absl::GetFlag(FLAGS_before) > 0) {
      fmt::print("started in {:.2f} s\n{}", start_s, scratch_.Text("log"));
    }
    return true;
  }
  // Not when the ports are bound, which may be those of who was killed.
  bool IsReady() const { return scratch_.Text("log").find(" ready: ") != std::string::npos; }

  // Both ways, every phone.
  uint64_t CountLost() {
    uint64_t lost = 0;
    for (const LoadFlow flow : {LoadFlow::kMoOptions, LoadFlow::kMtMessage}) {
      if (traffic_.registered() == 0) break;
      const LoadResult result = traffic_.Run(flow, {.seconds = 600}, traffic_.registered());
      served_ += result.completed;
      lost += traffic_.registered() - result.completed;
    }
    return lost;
  }

  void Live() {
    std::uniform_real_distribution<double> life_s(0.0005, kLifeMaxS);
    const LoadResult result = traffic_.Run(
        LoadFlow::kRegistration,
        {.per_second = absl::GetFlag(FLAGS_rate), .seconds = life_s(random_), .gives_up = true});
    refused_ += result.refused;
    cut_ += result.lost;
  }

  int Judge() {
    edge::SqliteOpened opened;
    std::string error;
    if (!edge::OpenSqliteStore({scratch_.File("journal"), scratch_.File("key")}, &opened, &error)) {
      return Fail(error + "\n");
    }
    std::unordered_set<uint32_t> spis;
    size_t twice = 0;
    for (const edge::SetRecord& set : opened.contents.sets) {
      twice += spis.insert(set.agreement.spis.client).second ? 0 : 1;
      twice += spis.insert(set.agreement.spis.server).second ? 0 : 1;
    }
    fmt::print(
        "{} kills; {} phones got their 200, {} were cut off, {} refused; {} messages of the "
        "former served, none lost; journal: {} registrations, {} sets, {} SPIs twice; slowest "
        "start {:.2f} s\n",
        absl::GetFlag(FLAGS_kills), traffic_.registered(), cut_, refused_, served_,
        opened.contents.registrations.size(), opened.contents.sets.size(), twice, start_max_s_);
    const bool is_sound = twice == 0 && refused_ == 0 && traffic_.registered() > 0 && cut_ > 0 &&
                          opened.contents.registrations.size() >= traffic_.registered();
    return is_sound ? 0 : Fail("that is not sound\n");
  }

  int Fail(const std::string& why) {
    edge_.Stop();
    fmt::print(stderr, "edge_kills: {}{}", why, scratch_.Text("log"));
    return 1;
  }

  const Scratch scratch_{"edge_kills"};
  LoadTraffic traffic_;
  LoadProcess edge_;
  std::mt19937 random_;
  uint64_t served_ = 0;
  uint64_t refused_ = 0;
  uint64_t cut_ = 0;
  double start_max_s_ = 0;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("kills gmedge while phones register, and looks for lost ones");
  absl::ParseCommandLine(argc, argv);
  const int kills = absl::GetFlag(FLAGS_kills);
  const double rate = absl::GetFlag(FLAGS_rate);
  if (absl::GetFlag(FLAGS_gmedge).empty() || kills < 1 || kills > 10'000 || rate < 1 ||
      rate > 10'000) {
    fmt::print(stderr, "edge_kills: --gmedge=PROGRAM, --kills 1..10000, --rate 1..10000\n");
    return 2;
  }
  return bench::EdgeKills().Run();
}
