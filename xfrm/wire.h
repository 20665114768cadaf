// Between our plain values and the structures of linux/xfrm.h, field by field. For the files of
// this module alone.
//
// Netlink structures have padding that the kernel compares (it finds a policy by memcmp over the
// whole selector), so every structure made here starts as zeros.
#pragma once

#include <linux/xfrm.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "xfrm/reply.h"
#include "xfrm/sa.h"

namespace xfrm {

template <typename T>
T Zeroed() {
  T value;
  std::memset(static_cast<void*>(&value), 0, sizeof(value));
  return value;
}

// Copies a T out of bytes of any alignment. False: they end too early.
template <typename T>
[[nodiscard]] bool ReadAt(std::span<const std::byte> bytes, size_t offset, T* value) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return false;
  std::memcpy(static_cast<void*>(value), bytes.data() + offset, sizeof(T));
  return true;
}

xfrm_address_t ToWire(const Address& address);
// AF_UNSPEC and zeros for any other family than AF_INET and AF_INET6.
Address FromWire(const xfrm_address_t& address, uint16_t family);

// `seq` stays 0: non-zero makes older kernels walk the whole table.
xfrm_usersa_info ToWire(const Sa& sa);
xfrm_usersa_id ToWire(const SaId& id);
// All that stands in the structure itself; not the algorithms, nor a window over 32.
SaInfo FromWire(const xfrm_usersa_info& info);

// The bitmap of a window over 32 packets, as the kernel lays it out.
constexpr uint16_t kWindowInSaMax = 32;
struct WideWindow {
  std::array<std::byte, sizeof(xfrm_replay_state_esn) + 4 * ReplayState::kWordsMax> bytes{};
  size_t size = 0;
};
// REQUIRES: kWindowInSaMax < state.window <= kReplayWindowMax.
WideWindow ToWideWire(const ReplayState& state);
xfrm_replay_state ToWire(const ReplayState& state);
// False: too short, a bitmap larger than ours can be, or numbers of 64 bits.
[[nodiscard]] bool FromWideWire(std::span<const std::byte> payload, ReplayState* state);
[[nodiscard]] bool FromWire(std::span<const std::byte> payload, ReplayState* state);

// REQUIRES: offload.kind is not kNone. `direction` none: of a policy, which says it elsewhere.
xfrm_user_offload ToWire(const Offload& offload, std::optional<Direction> direction);
Offload FromWire(const xfrm_user_offload& wire);

// REQUIRES: there is a tunnel.
xfrm_encap_tmpl ToWire(const UdpTunnel& tunnel);
// The ports; false: not ESP in UDP.
[[nodiscard]] bool FromWire(std::span<const std::byte> payload, UdpTunnel* tunnel);

xfrm_selector SelectorOf(const Policy& policy);
xfrm_userpolicy_info ToWire(const Policy& policy);
xfrm_user_tmpl TemplateOf(const Policy& policy);
// REQUIRES: info.dir is XFRM_POLICY_IN or XFRM_POLICY_OUT. Reqid and tunnel stand in the template.
PolicyInfo FromWire(const xfrm_userpolicy_info& info);

// One attribute of a message; `payload` lies in the message.
struct AttributeView {
  uint16_t type = 0;  // Without the nested and byte-order flags.
  std::span<const std::byte> payload;
};

// Takes the first attribute off `*bytes`. False at the end and on a malformed one; then `*bytes`
// is empty only if the end was reached cleanly.
bool TakeAttribute(std::span<const std::byte>* bytes, AttributeView* attribute);

}  // namespace xfrm
