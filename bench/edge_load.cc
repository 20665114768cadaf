// What a registration and a forwarded message cost gmedge, in CPU microseconds.
//
//   edge_load --gmedge=build/release/gmedge [--phones=20000,1000000] [--transport=tcp]
//             [--seconds=2] [--json=FILE]
//
// Starts the real program in sim mode on one CPU, emulates phones and the core on another, and
// holds the result against a bare io_uring echo of as many messages of the same size, over TCP with
// as many connections: each phone has one. The core is reached over UDP, as ever. Every flow
// runs as fast as a window of transactions lets it, then at half that rate (--loads) whatever comes
// back, which is where the latencies mean something. docs/performance.md explains the figures.
#include <absl/flags/flag.h>
#include <absl/flags/parse.h>
#include <absl/flags/usage.h>
#include <absl/strings/numbers.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <thread>
#include <vector>

#include "bench/edge_load_echo.h"
#include "bench/edge_load_fake.h"
#include "bench/edge_load_files.h"
#include "bench/edge_load_peer.h"
#include "bench/edge_load_process.h"
#include "bench/edge_load_report.h"
#include "bench/edge_load_stream_echo.h"
#include "bench/edge_load_streams.h"
#include "bench/edge_load_traffic.h"
#include "bench/epoll_echo.h"
#include "bench/raw_echo.h"

ABSL_FLAG(std::string, gmedge, "", "the program to measure");
ABSL_FLAG(std::vector<std::string>, phones, {"20000"},
          "phones, 2..1000000; several, rising: everything is measured at each");
ABSL_FLAG(std::string, transport, "udp", "udp or tcp: how the phones speak");
ABSL_FLAG(
    double, fill, 0,
    "registrations a second of the phones that are not measured; 0: as many as the window lets "
    "through, and their transactions, which live for 32 s, count in the bytes per phone");
ABSL_FLAG(double, seconds, 2, "how long each flow runs, each way");
ABSL_FLAG(std::vector<std::string>, loads, {"0.5"},
          "shares of the rate that the window reached; registrations take the first");
ABSL_FLAG(int, window, 64, "transactions under way at once, 1..1024");
ABSL_FLAG(int, server_cpu, 0, "where gmedge and the echo run; -1: anywhere");
ABSL_FLAG(int, load_cpu, 1, "where the phones and the core run; -1: anywhere");
ABSL_FLAG(std::string, kamailio, "",
          "Kamailio's program (/usr/sbin/kamailio): forward the same OPTIONS through it too");
ABSL_FLAG(std::string, kamailio_config, "bench/peers/kamailio.cfg", "its settings");
ABSL_FLAG(std::string, json, "", "a file for the result as JSON");

