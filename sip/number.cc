#include "sip/number.h"

#include <charconv>

#include "sip/chars.h"
#include "sip/list.h"

namespace sip {

std::optional<uint32_t> DecodeNumber(std::string_view text, uint32_t max) {
  const std::string_view digits = Trim(text);
  uint32_t number = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number);  // Refuses a sign.
  if (error != std::errc{} || stop != end || number > max) return std::nullopt;
  return number;
}

ParseError DecodeCSeq(std::string_view text, CSeq* cseq) {
  *cseq = {};
  size_t digits = 0;
  while (digits < text.size() && Is(text[digits], kDigitChar)) ++digits;
  const size_t method_begin = SkipBlanks(text, digits);
  const std::optional<uint32_t> number = DecodeNumber(text.substr(0, digits));
  const std::string_view method = text.substr(method_begin);
  if (!number.has_value() || method_begin == digits || !IsToken(method)) {
    return ParseError::kBadCSeq;
  }
  cseq->number = *number;
  cseq->method_text = method;
  cseq->method = LookUpMethod(method);
  return ParseError::kOk;
}

}  // namespace sip
