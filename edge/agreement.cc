#include "edge/agreement.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "edge/header_rules.h"

namespace edge {
namespace {

std::optional<xfrm::Integrity> IntegrityOf(sip::Alg alg) {
  switch (alg) {
    case sip::Alg::kNull:
      return xfrm::Integrity::kNull;
    case sip::Alg::kHmacMd5_96:
      return xfrm::Integrity::kHmacMd5_96;
    case sip::Alg::kHmacSha1_96:
      return xfrm::Integrity::kHmacSha1_96;
    case sip::Alg::kAesGmac:
      return xfrm::Integrity::kAesGmac;
    case sip::Alg::kAbsent:
    case sip::Alg::kUnknown:
      return std::nullopt;
  }
  return std::nullopt;
}

std::optional<xfrm::Encryption> EncryptionOf(sip::Ealg ealg) {
  switch (ealg) {
    case sip::Ealg::kNull:
      return xfrm::Encryption::kNull;
    case sip::Ealg::kDesEde3Cbc:
      return xfrm::Encryption::kDesEde3Cbc;
    case sip::Ealg::kAesCbc:
      return xfrm::Encryption::kAesCbc;
    case sip::Ealg::kAesGcm:
      return xfrm::Encryption::kAesGcm;
    case sip::Ealg::kUnknown:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::optional<xfrm::Algorithms> PairOf(const sip::SecurityMechanism& mechanism) {
  if (mechanism.fault != sip::MechanismFault::kNone) return std::nullopt;
  const std::optional<xfrm::Integrity> integrity = IntegrityOf(mechanism.alg);
  const std::optional<xfrm::Encryption> encryption = EncryptionOf(mechanism.ealg);
  if (!integrity || !encryption) return std::nullopt;
  return xfrm::Algorithms{*integrity, *encryption};
}

bool Offers(const sip::SecurityList& client, sip::Mode mode) {
  const std::span<const sip::SecurityMechanism> all = client.mechanisms();
  return std::any_of(all.begin(), all.end(), [mode](const sip::SecurityMechanism& mechanism) {
    return mechanism.mode == mode && PairOf(mechanism).has_value();
  });
}

std::string_view ModeName(bool in_udp) {
  return in_udp ? "UDP-enc-tun" : "trans";
}

ChooseResult Choose(const sip::SecurityList& client, const AlgorithmList& allowed, Offer* offer,
                    sip::Mode mode) {
  bool any_usable = false;
  for (const sip::SecurityMechanism& mechanism : client.mechanisms()) {
    any_usable = any_usable || PairOf(mechanism).has_value();
  }
  if (!any_usable) return ChooseResult::kNoMechanism;

  for (const xfrm::Algorithms pair : allowed.pairs()) {
    for (const sip::SecurityMechanism& mechanism : client.mechanisms()) {
      if (mechanism.mode != mode || PairOf(mechanism) != pair) continue;
      *offer = {mechanism.port_c,
                mechanism.port_s,
                mechanism.spi_c,
                mechanism.spi_s,
                pair,
                mode == sip::Mode::kUdpTunnel};
      return ChooseResult::kOk;
    }
  }
  return ChooseResult::kNoCommonAlgorithm;
}

bool SharesSpi(const Offer& offer, const Agreement& held) {
  const auto is_held = [&](uint32_t spi) { return spi == held.spi_uc || spi == held.spi_us; };
  return is_held(offer.spi_uc) || is_held(offer.spi_us);
}

bool IsNew(const Offer& offer, const Agreement& held) {
  return !SharesSpi(offer, held) && offer.port_uc != held.port_uc && offer.port_us == held.port_us;
}

std::string SecurityServerValue(const AlgorithmList& allowed, SecurityServer kind,
                                const Agreement* agreement, bool in_udp) {
  std::string ours;
  if (agreement != nullptr) {
    in_udp = agreement->in_udp();
    ours = fmt::format(";spi-c={};spi-s={};port-c={};port-s={}", agreement->spis.client,
                       agreement->spis.server, agreement->port_pc, agreement->port_ps);
  }
  std::string value;
  char q = '9';  // At most eight pairs: 0.9 down to 0.2.
  for (const xfrm::Algorithms pair : allowed.pairs()) {
    if (agreement != nullptr && kind == SecurityServer::kSelected &&
        pair != agreement->algorithms) {
      continue;
    }
    if (!value.empty()) value += ", ";
    value += "ipsec-3gpp;q=0.";
    value += q--;
    value += ";alg=";
    value += xfrm::Name(pair.integrity);
    value += ";ealg=";
    value += xfrm::Name(pair.encryption);
    value += ";prot=esp;mod=";
    value += ModeName(in_udp);
    value += ours;
  }
  return value;
}

Comparison CompareWithSent(const sip::Message& message, sip::HeaderId id, std::string_view sent) {
  if (!message.Has(id)) return Comparison::kAbsent;
  if (IsJoined(message, id, sent)) return Comparison::kSame;
  sip::SecurityList list;
  sip::SecurityList before;
  if (sip::DecodeSecurity(message, id, &list) != sip::ParseError::kOk) {
    return Comparison::kMalformed;
  }
  const bool same = sip::DecodeSecurity(sent, &before) == sip::ParseError::kOk &&
                    sip::SameAgreement(list, before);
  return same ? Comparison::kSame : Comparison::kDifferent;
}

}  // namespace edge
