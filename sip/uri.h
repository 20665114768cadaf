// SIP, SIPS, TEL and URN URIs (RFC 3261 19.1, RFC 3966, RFC 8141), taken apart in place.
#pragma once

#include <cstdint>
#include <string_view>

#include "sip/error.h"
#include "sip/span.h"

namespace sip {

enum class Scheme : uint8_t { kOther, kSip, kSips, kTel, kUrn };

struct Uri {
  Scheme scheme = Scheme::kOther;
  std::string_view text;  // The whole URI.
  std::string_view user;  // sip: before '@' without the password; tel: the number; urn: the rest.
  std::string_view password;
  std::string_view host;  // Without the brackets of an IPv6 literal.
  bool host_is_ipv6 = false;
  uint16_t port = 0;         // 0: none given.
  std::string_view params;   // From the first ';' on, or empty.
  std::string_view headers;  // After '?', or empty.
};

// `host`, `host:port`, `[IPv6]` or `[IPv6]:port` (RFC 3261 25.1; blanks around ':' as in Via). What
// stands in brackets is an IPv6 address to the last group (RFC 5118 4).
struct HostPort {
  std::string_view host;  // Without the brackets of an IPv6 literal.
  bool is_ipv6 = false;
  uint16_t port = 0;  // 0: none given.
};
// False for anything else, a port 0 or one over 65535 included.
[[nodiscard]] bool DecodeHostPort(LentText text, HostPort* host_port);

// True for what any URI looks like (RFC 3986 3): a scheme, ':' and something, without blanks,
// quotes, '<', '>' or control characters, and with two hex digits behind every '%'.
bool IsUriText(std::string_view text);

// kOk, kBadRequestUri for broken syntax, or kUnsupportedScheme (the scheme is then kOther and only
// `text` is set).
[[nodiscard]] ParseError DecodeUri(std::string_view text, Uri* uri);

}  // namespace sip
