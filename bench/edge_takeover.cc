// One gmedge after the other takes over while phones register, refresh and speak: no transaction
// fails, no connection ends.
//
//   edge_takeover --gmedge=build/release/gmedge [--transactions=100000] [--takeovers=20]
//                 [--transport=tcp] [--rate=4000] [--workers=1] [--journal=strict]
//
// Nothing is repeated here: one datagram that is lost is a transaction that fails. Exit status 1 if
// one has failed, a connection has ended, or a gmedge has ended otherwise than with 0.
#include <absl/flags/flag.h>
#include <absl/flags/parse.h>
#include <absl/flags/usage.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>
#include <vector>

#include "bench/edge_load_process.h"
#include "bench/edge_load_traffic.h"

ABSL_FLAG(std::string, gmedge, "", "the program");
ABSL_FLAG(uint32_t, transactions, 100000, "in all, 100..10000000");
ABSL_FLAG(uint32_t, takeovers, 20, "how many at least, 1..1000");
ABSL_FLAG(uint32_t, phones, 2000, "phones that are registered before, 2..100000");
ABSL_FLAG(double, rate, 4000, "transactions a second, whatever comes back");
ABSL_FLAG(std::string, transport, "udp", "udp or tcp: how the phones speak");
ABSL_FLAG(int, workers, 1, "1..8");
ABSL_FLAG(std::string, journal, "strict", "strict, relaxed, or none");

namespace bench {
namespace {

// What each hundred transactions are.
struct Share {
  LoadFlow flow;
  uint32_t percent;
};
constexpr Share kShares[] = {{LoadFlow::kRegistration, 10}, {LoadFlow::kRefresh, 20},
                             {LoadFlow::kMoOptions, 20},    {LoadFlow::kMoMessage, 10},
                             {LoadFlow::kMoInvite, 20},     {LoadFlow::kMtMessage, 20}};

class Scratch {
 public:
  Scratch() {
    char pattern[] = "/tmp/edge_takeover.XXXXXX";
    if (mkdtemp(pattern) != nullptr) path_ = pattern;
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string File(std::string_view name) const { return fmt::format("{}/{}", path_, name); }

 private:
  std::string path_;
};

struct Totals {
  uint64_t completed = 0;
  uint64_t refused = 0;
  uint64_t lost = 0;
  uint64_t disconnected = 0;
  uint32_t latency_max_ns = 0;
  std::string surprise;

  void Add(const LoadResult& result) {
    completed += result.completed;
    refused += result.refused;
    lost += result.lost;
    disconnected += result.disconnected;
    for (const uint32_t latency : result.latency_ns) {
      latency_max_ns = std::max(latency_max_ns, latency);
    }
    if (surprise.empty()) surprise = result.surprise;
  }
  bool IsSound() const { return refused + lost + disconnected == 0; }
};

class TakeoverLoad {
 public:
  TakeoverLoad(LoadTransport transport, uint32_t phones)
      : network_(MakeLoadNetwork(transport)), traffic_(network_, phones) {}

  int Run() {
    std::string error;
    if (!Start(&error)) return Fail(error);
    const uint32_t first = absl::GetFlag(FLAGS_phones);
    const LoadResult before = traffic_.Run(LoadFlow::kRegistration, {0, 64, 600}, first);
    if (before.completed != first) return Fail("the phones could not register");

    // Processes die with the thread that started them, so the phones have the other one.
    std::thread phones([this] { Speak(); });
    const bool is_good = TakeOverAgain(&error);
    is_over_ = true;
    phones.join();
    const int status = edge_->Stop();
    fmt::print(
        "{} transactions over {}, {} workers, journal {}, {} takeovers: refused {}, lost {}, "
        "connections ended {}\n"
        "longest answer {:.1f} ms; without service {}..{} ms (median {} ms)\n",
        totals_.completed, absl::GetFlag(FLAGS_transport), absl::GetFlag(FLAGS_workers),
        absl::GetFlag(FLAGS_journal), gaps_ms_.size(), totals_.refused, totals_.lost,
        totals_.disconnected, totals_.latency_max_ns / 1e6, Gap(0), Gap(1), Gap(0.5));
    if (!is_good) return Fail(error);
    if (status != 0) return Fail(fmt::format("the last gmedge ended with {}", status));
    return totals_.IsSound() ? 0 : Fail("not all is well; first surprise: " + totals_.surprise);
  }

