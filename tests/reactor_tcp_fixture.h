// A reactor with a TCP pool and a sink that writes down what it is told, and a blocking TCP peer.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "reactor/tcp_listener.h"
#include "reactor/tcp_socket.h"
#include "tests/reactor_peer.h"

namespace reactor {

// A connected or listening socket of the other side.
class TcpPeer {
 public:
  TcpPeer() = default;
  explicit TcpPeer(int fd) : fd_(fd) { SetPatience(); }
  TcpPeer(TcpPeer&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~TcpPeer() { Close(); }

  static TcpPeer ConnectTo(const Endpoint& to, std::string_view from = "", int receive_buffer = 0) {
    TcpPeer peer(socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (receive_buffer > 0) {
      setsockopt(peer.fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    }
    if (!from.empty()) {
      const Endpoint local = At(from);
      EXPECT_EQ(bind(peer.fd_, &local.any, local.size()), 0);
    }
    // What a ring of this thread has to say may interrupt it; it goes on meanwhile.
    int result = connect(peer.fd_, &to.any, to.size());
    while (result != 0 && (errno == EINTR || errno == EALREADY)) {
      result = connect(peer.fd_, &to.any, to.size());
    }
    if (result != 0 && errno == EISCONN) result = 0;
    EXPECT_EQ(result, 0) << strerror(errno);
    const int one = 1;
    setsockopt(peer.fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return peer;
  }
  static TcpPeer ListenAt(std::string_view local, Endpoint* bound) {
    std::string error;
    TcpPeer peer(OpenTcpListener({At(local)}, 16, bound, &error));
    EXPECT_GE(peer.fd_, 0) << error;
    return peer;
  }
  TcpPeer Accept() { return TcpPeer(accept(fd_, nullptr, nullptr)); }

  void Send(std::string_view bytes) {
    EXPECT_EQ(send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // Up to `size` bytes; fewer at the end of the stream, which `end` then names: "FIN", "RST",
  // "(nothing)" for five seconds of silence.
  std::string Receive(size_t size, std::string* end = nullptr) {
    std::string text(size, '\0');
    size_t got = 0;
    while (got < size) {
      const ssize_t result = recv(fd_, text.data() + got, size - got, 0);
      if (result <= 0) {
        if (end != nullptr) *end = result == 0 ? "FIN" : errno == EAGAIN ? "(nothing)" : "RST";
        break;
      }
      got += static_cast<size_t>(result);
    }
    text.resize(got);
    return text;
  }
  std::string ReceiveEnd() {
    std::string end;
    EXPECT_EQ(Receive(1, &end), "");
    return end;
  }
  void Fin() { shutdown(fd_, SHUT_WR); }
  void Close() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }
  void Reset() { CloseWithReset(std::exchange(fd_, -1)); }
  int fd() const { return fd_; }

 private:
  void SetPatience() {
    const timeval timeout{5, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
  }
  int fd_ = -1;
};

class TcpFixture : public testing::Test, public TcpSink {
 protected:
  struct Told {
    std::string bytes;
    int opens = 0;
    int fins = 0;
    int ends = 0;
    TcpEnd end = TcpEnd::kClosed;
    int error = 0;
  };

  void SetUp() override { Build({}); }
  void Build(const TcpOptions& options, const BufferRingOptions& buffers = {.count = 64},
             const SendPoolOptions& sends = {.slots = 256}) {
    TearDown();
    reactor_ = MakeReactor();
    std::string error;
    buffers_ = BufferRing::Create(reactor_.get(), buffers, &error);
    ASSERT_NE(buffers_, nullptr) << error;
    sends_ = std::make_unique<SendPool>(sends);
    pool_ = std::make_unique<TcpPool>(reactor_.get(), buffers_.get(), sends_.get(), options, this,
                                      now_ms_);
  }
  // Nothing is left behind, whatever the test did.
  void TearDown() override {
    if (pool_ == nullptr) return;
    leases_.clear();
    for (const auto& listener : listeners_) listener->Close();
    pool_->AbortAll();
    EXPECT_TRUE(Run([&] {
      for (const auto& listener : listeners_) {
        if (!listener->closed()) return false;
      }
      return pool_->empty();
    }));
    listeners_.clear();
    EXPECT_EQ(sends_->in_flight(), 0);
    EXPECT_EQ(buffers_->available(), buffers_->options().count);
    pool_.reset();
    told_.clear();
  }

  TcpListener* Listen(std::string_view local = "127.0.0.1:0", uint32_t source_max = 0,
                      uint32_t keep_free = 0) {
    std::string error;
    listeners_.push_back(TcpListener::Open(
        reactor_.get(), pool_.get(),
        {.local = At(local), .source_max = source_max, .keep_free = keep_free}, 7, &error));
    EXPECT_NE(listeners_.back(), nullptr) << error;
    return listeners_.back().get();
  }
  bool Run(const std::function<bool()>& done) { return RunUntil(reactor_.get(), done); }
  bool RunToEnd(TcpId id) {
    return Run([&] { return told_[id].ends > 0; });
  }
  bool SendText(TcpConnection* connection, std::string_view text) {
    const std::string_view slices[] = {text};
    return connection->Send(slices, {});
  }

  void OnTcpOpen(TcpConnection& connection) override {
    last_open_ = connection.id();
    ++told_[connection.id()].opens;
    if (on_open_) on_open_(connection);
  }
  void OnTcpBytes(TcpConnection& connection, std::string_view bytes, BufferLease lease) override {
    Told& told = told_[connection.id()];
    EXPECT_EQ(told.opens, 1);
    EXPECT_EQ(told.fins + told.ends, 0);
    EXPECT_TRUE(lease.Contains(bytes.data()));
    told.bytes += bytes;
    if (on_bytes_) on_bytes_(connection, bytes, std::move(lease));
  }
  void OnTcpFin(TcpConnection& connection) override {
    ++told_[connection.id()].fins;
    if (on_fin_) on_fin_(connection);
  }
  void OnTcpEnd(TcpConnection& connection, TcpEnd end, int error) override {
    Told& told = told_[connection.id()];
    ++told.ends;
    EXPECT_EQ(told.ends, 1);
    told.end = end;
    told.error = error;
  }

  uint64_t now_ms_ = 1'000;
  std::unique_ptr<Reactor> reactor_;
  std::unique_ptr<BufferRing> buffers_;
  std::unique_ptr<SendPool> sends_;
  std::unique_ptr<TcpPool> pool_;
  std::vector<std::unique_ptr<TcpListener>> listeners_;
  std::map<TcpId, Told> told_;
  TcpId last_open_ = 0;
  std::vector<BufferLease> leases_;
  std::function<void(TcpConnection&)> on_open_;
  std::function<void(TcpConnection&, std::string_view, BufferLease)> on_bytes_;
  std::function<void(TcpConnection&)> on_fin_;
};

}  // namespace reactor
