// Network devices that take part in ESP, for the fake kernel: what the kernel says to
// XFRMA_OFFLOAD_DEV (xfrm_dev_state_add, xfrm_dev_policy_add), without looking up a packet's way.
#pragma once

#include <cstddef>
#include <system_error>
#include <vector>

#include "xfrm/fake_check.h"
#include "xfrm/sa.h"

namespace xfrm {

// Without ESP (kNone) it is there and takes no part.
struct OffloadDevice {
  int interface = 0;
  OffloadKind can = OffloadKind::kNone;  // kPacket: both kinds.
  std::errc refusal{};                   // What its driver says to every SA and policy.
};

class OffloadDevices {
 public:
  // Puts one there, or changes it.
  void Set(const OffloadDevice& device);

  // NEWSA; NEWPOLICY and UPDPOLICY. If a device is asked for and takes part, the whole
  // attribute, as a dump shows it, is appended to *shown. The kernel leaves a device out without a
  // word where crypto is all that was asked of it.
  [[nodiscard]] Refusal TakeSa(const RequestAttributes& attributes,
                               std::vector<std::byte>* shown) const;
  [[nodiscard]] Refusal TakePolicy(const RequestAttributes& attributes,
                                   std::vector<std::byte>* shown) const;

 private:
  const OffloadDevice* Find(int interface) const;

  std::vector<OffloadDevice> devices_;
};

}  // namespace xfrm
