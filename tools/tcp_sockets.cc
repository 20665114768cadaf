#include "tools/tcp_sockets.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <map>
#include <unordered_map>
#include <vector>

#include "reactor/tcp_socket.h"
#include "sip/framer.h"

namespace tools {
namespace {

using reactor::Endpoint;

constexpr sip::FrameLimits kLimits{
    .headers_size_max = 32768, .body_size_max = 65000, .message_size_max = 65507};
constexpr size_t kReadSize = 65536;
constexpr int kEventsMax = 64;

// Both ends as bytes.
std::string KeyOf(const Endpoint& local, const Endpoint& peer) {
  std::string key;
  for (const Endpoint& end : {local, peer}) {
    const std::span<const uint8_t> address = end.address();
    key.append(reinterpret_cast<const char*>(address.data()), address.size());
    key += static_cast<char>(end.port() >> 8);
    key += static_cast<char>(end.port() & 0xff);
  }
  return key;
}

void CloseInOrder(int fd) {
  close(fd);
}

void SetNonBlocking(int fd) {
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

struct Connection {
  Connection() : storage(kLimits.message_size_max + sip::kPaddingSize), framer(storage, kLimits) {}
  int fd = -1;
  Endpoint local;
  Endpoint peer;
  std::string out;  // What the kernel has not taken yet.
  std::vector<char> storage;
  sip::Framer framer;
};

}  // namespace

struct TcpSockets::State {
  int epoll_fd = -1;
  Counters counters;
  std::vector<int> listeners;
  std::unordered_map<int, std::unique_ptr<Connection>> by_fd;
  std::map<std::string, int> by_ends;
  std::vector<char> buffer = std::vector<char>(kReadSize + sip::kPaddingSize);

  void Watch(int fd, uint32_t events, int operation) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    epoll_ctl(epoll_fd, operation, fd, &event);
  }
  Connection* Add(int fd, const Endpoint& local, const Endpoint& peer);
  Connection* Connect(const Endpoint& local, const Endpoint& peer);
  void Accept(int listener);
  void Read(Connection* connection, UdpSink* sink);
  void Deliver(Connection* connection, size_t size, UdpSink* sink);
  void Flush(Connection* connection);
  void End(Connection* connection, bool failed, void (*close_fd)(int) = CloseInOrder);
};

TcpSockets::TcpSockets() : state_(std::make_unique<State>()) {}

TcpSockets::~TcpSockets() {
  for (const int fd : state_->listeners) close(fd);
  // By RST: the ports are free for whoever comes next.
  for (const auto& [fd, connection] : state_->by_fd) reactor::CloseWithReset(fd);
  if (state_->epoll_fd >= 0) close(state_->epoll_fd);
}

std::unique_ptr<TcpSockets> TcpSockets::Open(std::span<const Endpoint> locals, std::string* error) {
  std::unique_ptr<TcpSockets> sockets(new TcpSockets());
  State& state = *sockets->state_;
  state.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  for (const Endpoint& local : locals) {
    Endpoint bound;
    const int fd = reactor::OpenTcpListener({local}, 1024, &bound, error);
    if (fd < 0) return nullptr;
    SetNonBlocking(fd);
    state.listeners.push_back(fd);
    state.Watch(fd, EPOLLIN, EPOLL_CTL_ADD);
  }
  return sockets;
}

int TcpSockets::fd() const {
  return state_->epoll_fd;
}

const TcpSockets::Counters& TcpSockets::counters() const {
  return state_->counters;
}

void TcpSockets::Receive(UdpSink* sink) {
  State& state = *state_;
  std::array<epoll_event, kEventsMax> events;
  const int count = epoll_wait(state.epoll_fd, events.data(), kEventsMax, 0);
  for (int i = 0; i < count; ++i) {
    const int fd = events[static_cast<size_t>(i)].data.fd;
    const uint32_t what = events[static_cast<size_t>(i)].events;
    const auto found = state.by_fd.find(fd);
    if (found == state.by_fd.end()) {
      state.Accept(fd);
      continue;
    }
    if ((what & EPOLLOUT) != 0) state.Flush(found->second.get());
    // Flush() may have ended it.
    const auto still = state.by_fd.find(fd);
    if (still != state.by_fd.end() && (what & ~uint32_t{EPOLLOUT}) != 0) {
      state.Read(still->second.get(), sink);
    }
  }
}

void TcpSockets::Send(const Outbox& outbox) {
  State& state = *state_;
  for (const Outbox::Datagram& message : outbox.datagrams()) {
    if (!message.over_tcp) continue;
    const auto found = state.by_ends.find(KeyOf(message.local, message.peer));
    Connection* const connection = found != state.by_ends.end()
                                       ? state.by_fd[found->second].get()
                                       : state.Connect(message.local, message.peer);
    if (connection == nullptr) {
      ++state.counters.failed;
      continue;
    }
    ++state.counters.sent;
    connection->out += outbox.Text(message);
    state.Flush(connection);
  }
}

void TcpSockets::Close(const Endpoint& local, const Endpoint& peer) {
  const auto found = state_->by_ends.find(KeyOf(local, peer));
  if (found != state_->by_ends.end()) {
    state_->End(state_->by_fd[found->second].get(), false, reactor::CloseWithReset);
  }
}

Connection* TcpSockets::State::Add(int fd, const Endpoint& local, const Endpoint& peer) {
  SetNonBlocking(fd);
  auto connection = std::make_unique<Connection>();
  connection->fd = fd;
  connection->local = local;
  connection->peer = peer;
  by_ends[KeyOf(local, peer)] = fd;
  Watch(fd, EPOLLIN, EPOLL_CTL_ADD);
  return (by_fd[fd] = std::move(connection)).get();
}

Connection* TcpSockets::State::Connect(const Endpoint& local, const Endpoint& peer) {
  int error = 0;
  const int fd = reactor::OpenTcpSocket({local}, &error);
  if (fd < 0) return nullptr;
  SetNonBlocking(fd);
  if (connect(fd, &peer.any, peer.size()) != 0 && errno != EINPROGRESS) {
    close(fd);
    return nullptr;
  }
  ++counters.connected;
  return Add(fd, local, peer);
}

void TcpSockets::State::Accept(int listener) {
  for (;;) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    Endpoint local;
    Endpoint peer;
    if (!reactor::LocalOf(fd, &local) || !reactor::PeerOf(fd, &peer)) {
      close(fd);
      continue;
    }
    ++counters.accepted;
    Add(fd, local, peer);
  }
}

