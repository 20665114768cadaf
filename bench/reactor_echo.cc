// CPU time per echoed datagram: through the reactor, beside the bare kernel interface (raw_echo.h).
//
//   reactor_echo [ROUNDS [DATAGRAMS]]    server thread on CPU 0, load on CPU 1, 1200 bytes each
//
// Rounds alternate between the two, so that whatever else the machine does hits both alike.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "bench/echo_contest.h"
#include "bench/raw_echo.h"
#include "reactor/datagram.h"

namespace bench {
namespace {

constexpr size_t kPayloadSize = 1200;
constexpr unsigned kWindow = 64;  // Datagrams under way at once.

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

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  return bench::RunContest<bench::RawEcho, bench::ReactorEcho, bench::Load>(
      {.program = "reactor_echo",
       .unit = "datagram",
       .size = bench::kPayloadSize,
       .window = bench::kWindow},
      argc, argv);
}
