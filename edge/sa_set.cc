#include "edge/sa_set.h"

#include <algorithm>

namespace edge {

xfrm::Address ToXfrm(const reactor::Endpoint& endpoint) {
  xfrm::Address address;
  address.family = static_cast<uint8_t>(endpoint.family());
  const std::span<const uint8_t> bytes = endpoint.address();
  std::copy(bytes.begin(), bytes.end(), address.bytes.begin());
  return address;
}

namespace {

// The addresses outside are those within: the phone's public one and ours.
xfrm::UdpTunnel TunnelOf(const Agreement& agreement, xfrm::Direction direction) {
  if (!agreement.in_udp()) return {};
  const xfrm::Address ue = ToXfrm(agreement.ue);
  const xfrm::Address pcscf = ToXfrm(agreement.pcscf);
  if (direction == xfrm::Direction::kIn) return {ue, pcscf, agreement.port_uenc, kEspInUdpPort};
  return {pcscf, ue, kEspInUdpPort, agreement.port_uenc};
}

}  // namespace

SaArray MakeSas(const Agreement& agreement, const xfrm::EspKeys& keys, uint32_t reqid,
                uint32_t hard_seconds, uint16_t replay_window, xfrm::PacketMark mark) {
  const xfrm::Address ue = ToXfrm(agreement.ue);
  const xfrm::Address pcscf = ToXfrm(agreement.pcscf);
  const auto make = [&](xfrm::Selector selector, uint32_t spi, xfrm::Direction direction) {
    return xfrm::Sa{.selector = selector,
                    .spi = spi,
                    .reqid = reqid,
                    .hard_seconds = hard_seconds,
                    .replay_window = replay_window,
                    .keys = &keys,
                    .hard_packets = LabelOf(agreement.spis),
                    .mark = mark,
                    .direction = direction,
                    .tunnel = TunnelOf(agreement, direction)};
  };
  return {
      make({ue, pcscf, agreement.port_uc, agreement.port_ps}, agreement.spis.server,
           xfrm::Direction::kIn),
      make({pcscf, ue, agreement.port_ps, agreement.port_uc}, agreement.spi_uc,
           xfrm::Direction::kOut),
      make({pcscf, ue, agreement.port_pc, agreement.port_us}, agreement.spi_us,
           xfrm::Direction::kOut),
      make({ue, pcscf, agreement.port_us, agreement.port_pc}, agreement.spis.client,
           xfrm::Direction::kIn),
  };
}

SaIdArray MakeSaIds(const Agreement& agreement) {
  const xfrm::Address ue = ToXfrm(agreement.ue);
  const xfrm::Address pcscf = ToXfrm(agreement.pcscf);
  return {{{pcscf, agreement.spis.server},
           {ue, agreement.spi_uc},
           {ue, agreement.spi_us},
           {pcscf, agreement.spis.client}}};
}

std::array<xfrm::Policy, kSasPerSet> MakeFlowPolicies(const Agreement& agreement, uint32_t reqid) {
  const xfrm::EspKeys none;
  const SaArray sas = MakeSas(agreement, none, reqid, 0, 0);
  return {PolicyOf(sas[0]), PolicyOf(sas[1]), PolicyOf(sas[2]), PolicyOf(sas[3])};
}

SaIds MakeSaIds(const Agreement& agreement, bool without_sa3) {
  const SaIdArray all = MakeSaIds(agreement);
  SaIds sas;
  sas.label = LabelOf(agreement.spis);
  for (size_t i = 0; i < all.size(); ++i) {
    if (i != kSa3 || !without_sa3) sas.Add(all[i]);
  }
  return sas;
}

}  // namespace edge