namespace bench {
namespace {

constexpr size_t kEchoSize = 1200;
constexpr LoadFlow kPeerFlow = LoadFlow::kMoOptions;  // What a peer without IMS is asked to do.
constexpr uint32_t kPeerOffset = 8;                   // Its addresses, from gmedge's.

constexpr uint32_t kPhonesMax = 1000000;
// Descriptors of gmedge, or of ours, that are no phone's connection.
constexpr size_t kOtherFiles = 300;
// How many registrations are measured at each number of phones: the others only lead there.
constexpr uint32_t kMeasuredRegistrations = 10000;

void WriteSettings(const LoadNetwork& network, uint32_t phones, const std::string& path) {
  std::ofstream file(path);
  file << LoadSettings(network, 65536 + 8 * phones + 65536);
  file << "visited_network_id = \"visited.example\"\norig_ioi = \"visited.example\"\n";
  file << fmt::format("[limits]\nregistrations_max = {}\n", 2 * phones);
  // Half of them are not for the unprotected ports, where each phone begins.
  if (network.transport == LoadTransport::kTcp) {
    file << fmt::format("connections_max = {}\n", 2 * (phones + kOtherFiles));
  }
}

double OwnCpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class EdgeLoad {
 public:
  // REQUIRES: `phones` rises.
  EdgeLoad(std::vector<uint32_t> phones, std::vector<double> loads, LoadTransport transport)
      : phones_(std::move(phones)),
        loads_(std::move(loads)),
        network_(MakeLoadNetwork(transport)),
        traffic_(network_, phones_.back()) {
    if (transport == LoadTransport::kTcp) {
      echo_ = std::make_unique<StreamEcho>(absl::GetFlag(FLAGS_load_cpu), network_.phones_ip);
    } else {
      echo_ = std::make_unique<DatagramEcho>(std::make_unique<RawEcho>());
    }
  }

  int Run() {
    std::string error;
    if (!Start(&error)) {
      fmt::print(stderr, "edge_load: {}\n{}", error, scratch_.Text("log"));
      return 1;
    }
    report_.echo_before = echo_->Run(kEchoSize, FlatOut(), phones_.front());
    report_.epoll = epoll_.Run(kEchoSize, FlatOut(), 0);
    for (const uint32_t phones : phones_) {
      fake_ = MeasureFakeKernel(phones);
      MeasureRegistrations(phones);
      for (const LoadFlow flow : {LoadFlow::kRefresh, LoadFlow::kMoOptions, LoadFlow::kMoMessage,
                                  LoadFlow::kMoInvite, LoadFlow::kMtMessage}) {
        const double per_second = Measure(flow, FlatOut(), UINT64_MAX);
        for (const double load : loads_) {
          if (per_second > 0) Measure(flow, Paced(per_second * load), UINT64_MAX);
        }
      }
    }
    if (!MeasurePeers(&error)) {
      fmt::print(stderr, "edge_load: kamailio: {}\n{}", error, scratch_.Text("log"));
      return 1;
    }
    report_.echo_after = echo_->Run(kEchoSize, FlatOut(), phones_.back());
    return Finish();
  }

 private:
  static LoadPace FlatOut() {
    return {0, absl::GetFlag(FLAGS_window), absl::GetFlag(FLAGS_seconds)};
  }
  static LoadPace Paced(double per_second) {
    return {per_second, absl::GetFlag(FLAGS_window), absl::GetFlag(FLAGS_seconds)};
  }

  bool Start(std::string* error) {
    PinToCpu(absl::GetFlag(FLAGS_load_cpu));
    const int server_cpu = absl::GetFlag(FLAGS_server_cpu);
    const size_t files = RaiseFileLimit();
    if (network_.transport == LoadTransport::kTcp && files < phones_.back() + kOtherFiles) {
      *error = fmt::format("{} phones over TCP are too many for RLIMIT_NOFILE = {}\n",
                           phones_.back(), files);
      return false;
    }
    if (!echo_->Open(server_cpu, error) || !epoll_.Open(server_cpu, error)) return false;
    if (!traffic_.Open(error)) return false;
    const LoadNetwork& network = traffic_.network();
    WriteSettings(network, phones_.back(), scratch_.File("gmedge.toml"));
    const std::vector<std::string> command = {absl::GetFlag(FLAGS_gmedge), "--xfrm=sim",
                                              "--config=" + scratch_.File("gmedge.toml")};
    if (!edge_.Start(command, server_cpu, scratch_.File("log"), error)) return false;
    if (!edge_.AwaitUdp(network.edge_gm, error) || !edge_.AwaitUdp(network.edge_core, error)) {
      return false;
    }
    report_.machine = DescribeMachine();
    report_.edge = fmt::format("{} {}", command[0], command[1]);
    report_.transport = Name(network.transport);
    report_.window = absl::GetFlag(FLAGS_window);
    report_.echo_size = kEchoSize;
    report_.memory_idle_bytes = edge_.MemorySize();
    return true;
  }

  // Leads to `phones` registered phones. Of those measured, half register as fast as they can, the
  // others at a share of that rate. However long it takes: the other flows want them all.
  void MeasureRegistrations(uint32_t phones) {
    const auto missing = [&] { return phones - static_cast<uint32_t>(traffic_.registered()); };
    LoadPace pace = FlatOut();
    pace.seconds = 600;
    if (missing() > kMeasuredRegistrations) {
      fmt::print(stderr, "to {} phones...\n", phones);
      LoadPace fill = pace;
      fill.per_second = absl::GetFlag(FLAGS_fill);
      traffic_.Run(LoadFlow::kRegistration, fill, missing() - kMeasuredRegistrations);
    }
    const double per_second = Measure(LoadFlow::kRegistration, pace, missing() / 2);
    pace.per_second = per_second * loads_.front();
    if (per_second > 0) Measure(LoadFlow::kRegistration, pace, missing());
    report_.memory.push_back({traffic_.registered(), edge_.MemorySize(), fake_});
  }

  // Adds a row; returns how many transactions completed a second.
  double Measure(LoadFlow flow, const LoadPace& pace, uint64_t transactions_max) {
    report_.rows.push_back(MeasureOne(&edge_, &traffic_, flow, pace, transactions_max));
    report_.rows.back().fake_us = FakeMicroseconds(flow);
    const LoadResult& load = report_.rows.back().load;
    return load.seconds > 0 ? static_cast<double>(load.completed) / load.seconds : 0;
  }

  // What a transaction asks of the simulated kernel.
  double FakeMicroseconds(LoadFlow flow) const {
    if (flow == LoadFlow::kRegistration) return fake_.install_us + fake_.extend_us;
    return flow == LoadFlow::kRefresh ? fake_.extend_us : 0;
  }

  LoadRow MeasureOne(LoadProcess* process, LoadTraffic* traffic, LoadFlow flow,
                     const LoadPace& pace, uint64_t transactions_max) {
    fmt::print(stderr, "{} {}...\n", Name(flow), pace.per_second > 0 ? "paced" : "flat out");
    LoadRow row;
    row.flow = flow;
    row.phones = traffic->registered();
    row.paced_per_second = pace.per_second;
    const double edge_before = process->CpuSeconds();
    const double user_before = process->UserSeconds();
    const double own_before = OwnCpuSeconds();
    row.load = traffic->Run(flow, pace, transactions_max);
    row.edge_cpu_seconds = process->CpuSeconds() - edge_before;
    row.edge_user_seconds = process->UserSeconds() - user_before;
    row.load_cpu_seconds = OwnCpuSeconds() - own_before;
    if (row.load.forwarded > 0) {
      LoadPace echo_pace = Paced(row.MessagesPerSecond());
      const size_t size = row.load.forwarded_bytes / row.load.forwarded;
      row.echo = echo_->Run(size, echo_pace, row.phones);
      if (pace.per_second > 0 && row.echo.Busy() > 0) {
        echo_pace.per_second *= row.EdgeBusy() / row.echo.Busy();
        row.busy_echo = echo_->Run(size, echo_pace, row.phones);
      }
    }
    return row;
  }

  // Every setup of the peer, one after the other, under the flow that both can.
  bool MeasurePeers(std::string* error) {
    const std::string program = absl::GetFlag(FLAGS_kamailio);
    if (program.empty()) return true;
    LoadNetwork network = MakeLoadNetwork();
    network.edge_gm.ip += kPeerOffset;
    network.core.ip += kPeerOffset;
    LoadTraffic traffic(network, phones_.front());
    if (!traffic.Open(error)) return false;
    traffic.Assume(network.edge_gm.port);
    for (const PeerSetup& setup : PeerSetups()) {
      LoadProcess peer;
      if (!StartPeer(program, absl::GetFlag(FLAGS_kamailio_config), setup, network,
                     absl::GetFlag(FLAGS_server_cpu), scratch_.File("log"), &peer, error)) {
        return false;
      }
      // gmedge again right before: machines are not as fast in one minute as in the next.
      fmt::print(stderr, "gmedge: ");
      LoadRow own = MeasureOne(&edge_, &traffic_, kPeerFlow, FlatOut(), UINT64_MAX);
      fmt::print(stderr, "Kamailio, {}: ", setup.name);
      LoadRow row = MeasureOne(&peer, &traffic, kPeerFlow, FlatOut(), UINT64_MAX);
      report_.peers.push_back({setup.name, std::move(row), std::move(own)});
    }
    return true;
  }

  int Finish() {
    const uint64_t stop_ns = NowNs();
    const int status = edge_.Stop();
    report_.stop_seconds = static_cast<double>(NowNs() - stop_ns) / 1e9;
    fmt::print("{}", report_.Table());
    if (const std::string path = absl::GetFlag(FLAGS_json); !path.empty()) {
      std::ofstream(path) << report_.Json();
    }
    if (status != 0) {
      fmt::print(stderr, "edge_load: gmedge ended with {}; its log:\n{}", status,
                 scratch_.Text("log"));
      return 1;
    }
    if (report_.IsSound()) return 0;
    fmt::print(stderr, "edge_load: transactions were refused or lost: the figures mean little\n{}",
               scratch_.Text("log"));
    return 1;
  }

  const std::vector<uint32_t> phones_;
  const std::vector<double> loads_;
  Scratch scratch_{"edge_load"};
  const LoadNetwork network_;
  std::unique_ptr<LoadEcho> echo_;
  DatagramEcho epoll_{std::make_unique<EpollEcho>()};
  LoadTraffic traffic_;
  LoadProcess edge_;
  LoadReport report_;
  FakeCost fake_;  // At the number of phones that is measured.
};

// Empty when the flag is not what its help says.
std::vector<uint32_t> PhonesWanted() {
  std::vector<uint32_t> wanted;
  for (const std::string& word : absl::GetFlag(FLAGS_phones)) {
    uint32_t phones = 0;
    const std::from_chars_result end =
        std::from_chars(word.data(), word.data() + word.size(), phones);
    if (end.ec != std::errc{} || end.ptr != word.data() + word.size() || phones < 2 ||
        phones > kPhonesMax || (!wanted.empty() && phones <= wanted.back() + 1)) {
      return {};
    }
    wanted.push_back(phones);
  }
  return wanted;
}

std::vector<double> LoadsWanted() {
  std::vector<double> wanted;
  for (const std::string& word : absl::GetFlag(FLAGS_loads)) {
    double load = 0;
    if (!absl::SimpleAtod(word, &load) || !(load > 0 && load <= 1)) return {};
    wanted.push_back(load);
  }
  return wanted;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("CPU microseconds per registration and forwarded message of gmedge");
  absl::ParseCommandLine(argc, argv);
  const std::vector<uint32_t> phones = bench::PhonesWanted();
  const std::vector<double> loads = bench::LoadsWanted();
  const int window = absl::GetFlag(FLAGS_window);
  const std::string transport = absl::GetFlag(FLAGS_transport);
  const bool is_tcp = transport == "tcp";
  if (absl::GetFlag(FLAGS_gmedge).empty() || phones.empty() || loads.empty() || window < 1 ||
      window > 1024 || (!is_tcp && transport != "udp") ||
      (is_tcp && !absl::GetFlag(FLAGS_kamailio).empty())) {
    fmt::print(
        stderr,
        "edge_load: --gmedge=PROGRAM, --phones 2..{} (several: rising), --loads within 0..1, "
        "--window 1..1024, --transport udp or, without --kamailio, tcp\n",
        bench::kPhonesMax);
    return 2;
  }
  return bench::EdgeLoad(phones, loads,
                         is_tcp ? bench::LoadTransport::kTcp : bench::LoadTransport::kUdp)
      .Run();
}