 private:
  // With the last lines of the logs of the last two.
  int Fail(const std::string& error) {
    constexpr size_t kLinesMax = 10;
    fmt::print(stderr, "edge_takeover: {}\n", error);
    for (const char* const name : {"log.before", "log"}) {
      std::deque<std::string> lines;
      std::ifstream log(scratch_.File(name));
      for (std::string line; std::getline(log, line);) {
        lines.push_back(line);
        if (lines.size() > kLinesMax) lines.pop_front();
      }
      for (const std::string& line : lines) fmt::print(stderr, "{}: {}\n", name, line);
    }
    return 1;
  }

  double Gap(double place) {
    if (gaps_ms_.empty()) return 0;
    std::sort(gaps_ms_.begin(), gaps_ms_.end());
    return gaps_ms_[static_cast<size_t>(place * static_cast<double>(gaps_ms_.size() - 1))];
  }

  void WriteSettings() {
    const std::string edge = IpText(network_.edge_gm.ip);
    const int workers = absl::GetFlag(FLAGS_workers);
    std::ofstream file(scratch_.File("gmedge.toml"));
    file << fmt::format("[process]\nworkers = {}\ntakeover_socket = \"{}\"\n", workers,
                        scratch_.File("takeover"));
    file << "[ipsec]\nsocket = [";
    for (int i = 0; i < 3 * workers; ++i) file << fmt::format("\"ipsec:{}:{}\", ", edge, 6100 + i);
    file << "]\nmin_spi = 65536\nmax_spi = 2000000\n";
    file << fmt::format("[gm]\nlisten = \"{}:{}\"\n", edge, network_.edge_gm.port);
    file << fmt::format("[core]\nlisten = \"{}:{}\"\n", IpText(network_.edge_core.ip),
                        network_.edge_core.port);
    file << fmt::format("next_hop = \"{}:{}\"\nreg_event = false\n", IpText(network_.core.ip),
                        network_.core.port);
    file << "[limits]\nconnections_max = 100000\nregistrations_max = 1000000\n";
    if (const std::string durability = absl::GetFlag(FLAGS_journal); durability != "none") {
      file << fmt::format("[journal]\nfile = \"{}\"\ndurability = \"{}\"\nsynchronous = \"off\"\n",
                          scratch_.File("journal"), durability);
    }
  }

  bool Start(std::string* error) {
    RaiseFileLimit();
    if (!traffic_.Open(error)) return false;
    network_ = traffic_.network();
    WriteSettings();
    edge_ = std::make_unique<LoadProcess>();
    return edge_->Start(Command(false), -1, scratch_.File("log"), error) &&
           AwaitLines(" ready: ", 1, nullptr, error);
  }

  std::vector<std::string> Command(bool take_over) const {
    std::vector<std::string> command = {absl::GetFlag(FLAGS_gmedge), "--xfrm=sim",
                                        "--config=" + scratch_.File("gmedge.toml")};
    if (take_over) command.push_back("--takeover");
    return command;
  }

  // In slices, so that a takeover meets every kind of transaction.
  void Speak() {
    const uint32_t wanted = absl::GetFlag(FLAGS_transactions);
    constexpr uint32_t kSlice = 500;
    for (uint32_t done = 0; done < wanted;) {
      for (const Share& share : kShares) {
        const uint32_t count = kSlice * share.percent / 100;
        const LoadPace pace = {absl::GetFlag(FLAGS_rate), 64, 600};
        const LoadResult result = traffic_.Run(share.flow, pace, count);
        totals_.Add(result);
        done += count;
        // There are phones enough for all but what is asked for beside.
        if (result.started < count) return Stop();
      }
    }
    Stop();
  }
  void Stop() { is_over_ = true; }

