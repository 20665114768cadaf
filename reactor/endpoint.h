// An IP address and port.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace reactor {

// 28 bytes instead of sockaddr_storage's 128; handed to the kernel as it is. IPv4-mapped IPv6
// addresses do not occur: sockets are opened per family.
union Endpoint {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;

  Endpoint() { std::memset(this, 0, sizeof(*this)); }

  sa_family_t family() const { return any.sa_family; }
  socklen_t size() const { return family() == AF_INET6 ? sizeof(v6) : sizeof(v4); }
  uint16_t port() const { return ntohs(family() == AF_INET6 ? v6.sin6_port : v4.sin_port); }
  void set_port(uint16_t port) {
    (family() == AF_INET6 ? v6.sin6_port : v4.sin_port) = htons(port);
  }
  // The address alone: 4 or 16 bytes, network order.
  std::span<const uint8_t> address() const {
    if (family() == AF_INET6) return {v6.sin6_addr.s6_addr, 16};
    return {reinterpret_cast<const uint8_t*>(&v4.sin_addr), 4};
  }
};

// Same family, address and port (flow label and scope do not count).
bool operator==(const Endpoint& a, const Endpoint& b);
bool SameAddress(const Endpoint& a, const Endpoint& b);

// "192.0.2.1:5060", "[2001:db8::1]:5060", or either without a port (then default_port). False for
// anything else: names, IPv6 without brackets (where would the port begin?), IPv4-mapped IPv6,
// scope ids.
bool ParseEndpoint(std::string_view text, uint16_t default_port, Endpoint* endpoint);
// An address alone, brackets allowed around IPv6.
bool ParseAddress(std::string_view text, uint16_t port, Endpoint* endpoint);

// Writes "192.0.2.1" or "2001:db8::1" (with_brackets: "[2001:db8::1]"), or with the port; returns
// the size. `out` holds at least kEndpointTextMax bytes.
inline constexpr size_t kEndpointTextMax = 56;
size_t WriteAddress(const Endpoint& endpoint, bool with_brackets, char* out);
size_t WriteEndpoint(const Endpoint& endpoint, char* out);

}  // namespace reactor
