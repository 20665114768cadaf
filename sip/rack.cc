#include "sip/rack.h"

#include "sip/value.h"

namespace sip {

// RSeq = 1*DIGIT
std::optional<uint32_t> DecodeRSeq(std::string_view value) {
  const std::optional<uint32_t> number = DecodeNumber(value);
  return number.value_or(0) == 0 ? std::nullopt : number;
}

// RAck = response-num LWS CSeq-num LWS Method
ParseError DecodeRAck(std::string_view value, RAck* rack) {
  *rack = {};
  value = Trim(value);
  const std::optional<uint32_t> rseq = DecodeRSeq(CutToken(&value));
  const std::string_view cseq = Trim(value);
  if (!rseq.has_value() || cseq.size() == value.size()) return ParseError::kBadHeaderValue;
  if (DecodeCSeq(cseq, &rack->cseq) != ParseError::kOk) return ParseError::kBadHeaderValue;
  rack->rseq = *rseq;
  return ParseError::kOk;
}

}  // namespace sip
