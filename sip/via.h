// Via (RFC 3261 20.42, RFC 3581).
#pragma once

#include <cstdint>
#include <string_view>

#include "sip/error.h"
#include "sip/list.h"

namespace sip {

enum class Transport : uint8_t { kOther, kUdp, kTcp, kTls, kSctp };

struct Via {
  Transport transport = Transport::kOther;
  std::string_view transport_text;
  std::string_view host;  // sent-by without the brackets of an IPv6 literal.
  bool host_is_ipv6 = false;
  uint16_t port = 0;  // 0: none given.
  std::string_view branch;
  std::string_view received;  // Without brackets, should a peer send them (RFC 5118 4.5).
  bool has_rport = false;
  std::string_view rport_text;  // `rport` or `rport=5060` as it stands: replace this.
  uint16_t rport = 0;           // 0: flag only.
  std::string_view params;
  std::string_view text;  // The whole member.
};

// One list member.
[[nodiscard]] ParseError DecodeVia(LentText text, Via* via);

// The topmost Via of a message: first member of its first Via line.
[[nodiscard]] ParseError DecodeTopVia(const Message& message, Via* via);

// RFC 3261 branches begin so; without it the branch identifies nothing.
inline constexpr std::string_view kMagicCookie = "z9hG4bK";

}  // namespace sip
