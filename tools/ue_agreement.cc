#include "tools/ue_agreement.h"

#include <fmt/format.h>

#include <algorithm>

#include "sip/list.h"
#include "sip/security.h"

namespace tools {
namespace {

using xfrm::Encryption;
using xfrm::Integrity;

// So that an SA that nobody deletes ends by itself some day.
constexpr uint32_t kHardSeconds = 24 * 3600;
constexpr uint16_t kEspInUdpPort = 4500;  // Of both ends (RFC 3948 4).

// The pairs of annex H, deprecated ones first, as handsets list them.
constexpr std::array<xfrm::Algorithms, 8> kAll = {{
    {Integrity::kHmacMd5_96, Encryption::kDesEde3Cbc},
    {Integrity::kHmacMd5_96, Encryption::kAesCbc},
    {Integrity::kHmacMd5_96, Encryption::kNull},
    {Integrity::kHmacSha1_96, Encryption::kDesEde3Cbc},
    {Integrity::kHmacSha1_96, Encryption::kAesCbc},
    {Integrity::kHmacSha1_96, Encryption::kNull},
    {Integrity::kAesGmac, Encryption::kNull},
    {Integrity::kNull, Encryption::kAesGcm},
}};

// Is this the mechanism that names the pair?
bool Matches(const sip::SecurityMechanism& mechanism, xfrm::Algorithms pair, sip::Mode mode) {
  return mechanism.fault == sip::MechanismFault::kNone && mechanism.mode == mode &&
         sip::Name(mechanism.alg) == xfrm::Name(pair.integrity) &&
         sip::Name(mechanism.ealg) == xfrm::Name(pair.encryption);
}

}  // namespace

std::vector<xfrm::Algorithms> AllAlgorithms() {
  return {kAll.begin(), kAll.end()};
}

bool ParseAlgorithms(std::string_view text, std::vector<xfrm::Algorithms>* offer,
                     std::string* error) {
  offer->clear();
  while (!text.empty()) {
    const std::string_view member = sip::CutMember(text, &text);
    const xfrm::Algorithms* const found = std::find_if(
        kAll.begin(), kAll.end(), [&](xfrm::Algorithms pair) { return Name(pair) == member; });
    if (found == kAll.end()) {
      *error = fmt::format("\"{}\" is no legal pair; there are", member);
      for (const xfrm::Algorithms pair : kAll) error->append(" ").append(Name(pair));
      return false;
    }
    offer->push_back(*found);
  }
  if (offer->empty()) *error = "at least one pair is needed";
  return !offer->empty();
}

std::string Name(xfrm::Algorithms algorithms) {
  return std::string(xfrm::Name(algorithms.integrity)) + "=" +
         std::string(xfrm::Name(algorithms.encryption));
}

std::string SecurityClientValue(const UeAgreement& agreement,
                                const std::vector<xfrm::Algorithms>& offer, bool also_in_udp) {
  std::string value;
  for (const std::string_view mode : {"trans", "UDP-enc-tun"}) {
    if (mode != "trans" && !also_in_udp) continue;
    for (const xfrm::Algorithms pair : offer) {
      if (!value.empty()) value += ", ";
      fmt::format_to(std::back_inserter(value),
                     "ipsec-3gpp; alg={}; ealg={}; prot=esp; mod={}; spi-c={}; spi-s={}; "
                     "port-c={}; port-s={}",
                     xfrm::Name(pair.integrity), xfrm::Name(pair.encryption), mode,
                     agreement.spi_uc, agreement.spi_us, agreement.port_uc, agreement.port_us);
    }
  }
  return value;
}

std::string TakeServer(const sip::Message& challenge, const std::vector<xfrm::Algorithms>& offer,
                       UeAgreement* agreement) {
  sip::SecurityList list;
  if (sip::DecodeSecurity(challenge, sip::HeaderId::kSecurityServer, &list) !=
      sip::ParseError::kOk) {
    return "Security-Server is broken";
  }
  if (list.empty()) return "Security-Server is missing";
  const sip::Mode mode = agreement->in_udp ? sip::Mode::kUdpTunnel : sip::Mode::kTransport;
  for (const sip::SecurityMechanism& mechanism : list.mechanisms()) {
    const auto pair = std::find_if(offer.begin(), offer.end(), [&](xfrm::Algorithms offered) {
      return Matches(mechanism, offered, mode);
    });
    if (pair == offer.end()) continue;
    agreement->algorithms = *pair;
    agreement->spi_pc = mechanism.spi_c;
    agreement->spi_ps = mechanism.spi_s;
    agreement->port_pc = mechanism.port_c;
    agreement->port_ps = mechanism.port_s;
    agreement->verify_lines.clear();
    for (const sip::Header* header = challenge.Find(sip::HeaderId::kSecurityServer);
         header != nullptr; header = challenge.FindNext(header)) {
      agreement->verify_lines.append("Security-Verify: ")
          .append(challenge.Value(*header))
          .append("\r\n");
    }
    return "";
  }
  return "Security-Server has nothing the phone offered";
}

std::array<xfrm::Sa, 4> SasOf(const UeAgreement& agreement, const reactor::Endpoint& ue_endpoint,
                              const reactor::Endpoint& pcscf_endpoint, const xfrm::EspKeys& keys,
                              uint32_t reqid) {
  const UeAgreement& a = agreement;
  const xfrm::Address outside = AddressOf(ue_endpoint);
  const xfrm::Address ue = a.in_udp ? AddressOf(a.public_address) : outside;
  const xfrm::Address pcscf = AddressOf(pcscf_endpoint);
  std::array<xfrm::Sa, 4> sas;
  sas[0].selector = {ue, pcscf, a.port_uc, a.port_ps};
  sas[0].spi = a.spi_ps;
  sas[1].selector = {pcscf, ue, a.port_ps, a.port_uc};
  sas[1].spi = a.spi_uc;
  sas[2].selector = {pcscf, ue, a.port_pc, a.port_us};
  sas[2].spi = a.spi_us;
  sas[3].selector = {ue, pcscf, a.port_us, a.port_pc};
  sas[3].spi = a.spi_pc;
  for (xfrm::Sa& sa : sas) {
    sa.reqid = reqid;
    sa.hard_seconds = kHardSeconds;
    sa.keys = &keys;
    const bool is_out = sa.selector.source == ue;
    sa.direction = is_out ? xfrm::Direction::kOut : xfrm::Direction::kIn;
    if (!a.in_udp) continue;
    sa.tunnel = {is_out ? outside : pcscf, is_out ? pcscf : outside, kEspInUdpPort, kEspInUdpPort};
  }
  return sas;
}

xfrm::Address AddressOf(const reactor::Endpoint& endpoint) {
  xfrm::Address address;
  address.family = static_cast<uint8_t>(endpoint.family());
  const std::span<const uint8_t> bytes = endpoint.address();
  std::copy(bytes.begin(), bytes.end(), address.bytes.begin());
  return address;
}

}  // namespace tools
