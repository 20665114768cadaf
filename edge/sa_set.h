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
};

inline constexpr size_t kSasPerSet = 4;
using SaArray = std::array<xfrm::Sa, kSasPerSet>;
using SaIdArray = std::array<xfrm::SaId, kSasPerSet>;

xfrm::Address ToXfrm(const reactor::Endpoint& endpoint);

// SA1 to SA4 in this order. They point to `keys`.
SaArray MakeSas(const Agreement& agreement, const xfrm::EspKeys& keys, uint32_t reqid,
                uint32_t hard_seconds, uint8_t replay_window);
// What the kernel knows them by, in the same order.
SaIdArray MakeSaIds(const Agreement& agreement);

}  // namespace edge
