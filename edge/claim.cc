#include "edge/claim.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace edge {
namespace {

socklen_t NameOf(uint32_t reqid, sockaddr_un* address) {
  address->sun_family = AF_UNIX;
  const std::string name = fmt::format("gmedge reqid {}", reqid);
  std::memcpy(address->sun_path + 1, name.data(), name.size());  // From the NUL on: abstract.
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
}

}  // namespace

Claim::~Claim() {
  if (fd_ >= 0) close(fd_);
}

bool Claim::Adopt(int fd, uint32_t reqid, std::string* error) {
  fd_ = fd;
  sockaddr_un wanted{};
  const socklen_t size = NameOf(reqid, &wanted);
  sockaddr_un there{};
  socklen_t there_size = sizeof(there);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&there), &there_size) == 0 &&
      there_size == size && std::memcmp(&there, &wanted, size) == 0) {
    return true;
  }
  *error = fmt::format("what was handed over is no claim to ipsec.reqid = {}", reqid);
  return false;
}

bool Claim::Take(uint32_t reqid, std::string* error) {
  fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  const socklen_t size = NameOf(reqid, &address);
  if (fd_ >= 0 && bind(fd_, reinterpret_cast<const sockaddr*>(&address), size) == 0) return true;
  if (errno == EADDRINUSE) {
    *error = fmt::format(
        "another gmedge with ipsec.reqid = {} runs in this network namespace; end it, or give "
        "each a reqid of its own",
        reqid);
  } else {
    *error = fmt::format("cannot make sure that no other gmedge runs: {}", std::strerror(errno));
  }
  return false;
}

}  // namespace edge
