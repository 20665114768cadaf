// Texts of IP addresses to their bytes (RFC 3986 3.2.2), so that one address has one value.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sip {

using Ipv4Bytes = std::array<uint8_t, 4>;
using Ipv6Bytes = std::array<uint8_t, 16>;

// Four decimal numbers up to 255. A leading zero is refused: some would read the rest as octal.
[[nodiscard]] bool DecodeIpv4(std::string_view text, Ipv4Bytes* bytes);

// Up to eight groups, one "::" for one or more groups of zeros, the last two groups as an IPv4
// address if so wished. Without brackets and zone.
[[nodiscard]] bool DecodeIpv6(std::string_view text, Ipv6Bytes* bytes);

}  // namespace sip
