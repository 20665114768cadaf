// The limits of edge/limits.h that are about ways into the core.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edge {

// Addresses of core.next_hop. More is a settings error.
inline constexpr size_t kNextHopsMax = 16;
// An OPTIONS that probes a next hop: over UDP it is sent again after this, then after twice as long
// and so on (RFC 3261 T1); without an answer for so long the hop is dead.
inline constexpr uint64_t kProbeAgainMs = 500;
inline constexpr uint64_t kProbeMs = 4'000;
// How often, in seconds, next hops are probed when there are several and the settings do not say.
inline constexpr uint32_t kProbeIntervalS = 10;
// Without probes a dead next hop is tried again after this.
inline constexpr uint64_t kNextHopRestMs = 30'000;

}  // namespace edge
