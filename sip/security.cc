#include "sip/security.h"

#include "sip/chars.h"
#include "sip/list.h"
#include "sip/number.h"
#include "sip/security_plain.h"
#include "sip/security_words.h"
#include "sip/value.h"

namespace sip {
namespace {

constexpr ParseError kBad = ParseError::kBadSecurityHeader;

// -1 for what is no qvalue.
int16_t QOf(std::string_view text) {
  const std::optional<uint16_t> q = DecodeQ(text);
  return q.has_value() ? static_cast<int16_t>(*q) : int16_t{-1};
}

// 0 for what is no number in range: as unusable as a 0 itself. The grammar wants ten digits of an
// SPI, phones send fewer.
uint32_t DecodeSpi(std::string_view text) {
  return text.size() <= 10 ? DecodeNumber(text).value_or(0) : 0;
}
uint16_t DecodePort(std::string_view text) {
  return static_cast<uint16_t>(DecodeNumber(text, 65535).value_or(0));
}

constexpr std::string_view kKnownParams[] = {"alg",   "ealg",   "prot",   "mod", "spi-c",
                                             "spi-s", "port-c", "port-s", "q",   "mediasec"};

// Stores the value of the parameter kKnownParams[index].
void StoreParam(size_t index, std::string_view value, SecurityMechanism* mechanism) {
  switch (index) {
    case 0:
      mechanism->alg = LookUp(kAlgs, value);
      break;
    case 1:
      mechanism->ealg = LookUp(kEalgs, value);
      break;
    case 2:
      mechanism->protection = LookUp(kProtections, value);
      break;
    case 3:
      mechanism->mode = LookUp(kModes, value);
      break;
    case 4:
      mechanism->spi_c = DecodeSpi(value);
      break;
    case 5:
      mechanism->spi_s = DecodeSpi(value);
      break;
    case 6:
      mechanism->port_c = DecodePort(value);
      break;
    case 7:
      mechanism->port_s = DecodePort(value);
      break;
    case 8:
      mechanism->q_thousandths = QOf(value);
      break;
    default:
      break;
  }
}

// The legal pairs of TS 33.203 annex H and its older releases; AES-GMAC gives integrity only
// (RFC 4543 3), AES-GCM brings its own (RFC 4106).
bool IsLegalPair(Alg alg, Ealg ealg) {
  switch (alg) {
    case Alg::kHmacMd5_96:
    case Alg::kHmacSha1_96:
      return ealg == Ealg::kNull || ealg == Ealg::kDesEde3Cbc || ealg == Ealg::kAesCbc;
    case Alg::kAesGmac:
      return ealg == Ealg::kNull;
    case Alg::kNull:
      return ealg == Ealg::kAesGcm;
    case Alg::kAbsent:
    case Alg::kUnknown:
      return false;
  }
  return false;
}

// SPIs up to 255 are reserved (RFC 4303 2.1).
bool AreGoodSpis(const SecurityMechanism& mechanism) {
  return mechanism.spi_c > 255 && mechanism.spi_s > 255 && mechanism.spi_c != mechanism.spi_s;
}

// Two unique ports, neither of them one that SIP without protection uses (TS 33.203 7.1).
bool IsGoodPort(uint16_t port) {
  return port != 0 && port != 5060 && port != 5061;
}
bool AreGoodPorts(const SecurityMechanism& mechanism) {
  return IsGoodPort(mechanism.port_c) && IsGoodPort(mechanism.port_s) &&
         mechanism.port_c != mechanism.port_s;
}

size_t KnownIndex(std::string_view name) {
  size_t index = 0;
  while (index < std::size(kKnownParams) && !EqualsIgnoreCase(name, kKnownParams[index])) ++index;
  return index;
}

// mechanism = mechanism-name *( SEMI param ), one list member.
ParseError DecodeMechanism(std::string_view text, SecurityMechanism* mechanism) {
  *mechanism = {};
  mechanism->text = text;
  size_t name_end = 0;
  while (name_end < text.size() && Is(text[name_end], kTokenChar)) ++name_end;
  const std::string_view name = text.substr(0, name_end);
  const std::string_view params = text.substr(SkipBlanks(text, name_end));
  if (name.empty() || (!params.empty() && params[0] != ';')) return kBad;

  bool repeated = false;
  uint32_t seen = 0;  // Bit i: kKnownParams[i].
  int count = 0;
  ParamReader reader(params);
  for (Param param; reader.Next(&param);) {
    if (++count > SecurityList::kParametersMax || !IsToken(param.name)) return kBad;
    const size_t index = KnownIndex(param.name);
    if (index == std::size(kKnownParams)) {
      const size_t before = static_cast<size_t>(param.text.data() - params.data());
      repeated |= FindParam(params.substr(0, before), param.name).has_value();
      continue;
    }
    repeated |= (seen >> index & 1U) != 0;
    seen |= 1U << index;
    StoreParam(index, param.value, mechanism);
  }
  const bool mediasec = (seen >> (std::size(kKnownParams) - 1) & 1U) != 0;
  mechanism->fault = FaultOf(*mechanism, name, repeated, mediasec);
  return reader.ok() ? ParseError::kOk : kBad;
}

// Decodes the members of one header value to the end of the list. Empty ones, as a trailing comma
// makes them, are passed over.
ParseError DecodeValue(LentText lent, std::span<SecurityMechanism> mechanisms, size_t* count) {
  const std::string_view value = lent.view();
  const size_t before = *count;
  if (lent.padded() && ReadPlainMechanisms(PaddedView::Promise(value), mechanisms, count)) {
    return ParseError::kOk;
  }
  *count = before;
  for (std::string_view rest = value; !rest.empty();) {
    const std::string_view member = CutMember(rest, &rest);
    if (member.empty()) continue;
    if (*count == mechanisms.size()) return kBad;
    const ParseError error = DecodeMechanism(member, &mechanisms[(*count)++]);
    if (error != ParseError::kOk) return error;
  }
  return ParseError::kOk;
}

}  // namespace

MechanismFault FaultOf(const SecurityMechanism& mechanism, std::string_view name, bool repeated,
                       bool mediasec) {
  if (name != "ipsec-3gpp" && !EqualsIgnoreCase(name, "ipsec-3gpp"))
    return MechanismFault::kNotIpsec3gpp;
  if (repeated) return MechanismFault::kRepeatedParameter;
  if (!IsLegalPair(mechanism.alg, mechanism.ealg)) return MechanismFault::kBadAlgorithms;
  if (mechanism.protection != Protection::kEsp) return MechanismFault::kNotEsp;
  if (!AreGoodSpis(mechanism)) return MechanismFault::kBadSpi;
  if (!AreGoodPorts(mechanism)) return MechanismFault::kBadPort;
  return mediasec ? MechanismFault::kMediasec : MechanismFault::kNone;
}

std::string_view Name(Alg alg) {
  return NameOf(kAlgs, alg);
}

std::string_view Name(Ealg ealg) {
  return NameOf(kEalgs, ealg);
}

std::string_view Name(MechanismFault fault) {
  switch (fault) {
    case MechanismFault::kNone:
      return "None";
    case MechanismFault::kNotIpsec3gpp:
      return "NotIpsec3gpp";
    case MechanismFault::kRepeatedParameter:
      return "RepeatedParameter";
    case MechanismFault::kBadAlgorithms:
      return "BadAlgorithms";
    case MechanismFault::kNotEsp:
      return "NotEsp";
    case MechanismFault::kBadSpi:
      return "BadSpi";
    case MechanismFault::kBadPort:
      return "BadPort";
    case MechanismFault::kMediasec:
      return "Mediasec";
  }
  return "Unknown";
}

ParseError DecodeSecurity(const Message& message, HeaderId id, SecurityList* list) {
  list->count_ = 0;
  const Header* const first = message.Find(id);
  if (first == nullptr) return ParseError::kOk;
  for (const Header* header = first; header != nullptr; header = message.FindNext(header)) {
    const ParseError error = DecodeValue(message.Value(*header), list->mechanisms_, &list->count_);
    if (error != ParseError::kOk) return error;
  }
  return list->empty() ? kBad : ParseError::kOk;
}

ParseError DecodeSecurity(LentText value, SecurityList* list) {
  list->count_ = 0;
  const ParseError error = DecodeValue(value, list->mechanisms_, &list->count_);
  if (error != ParseError::kOk) return error;
  return list->empty() ? kBad : ParseError::kOk;
}

}  // namespace sip
