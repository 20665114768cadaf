#include "sip/number.h"

#include "sip/chars.h"
#include "sip/list.h"

namespace sip {

std::optional<uint32_t> DecodeNumber(std::string_view text, uint32_t max) {
  const std::string_view digits = Trim(text);
  if (digits.empty()) return std::nullopt;
  uint64_t number = 0;
  for (const char c : digits) {
    if (!Is(c, kDigitChar)) return std::nullopt;
    number = number * 10 + static_cast<uint64_t>(c - '0');
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
  while (digits < text.size() && Is(text[digits], kDigitChar)) ++digits;
  const size_t method_begin = SkipBlanks(text, digits);
  const std::optional<uint32_t> number = DecodeNumber(text.substr(0, digits));
  const std::string_view method = text.substr(method_begin);
  cseq->method = LookUpMethod(method);
  if (!number.has_value() || method_begin == digits ||
      (cseq->method == Method::kOther && !IsToken(method))) {
    *cseq = {};
    return ParseError::kBadCSeq;
  }
  cseq->number = *number;
  cseq->method_text = method;
  return ParseError::kOk;
}

}  // namespace sip
