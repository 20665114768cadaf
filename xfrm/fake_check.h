// The checks that the kernel makes before it acts on a request, for the fake kernel: the same
// refusals in the same order. Pure.
#pragma once

#include <linux/netlink.h>
#include <linux/xfrm.h>

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <system_error>

namespace xfrm {

// No error, or the errno and what the extended acknowledgement says beside it.
struct Refusal {
  std::errc error{};
  std::string_view text;  // Static.

  explicit operator bool() const { return error != std::errc{}; }
};

// A request's attributes by type; views into the request. Of a repeated one the last counts.
struct RequestAttributes {
  std::array<std::span<const std::byte>, XFRMA_MAX + 1> payloads;
  std::array<bool, XFRMA_MAX + 1> present{};

  bool has(int type) const { return present[static_cast<size_t>(type)]; }
  std::span<const std::byte> of(int type) const { return payloads[static_cast<size_t>(type)]; }
};

// Bytes of the fixed part of a request of this type; 0: the fake does not know the type.
size_t FixedSizeOf(int type);

[[nodiscard]] Refusal ParseAttributes(std::span<const std::byte> bytes, RequestAttributes* parsed);

// NEWSA and UPDSA: fields, algorithms, key lengths.
[[nodiscard]] Refusal CheckSa(const xfrm_usersa_info& info, const RequestAttributes& attributes);
// GETSA and DELSA.
[[nodiscard]] Refusal CheckSaId(const xfrm_usersa_id& id);
// NEWAE: it brings something and says that it replaces.
[[nodiscard]] Refusal CheckReplayRequest(const nlmsghdr& header,
                                         const RequestAttributes& attributes);
// NEWAE for an SA whose window is over 32: the payloads of XFRMA_REPLAY_ESN_VAL, held and given.
[[nodiscard]] Refusal CheckSameWindow(std::span<const std::byte> held,
                                      std::span<const std::byte> given);
// NEWPOLICY and UPDPOLICY.
[[nodiscard]] Refusal CheckPolicy(const xfrm_userpolicy_info& info,
                                  const RequestAttributes& attributes);

}  // namespace xfrm
