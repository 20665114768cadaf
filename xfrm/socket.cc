#include "xfrm/socket.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>

namespace xfrm {
namespace {

// The largest part of a dump the kernel makes is 32 KiB; an acknowledgement is far smaller.
constexpr size_t kReceiveSizeMax = 64 << 10;
// Twice the largest batch: the kernel counts its own overhead as well.
constexpr int kSendBufferSize = static_cast<int>(2 * Batch::kRequestsMax * Batch::kRequestSizeMax);

using Clock = std::chrono::steady_clock;

std::errc LastError() {
  return static_cast<std::errc>(errno);
}

// FORCE goes over net.core.rmem_max and wmem_max but needs CAP_NET_ADMIN; without it we take what
// the limits allow.
void SetBuffer(int fd, int forced, int plain, int size) {
  if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof(size)) == 0) return;
  static_cast<void>(setsockopt(fd, SOL_SOCKET, plain, &size, sizeof(size)));
}

std::errc SetUp(int fd, const SocketOptions& options) {
  const int on = 1;
  if (setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)) != 0) return LastError();
  if (setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)) != 0) return LastError();
  SetBuffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, options.receive_buffer_size);
  SetBuffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, kSendBufferSize);

  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = options.expire_events ? XFRMGRP_EXPIRE : 0;
  if (options.mapping_events) address.nl_groups |= 1u << (XFRMNLGRP_MAPPING - 1);
  const sockaddr* generic = reinterpret_cast<const sockaddr*>(&address);
  return bind(fd, generic, sizeof(address)) == 0 ? std::errc{} : LastError();
}

// Options before the name: no ESP may come in that the kernel does not take.
std::errc BindEspInUdp(int fd, const Address& address, uint16_t port) {
  const int encapsulation = UDP_ENCAP_ESPINUDP;
  const int on = 1;
  const int small = 1;  // The kernel makes it its least.
  if (setsockopt(fd, SOL_UDP, UDP_ENCAP, &encapsulation, sizeof(encapsulation)) != 0 ||
      setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)) != 0) {
    return LastError();
  }
  if (address.family == AF_INET) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    std::memcpy(&name.sin_addr, address.bytes.data(), sizeof(name.sin_addr));
    const auto* generic = reinterpret_cast<const sockaddr*>(&name);
    return bind(fd, generic, sizeof(name)) == 0 ? std::errc{} : LastError();
  }
  if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0) return LastError();
  sockaddr_in6 name{};
  name.sin6_family = AF_INET6;
  name.sin6_port = htons(port);
  std::memcpy(&name.sin6_addr, address.bytes.data(), sizeof(name.sin6_addr));
  const auto* generic = reinterpret_cast<const sockaddr*>(&name);
  return bind(fd, generic, sizeof(name)) == 0 ? std::errc{} : LastError();
}

// To the kernel: that is where an unconnected netlink socket sends.
std::errc SendAll(int fd, std::span<const std::byte> bytes) {
  ssize_t sent;
  do {
    sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? LastError() : std::errc{};
}

// Waits until the socket can be read. False: `deadline` has come.
bool WaitReadable(int fd, Clock::time_point deadline) {
  for (;;) {
    const std::chrono::milliseconds left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd entry = {fd, POLLIN, 0};
    const int ready = poll(&entry, 1, left.count() > 0 ? static_cast<int>(left.count()) : 0);
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

// Where answers land. Wiped at the end: a dump carries the keys of every SA.
struct ReceiveBuffer {
  std::unique_ptr<std::byte[]> bytes{new std::byte[kReceiveSizeMax]};
  ~ReceiveBuffer() { Wipe(bytes.get(), kReceiveSizeMax); }
};

// Receives one datagram of the kernel; of anybody else it is left empty.
std::errc Receive(int fd, ReceiveBuffer* buffer, std::span<const std::byte>* datagram) {
  sockaddr_nl sender{};
  socklen_t sender_size = sizeof(sender);
  const ssize_t size = recvfrom(fd, buffer->bytes.get(), kReceiveSizeMax, MSG_TRUNC,
                                reinterpret_cast<sockaddr*>(&sender), &sender_size);
  *datagram = {};
  if (size < 0) return LastError();
  // A cut datagram has lost verdicts just as an overrun buffer has.
  if (size > static_cast<ssize_t>(kReceiveSizeMax)) return std::errc::no_buffer_space;
  if (sender.nl_pid == 0) *datagram = {buffer->bytes.get(), static_cast<size_t>(size)};
  return {};
}

bool IsRecord(ReplyKind kind) {
  return kind == ReplyKind::kSa || kind == ReplyKind::kPolicy || kind == ReplyKind::kReplay;
}

void Take(std::span<const std::byte> datagram, BatchVerdict* verdict,
          const std::function<void(const Reply&)>& look) {
  ReplyReader reader(datagram);
  Reply reply;
  while (reader.Next(&reply)) {
    if (!verdict->Apply(reply) || !IsRecord(reply.kind)) continue;
    reply.explanation = {};  // It lies in the datagram, which is gone when the caller looks.
    look(reply);
  }
}

}  // namespace

std::errc OpenSocket(const SocketOptions& options, int* fd) {
  const int made = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_XFRM);
  if (made < 0) return LastError();
  if (const std::errc error = SetUp(made, options); error != std::errc{}) {
    close(made);
    return error;
  }
  *fd = made;
  return {};
}

std::errc OpenEspInUdp(const Address& address, uint16_t port, int* fd) {
  const int made = socket(address.family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (made < 0) return LastError();
  if (const std::errc error = BindEspInUdp(made, address, port); error != std::errc{}) {
    close(made);
    return error;
  }
  *fd = made;
  return {};
}

std::errc Transact(int fd, Batch* batch, int timeout_ms, BatchVerdict* verdict,
                   std::vector<Reply>* replies) {
  return Transact(fd, batch, timeout_ms, verdict, [replies](const Reply& reply) {
    if (replies != nullptr) replies->push_back(reply);
  });
}

std::errc Transact(int fd, Batch* batch, int timeout_ms, BatchVerdict* verdict,
                   const std::function<void(const Reply&)>& look) {
  const Clock::time_point deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
  verdict->Start(batch->first(), batch->count());
  if (const std::errc error = SendAll(fd, batch->Seal()); error != std::errc{}) return error;

  ReceiveBuffer buffer;
  while (!verdict->complete()) {
    if (!WaitReadable(fd, deadline)) return std::errc::timed_out;
    std::span<const std::byte> datagram;
    const std::errc error = Receive(fd, &buffer, &datagram);
    if (error == std::errc::resource_unavailable_try_again || error == std::errc::interrupted) {
      continue;
    }
    if (error != std::errc{}) return error;
    Take(datagram, verdict, look);
  }
  return {};
}

}  // namespace xfrm