void TcpSockets::State::Read(Connection* connection, UdpSink* sink) {
  const ssize_t size = recv(connection->fd, buffer.data(), kReadSize, 0);
  if (size > 0) return Deliver(connection, static_cast<size_t>(size), sink);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  End(connection, size < 0);
}

void TcpSockets::State::Deliver(Connection* connection, size_t size, UdpSink* sink) {
  sip::Framer& framer = connection->framer;
  framer.Feed(sip::PaddedView::Promise({buffer.data(), size}));
  for (sip::Frame frame = framer.Next(); frame.kind != sip::FrameKind::kNeedMore;
       frame = framer.Next()) {
    if (frame.kind == sip::FrameKind::kError) return End(connection, true);
    if (frame.kind != sip::FrameKind::kMessage) continue;
    ++counters.received;
    sink->OnDatagram(connection->local, connection->peer, frame.text);
  }
}

void TcpSockets::State::Flush(Connection* connection) {
  while (!connection->out.empty()) {
    const ssize_t sent =
        send(connection->fd, connection->out.data(), connection->out.size(), MSG_NOSIGNAL);
    // ENOTCONN: still connecting.
    if (sent < 0 && (errno == EAGAIN || errno == ENOTCONN)) break;
    if (sent < 0) return End(connection, true);
    connection->out.erase(0, static_cast<size_t>(sent));
  }
  Watch(connection->fd, connection->out.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
}

void TcpSockets::State::End(Connection* connection, bool failed, void (*close_fd)(int)) {
  if (failed) ++counters.failed;
  const int fd = connection->fd;
  const auto ends = by_ends.find(KeyOf(connection->local, connection->peer));
  if (ends != by_ends.end() && ends->second == fd) by_ends.erase(ends);
  by_fd.erase(fd);
  close_fd(fd);
}

}  // namespace tools
