#include "edge/held_ports.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "edge/clock.h"

namespace edge {
namespace {

constexpr timespec kPause = {0, 10'000'000};

bool IsHeld(int type, const reactor::Endpoint& local) {
  const int fd = socket(local.family(), type | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const int yes = 1;
  // Connections that have ended hold no port of a listener's.
  if (type == SOCK_STREAM) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  const bool is_held = bind(fd, &local.any, local.size()) != 0 && errno == EADDRINUSE;
  close(fd);
  return is_held;
}

bool IsHeld(const reactor::Endpoint& local) {
  return IsHeld(SOCK_DGRAM, local) || IsHeld(SOCK_STREAM, local);
}

}  // namespace

void AwaitHeldPorts(const Settings& settings, uint64_t wait_max_ms) {
  std::vector<reactor::Endpoint> ports = settings.ipsec.sockets;
  ports.insert(ports.end(), settings.gm.listen.begin(), settings.gm.listen.end());
  ports.insert(ports.end(), settings.core.listens.begin(), settings.core.listens.end());
  const uint64_t begin_ms = NowMs();
  bool has_waited = false;
  while (std::any_of(ports.begin(), ports.end(), [](const auto& port) { return IsHeld(port); })) {
    if (NowMs() >= begin_ms + wait_max_ms) return;
    nanosleep(&kPause, nullptr);
    has_waited = true;
  }
  if (has_waited) spdlog::info("ports were free after {} ms", NowMs() - begin_ms);
}

}  // namespace edge
