#include "sip/security.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "sip/chars.h"
#include "sip/list.h"
#include "sip/number.h"

namespace sip {
namespace {

constexpr ParseError kBad = ParseError::kBadSecurityHeader;

template <typename Enum>
struct Word {
  std::string_view text;
  Enum value;
};

constexpr Word<Alg> kAlgs[] = {{"null", Alg::kNull},
                               {"hmac-md5-96", Alg::kHmacMd5_96},
                               {"hmac-sha-1-96", Alg::kHmacSha1_96},
                               {"aes-gmac", Alg::kAesGmac}};
constexpr Word<Ealg> kEalgs[] = {{"null", Ealg::kNull},
                                 {"des-ede3-cbc", Ealg::kDesEde3Cbc},
                                 {"aes-cbc", Ealg::kAesCbc},
                                 {"aes-gcm", Ealg::kAesGcm}};
constexpr Word<Protection> kProtections[] = {{"esp", Protection::kEsp}, {"ah", Protection::kAh}};
constexpr Word<Mode> kModes[] = {
    {"trans", Mode::kTransport}, {"tun", Mode::kTunnel}, {"UDP-enc-tun", Mode::kUdpTunnel}};

// The whole word or nothing: "hmac" is not hmac-md5-96 (pitfalls, line 3).
template <typename Enum, size_t kSize>
Enum LookUp(const Word<Enum> (&words)[kSize], std::string_view text) {
  for (const Word<Enum>& word : words) {
    if (EqualsIgnoreCase(word.text, text)) return word.value;
  }
  return Enum::kUnknown;
}

template <typename Enum, size_t kSize>
std::string_view NameOf(const Word<Enum> (&words)[kSize], Enum value) {
  for (const Word<Enum>& word : words) {
    if (word.value == value) return word.text;
  }
  return "";
}

uint64_t LoadLittleEndian(const char* text) {
  uint64_t word;
  std::memcpy(&word, text, sizeof(word));
  return std::endian::native == std::endian::little ? word : __builtin_bswap64(word);
}

// qvalue = "0" [ "." 0*3DIGIT ] / "1" [ "." 0*3"0" ]; -1 for anything else.
int16_t DecodeQ(std::string_view text) {
  if (text.empty() || (text[0] != '0' && text[0] != '1')) return -1;
  if (text.size() > 1 && (text[1] != '.' || text.size() > 5)) return -1;
  int thousandths = (text[0] - '0') * 1000;
  int unit = 100;
  for (size_t i = 2; i < text.size(); ++i, unit /= 10) {
    if (!Is(text[i], kDigitChar)) return -1;
    thousandths += (text[i] - '0') * unit;
  }
  return thousandths <= 1000 ? static_cast<int16_t>(thousandths) : int16_t{-1};
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
      mechanism->q_thousandths = DecodeQ(value);
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

// --- The plain form, which nearly every phone sends: no blanks, no quotes, no fault in syntax ---

// Decimal digits before `end`, at most ten. False for anything else. REQUIRES: eight readable bytes
// before `end`.
bool ReadDigits(const char* begin, const char* end, uint64_t* number) {
  const size_t size = static_cast<size_t>(end - begin);
  if (size == 0 || size > 10) return false;
  uint64_t high = 0;
  for (; end - begin > 8; ++begin) {
    if (!Is(*begin, kDigitChar)) return false;
    high = high * 10 + static_cast<uint64_t>(*begin - '0');
  }
  // The last eight, those before the number turned into zeros; then pairs, fours, all of them.
  uint64_t word = LoadLittleEndian(end - 8);
  const unsigned others = 8 * static_cast<unsigned>(8 - (end - begin));
  const uint64_t keep = others == 64 ? 0 : ~uint64_t{0} << others;
  word = (word & keep) | (0x3030303030303030 & ~keep);
  const uint64_t over_nine = word + 0x0606060606060606;
  if (((word | over_nine) & 0xf0f0f0f0f0f0f0f0) != 0x3030303030303030) return false;
  word &= 0x0f0f0f0f0f0f0f0f;
  word = (word * 10 + (word >> 8)) & 0x00ff00ff00ff00ff;
  word = (word * 100 + (word >> 16)) & 0x0000ffff0000ffff;
  word = (word * 10000 + (word >> 32)) & 0xffffffff;
  *number = high * 100000000 + word;
  return true;
}

uint32_t PlainSpi(const char* begin, const char* end) {
  uint64_t number = 0;
  return ReadDigits(begin, end, &number) && number <= UINT32_MAX ? static_cast<uint32_t>(number)
                                                                 : 0;
}
uint16_t PlainPort(const char* begin, const char* end) {
  uint64_t number = 0;
  return ReadDigits(begin, end, &number) && number <= 65535 ? static_cast<uint16_t>(number) : 0;
}

// Algorithms are told by their size and their first eight characters, then compared.
Alg PlainAlg(std::string_view text) {
  const uint64_t word = LoadFoldedWord(text.data(), text.size());
  const auto checked = [text](std::string_view whole, Alg alg) {
    return EqualsIgnoreCase(text, whole) ? alg : Alg::kUnknown;
  };
  switch (word) {
    case FoldedWord("hmac-sha"):
      return checked("hmac-sha-1-96", Alg::kHmacSha1_96);
    case FoldedWord("hmac-md5"):
      return checked("hmac-md5-96", Alg::kHmacMd5_96);
    case FoldedWord("aes-gmac"):
      return checked("aes-gmac", Alg::kAesGmac);
    case FoldedWord("null"):
      return Alg::kNull;
    default:
      return Alg::kUnknown;
  }
}
Ealg PlainEalg(std::string_view text) {
  const uint64_t word = LoadFoldedWord(text.data(), text.size());
  switch (word) {
    case FoldedWord("null"):
      return Ealg::kNull;
    case FoldedWord("aes-cbc"):
      return Ealg::kAesCbc;
    case FoldedWord("aes-gcm"):
      return Ealg::kAesGcm;
    case FoldedWord("des-ede3"):
      return EqualsIgnoreCase(text, "des-ede3-cbc") ? Ealg::kDesEde3Cbc : Ealg::kUnknown;
    default:
      return Ealg::kUnknown;
  }
}

// Stores one parameter. False when it is not one of the usual.
bool StorePlain(const char* text, const PlainParam& param, uint32_t* seen,
                SecurityMechanism* mechanism) {
  const char* const begin = text + param.value;
  const char* const end = text + param.value_end;
  const std::string_view value(begin, param.value_end - param.value);
  uint32_t bit;
  switch (LoadFoldedWord(text + param.name, param.name_end - param.name)) {
    case FoldedWord("alg"):
      bit = 1;
      mechanism->alg = PlainAlg(value);
      break;
    case FoldedWord("ealg"):
      bit = 2;
      mechanism->ealg = PlainEalg(value);
      break;
    case FoldedWord("prot"):
      bit = 4;
      mechanism->protection = LookUp(kProtections, value);
      break;
    case FoldedWord("mod"):
      bit = 8;
      mechanism->mode = LookUp(kModes, value);
      break;
    case FoldedWord("spi-c"):
      bit = 16;
      mechanism->spi_c = PlainSpi(begin, end);
      break;
    case FoldedWord("spi-s"):
      bit = 32;
      mechanism->spi_s = PlainSpi(begin, end);
      break;
    case FoldedWord("port-c"):
      bit = 64;
      mechanism->port_c = PlainPort(begin, end);
      break;
    case FoldedWord("port-s"):
      bit = 128;
      mechanism->port_s = PlainPort(begin, end);
      break;
    case FoldedWord("q"):
      bit = 256;
      mechanism->q_thousandths = DecodeQ(value);
      break;
    default:
      return false;
  }
  const bool first = (*seen & bit) == 0;
  *seen |= bit;
  return first && param.has_value() && !param.quoted;
}

// What the alternatives of one offer begin with alike: phones repeat SPIs and ports in each. Read
// once, and known again by its bytes.
struct Stem {
  std::string_view text;  // Up to the end of a parameter; empty: none yet.
  SecurityMechanism mechanism;
  uint32_t seen;
};

// Reads plain mechanisms one after the other.
class PlainReader {
 public:
  explicit PlainReader(PaddedView value) : text_(value), marks_(value) {}

  // All of the value. False when some of it is not plain; what was added is to be dropped then, and
  // read again by DecodeValue().
  bool ReadAll(std::span<SecurityMechanism> mechanisms, size_t* count) {
    for (;;) {
      if (*count == mechanisms.size() || !Read(&mechanisms[(*count)++])) return false;
      if (at_ == text_.size()) return true;
      if (text_[at_] != ',') return false;
      marks_.Step();
      ++at_;
      if (at_ < text_.size() && text_[at_] == ' ') {
        marks_.Step();
        ++at_;
      }
    }
  }

 private:
  bool Read(SecurityMechanism* mechanism) {
    constexpr std::string_view kName = "ipsec-3gpp";
    const size_t begin = at_;
    const std::string_view rest = text_.substr(begin);
    uint32_t seen = 0;
    size_t alike = 0;  // How far it is like the one before, when the stem is not its stem.
    if (!stem_.text.empty() && rest.starts_with(stem_.text) && IsEnd(begin + stem_.text.size())) {
      *mechanism = stem_.mechanism;
      seen = stem_.seen;
      at_ = begin + stem_.text.size();
      marks_.GoTo(at_);
    } else {
      *mechanism = {};
      at_ = marks_.Next();
      if (text_.substr(begin, at_ - begin) != kName) return false;
      alike = CommonSize(rest, last_);
    }
    while (at_ < text_.size() && text_[at_] == ';') {
      PlainParam param;
      marks_.Step();
      if (!ReadPlainParam(text_.data(), text_.size(), at_ + 1, true, &marks_, &param)) return false;
      if (!StorePlain(text_.data(), param, &seen, mechanism)) return false;
      at_ = param.end;
      if (at_ - begin < alike) stem_ = {rest.substr(0, at_ - begin), *mechanism, seen};
    }
    mechanism->text = last_ = text_.substr(begin, at_ - begin);
    mechanism->fault = FaultOf(*mechanism, kName, false, false);
    return true;
  }

  bool IsEnd(size_t at) const { return at == text_.size() || text_[at] == ';' || text_[at] == ','; }
  // Of two parts of the text, which are padded both.
  static size_t CommonSize(std::string_view a, std::string_view b) {
    const size_t size = std::min(a.size(), b.size());
    for (size_t at = 0; at < size; at += sizeof(Bytes16)) {
      const uint32_t same = EqualBits(Load16(a.data() + at), Load16(b.data() + at));
      if (same != 0xffff) return std::min(at + static_cast<size_t>(std::countr_one(same)), size);
    }
    return size;
  }

  PaddedView text_;
  Marks marks_;
  size_t at_ = 0;
  std::string_view last_;  // The mechanism before.
  Stem stem_;
};

// Decodes the members of one header value to the end of the list. Empty ones, as a trailing comma
// makes them, are passed over.
ParseError DecodeValue(LentText lent, std::span<SecurityMechanism> mechanisms, size_t* count) {
  const std::string_view value = lent.view();
  const size_t before = *count;
  if (lent.padded() && PlainReader(PaddedView::Promise(value)).ReadAll(mechanisms, count)) {
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
