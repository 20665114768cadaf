#include "sip/number.h"

#include "sip/chars.h"
#include "sip/list.h"

namespace sip {

std::optional<uint32_t> DecodeNumber(std::string_view text, uint32_t max) {
  if (text.empty() || !Is(text.front(), kDigitChar) || !Is(text.back(), kDigitChar)) {
    text = Trim(text);
  }
  if (text.empty()) return std::nullopt;
  uint64_t number = 0;
  for (const char c : text) {
    const uint32_t digit = static_cast<uint32_t>(static_cast<uint8_t>(c)) - '0';
    if (digit > 9) return std::nullopt;
    number = number * 10 + digit;
    if (number > max) return std::nullopt;
  }
  return static_cast<uint32_t>(number);
}

bool DecodePort(std::string_view text, uint16_t* port) {
  const std::optional<uint32_t> number = DecodeNumber(text, 65535);
  *port = static_cast<uint16_t>(number.value_or(0));
  return *port != 0;
}

ParseError DecodeCSeq(std::string_view text, CSeq* cseq) {
  *cseq = {};
  size_t digits = 0;
  uint64_t number = 0;
  while (digits < text.size() && Is(text[digits], kDigitChar)) {
    number = number * 10 + static_cast<uint64_t>(text[digits++] - '0');
    if (number > UINT32_MAX) return ParseError::kBadCSeq;
  }
  const size_t method_begin = SkipBlanks(text, digits);
  if (digits == 0 || method_begin == digits) return ParseError::kBadCSeq;
  const std::string_view method = text.substr(method_begin);
  const Method known = LookUpMethod(method);
  if (known == Method::kOther && !IsToken(method)) return ParseError::kBadCSeq;
  *cseq = {static_cast<uint32_t>(number), known, method};
  return ParseError::kOk;
}

}  // namespace sip
