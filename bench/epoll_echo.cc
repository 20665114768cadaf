#include "bench/epoll_echo.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace bench {
namespace {

constexpr unsigned kBatch = 64;
constexpr size_t kBufferSize = 8192;

}  // namespace

struct EpollEcho::Batch {
  std::array<mmsghdr, kBatch> headers{};
  std::array<iovec, kBatch> slices{};
  std::array<sockaddr_in, kBatch> peers{};
  std::array<std::array<char, kBufferSize>, kBatch> bytes;

  // Makes room for the next kBatch datagrams, of any size and sender.
  void Prepare() {
    for (size_t i = 0; i < kBatch; ++i) {
      slices[i] = {bytes[i].data(), kBufferSize};
      headers[i].msg_hdr = {&peers[i], sizeof(peers[i]), &slices[i], 1, nullptr, 0, 0};
    }
  }
};

EpollEcho::EpollEcho() = default;
EpollEcho::~EpollEcho() {
  Stop();
}

bool EpollEcho::Start(int cpu, uint16_t* port, std::string* error) {
  batch_ = std::make_unique<Batch>();
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(local);
  fd_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int size = 8 << 20;
  setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
  setsockopt(fd_, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
  if (bind(fd_, reinterpret_cast<sockaddr*>(&local), length) != 0 ||
      getsockname(fd_, reinterpret_cast<sockaddr*>(&local), &length) != 0) {
    *error = std::string("epoll echo: bind: ") + std::strerror(errno);
    return false;
  }
  *port = port_ = ntohs(local.sin_port);
  thread_ = std::thread([this, cpu] {
    PinToCpu(cpu);
    Run();
  });
  return true;
}

void EpollEcho::Run() {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  epoll_event wanted{};
  wanted.events = EPOLLIN;
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd_, &wanted);
  while (!stopping_.load(std::memory_order_relaxed)) {
    epoll_event event;
    if (epoll_wait(epoll, &event, 1, -1) < 1) continue;
    batch_->Prepare();
    const int count = recvmmsg(fd_, batch_->headers.data(), kBatch, 0, nullptr);
    for (int i = 0; i < count; ++i) {
      batch_->slices[static_cast<size_t>(i)].iov_len =
          batch_->headers[static_cast<size_t>(i)].msg_len;
    }
    if (count > 0) sendmmsg(fd_, batch_->headers.data(), static_cast<unsigned>(count), 0);
  }
  close(epoll);
}

void EpollEcho::Stop() {
  if (thread_.joinable()) {
    stopping_ = true;
    sockaddr_in self{};
    self.sin_family = AF_INET;
    self.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    self.sin_port = htons(port_);
    // A datagram to itself ends the wait.
    sendto(fd_, "", 1, 0, reinterpret_cast<const sockaddr*>(&self), sizeof(self));
    thread_.join();
  }
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

}  // namespace bench
