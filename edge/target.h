// What is asked of DNS when a request goes to a name, and what it says (RFC 3263 4).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "edge/flow.h"

namespace edge {

// What a URI says. A literal address is none.
struct NameQuery {
  std::string_view host;
  uint16_t port = 0;                   // 0: none.
  std::optional<Transport> transport;  // None: whatever suits.
};

// Where requests to the name may go. Those of the lowest group first, one of them by chance in
// proportion to the weights (RFC 2782).
struct Target {
  reactor::Endpoint endpoint;
  Transport transport = Transport::kUdp;
  uint16_t group = 0;
  uint16_t weight = 0;
};

// DNS's answer. Without targets: that there are none, or, when it is silent, nothing.
struct Resolved {
  std::vector<Target> targets;
  uint32_t ttl_s = 0;
  bool is_silent = false;
};

}  // namespace edge
