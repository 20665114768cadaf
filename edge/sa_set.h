// One security agreement and its four SAs (TS 33.203 6.2, 7.1).
//
//   SA1 in   UE:port_uc -> P:port_ps   spi_ps   requests and responses from the phone
//   SA2 out  P:port_ps -> UE:port_uc   spi_uc   TCP only
//   SA3 out  P:port_pc -> UE:port_us   spi_us   requests and responses to the phone
//   SA4 in   UE:port_us -> P:port_pc   spi_pc   TCP only (and phones that answer from port_us)
#pragma once

#include <array>
#include <cstdint>

#include "reactor/endpoint.h"
#include "xfrm/sa.h"
#include "xfrm/spi_pool.h"

namespace edge {

// What both sides agreed on; all that is needed to make, find and delete the SAs but the keys.
struct Agreement {
  reactor::Endpoint ue;  // Its address; the port does not count.
  uint16_t port_uc = 0;
  uint16_t port_us = 0;
  uint32_t spi_uc = 0;
  uint32_t spi_us = 0;
  reactor::Endpoint pcscf;  // Our address; the port does not count.
  uint16_t port_pc = 0;
  uint16_t port_ps = 0;
  xfrm::SpiPair spis;  // Ours: client spi_pc, server spi_ps.
  xfrm::Algorithms algorithms;
  // Of a phone behind a NAT (mod=UDP-enc-tun, TS 33.203 annex M): the NAT's port for its ESP, or
  // kEspInUdpPort before it is known. 0: ESP in transport mode.
  uint16_t port_uenc = 0;

  bool in_udp() const { return port_uenc != 0; }
};

// Where ESP in UDP is taken, at both ends (RFC 3948 4, TS 33.203 annex M).
inline constexpr uint16_t kEspInUdpPort = 4500;

inline constexpr size_t kSasPerSet = 4;
using SaArray = std::array<xfrm::Sa, kSasPerSet>;
using SaIdArray = std::array<xfrm::SaId, kSasPerSet>;
inline constexpr size_t kSa3 = 2;  // The index of SA3, which may come later than the others.

xfrm::Address ToXfrm(const reactor::Endpoint& endpoint);

// Whose an SA is (design D12): its packet limit in the kernel is the pair of our SPIs, which no
// other set has before the kernel has confirmed that this one is gone. The limit is never reached:
// an SPI is 256 at least, so it is 2^40 packets at least, and an SA ends after 2^32 (RFC 4303
// 3.3.3).
constexpr uint64_t LabelOf(xfrm::SpiPair spis) {
  return uint64_t{spis.client} << 32 | spis.server;
}

// SA1 to SA4 in this order, with the label of their set. They point to `keys`.
SaArray MakeSas(const Agreement& agreement, const xfrm::EspKeys& keys, uint32_t reqid,
                uint32_t hard_seconds, uint16_t replay_window, xfrm::PacketMark mark = {});
// But for SA3.
inline std::array<xfrm::Sa, 3> WithoutSa3(const SaArray& sas) {
  static_assert(kSa3 == 2);
  return {sas[0], sas[1], sas[3]};
}
// What the kernel knows them by, in the same order.
SaIdArray MakeSaIds(const Agreement& agreement);
// The policies that they need, in the same order. REQUIRES: agreement.in_udp().
std::array<xfrm::Policy, kSasPerSet> MakeFlowPolicies(const Agreement& agreement, uint32_t reqid);

// SAs of one set that may be in the kernel, to be deleted.
struct SaIds {
  SaIdArray ids;
  size_t count = 0;
  uint64_t label = 0;

  void Add(const xfrm::SaId& id) { ids[count++] = id; }
};
// All four, or all but an SA3 that was never asked for.
SaIds MakeSaIds(const Agreement& agreement, bool without_sa3);

}  // namespace edge
