// What a flood of new registrations at the unprotected port does to registered phones.
//
//   edge_flood --gmedge=build/release/gmedge [--flood=100000] [--rounds=5] [--seconds=1]
//
// Phones register, then send OPTIONS and refresh at a fixed rate, in turn without the flood, with
// it, and with the same flood towards a port that nobody reads, so that whatever else the machine
// does hits all alike. Flood, phones and core share one CPU: what the last kind costs phones is
// theirs, and the rest gmedge's. The flood comes from addresses and subscribers that were never
// seen before, at a fixed rate whatever comes back; the core answers none of it.
#include <absl/flags/flag.h>
#include <absl/flags/parse.h>
#include <absl/flags/usage.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <thread>
#include <vector>

#include "bench/edge_load_files.h"
#include "bench/edge_load_process.h"
#include "bench/edge_load_traffic.h"
#include "bench/raw_echo.h"

ABSL_FLAG(std::string, gmedge, "", "the program to measure");
ABSL_FLAG(double, flood, 100'000, "REGISTERs a second of the flood");
ABSL_FLAG(double, rate, 2'000, "requests a second of the registered phones");
ABSL_FLAG(uint32_t, phones, 1'000, "registered phones, 2..10000");
ABSL_FLAG(int, rounds, 5, "with and without the flood, 1..100");
ABSL_FLAG(double, seconds, 1, "of each flow of a round");
ABSL_FLAG(int, server_cpu, 0, "where gmedge runs; -1: anywhere");
ABSL_FLAG(int, load_cpu, 1, "where all the others run; -1: anywhere");

namespace bench {
namespace {

constexpr uint32_t kPhonesMax = 10'000;
constexpr uint32_t kStrangersMax = 1'000'000;  // Addresses of the flood; then they come again.

struct FloodCounts {
  uint64_t sent = 0;
  uint64_t refused = 0;  // 503.
  uint64_t other = 0;    // Any other answer.
};

// REGISTERs at a fixed rate from a thread of its own.
class Flood {
 public:
  Flood(const LoadNetwork& network, int cpu) : network_(network), cpu_(cpu) {
    network_.phones_ip += kPhonesMax;
  }
  bool Open(std::string* error) {
    if (!socket_.Open({}, error) || !sink_.Open({}, error)) return false;
    network_.port_plain = socket_.port();
    return true;
  }
  // Towards gmedge, or towards itself and unread.
  void Start(double per_second, bool aside) {
    stopping_ = false;
    to_ = aside ? Address{network_.edge_gm.ip, sink_.port()} : network_.edge_gm;
    thread_ = std::thread([this, per_second] { Run(per_second); });
  }
  void Stop() {
    stopping_ = true;
    thread_.join();
  }
  const FloodCounts& counts() const { return counts_; }

 private:
  void Run(double per_second) {
    PinToCpu(cpu_);
    const uint64_t begin_ns = NowNs();
    uint64_t sent = 0;
    while (!stopping_) {
      const double elapsed_s = static_cast<double>(NowNs() - begin_ns) / 1e9;
      const uint64_t due = static_cast<uint64_t>(elapsed_s * per_second);
      // What was missed while others had the CPU is not made up for.
      if (due > sent + kBurstMax) sent = due - kBurstMax;
      for (; sent < due; ++sent) SendOne();
      socket_.Flush();
      TakeAnswers();
      pollfd wait{socket_.fd(), POLLIN, 0};
      poll(&wait, 1, 1);
    }
    TakeAnswers();
  }

  void SendOne() {
    const LoadMessages messages(network_);
    LoadPhone phone;
    phone.index = kPhonesMax + next_ % kStrangersMax;
    phone.ip = network_.phones_ip + next_ % kStrangersMax;
    phone.cseq = 1;
    const TransactionId id = (TransactionId{1} << 62) | ++next_;
    const size_t size = messages.Register(phone, id, LoadMessages::Credentials::kEmpty,
                                          {socket_.Room(), LoadSocket::kDatagramSizeMax});
    socket_.Commit(phone.ip, to_, size);
    if (to_.port == network_.edge_gm.port) ++counts_.sent;
  }

  void TakeAnswers() {
    const auto take = [this](const LoadSocket::Received& received) {
      ++(StatusOf(received.payload) == 503 ? counts_.refused : counts_.other);
    };
    while (socket_.Receive(take) > 0) continue;
  }

  static constexpr uint64_t kBurstMax = 2'000;
  LoadNetwork network_;
  const int cpu_;
  LoadSocket socket_;
  LoadSocket sink_;
  Address to_;
  std::thread thread_;
  std::atomic<bool> stopping_ = false;
  uint32_t next_ = 0;
  FloodCounts counts_;
};

// What all rounds of one kind came to.
struct Sum {
  uint64_t started = 0;
  uint64_t refused = 0;
  uint64_t lost = 0;
  std::vector<uint32_t> latency_ns;

  void Add(const LoadResult& result) {
    started += result.started;
    refused += result.refused;
    lost += result.lost;
    latency_ns.insert(latency_ns.end(), result.latency_ns.begin(), result.latency_ns.end());
  }
  double LatencyUs(double share) {
    if (latency_ns.empty()) return 0;
    std::sort(latency_ns.begin(), latency_ns.end());
    const double last = static_cast<double>(latency_ns.size() - 1);
    return static_cast<double>(latency_ns[static_cast<size_t>(share * last)]) / 1e3;
  }
};

class EdgeFlood {
 public:
  EdgeFlood()
      : traffic_(MakeLoadNetwork(), absl::GetFlag(FLAGS_phones)),
        flood_(MakeLoadNetwork(), absl::GetFlag(FLAGS_load_cpu)) {}

  int Run() {
    std::string error;
    if (!Start(&error)) {
      fmt::print(stderr, "edge_flood: {}\n{}", error, scratch_.Text("log"));
      return 1;
    }
    const double seconds = absl::GetFlag(FLAGS_seconds);
    for (int round = 0; round < absl::GetFlag(FLAGS_rounds); ++round) {
      for (size_t kind = 0; kind < std::size(kKinds); ++kind) {
        if (kind > 0) flood_.Start(absl::GetFlag(FLAGS_flood), kind == 1);
        for (size_t flow = 0; flow < std::size(kFlows); ++flow) {
          sums_[flow][kind].Add(traffic_.Run(
              kFlows[flow], {.per_second = absl::GetFlag(FLAGS_rate), .seconds = seconds}));
        }
        if (kind > 0) flood_.Stop();
      }
    }
    return Finish();
  }

 private:
  static constexpr LoadFlow kFlows[] = {LoadFlow::kMoOptions, LoadFlow::kRefresh,
                                        LoadFlow::kMtMessage};
  static constexpr const char* kKinds[] = {"none", "aside", "at gmedge"};

  bool Start(std::string* error) {
    PinToCpu(absl::GetFlag(FLAGS_load_cpu));
    if (!traffic_.Open(error) || !flood_.Open(error)) return false;
    const LoadNetwork& network = traffic_.network();
    // It is the load that is to stop the flood, not a full table.
    std::ofstream(scratch_.File("gmedge.toml"))
        << LoadSettings(network, 16842751)
        << "[limits]\nhalf_open_max = 16000000\nregistrations_max = 16000000\n";
    const std::vector<std::string> command = {absl::GetFlag(FLAGS_gmedge), "--xfrm=sim",
                                              "--config=" + scratch_.File("gmedge.toml")};
    if (!edge_.Start(command, absl::GetFlag(FLAGS_server_cpu), scratch_.File("log"), error) ||
        !edge_.AwaitUdp(network.edge_gm, error) || !edge_.AwaitUdp(network.edge_core, error)) {
      return false;
    }
    traffic_.Run(LoadFlow::kRegistration, {.window = 16, .seconds = 60});
    if (traffic_.registered() == absl::GetFlag(FLAGS_phones)) return true;
    *error = fmt::format("only {} phones registered", traffic_.registered());
    return false;
  }

  int Finish() {
    const int status = edge_.Stop();
    const FloodCounts& flood = flood_.counts();
    fmt::print(
        "{} registered phones, {:.0f} requests a second; flood of {} REGISTERs, {} of them "
        "refused with 503, {} answered otherwise\n",
        traffic_.registered(), absl::GetFlag(FLAGS_rate), flood.sent, flood.refused, flood.other);
    fmt::print(
        "| flow | flood | requests | lost | refused | p50 us | p99 us |\n"
        "|---|---|--:|--:|--:|--:|--:|\n");
    bool is_sound = true;
    for (size_t flow = 0; flow < std::size(kFlows); ++flow) {
      for (size_t kind = 0; kind < std::size(kKinds); ++kind) {
        Sum& sum = sums_[flow][kind];
        fmt::print("| {} | {} | {} | {} | {} | {:.0f} | {:.0f} |\n", Name(kFlows[flow]),
                   kKinds[kind], sum.started, sum.lost, sum.refused, sum.LatencyUs(0.5),
                   sum.LatencyUs(0.99));
        is_sound = is_sound && sum.started > 0 && sum.refused == 0 && sum.lost * 100 <= sum.started;
      }
    }
    const std::string log = scratch_.Text("log");
    const size_t counters = log.find("counters:");
    if (counters != std::string::npos) {
      fmt::print("{}", log.substr(counters, log.find('\n', counters) + 1 - counters));
    }
    if (status == 0 && is_sound) return 0;
    fmt::print(stderr, "edge_flood: registered phones were refused or lost requests\n");
    return 1;
  }

  const Scratch scratch_{"edge_flood"};
  LoadTraffic traffic_;
  Flood flood_;
  LoadProcess edge_;
  Sum sums_[std::size(kFlows)][std::size(kKinds)];
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("latency of registered phones beside a flood of REGISTERs");
  absl::ParseCommandLine(argc, argv);
  const uint32_t phones = absl::GetFlag(FLAGS_phones);
  const int rounds = absl::GetFlag(FLAGS_rounds);
  if (absl::GetFlag(FLAGS_gmedge).empty() || phones < 2 || phones > bench::kPhonesMax ||
      rounds < 1 || rounds > 100) {
    fmt::print(stderr, "edge_flood: --gmedge=PROGRAM, --phones 2..{}, --rounds 1..100\n",
               bench::kPhonesMax);
    return 2;
  }
  return bench::EdgeFlood().Run();
}
