#include "tools/udp_sockets.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "tools/respond.h"

namespace tools {
namespace {

constexpr int kBatch = 64;          // Datagrams of one system call.
constexpr int kBatchesPerTurn = 4;  // Of one socket, before others and the timers have their turn.
constexpr size_t kDatagramMax = 16384;
constexpr int kSocketBuffer = 8 << 20;
constexpr int kSendWaitMs = 1000;
constexpr uint64_t kWatched = UINT64_MAX;  // Not a socket of ours.

struct Socket {
  int fd = -1;
  reactor::Endpoint local;
  bool any_address = false;
};

// Room for one IP_PKTINFO or IPV6_PKTINFO.
struct alignas(cmsghdr) ControlRoom {
  std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> bytes;
};

bool IsAny(const reactor::Endpoint& endpoint) {
  const std::span<const uint8_t> address = endpoint.address();
  return std::all_of(address.begin(), address.end(), [](uint8_t byte) { return byte == 0; });
}

void SetOption(int fd, int level, int name, int value) {
  setsockopt(fd, level, name, &value, sizeof(value));
}

// What is not allowed to be forced past the limit is taken up to it.
void SetBuffer(int fd, int forced, int plain) {
  const int size = kSocketBuffer;
  if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof(size)) != 0) {
    SetOption(fd, SOL_SOCKET, plain, size);
  }
}

bool OpenSocket(const reactor::Endpoint& local, Socket* out, std::string* error) {
  const bool is_ipv6 = local.family() == AF_INET6;
  const int fd = socket(local.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    *error = fmt::format("{}: {}", Text(local), std::strerror(errno));
    return false;
  }
  *out = {fd, local, IsAny(local)};
  SetBuffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
  SetBuffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
  if (is_ipv6) SetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (out->any_address) {
    SetOption(fd, is_ipv6 ? int{IPPROTO_IPV6} : int{IPPROTO_IP},
              is_ipv6 ? IPV6_RECVPKTINFO : IP_PKTINFO, 1);
    // Phones may live on the host of the P-CSCF: its exact addresses win over the wildcard.
    SetOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  }
  if (bind(fd, &local.any, local.size()) != 0) {
    *error = fmt::format("{}: {}", Text(local), std::strerror(errno));
    return false;
  }
  socklen_t size = sizeof(out->local);
  getsockname(fd, &out->local.any, &size);
  return true;
}

// The address a datagram was sent to, into `local`, which has the socket's port.
void ReadDestination(msghdr* header, reactor::Endpoint* local) {
  for (cmsghdr* control = CMSG_FIRSTHDR(header); control != nullptr;
       control = CMSG_NXTHDR(header, control)) {
    if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(control), sizeof(info));
      local->v4.sin_addr = info.ipi_addr;
    } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(control), sizeof(info));
      local->v6.sin6_addr = info.ipi6_addr;
    }
  }
}

void WriteSource(const reactor::Endpoint& local, ControlRoom* room, msghdr* header) {
  header->msg_control = room->bytes.data();
  header->msg_controllen = room->bytes.size();
  cmsghdr* const control = CMSG_FIRSTHDR(header);
  if (local.family() == AF_INET6) {
    in6_pktinfo info{};
    info.ipi6_addr = local.v6.sin6_addr;
    control->cmsg_level = IPPROTO_IPV6;
    control->cmsg_type = IPV6_PKTINFO;
    control->cmsg_len = CMSG_LEN(sizeof(info));
    std::memcpy(CMSG_DATA(control), &info, sizeof(info));
    header->msg_controllen = CMSG_SPACE(sizeof(info));
  } else {
    in_pktinfo info{};
    info.ipi_spec_dst = local.v4.sin_addr;
    control->cmsg_level = IPPROTO_IP;
    control->cmsg_type = IP_PKTINFO;
    control->cmsg_len = CMSG_LEN(sizeof(info));
    std::memcpy(CMSG_DATA(control), &info, sizeof(info));
    header->msg_controllen = CMSG_SPACE(sizeof(info));
  }
}

}  // namespace

struct UdpSockets::State {
  std::vector<Socket> sockets;
  int epoll_fd = -1;
  Counters counters;
  std::vector<char> buffers;  // kBatch of kDatagramMax, each with the parser's padding behind.
  std::array<mmsghdr, kBatch> headers{};
  std::array<iovec, kBatch> pieces{};
  std::array<reactor::Endpoint, kBatch> peers;
  std::array<ControlRoom, kBatch> controls;

  static constexpr size_t kStride = kDatagramMax + sip::kPaddingSize;

  const Socket* Find(const reactor::Endpoint& local) const {
    for (const Socket& socket : sockets) {
      if (socket.local.port() == local.port() && socket.local.family() == local.family() &&
          (socket.any_address || socket.local == local)) {
        return &socket;
      }
    }
    return nullptr;
  }
  int ReceiveBatch(const Socket& socket, UdpSink* sink);
  void SendBatch(const Socket& socket, unsigned count);
};

