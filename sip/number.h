// Headers that are a number, or begin with one.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/error.h"
#include "sip/message.h"

namespace sip {

// Digits only, no sign, blanks around allowed, at most `max`; nothing otherwise.
std::optional<uint32_t> DecodeNumber(std::string_view text, uint32_t max = UINT32_MAX);

// A number of 1 to 65535. False otherwise.
[[nodiscard]] bool DecodePort(std::string_view text, uint16_t* port);

struct CSeq {
  uint32_t number = 0;
  Method method = Method::kOther;
  std::string_view method_text;
};

// `1*DIGIT LWS Method` (RFC 3261 20.16).
[[nodiscard]] ParseError DecodeCSeq(std::string_view text, CSeq* cseq);

}  // namespace sip
