// CPU time per message echoed over TCP: through the reactor, beside the bare kernel interface
// (raw_tcp_echo.h).
//
//   reactor_tcp_echo [ROUNDS [MESSAGES]]    server thread on CPU 0, load on CPU 1, 1200 bytes each
//
// As many connections as messages are under way: each message is one receive and one send.
#include <arpa/inet.h>
#include <netinet/tcp.h>
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
#include "bench/raw_tcp_echo.h"
#include "reactor/tcp_listener.h"

namespace bench {
namespace {

constexpr size_t kMessageSize = 1200;
constexpr unsigned kWindow = 64;

// The same as RawTcpEcho, with our connections and buffers.
class ReactorTcpEcho : public reactor::TcpSink {
 public:
  ~ReactorTcpEcho() override { Stop(); }

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
    *port = listener_->local().port();
    return true;
  }

  double CpuSeconds() { return ThreadCpuSeconds(thread_); }

  void Stop() {
    if (!thread_.joinable()) return;
    stopping_ = true;
    thread_.join();
  }

  void OnTcpOpen(reactor::TcpConnection&) override {}
  void OnTcpBytes(reactor::TcpConnection& connection, std::string_view bytes,
                  reactor::BufferLease lease) override {
    const std::string_view slices[] = {bytes};
    connection.Send(slices, lease);
  }
  void OnTcpFin(reactor::TcpConnection& connection) override { connection.Close(); }
  void OnTcpEnd(reactor::TcpConnection&, reactor::TcpEnd, int) override {}

 private:
  bool Open(std::string* error) {
    reactor_ = reactor::Reactor::Create({}, error);
    if (reactor_ == nullptr) return false;
    buffers_ = reactor::BufferRing::Create(reactor_.get(), {}, error);
    if (buffers_ == nullptr) return false;
    sends_ = std::make_unique<reactor::SendPool>(reactor::SendPoolOptions{});
    pool_ = std::make_unique<reactor::TcpPool>(reactor_.get(), buffers_.get(), sends_.get(),
                                               reactor::TcpOptions{}, this, 0);
    reactor::TcpListenerOptions options;
    reactor::ParseEndpoint("127.0.0.1:0", 0, &options.local);
    listener_ = reactor::TcpListener::Open(reactor_.get(), pool_.get(), options, 0, error);
    return listener_ != nullptr;
  }

  void Run() {
    while (!stopping_.load(std::memory_order_relaxed)) Turn();
    listener_->Close();
    pool_->AbortAll();
    while (!listener_->closed() || !pool_->empty()) Turn();
    listener_.reset();
    pool_.reset();
    sends_.reset();
    buffers_.reset();
    reactor_.reset();
  }

  void Turn() {
    reactor_->Dispatch();
    reactor_->SubmitAndWait(20'000);
  }

  std::unique_ptr<reactor::Reactor> reactor_;
  std::unique_ptr<reactor::BufferRing> buffers_;
  std::unique_ptr<reactor::SendPool> sends_;
  std::unique_ptr<reactor::TcpPool> pool_;
  std::unique_ptr<reactor::TcpListener> listener_;
  std::thread thread_;
  std::atomic<bool> stopping_ = false;
};

// Keeps one message under way on each of kWindow connections to a port.
class TcpLoad {
 public:
  explicit TcpLoad(uint16_t port) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(port);
    const timeval patience{1, 0};
    const int one = 1;
    for (int& fd : fds_) {
      fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
      if (connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)) != 0) std::abort();
    }
  }
  ~TcpLoad() {
    for (const int fd : fds_) close(fd);
  }

  // False when an answer is missing.
  bool Run(int messages) {
    constexpr ssize_t kSize = kMessageSize;
    for (int done = 0; done < messages; done += static_cast<int>(kWindow)) {
      for (const int fd : fds_) {
        if (send(fd, bytes_, sizeof(bytes_), MSG_NOSIGNAL) != kSize) return false;
      }
      for (const int fd : fds_) {
        if (recv(fd, bytes_, sizeof(bytes_), MSG_WAITALL) != kSize) return false;
      }
    }
    return true;
  }

 private:
  int fds_[kWindow];
  char bytes_[kMessageSize] = {};
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  return bench::RunContest<bench::RawTcpEcho, bench::ReactorTcpEcho, bench::TcpLoad>(
      {.program = "reactor_tcp_echo",
       .unit = "message",
       .size = bench::kMessageSize,
       .window = bench::kWindow},
      argc, argv);
}
