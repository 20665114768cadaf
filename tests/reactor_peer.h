// The other end in the reactor's tests: a plain blocking UDP socket, and loops with a limit.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "reactor/endpoint.h"
#include "reactor/reactor.h"

namespace reactor {

inline Endpoint At(std::string_view text) {
  Endpoint endpoint;
  EXPECT_TRUE(ParseEndpoint(text, 0, &endpoint)) << text;
  return endpoint;
}

inline std::string Text(const Endpoint& endpoint) {
  char text[kEndpointTextMax];
  return {text, WriteEndpoint(endpoint, text)};
}

inline std::unique_ptr<Reactor> MakeReactor(const ReactorOptions& options = {}) {
  std::string error;
  std::unique_ptr<Reactor> reactor = Reactor::Create(options, &error);
  EXPECT_NE(reactor, nullptr) << error;
  return reactor;
}

// Turns until `done`, for at most ten seconds.
inline bool RunUntil(Reactor* reactor, const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    reactor->SubmitAndWait(10'000);
    reactor->Dispatch();
  }
  return true;
}

// A few turns in which nothing has to happen.
inline void RunIdle(Reactor* reactor, int turns) {
  for (int i = 0; i < turns; ++i) {
    reactor->SubmitAndWait(1'000);
    reactor->Dispatch();
  }
}

class Peer {
 public:
  explicit Peer(std::string_view local) {
    const Endpoint wanted = At(local);
    fd_ = socket(wanted.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(fd_, &wanted.any, wanted.size()), 0);
    socklen_t size = sizeof(local_);
    EXPECT_EQ(getsockname(fd_, &local_.any, &size), 0);
    const timeval timeout{5, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    const int buffer_size = 4 << 20;
    setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &buffer_size, sizeof(buffer_size));
  }
  ~Peer() { close(fd_); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  const Endpoint& local() const { return local_; }

  void Send(const Endpoint& to, std::string_view bytes) {
    const ssize_t sent = sendto(fd_, bytes.data(), bytes.size(), 0, &to.any, to.size());
    EXPECT_EQ(sent, static_cast<ssize_t>(bytes.size()));
  }

  // "(nothing)" when none came within five seconds.
  std::string Receive(Endpoint* from = nullptr, int flags = 0) {
    std::vector<char> buffer(65536);
    Endpoint sender;
    socklen_t size = sizeof(sender);
    const ssize_t got = recvfrom(fd_, buffer.data(), buffer.size(), flags, &sender.any, &size);
    if (from != nullptr) *from = sender;
    return got < 0 ? "(nothing)" : std::string(buffer.data(), static_cast<size_t>(got));
  }

 private:
  int fd_;
  Endpoint local_;
};

}  // namespace reactor
