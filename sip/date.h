// Date (RFC 3261 20.17, RFC 1123 5.2.14).
#pragma once

#include <cstdint>
#include <string_view>

#include "sip/error.h"

namespace sip {

// Seconds since 1970-01-01 00:00:00 UTC, without leap seconds; negative before it.
// kBadHeaderValue for another form than "Sat, 13 Nov 2010 23:29:00 GMT", another zone than GMT
// (RFC 4475 3.1.2.12), a day or time that does not exist, and a weekday that is not that day's.
[[nodiscard]] ParseError DecodeDate(std::string_view value, int64_t* seconds);

}  // namespace sip
