// A flow as the key of a table: our port, the peer's address and port.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include "edge/flow.h"

namespace edge {

using AddressKey = std::array<uint8_t, 16>;

inline AddressKey KeyOf(const reactor::Endpoint& address) {
  AddressKey key{};
  const std::span<const uint8_t> bytes = address.address();
  std::copy(bytes.begin(), bytes.end(), key.begin());
  return key;
}

struct FlowKey {
  explicit FlowKey(const Flow& flow)
      : address(KeyOf(flow.remote)), remote_port(flow.remote.port()), local(flow.port) {}

  AddressKey address;
  uint16_t remote_port;
  PortIndex local;  // Tells the families apart, too.
  bool operator==(const FlowKey&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const FlowKey& key) {
    return H::combine(std::move(h), key.address, key.remote_port, key.local);
  }
};

}  // namespace edge
