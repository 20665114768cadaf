// RSeq and RAck: provisional responses that are acknowledged (RFC 3262 7).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/error.h"
#include "sip/number.h"

namespace sip {

// 1..2^32-1, or nothing (RFC 3262 7.1).
std::optional<uint32_t> DecodeRSeq(std::string_view value);

struct RAck {
  uint32_t rseq = 0;
  CSeq cseq;  // Of the request whose response is acknowledged.
};

// kBadHeaderValue for anything but two numbers and a method, and for a response number 0.
[[nodiscard]] ParseError DecodeRAck(std::string_view value, RAck* rack);

}  // namespace sip
