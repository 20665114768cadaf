#include "xfrm/fake_offload.h"

#include <algorithm>

#include "xfrm/fake_answer.h"
#include "xfrm/wire.h"

namespace xfrm {
namespace {

constexpr Refusal Invalid(std::string_view text) {
  return {std::errc::invalid_argument, text};
}

// ParseAttributes has seen to its size.
xfrm_user_offload WantedOf(const RequestAttributes& attributes) {
  xfrm_user_offload wanted = Zeroed<xfrm_user_offload>();
  static_cast<void>(ReadAt(attributes.of(XFRMA_OFFLOAD_DEV), 0, &wanted));
  return wanted;
}

}  // namespace

void OffloadDevices::Set(const OffloadDevice& device) {
  std::erase_if(devices_,
                [&](const OffloadDevice& other) { return other.interface == device.interface; });
  devices_.push_back(device);
}

const OffloadDevice* OffloadDevices::Find(int interface) const {
  const auto found =
      std::find_if(devices_.begin(), devices_.end(),
                   [&](const OffloadDevice& device) { return device.interface == interface; });
  return found == devices_.end() ? nullptr : &*found;
}

Refusal OffloadDevices::TakeSa(const RequestAttributes& attributes,
                               std::vector<std::byte>* shown) const {
  if (!attributes.has(XFRMA_OFFLOAD_DEV)) return {};
  const xfrm_user_offload wanted = WantedOf(attributes);
  constexpr int kFlags = XFRM_OFFLOAD_IPV6 | XFRM_OFFLOAD_INBOUND | XFRM_OFFLOAD_PACKET;
  if ((wanted.flags & ~kFlags) != 0) return Invalid("Unrecognized flags in offload request");
  const bool is_packet = (wanted.flags & XFRM_OFFLOAD_PACKET) != 0;
  const OffloadDevice* device = Find(wanted.ifindex);
  if (device == nullptr || device->can == OffloadKind::kNone) {
    return is_packet ? Invalid({}) : Refusal{};
  }
  std::errc refusal = device->refusal;
  if (is_packet && device->can == OffloadKind::kCrypto)
    refusal = std::errc::operation_not_supported;
  if (refusal == std::errc::operation_not_supported && !is_packet) return {};
  if (refusal != std::errc{}) return {refusal, "Device failed to offload this state"};
  AppendAttribute(XFRMA_OFFLOAD_DEV, attributes.of(XFRMA_OFFLOAD_DEV).first(sizeof(wanted)), shown);
  return {};
}

Refusal OffloadDevices::TakePolicy(const RequestAttributes& attributes,
                                   std::vector<std::byte>* shown) const {
  if (!attributes.has(XFRMA_OFFLOAD_DEV)) return {};
  const xfrm_user_offload wanted = WantedOf(attributes);
  if (wanted.flags != XFRM_OFFLOAD_PACKET) return Invalid("Unrecognized flags in offload request");
  const OffloadDevice* device = Find(wanted.ifindex);
  if (device == nullptr) return Invalid({});
  if (device->can != OffloadKind::kPacket) return Invalid("Policy offload is not supported");
  if (device->refusal != std::errc{}) {
    return {device->refusal, "Device failed to offload this policy"};
  }
  AppendAttribute(XFRMA_OFFLOAD_DEV, attributes.of(XFRMA_OFFLOAD_DEV).first(sizeof(wanted)), shown);
  return {};
}

}  // namespace xfrm
