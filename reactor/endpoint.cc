#include "reactor/endpoint.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>
#include <iterator>

namespace reactor {
namespace {

bool ParsePort(std::string_view text, uint16_t* port) {
  if (text.empty() || text.size() > 5) return false;
  const char* end = text.data() + text.size();
  const std::from_chars_result parsed = std::from_chars(text.data(), end, *port);
  return parsed.ec == std::errc{} && parsed.ptr == end;
}

// As inet_pton does: without leading zeros, which some read as octal. By hand, because every
// message has several.
bool ParseBytes(std::string_view text, uint8_t (&bytes)[4]) {
  const char* at = text.data();
  const char* const end = at + text.size();
  for (size_t i = 0; i < std::size(bytes); ++i) {
    if (i > 0 && (at == end || *at++ != '.')) return false;
    const char* const begin = at;
    unsigned value = 0;
    for (; at != end && at < begin + 3 && *at >= '0' && *at <= '9'; ++at) {
      value = value * 10 + static_cast<unsigned>(*at - '0');
    }
    if (at == begin || value > 255 || (*begin == '0' && at > begin + 1)) return false;
    bytes[i] = static_cast<uint8_t>(value);
  }
  return at == end;
}

bool ParseV4(std::string_view text, uint16_t port, Endpoint* endpoint) {
  uint8_t bytes[4];
  if (!ParseBytes(text, bytes)) return false;
  Endpoint parsed;
  std::memcpy(&parsed.v4.sin_addr, bytes, sizeof(bytes));
  parsed.v4.sin_family = AF_INET;
  parsed.set_port(port);
  *endpoint = parsed;
  return true;
}

bool ParseV6(std::string_view text, uint16_t port, Endpoint* endpoint) {
  if (text.find(':') == std::string_view::npos) return false;  // A name, mostly.
  // inet_pton wants its text ended by NUL, and would stop at one within.
  char copy[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof(copy) || text.find('\0') != std::string_view::npos) return false;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  Endpoint parsed;
  if (inet_pton(AF_INET6, copy, &parsed.v6.sin6_addr) != 1) return false;
  if (IN6_IS_ADDR_V4MAPPED(&parsed.v6.sin6_addr)) return false;
  parsed.v6.sin6_family = AF_INET6;
  parsed.set_port(port);
  *endpoint = parsed;
  return true;
}

char* WriteNumber(char* out, unsigned value) {
  return std::to_chars(out, out + 10, value).ptr;
}

}  // namespace

bool SameAddress(const Endpoint& a, const Endpoint& b) {
  if (a.family() != b.family()) return false;
  const std::span<const uint8_t> left = a.address();
  return std::memcmp(left.data(), b.address().data(), left.size()) == 0;
}

bool operator==(const Endpoint& a, const Endpoint& b) {
  return SameAddress(a, b) && a.port() == b.port();
}

bool ParseEndpoint(std::string_view text, uint16_t default_port, Endpoint* endpoint) {
  uint16_t port = default_port;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return false;
    const std::string_view rest = text.substr(close + 1);
    if (!rest.empty() && (rest[0] != ':' || !ParsePort(rest.substr(1), &port))) return false;
    return ParseV6(text.substr(1, close - 1), port, endpoint);
  }
  const size_t colon = text.find(':');
  if (colon != std::string_view::npos && !ParsePort(text.substr(colon + 1), &port)) return false;
  return ParseV4(text.substr(0, colon), port, endpoint);
}

bool ParseAddress(std::string_view text, uint16_t port, Endpoint* endpoint) {
  if (text.starts_with('[') && text.ends_with(']')) {
    return ParseV6(text.substr(1, text.size() - 2), port, endpoint);
  }
  return ParseV4(text, port, endpoint) || ParseV6(text, port, endpoint);
}

size_t WriteAddress(const Endpoint& endpoint, bool with_brackets, char* out) {
  char* end = out;
  if (endpoint.family() != AF_INET6) {
    // By hand: inet_ntop formats IPv4 through printf.
    const std::span<const uint8_t> bytes = endpoint.address();
    for (size_t i = 0; i < bytes.size(); ++i) {
      if (i != 0) *end++ = '.';
      end = WriteNumber(end, bytes[i]);
    }
    return static_cast<size_t>(end - out);
  }
  if (with_brackets) *end++ = '[';
  inet_ntop(AF_INET6, &endpoint.v6.sin6_addr, end, INET6_ADDRSTRLEN);
  end += std::strlen(end);
  if (with_brackets) *end++ = ']';
  return static_cast<size_t>(end - out);
}

size_t WriteEndpoint(const Endpoint& endpoint, char* out) {
  char* end = out + WriteAddress(endpoint, true, out);
  *end++ = ':';
  end = WriteNumber(end, endpoint.port());
  return static_cast<size_t>(end - out);
}

}  // namespace reactor
