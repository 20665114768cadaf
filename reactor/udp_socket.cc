#include "reactor/udp_socket.h"

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "reactor/error_text.h"

namespace reactor {
namespace {

bool SetOption(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

void GrowBuffer(int fd, int name, int force_name, int size) {
  int current = 0;
  socklen_t length = sizeof(current);
  getsockopt(fd, SOL_SOCKET, name, &current, &length);
  // The kernel doubles what it is told, for its own book-keeping, and reports the double.
  if (current / 2 >= size) return;
  if (!SetOption(fd, SOL_SOCKET, force_name, size)) SetOption(fd, SOL_SOCKET, name, size);
}

bool SetUp(int fd, const DatagramOptions& options, Endpoint* local, std::string* error) {
  const bool v6 = options.local.family() == AF_INET6;
  const auto fail = [error](const char* what) {
    *error = ErrorText(what, errno);
    return false;
  };
  // One socket per family: an IPv4 peer never shows up as a mapped address.
  if (v6 && !SetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) return fail("IPV6_V6ONLY");
  if (options.reuse_port && !SetOption(fd, SOL_SOCKET, SO_REUSEPORT, 1)) {
    return fail("SO_REUSEPORT");
  }
  if (options.free_bind &&
      !SetOption(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_FREEBIND : IP_FREEBIND, 1)) {
    return fail(v6 ? "IPV6_FREEBIND" : "IP_FREEBIND");
  }
  if (options.report_unreachable &&
      !SetOption(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVERR : IP_RECVERR, 1)) {
    return fail(v6 ? "IPV6_RECVERR" : "IP_RECVERR");
  }
  GrowReceiveBuffer(fd, options.receive_buffer_size);
  GrowSendBuffer(fd, options.send_buffer_size);
  if (bind(fd, &options.local.any, options.local.size()) != 0) return fail("bind");
  socklen_t size = sizeof(*local);
  if (getsockname(fd, &local->any, &size) != 0) return fail("getsockname");
  return true;
}

}  // namespace

int OpenUdpSocket(const DatagramOptions& options, Endpoint* local, std::string* error) {
  char name[kEndpointTextMax];
  const std::string where = "UDP " + std::string(name, WriteEndpoint(options.local, name));
  // Blocking or not makes no difference to the ring: it never blocks on a socket.
  const int fd = socket(options.local.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    *error = ErrorText(where + ": socket", errno);
    return -1;
  }
  std::string reason;
  if (!SetUp(fd, options, local, &reason)) {
    close(fd);
    *error = where + ": " + reason;
    return -1;
  }
  return fd;
}

bool IsUdpSocketAt(int fd, const Endpoint& local, Endpoint* bound) {
  int type = 0;
  socklen_t size = sizeof(type);
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_DGRAM) return false;
  size = sizeof(*bound);
  if (getsockname(fd, &bound->any, &size) != 0) return false;
  return SameAddress(*bound, local) && (local.port() == 0 || bound->port() == local.port());
}

void GrowReceiveBuffer(int fd, int size) {
  GrowBuffer(fd, SO_RCVBUF, SO_RCVBUFFORCE, size);
}

uint32_t DropsOf(int fd) {
  constexpr size_t kDrops = 8;  // SK_MEMINFO_DROPS of linux/sock_diag.h: the last of nine.
  uint32_t numbers[kDrops + 1] = {};
  socklen_t size = sizeof(numbers);
  getsockopt(fd, SOL_SOCKET, SO_MEMINFO, numbers, &size);
  return numbers[kDrops];
}

// The datagram itself comes with it, as far as there is room for it: none.
bool TakeIcmpError(int fd, Endpoint* to, int* error) {
  alignas(cmsghdr) char control[256];
  msghdr message{};
  message.msg_name = to;
  message.msg_namelen = sizeof(*to);
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  if (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return false;
  *error = 0;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    const bool is_error = (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_RECVERR) ||
                          (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_RECVERR);
    if (!is_error) continue;
    sock_extended_err told;
    std::memcpy(&told, CMSG_DATA(part), sizeof(told));
    *error = static_cast<int>(told.ee_errno);
  }
  return true;
}

bool IsUnreachable(int error) {
  return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH ||
         error == EACCES || error == EHOSTDOWN || error == ENETDOWN;
}

void GrowSendBuffer(int fd, int size) {
  GrowBuffer(fd, SO_SNDBUF, SO_SNDBUFFORCE, size);
}

}  // namespace reactor
