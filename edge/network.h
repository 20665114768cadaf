// A network: an address and how many of its leading bits count (RFC 4632, RFC 4291 2.3).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "reactor/endpoint.h"

namespace edge {

struct Network {
  std::array<uint8_t, 16> address{};  // Of IPv4 the first four bytes; no bit behind the prefix.
  sa_family_t family = AF_INET;
  uint8_t prefix = 0;

  bool Contains(const reactor::Endpoint& endpoint) const;
  bool operator==(const Network&) const = default;
};

// "192.0.2.0/24", "2001:db8::/32", or an address alone, which is a network of one.
enum class NetworkError : uint8_t {
  kOk,
  kMalformed,
  kHostBits,  // Bits are set behind the prefix: "192.0.2.1/24" may mean two things.
};
[[nodiscard]] NetworkError ParseNetwork(std::string_view text, Network* network);

}  // namespace edge
