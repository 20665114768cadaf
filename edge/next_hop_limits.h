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

// A REGISTER answered with 503 goes to so many others before the phone hears it.
inline constexpr uint8_t kRegisterMovesMax = 4;

// Names that are looked up in DNS (edge/names.h), of a worker. At the limit the one whose time is
// over first is forgotten; names that wait for DNS are not, so one more is then refused with 503.
inline constexpr size_t kNamesMax = 1024;
inline constexpr size_t kNamesAskedMax = 256;
inline constexpr size_t kNameSizeMax = 253;  // RFC 1035 2.3.4.
// Requests that wait for a name, and their bytes; one more is refused with 503.
inline constexpr size_t kHeldMax = 1024;
inline constexpr size_t kHeldSizeMax = 4 << 20;
// An answer of DNS is good for its TTL within these bounds, and for so long afterwards while
// servers do not answer (RFC 8767); that there is none is good for the third.
inline constexpr uint64_t kTtlMinMs = 1'000;
inline constexpr uint64_t kTtlMaxMs = 86'400'000;
inline constexpr uint64_t kStaleMs = 3'600'000;
inline constexpr uint64_t kNoNameMs = 10'000;
// Of one name: services by NAPTR that are tried, hosts of one service, addresses of one host. The
// rest is left out.
inline constexpr size_t kServicesMax = 4;
inline constexpr size_t kSrvHostsMax = 8;
inline constexpr size_t kAddressesMax = 8;
// Of a DNS server: how long the first of so many tries has; each next one has twice as long.
inline constexpr int kDnsTimeoutMs = 1'000;
inline constexpr int kDnsTries = 3;
inline constexpr size_t kResolversMax = 8;
// Addresses out of DNS that did not answer are left out for kNextHopRestMs, so many at once.
inline constexpr size_t kDeadTargetsMax = 1024;

}  // namespace edge
