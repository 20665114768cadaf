// Security associations and policies as plain values.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "xfrm/algorithm.h"

namespace xfrm {

// An IPv4 or IPv6 address in network byte order; IPv4 uses the first four bytes, the rest is zero.
struct Address {
  std::array<uint8_t, 16> bytes{};
  uint8_t family = AF_UNSPEC;  // AF_INET, AF_INET6.
  bool operator==(const Address&) const = default;
};

// Exact addresses and ports, any upper protocol: UDP and TCP share an SA (TS 33.203 7.1).
struct Selector {
  Address source;
  Address destination;
  uint16_t source_port = 0;  // Host byte order.
  uint16_t destination_port = 0;
  bool operator==(const Selector&) const = default;
};

// What the kernel knows an SA by.
struct SaId {
  Address destination;
  uint32_t spi = 0;  // Host byte order.
  bool operator==(const SaId&) const = default;
};

// What packets are marked with as they leave an SA, decrypted or encrypted, for the firewall, tc or
// routing rules: bits of `value` where `mask` has ones, what was there before elsewhere.
struct PacketMark {
  uint32_t value = 0;  // Within `mask`.
  uint32_t mask = 0;   // 0: packets keep the mark they have.
  bool operator==(const PacketMark&) const = default;
};

enum class Direction : uint8_t { kIn, kOut };

// What of ESP a network device does (XFRMA_OFFLOAD_DEV). With kCrypto the kernel may take the SA
// and leave the device out without a word: a get tells. kPacket needs Linux 6.2.
enum class OffloadKind : uint8_t { kNone, kCrypto, kPacket };
struct Offload {
  OffloadKind kind = OffloadKind::kNone;
  int interface = 0;  // The device's index in this network namespace.
  bool operator==(const Offload&) const = default;
};

// ESP in tunnel mode within UDP datagrams (RFC 3948; TS 33.203 annex M): the outer addresses, which
// are what the kernel knows the SA by, and the ports. An inbound SA takes ESP from any address and
// port, and the kernel tells when they are others than these (ReplyKind::kMapping).
struct UdpTunnel {
  Address source;
  Address destination;
  uint16_t source_port = 0;  // 0: no tunnel.
  uint16_t destination_port = 0;
  bool operator==(const UdpTunnel&) const = default;
  explicit operator bool() const { return source_port != 0; }
};

// The largest anti-replay window of this kernel (XFRMA_REPLAY_ESN_MAX). Over 32 packets the window
// travels as XFRMA_REPLAY_ESN_VAL, with sequence numbers of 32 bits all the same.
inline constexpr uint16_t kReplayWindowMax = 4096;

// One unidirectional ESP SA: in transport mode, where the selector's addresses are the SA's own, or
// in a UDP tunnel.
struct Sa {
  Selector selector;
  uint32_t spi = 0;
  uint32_t reqid = 0;
  uint32_t hard_seconds = 0;      // The kernel deletes it this long after it was added; 0: never.
  uint16_t replay_window = 32;    // Packets, 0..kReplayWindowMax; 0: off.
  const EspKeys* keys = nullptr;  // Outlives the Batch::AddSa call.
  uint32_t soft_seconds = 0;      // An EXPIRE event that is not hard comes then; 0: none.
  uint64_t hard_packets = 0;      // It ends after as many (soft: one before); 0: no limit. Not 1.
  uint32_t sent = 0;  // The last number of an earlier life (ReplayState): the next is one more.
  PacketMark mark{};
  Direction direction = Direction::kIn;  // Of packets, as seen from here; only a device must know.
  Offload offload{};
  UdpTunnel tunnel{};

  SaId id() const { return {tunnel ? tunnel.destination : selector.destination, spi}; }
};

// Where the sequence numbers of an SA stand (RFC 4303 3.3.3, 3.4.3): what a successor in another
// kernel must be told, or it repeats numbers and takes packets twice.
struct ReplayState {
  static constexpr size_t kWordsMax = kReplayWindowMax / 32;

  uint32_t sent = 0;      // The last number we used; of an outbound SA.
  uint32_t received = 0;  // The highest number taken; of an inbound SA.
  uint16_t window = 0;    // Only if over 32; as many words of 32 as that of the SA.
  // Which numbers were taken. Without `window` bit n of the first word is for `received` - n, with
  // it bit n is for the number that leaves n if one less is divided by `window`.
  std::array<uint32_t, kWordsMax> received_bits{};
  bool operator==(const ReplayState&) const = default;
};

// One of the shared, fail-closed policies (design D1): everything to (kIn) or from (kOut) a
// protected local port must be ESP in transport mode under our reqid.
struct Policy {
  Direction direction = Direction::kIn;
  Address local;
  uint16_t local_port = 0;
  uint32_t reqid = 0;
  uint32_t priority = 1000;
  Offload offload{};  // kNone or kPacket: SAs that are not on this device are passed by.
  // Of one flow alone, in a tunnel: its other end and the outer addresses. AF_UNSPEC: shared.
  Address peer{};
  uint16_t peer_port = 0;
  Address tunnel_source{};
  Address tunnel_destination{};

  bool is_of_flow() const { return peer.family != AF_UNSPEC; }
};

// Goes before the shared policies, which want transport mode.
inline constexpr uint32_t kFlowPriority = 500;
// What the kernel needs beside an SA in a tunnel: outbound it finds the SA only by addresses in the
// policy, and inbound the shared policy would turn the packet away. As closed as the shared one: no
// packet of that flow passes but by ESP under our reqid. REQUIRES: sa.tunnel.
Policy PolicyOf(const Sa& sa);

}  // namespace xfrm
