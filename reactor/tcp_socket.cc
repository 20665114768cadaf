#include "reactor/tcp_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "reactor/error_text.h"

namespace reactor {
namespace {

template <typename T>
bool SetOption(int fd, int level, int name, const T& value) {
  return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

// The options of a listener pass to what it accepts.
//
// SO_REUSEADDR: a restart does not wait for TIME_WAIT. SO_REUSEPORT: a protected client port
// accepts connections and also has them leave from it, one to each phone; bind(2) allows that
// beside a listener to this option alone, and connect(2) then tells them apart by the peer.
bool SetUp(int fd, const TcpSocketOptions& options) {
  const bool v6 = options.local.family() == AF_INET6;
  return (!v6 || SetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) &&
         SetOption(fd, SOL_SOCKET, SO_REUSEADDR, 1) && SetOption(fd, SOL_SOCKET, SO_REUSEPORT, 1) &&
         SetOption(fd, SOL_SOCKET, SO_SNDBUF, options.send_buffer_size) &&
         SetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1) &&
         SetOption(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, options.unacknowledged_ms) &&
         bind(fd, &options.local.any, options.local.size()) == 0;
}

// Blocking: of a socket that is not, the ring would tell EAGAIN instead of waiting.
int OpenSocket(const TcpSocketOptions& options) {
  return socket(options.local.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
}

}  // namespace

int OpenTcpListener(const TcpSocketOptions& options, int backlog, Endpoint* local,
                    std::string* error) {
  char name[kEndpointTextMax];
  const std::string where = "TCP " + std::string(name, WriteEndpoint(options.local, name));
  const int fd = OpenSocket(options);
  if (fd >= 0 && SetUp(fd, options) && listen(fd, backlog) == 0 && LocalOf(fd, local)) return fd;
  *error = ErrorText(where, errno);
  if (fd >= 0) close(fd);
  return -1;
}

int OpenTcpSocket(const TcpSocketOptions& options, int* error) {
  const int fd = OpenSocket(options);
  if (fd >= 0 && SetUp(fd, options)) return fd;
  *error = errno;
  if (fd >= 0) close(fd);
  return -1;
}

bool IsTcpListenerAt(int fd, const Endpoint& local, Endpoint* bound) {
  int listens = 0;
  socklen_t size = sizeof(listens);
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0) return false;
  if (!LocalOf(fd, bound)) return false;
  return SameAddress(*bound, local) && (local.port() == 0 || bound->port() == local.port());
}

bool IsTcpSocketAt(int fd, const Endpoint& local) {
  int type = 0;
  socklen_t size = sizeof(type);
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM) return false;
  Endpoint bound;
  return LocalOf(fd, &bound) && SameAddress(bound, local);
}

bool PeerOf(int fd, Endpoint* peer) {
  socklen_t size = sizeof(*peer);
  return getpeername(fd, &peer->any, &size) == 0;
}

bool LocalOf(int fd, Endpoint* local) {
  socklen_t size = sizeof(*local);
  return getsockname(fd, &local->any, &size) == 0;
}

void CloseWithReset(int fd) {
  SetOption(fd, SOL_SOCKET, SO_LINGER, linger{1, 0});
  close(fd);
}

}  // namespace reactor
