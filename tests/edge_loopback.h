// The ends that tests of whole workers play: phones and the core as plain blocking sockets on
// loopback, and one fake kernel behind all workers.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ctime>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "edge/kernel.h"
#include "edge/restart.h"
#include "tests/edge_values.h"

namespace edge {

// A socket bound to an address, with a port of the kernel's choice where it names 0.
class LoopbackSocket {
 public:
  LoopbackSocket(int type, const reactor::Endpoint& local)
      : fd_(socket(local.family(), type | SOCK_CLOEXEC, 0)) {
    const int yes = 1;
    if (type == SOCK_STREAM) setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    const timeval patience{20, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    EXPECT_EQ(bind(fd_, &local.any, local.size()), 0) << TextOf(local);
    socklen_t size = sizeof(local_);
    EXPECT_EQ(getsockname(fd_, &local_.any, &size), 0);
  }
  explicit LoopbackSocket(int accepted) : fd_(accepted) {}
  LoopbackSocket(LoopbackSocket&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), local_(other.local_) {}
  ~LoopbackSocket() {
    if (fd_ >= 0) close(fd_);
  }

  int fd() const { return fd_; }
  const reactor::Endpoint& local() const { return local_; }
  uint16_t port() const { return local_.port(); }

 private:
  int fd_;
  reactor::Endpoint local_;
};

class UdpEnd : public LoopbackSocket {
 public:
  explicit UdpEnd(const reactor::Endpoint& local) : LoopbackSocket(SOCK_DGRAM, local) {}
  void Send(const reactor::Endpoint& to, const std::string& text) {
    const ssize_t sent = sendto(fd(), text.data(), text.size(), 0, &to.any, to.size());
    EXPECT_EQ(sent, static_cast<ssize_t>(text.size()));
  }
  // "" when nothing comes for a long time, or without waiting.
  std::string Receive(reactor::Endpoint* from = nullptr, int flags = 0) {
    std::string text(65536, '\0');
    reactor::Endpoint peer;
    socklen_t size = sizeof(peer);
    const ssize_t got = recvfrom(fd(), text.data(), text.size(), flags, &peer.any, &size);
    text.resize(got > 0 ? static_cast<size_t>(got) : 0);
    if (from != nullptr) *from = peer;
    return text;
  }
};

// A connection, and messages without bodies out of it.
class TcpEnd : public LoopbackSocket {
 public:
  TcpEnd(const reactor::Endpoint& local, const reactor::Endpoint& peer)
      : LoopbackSocket(SOCK_STREAM, local) {
    EXPECT_EQ(connect(fd(), &peer.any, peer.size()), 0) << TextOf(peer);
  }
  explicit TcpEnd(int accepted) : LoopbackSocket(accepted) {}
  void Send(std::string_view text) {
    EXPECT_EQ(send(fd(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  // "" at the end of the stream, or when nothing comes for a long time.
  std::string Receive() {
    constexpr std::string_view kEnd = "\r\n\r\n";
    size_t end;
    while ((end = bytes_.find(kEnd)) == std::string::npos) {
      char buffer[16384];
      const ssize_t got = recv(fd(), buffer, sizeof(buffer), 0);
      if (got <= 0) return {};
      bytes_.append(buffer, static_cast<size_t>(got));
    }
    const std::string message = bytes_.substr(0, end + kEnd.size());
    bytes_.erase(0, message.size());
    return message;
  }

 private:
  std::string bytes_;
};

class TcpServer : public LoopbackSocket {
 public:
  explicit TcpServer(const reactor::Endpoint& local) : LoopbackSocket(SOCK_STREAM, local) {
    EXPECT_EQ(listen(fd(), 16), 0);
  }
  TcpEnd Accept() {
    const int accepted = accept(fd(), nullptr, nullptr);
    EXPECT_GE(accepted, 0);
    const timeval patience{20, 0};
    setsockopt(accepted, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return TcpEnd(accepted);
  }
};

// There is one kernel: what one worker installed is in another's way.
struct OneKernel {
  std::mutex mutex;
  xfrm::FakeKernel fake;
  RestartCounts put_right;  // By the last start.

  size_t sa_count() {
    const std::lock_guard<std::mutex> lock(mutex);
    return fake.sa_count();
  }
  size_t policy_count() {
    const std::lock_guard<std::mutex> lock(mutex);
    return fake.policy_count();
  }
  // Does our end of it, spi_ps, have its SA?
  bool HasSpi(uint32_t spi) {
    const std::lock_guard<std::mutex> lock(mutex);
    for (const xfrm::SaInfo& sa : fake.Sas()) {
      if (sa.id.spi == spi) return true;
    }
    return false;
  }
};

// A worker's way to it.
class WayToKernel final : public Kernel {
 public:
  explicit WayToKernel(OneKernel* kernel) : kernel_(*kernel) {}
  // The kernel outlives its process, so it is put right as the real one is.
  bool Prepare(const Settings& settings, const KnownSas& known, std::string* error) override {
    const Transaction transact = [this](xfrm::Batch* batch, xfrm::BatchVerdict* verdict,
                                        const std::function<void(const xfrm::Reply&)>& look) {
      verdict->Start(batch->first(), batch->count());
      static_cast<void>(Send(batch->Seal()));
      std::vector<std::vector<std::byte>> answers;
      answers.swap(answers_);
      for (const std::vector<std::byte>& answer : answers) {
        xfrm::ReplyReader reader(answer);
        for (xfrm::Reply reply; reader.Next(&reply);) {
          if (verdict->Apply(reply)) look(reply);
        }
      }
      return verdict->complete() ? std::errc{} : std::errc::timed_out;
    };
    const std::vector<xfrm::Policy> policies = SharedPolicies(settings);
    if (!PutRight(transact, {known.sas, policies, known.lifetimes, known.before_install},
                  settings.ipsec.reqid, 1, &kernel_.put_right, error)) {
      return false;
    }
    for (const xfrm::Policy& policy : SharedPolicies(settings)) {
      xfrm::Batch batch;
      batch.Clear(1);
      batch.UpdatePolicy(policy);
      static_cast<void>(Send(batch.Seal()));
    }
    answers_.clear();
    return true;
  }
  bool Attach(reactor::Reactor*, KernelAnswers* told, std::string*) override {
    told_ = told;
    return true;
  }
  bool Send(std::span<const std::byte> batch) override {
    const std::lock_guard<std::mutex> lock(kernel_.mutex);
    kernel_.fake.Send(batch, static_cast<uint64_t>(time(nullptr)), &answers_);
    return true;
  }
  void Deliver() override {
    std::vector<std::vector<std::byte>> answers;
    answers.swap(answers_);
    for (const std::vector<std::byte>& answer : answers) told_->OnReply(answer);
  }
  bool has_answers() const override { return !answers_.empty(); }
  bool ReadCounters(xfrm::KernelCounters*) override { return false; }
  void Detach() override {}
  bool detached() const override { return true; }
  void Retire(const Settings& settings) override {
    for (const xfrm::Policy& policy : SharedPolicies(settings)) {
      xfrm::Batch batch;
      batch.Clear(1);
      batch.DeletePolicy(policy);
      static_cast<void>(Send(batch.Seal()));
    }
  }

 private:
  OneKernel& kernel_;
  std::vector<std::vector<std::byte>> answers_;
  KernelAnswers* told_ = nullptr;
};

}  // namespace edge
