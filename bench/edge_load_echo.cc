#include "bench/edge_load_echo.h"

#include <poll.h>
#include <time.h>

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

namespace bench {
namespace {

constexpr uint32_t kLoopback = 0x7f000001;
// Who was held up catches up by so many at once: half the buffers of the raw echo, which without
// any left would arm the receives of all connections again and again.
constexpr uint64_t kUnderWayMax = 512;
constexpr uint64_t kSilenceNs = 200'000'000;  // Then what is missing is lost.

void WaitFor(int fd, uint64_t ns) {
  pollfd socket = {fd, POLLIN, 0};
  const timespec timeout = {0, static_cast<long>(std::min<uint64_t>(ns, 10'000'000))};
  ppoll(&socket, 1, &timeout, nullptr);
}

}  // namespace

class DatagramEcho::Way final : public EchoWay {
 public:
  Way(LoadSocket* socket, Address to) : socket_(socket), to_(to) {}
  void Send(std::string_view payload) override { socket_->Send(0, to_, payload); }
  void Flush() override { socket_->Flush(); }
  int Receive() override {
    return socket_->Receive([](const LoadSocket::Received&) {});
  }
  int fd() const override { return socket_->fd(); }

 private:
  LoadSocket* const socket_;
  const Address to_;
};

bool DatagramEcho::Open(int cpu, std::string* error) {
  address_.ip = kLoopback;
  return echo_->Start(cpu, &address_.port, error) && socket_.Open({kLoopback, 0}, error);
}

EchoResult DatagramEcho::Run(size_t size, const LoadPace& pace, size_t) {
  Way way(&socket_, address_);
  const double cpu_before = echo_->CpuSeconds();
  EchoResult result = DriveEcho(&way, size, pace);
  result.cpu_seconds = echo_->CpuSeconds() - cpu_before;
  return result;
}

EchoResult DriveEcho(EchoWay* way, size_t size, const LoadPace& pace) {
  const std::string payload(std::min(size, LoadSocket::kDatagramSizeMax), 'x');
  const uint64_t begin_ns = NowNs();
  const uint64_t end_ns = begin_ns + static_cast<uint64_t>(pace.seconds * 1e9);
  uint64_t sent = 0;
  EchoResult result;
  uint64_t last_ns = begin_ns;
  std::deque<uint64_t> due_ns;
  std::vector<uint32_t> latency_ns;
  for (uint64_t now_ns = begin_ns; now_ns < end_ns || sent > result.echoed; now_ns = NowNs()) {
    if (now_ns > end_ns && now_ns > last_ns + kSilenceNs) break;
    uint64_t due = sent;
    if (now_ns < end_ns && pace.per_second == 0) {
      due = result.echoed + static_cast<uint64_t>(pace.window);
    } else if (now_ns < end_ns) {
      due = static_cast<uint64_t>(static_cast<double>(now_ns - begin_ns) / 1e9 * pace.per_second);
      due = std::min(due, result.echoed + kUnderWayMax);
    }
    for (; sent < due; ++sent) {
      const double at_s = static_cast<double>(sent) / std::max(pace.per_second, 1.0);
      due_ns.push_back(pace.per_second == 0 ? now_ns
                                            : begin_ns + static_cast<uint64_t>(at_s * 1e9));
      way->Send(payload);
    }
    way->Flush();
    const int count = way->Receive();
    result.echoed += static_cast<uint64_t>(count);
    const uint64_t back_ns = count > 0 ? NowNs() : now_ns;
    for (int i = 0; i < count && !due_ns.empty(); ++i) {  // Late ones of before may be among them.
      latency_ns.push_back(static_cast<uint32_t>(back_ns - due_ns.front()));
      due_ns.pop_front();
    }
    if (count > 0) {
      last_ns = now_ns;
    } else {
      const double next_s = static_cast<double>(sent + 1) / std::max(pace.per_second, 1.0);
      const uint64_t next_ns = begin_ns + static_cast<uint64_t>(next_s * 1e9);
      WaitFor(way->fd(), next_ns > now_ns ? next_ns - now_ns : 0);
    }
  }
  result.lost = sent - result.echoed;
  result.p50_us = LatencyUs(latency_ns, 0.5);
  result.p99_us = LatencyUs(std::move(latency_ns), 0.99);
  result.seconds = static_cast<double>(last_ns - begin_ns) / 1e9;
  return result;
}

}  // namespace bench
