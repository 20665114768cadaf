#include "sip/security_plain.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "sip/chars.h"
#include "sip/marks.h"
#include "sip/security_words.h"
#include "sip/value.h"

namespace sip {
namespace {

uint64_t LoadLittleEndian(const char* text) {
  uint64_t word;
  std::memcpy(&word, text, sizeof(word));
  return std::endian::native == std::endian::little ? word : __builtin_bswap64(word);
}

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
  // A digit has 3 for its high half, also when 6 is added to it.
  const uint64_t above = word + 0x0606060606060606;
  constexpr uint64_t kDigits = 0x3030303030303030;
  if ((((word ^ kDigits) | (above ^ kDigits)) & 0xf0f0f0f0f0f0f0f0) != 0) return false;
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
      mechanism->q_thousandths = static_cast<int16_t>(DecodeQ(value).value_or(UINT16_MAX));
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

}  // namespace

bool ReadPlainMechanisms(PaddedView value, std::span<SecurityMechanism> mechanisms, size_t* count) {
  return PlainReader(value).ReadAll(mechanisms, count);
}

}  // namespace sip