UdpSockets::UdpSockets() : state_(std::make_unique<State>()) {}

UdpSockets::~UdpSockets() {
  for (const Socket& socket : state_->sockets) close(socket.fd);
  if (state_->epoll_fd >= 0) close(state_->epoll_fd);
}

std::unique_ptr<UdpSockets> UdpSockets::Open(std::span<const reactor::Endpoint> locals,
                                             std::string* error) {
  std::unique_ptr<UdpSockets> result(new UdpSockets());
  State& state = *result->state_;
  state.buffers.resize(State::kStride * kBatch);
  state.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  for (const reactor::Endpoint& local : locals) {
    Socket socket;
    const bool open = OpenSocket(local, &socket, error);
    if (socket.fd >= 0) state.sockets.push_back(socket);
    if (!open) return nullptr;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = state.sockets.size() - 1;
    epoll_ctl(state.epoll_fd, EPOLL_CTL_ADD, socket.fd, &event);
  }
  return result;
}

void UdpSockets::Receive(int timeout_ms, UdpSink* sink) {
  std::array<epoll_event, 16> events;
  const int ready = epoll_wait(state_->epoll_fd, events.data(), events.size(), timeout_ms);
  for (int i = 0; i < ready; ++i) {
    const uint64_t index = events[static_cast<size_t>(i)].data.u64;
    if (index == kWatched) continue;
    const Socket& socket = state_->sockets[index];
    for (int batch = 0; batch < kBatchesPerTurn; ++batch) {
      if (state_->ReceiveBatch(socket, sink) < kBatch) break;
    }
  }
}

void UdpSockets::Watch(int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWatched;
  epoll_ctl(state_->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

int UdpSockets::State::ReceiveBatch(const Socket& socket, UdpSink* sink) {
  for (size_t i = 0; i < kBatch; ++i) {
    pieces[i] = {buffers.data() + i * kStride, kDatagramMax};
    msghdr& header = headers[i].msg_hdr;
    header = {};
    header.msg_name = &peers[i];
    header.msg_namelen = sizeof(peers[i]);
    header.msg_iov = &pieces[i];
    header.msg_iovlen = 1;
    if (socket.any_address) {
      header.msg_control = controls[i].bytes.data();
      header.msg_controllen = controls[i].bytes.size();
    }
  }
  const int count = recvmmsg(socket.fd, headers.data(), kBatch, MSG_DONTWAIT, nullptr);
  for (size_t i = 0; static_cast<int>(i) < count; ++i) {
    ++counters.received;
    if ((headers[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) {
      ++counters.too_large;
      continue;
    }
    reactor::Endpoint local = socket.local;
    if (socket.any_address) ReadDestination(&headers[i].msg_hdr, &local);
    const std::string_view bytes(buffers.data() + i * kStride, headers[i].msg_len);
    sink->OnDatagram(local, peers[i], sip::PaddedView::Promise(bytes));
  }
  return count;
}

const UdpSockets::Counters& UdpSockets::counters() const {
  return state_->counters;
}

const reactor::Endpoint& UdpSockets::local(size_t index) const {
  return state_->sockets[index].local;
}

void UdpSockets::Send(Outbox* outbox) {
  State& state = *state_;
  const Socket* socket = nullptr;
  unsigned count = 0;
  for (const Outbox::Datagram& datagram : outbox->datagrams()) {
    if (datagram.over_tcp) continue;
    const Socket* const next = state.Find(datagram.local);
    if (next == nullptr) {  // No socket has that address and port.
      ++state.counters.send_errors;
      state.counters.last_send_errno = EADDRNOTAVAIL;
      continue;
    }
    if (count == kBatch || (count > 0 && next != socket)) {
      state.SendBatch(*socket, count);
      count = 0;
    }
    socket = next;
    const std::string_view text = outbox->Text(datagram);
    state.pieces[count] = {const_cast<char*>(text.data()), text.size()};
    state.peers[count] = datagram.peer;
    msghdr& header = state.headers[count].msg_hdr;
    header = {};
    header.msg_name = &state.peers[count];
    header.msg_namelen = state.peers[count].size();
    header.msg_iov = &state.pieces[count];
    header.msg_iovlen = 1;
    if (socket->any_address) WriteSource(datagram.local, &state.controls[count], &header);
    ++count;
  }
  if (count > 0) state.SendBatch(*socket, count);
  outbox->Clear();
}

void UdpSockets::State::SendBatch(const Socket& socket, unsigned count) {
  unsigned done = 0;
  while (done < count) {
    const int sent = sendmmsg(socket.fd, headers.data() + done, count - done, 0);
    if (sent > 0) {
      done += static_cast<unsigned>(sent);
      counters.sent += static_cast<uint64_t>(sent);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) {
      pollfd wait{socket.fd, POLLOUT, 0};
      if (poll(&wait, 1, kSendWaitMs) != 0) continue;
    }
    ++counters.send_errors;  // The first of the rest is what failed.
    counters.last_send_errno = errno;
    ++done;
  }
}

}  // namespace tools