  bool TakeOverAgain(std::string* error) {
    // They are spread over the time that the transactions take.
    const double seconds = absl::GetFlag(FLAGS_transactions) / absl::GetFlag(FLAGS_rate);
    const auto pause = std::chrono::duration<double>(seconds / absl::GetFlag(FLAGS_takeovers) / 2);
    for (uint32_t number = 0; !is_over_ || number < absl::GetFlag(FLAGS_takeovers); ++number) {
      std::this_thread::sleep_for(pause);
      const std::string log = scratch_.File(fmt::format("log.{}", number));
      auto next = std::make_unique<LoadProcess>();
      if (!next->Start(Command(true), -1, log, error)) return false;
      const int status = edge_->AwaitEnd(30);
      edge_ = std::move(next);
      std::filesystem::rename(scratch_.File("log"), scratch_.File("log.before"));
      std::filesystem::rename(log, scratch_.File("log"));
      if (status != 0) {
        *error = fmt::format("the gmedge that was taken over from ended with {}", status);
        return false;
      }
      if (!ReadGap(error)) return false;
    }
    return true;
  }

  // "... without service: 12 ms": of the slowest worker.
  bool ReadGap(std::string* error) {
    double longest = 0;
    if (!AwaitLines("without service: ", absl::GetFlag(FLAGS_workers), &longest, error)) {
      return false;
    }
    gaps_ms_.push_back(longest);
    return true;
  }

  // So many lines of the log with these words; *longest: the largest number behind them.
  bool AwaitLines(std::string_view words, int count, double* longest, std::string* error) {
    for (int attempt = 0; attempt < 1000; ++attempt) {
      std::ifstream log(scratch_.File("log"));
      int found = 0;
      for (std::string line; std::getline(log, line);) {
        const size_t at = line.find(words);
        if (at == std::string::npos) continue;
        ++found;
        if (longest == nullptr) continue;
        *longest = std::max(*longest, std::atof(line.c_str() + at + words.size()));
      }
      if (found >= count) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    *error = fmt::format("the log of gmedge has no \"{}\"", words);
    return false;
  }

  Scratch scratch_;
  LoadNetwork network_;
  LoadTraffic traffic_;
  std::unique_ptr<LoadProcess> edge_;
  std::atomic<bool> is_over_ = false;
  Totals totals_;
  std::vector<double> gaps_ms_;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("gmedge taken over again and again under load");
  absl::ParseCommandLine(argc, argv);
  const uint32_t transactions = absl::GetFlag(FLAGS_transactions);
  const uint32_t phones = absl::GetFlag(FLAGS_phones);
  const uint32_t takeovers = absl::GetFlag(FLAGS_takeovers);
  const std::string transport = absl::GetFlag(FLAGS_transport);
  const bool is_tcp = transport == "tcp";
  if (absl::GetFlag(FLAGS_gmedge).empty() || transactions < 100 || transactions > 10'000'000 ||
      phones < 2 || phones > 100'000 || takeovers < 1 || takeovers > 1000 ||
      absl::GetFlag(FLAGS_rate) < 1 || absl::GetFlag(FLAGS_workers) < 1 ||
      absl::GetFlag(FLAGS_workers) > 8 || (!is_tcp && transport != "udp")) {
    fmt::print(stderr,
               "edge_takeover: --gmedge=PROGRAM, --transactions 100..10000000, --phones 2..100000, "
               "--takeovers 1..1000, --rate from 1, --workers 1..8, --transport udp or tcp\n");
    return 2;
  }
  // One in ten transactions is a phone that registers.
  const uint32_t all = phones + transactions / 10 + 1000;
  return bench::TakeoverLoad(is_tcp ? bench::LoadTransport::kTcp : bench::LoadTransport::kUdp, all)
      .Run();
}
