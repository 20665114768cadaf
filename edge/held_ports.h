// The ports of a process that was killed: io_uring lets go of its sockets some milliseconds after
// the process has gone, and whoever is started again at once would find them in use.
#pragma once

#include <cstdint>

#include "edge/settings.h"

namespace edge {

inline constexpr uint64_t kHeldPortsMs = 2'000;

// Waits until nobody holds a port of these settings, UDP or TCP, at most so long. Who still does
// then is told of where the port is opened.
void AwaitHeldPorts(const Settings& settings, uint64_t wait_max_ms = kHeldPortsMs);

}  // namespace edge
