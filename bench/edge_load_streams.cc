#include "bench/edge_load_streams.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace bench {
namespace {

constexpr size_t kReadSize = 65536;

}  // namespace

size_t RaiseFileLimit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

struct LoadStreams::Events {
  epoll_event list[kBatch];
};

LoadStreams::LoadStreams(SizeOf size_of) : size_of_(std::move(size_of)) {}

LoadStreams::~LoadStreams() {
  for (size_t i = 0; i < connections_.size(); ++i) Close(static_cast<int>(i));
  if (epoll_ >= 0) close(epoll_);
}

bool LoadStreams::Open(std::string* error) {
  events_ = std::make_unique<Events>();
  buffer_.resize(kReadSize);
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) *error = std::string("load streams: ") + strerror(errno);
  return epoll_ >= 0;
}

int LoadStreams::Connect(Address from, Address to, uint32_t owner) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  const sockaddr_in local = ToSockaddr(from);
  const sockaddr_in peer = ToSockaddr(to);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&local), sizeof(local)) != 0 ||
      connect(fd, reinterpret_cast<const sockaddr*>(&peer), sizeof(peer)) != 0 ||
      epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) {
    const int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  const size_t index = static_cast<size_t>(fd);
  if (connections_.size() <= index) connections_.resize(index + 1);
  connections_[index] = {true, owner, {}};
  return fd;
}

bool LoadStreams::Send(int connection, std::string_view message) {
  const ssize_t sent =
      send(connection, message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent == static_cast<ssize_t>(message.size())) return true;
  ++send_failures_;
  // What follows half a message could not be told from it.
  if (sent > 0) Close(connection);
  return false;
}

void LoadStreams::Close(int connection) {
  if (connection < 0 || !connections_[static_cast<size_t>(connection)].open) return;
  connections_[static_cast<size_t>(connection)] = {};
  close(connection);
}

int LoadStreams::Poll() {
  const int count = epoll_wait(epoll_, events_->list, kBatch, 0);
  return count < 0 ? 0 : count;
}

int LoadStreams::ConnectionAt(int index) const {
  return events_->list[index].data.fd;
}

// What is there, after what was left over.
std::string_view LoadStreams::Read(int connection) {
  ended_ = false;
  Connection& from = connections_[static_cast<size_t>(connection)];
  if (!from.open) return {};  // Closed by the handler of another.
  const size_t before = from.rest.size();
  if (buffer_.size() < before + kReadSize) buffer_.resize(before + kReadSize);
  std::memcpy(buffer_.data(), from.rest.data(), before);
  from.rest.clear();
  const ssize_t size = recv(connection, buffer_.data() + before, kReadSize, MSG_DONTWAIT);
  ended_ = size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR);
  return {buffer_.data(), before + (size > 0 ? static_cast<size_t>(size) : 0)};
}

// False when the connection has ended.
bool LoadStreams::Keep(int connection, std::string_view rest) {
  if (ended_) {
    Close(connection);
    return false;
  }
  Connection& from = connections_[static_cast<size_t>(connection)];
  if (from.open && !rest.empty()) from.rest = rest;
  return true;
}

}  // namespace bench
