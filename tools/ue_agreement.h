// The phone's half of a security agreement: what it offers, what it takes of the network's list,
// and the four SAs that follow (TS 33.203 7, RFC 3329).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "reactor/endpoint.h"
#include "sip/message.h"
#include "xfrm/algorithm.h"
#include "xfrm/key.h"
#include "xfrm/sa.h"

namespace tools {

// One set of SAs as the phone knows it. The network's part is set by TakeServer().
struct UeAgreement {
  uint16_t port_uc = 0;
  uint16_t port_us = 0;
  uint32_t spi_uc = 0;
  uint32_t spi_us = 0;

  uint16_t port_pc = 0;
  uint16_t port_ps = 0;
  uint32_t spi_pc = 0;
  uint32_t spi_ps = 0;
  xfrm::Algorithms algorithms;
  // The phone is behind a NAT: mod=UDP-enc-tun, and this is its address there (TS 33.203 annex M).
  bool in_udp = false;
  reactor::Endpoint public_address;
  std::string verify_lines;  // "Security-Verify: ...\r\n" for each Security-Server line, unchanged.
  xfrm::Key ik;
  xfrm::Key ck;
};

// The pairs a phone offers when nothing else is asked for, in the order phones write them.
std::vector<xfrm::Algorithms> AllAlgorithms();
// "hmac-sha-1-96=aes-cbc,null=aes-gcm": alg=ealg pairs. False, and *error says why: not a legal
// pair.
bool ParseAlgorithms(std::string_view text, std::vector<xfrm::Algorithms>* offer,
                     std::string* error);
std::string Name(xfrm::Algorithms algorithms);  // "hmac-sha-1-96=aes-cbc".

// The value of Security-Client; with mod=UDP-enc-tun beside mod=trans where asked for.
std::string SecurityClientValue(const UeAgreement& agreement,
                                const std::vector<xfrm::Algorithms>& offer,
                                bool also_in_udp = false);

// Takes the first mechanism of the 401's Security-Server that is in `offer` and of the agreement's
// mode (TS 33.203 7.2). Returns what is wrong, or "".
std::string TakeServer(const sip::Message& challenge, const std::vector<xfrm::Algorithms>& offer,
                       UeAgreement* agreement);

// The four SAs at the phone (spec sheet 2.1):
//   out  UE:port_uc -> P:port_ps  spi_ps        in  P:port_ps -> UE:port_uc  spi_uc
//   in   P:port_pc -> UE:port_us  spi_us        out UE:port_us -> P:port_pc  spi_pc
// They point to `keys`. Only the addresses of the endpoints are used; `ue` is the phone's own,
// which behind a NAT stands outside alone.
std::array<xfrm::Sa, 4> SasOf(const UeAgreement& agreement, const reactor::Endpoint& ue,
                              const reactor::Endpoint& pcscf, const xfrm::EspKeys& keys,
                              uint32_t reqid);

xfrm::Address AddressOf(const reactor::Endpoint& endpoint);

}  // namespace tools
