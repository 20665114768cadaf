#include "edge/takeover_server.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace edge {
namespace {

int BindAt(int fd, const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    errno = ENAMETOOLONG;
    return -1;
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const mode_t mask = umask(0177);
  const int result = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  umask(mask);
  return result;
}

// A socket that its process has left behind.
bool IsStale(const std::string& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  const int result = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const bool is_refused = result != 0 && errno == ECONNREFUSED;
  close(fd);
  return is_refused;
}

}  // namespace

TakeoverServer::TakeoverServer(reactor::Reactor* reactor, int fd, const std::string& path)
    : fd_(fd), path_(path), readable_(reactor, fd, this) {}

TakeoverServer::~TakeoverServer() {
  close(fd_);
  if (is_ours_) unlink(path_.c_str());
}

std::unique_ptr<TakeoverServer> TakeoverServer::Open(reactor::Reactor* reactor,
                                                     const std::string& path, std::string* error) {
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int result = fd < 0 ? -1 : BindAt(fd, path);
  if (result != 0 && errno == EADDRINUSE) {
    const bool is_free = IsStale(path) && unlink(path.c_str()) == 0;
    errno = EADDRINUSE;
    if (is_free) result = BindAt(fd, path);
  }
  if (result == 0) result = listen(fd, 4);
  if (result == 0) {
    std::unique_ptr<TakeoverServer> server(new TakeoverServer(reactor, fd, path));
    server->Own();
    return server;
  }
  *error = fmt::format("process.takeover_socket = \"{}\": {}", path, strerror(errno));
  if (fd >= 0) close(fd);
  return nullptr;
}

std::unique_ptr<TakeoverServer> TakeoverServer::Adopt(reactor::Reactor* reactor, int fd,
                                                      const std::string& path) {
  return std::unique_ptr<TakeoverServer>(new TakeoverServer(reactor, fd, path));
}

std::optional<TakeoverLink> TakeoverServer::Take(std::string* refused) {
  if (!std::exchange(has_guest_, false)) return std::nullopt;
  const int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) return std::nullopt;
  ucred peer{};
  socklen_t size = sizeof(peer);
  const bool is_known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
  TakeoverLink link(fd);
  if (is_known && (peer.uid == geteuid() || peer.uid == 0)) return link;
  *refused = fmt::format("user {} may not take over from user {}", peer.uid, geteuid());
  link.Send(TakeoverStep::kRefused, *refused);
  return std::nullopt;
}

}  // namespace edge
