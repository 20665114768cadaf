// CPU time per echoed datagram: through the reactor, beside the bare kernel interface (raw_echo.h).
//
//   reactor_echo [ROUNDS [DATAGRAMS]]    server thread on CPU 0, load on CPU 1, 1200 bytes each
//
// Rounds alternate between the two, so that whatever else the machine does hits both alike.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bench/raw_echo.h"
#include "reactor/datagram.h"

namespace bench {
namespace {

constexpr int kServerCpu = 0;
constexpr int kLoadCpu = 1;
constexpr size_t kPayloadSize = 1200;
constexpr unsigned kWindow = 64;  // Datagrams under way at once.
constexpr double kRatioGoal = 1.10;

// The same as RawEcho, with our ports and buffers.
class ReactorEcho : public reactor::DatagramSink {
 public:
  ~ReactorEcho() override { Stop(); }

  bool Start(int cpu, uint16_t* port, std::string* error) {
    std::promise<bool> opened;
    std::future<bool> result = opened.get_future();
    thread_ = std::thread([this, cpu, error, &opened] {
      PinToCpu(cpu);
      const bool ok = Open(error);
      opened.set_value(ok);
      if (ok) Run();
    });
    if (!result.get()) {
      thread_.join();
      return false;
    }
    *port = port_->local().port();
    return true;
  }

  double CpuSeconds() { return ThreadCpuSeconds(thread_); }

  void Stop() {
    if (!thread_.joinable()) return;
    stopping_ = true;
    thread_.join();
  }

  void OnDatagram(reactor::DatagramPort& port, const reactor::Datagram& datagram,
                  reactor::BufferLease lease) override {
    const std::string_view slices[] = {datagram.payload};
    port.Send(datagram.from, slices, lease);
  }

 private:
  bool Open(std::string* error) {
    reactor_ = reactor::Reactor::Create({}, error);
    if (reactor_ == nullptr) return false;
    buffers_ = reactor::BufferRing::Create(reactor_.get(), {}, error);
    if (buffers_ == nullptr) return false;
    pool_ = std::make_unique<reactor::SendPool>(reactor::SendPoolOptions{});
    reactor::DatagramOptions options;
    reactor::ParseEndpoint("127.0.0.1:0", 0, &options.local);
    port_ = reactor::DatagramPort::Open(reactor_.get(), buffers_.get(), pool_.get(), options, this,
                                        0, error);
    return port_ != nullptr;
  }

  void Run() {
    while (!stopping_.load(std::memory_order_relaxed)) Turn();
    port_->Close();
    while (!port_->closed()) Turn();
    port_.reset();
    pool_.reset();
    buffers_.reset();
    reactor_.reset();
  }

  void Turn() {
    reactor_->Dispatch();
    reactor_->SubmitAndWait(20'000);
  }

  std::unique_ptr<reactor::Reactor> reactor_;
  std::unique_ptr<reactor::BufferRing> buffers_;
  std::unique_ptr<reactor::SendPool> pool_;
  std::unique_ptr<reactor::DatagramPort> port_;
  std::thread thread_;
  std::atomic<bool> stopping_ = false;
};

// Keeps kWindow datagrams under way towards a port.
class Load {
 public:
  explicit Load(uint16_t port) : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(port);
    const timeval patience{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof(to)) != 0) std::abort();
    for (unsigned i = 0; i < kWindow; ++i) {
      pieces_[i] = {bytes_[i], kPayloadSize};
      messages_[i] = {};
      messages_[i].msg_hdr.msg_iov = &pieces_[i];
      messages_[i].msg_hdr.msg_iovlen = 1;
    }
  }
  ~Load() { close(fd_); }

  // False when an answer is missing.
  bool Run(int datagrams) {
    for (int done = 0; done < datagrams; done += static_cast<int>(kWindow)) {
      for (unsigned sent = 0; sent < kWindow;) {
        const int result = sendmmsg(fd_, messages_ + sent, kWindow - sent, 0);
        if (result <= 0) return false;
        sent += static_cast<unsigned>(result);
      }
      for (unsigned received = 0; received < kWindow;) {
        const int result =
            recvmmsg(fd_, messages_ + received, kWindow - received, MSG_WAITFORONE, nullptr);
        if (result <= 0) return false;
        received += static_cast<unsigned>(result);
      }
    }
    return true;
  }

 private:
  int fd_;
  mmsghdr messages_[kWindow];
  iovec pieces_[kWindow];
  char bytes_[kWindow][kPayloadSize] = {};
};

template <typename Server>
class Contender {
 public:
  bool Start() {
    uint16_t port = 0;
    std::string error;
    if (!server_.Start(kServerCpu, &port, &error)) {
      std::fprintf(stderr, "reactor_echo: %s\n", error.c_str());
      return false;
    }
    load_ = std::make_unique<Load>(port);
    return load_->Run(10'000);  // Warm.
  }

  bool Round(int datagrams) {
    const double before = server_.CpuSeconds();
    if (!load_->Run(datagrams)) return false;
    rounds_.push_back((server_.CpuSeconds() - before) * 1e6 / datagrams);
    return true;
  }

  const std::vector<double>& rounds() const { return rounds_; }

 private:
  Server server_;
  std::unique_ptr<Load> load_;
  std::vector<double> rounds_;
};

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

int Main(int rounds, int datagrams) {
  PinToCpu(kLoadCpu);
  Contender<RawEcho> raw;
  Contender<ReactorEcho> ours;
  if (!raw.Start() || !ours.Start()) return EXIT_FAILURE;
  std::vector<double> ratios;
  for (int i = 0; i < rounds; ++i) {
    // Who goes first alternates too.
    const bool ok = i % 2 == 0 ? raw.Round(datagrams) && ours.Round(datagrams)
                               : ours.Round(datagrams) && raw.Round(datagrams);
    if (!ok) {
      std::fprintf(stderr, "reactor_echo: an answer is missing\n");
      return EXIT_FAILURE;
    }
    ratios.push_back(ours.rounds().back() / raw.rounds().back());
  }
  utsname system{};
  uname(&system);
  const double ratio = Median(ratios);
  std::printf("echo of %zu-byte datagrams, %u under way, %d rounds of %d, Linux %s\n", kPayloadSize,
              kWindow, rounds, datagrams, system.release);
  std::printf("raw io_uring  %6.3f us of CPU per datagram (median)\n", Median(raw.rounds()));
  std::printf("reactor       %6.3f us of CPU per datagram (median)\n", Median(ours.rounds()));
  std::printf("ratio         %6.3f    (median of rounds; goal: at most %.2f)\n", ratio, kRatioGoal);
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 15;
  const int datagrams = argc > 2 ? std::atoi(argv[2]) : 100'000;
  if (rounds <= 0 || datagrams <= 0) {
    std::fprintf(stderr, "usage: reactor_echo [ROUNDS [DATAGRAMS]]\n");
    return 2;
  }
  return bench::Main(rounds, datagrams);
}
