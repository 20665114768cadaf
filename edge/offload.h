// Which SAs a network device takes part in (ipsec.offload), found out at start: each pair of
// algorithms that may be agreed is tried on the device, in and out, and what it does not take stays
// with the kernel's own ESP.
//
// crypto: the device encrypts and decrypts, the kernel does the rest; each SA for itself, so a pair
// or an SA that the device refuses does without. packet: the device does all of ESP; then the
// shared policies are on it as well, and the kernel passes by every SA that is not, so it is all
// pairs or nothing.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "edge/restart.h"
#include "edge/settings.h"
#include "xfrm/batch.h"

namespace edge {

class OffloadPlan {
 public:
  // Nothing is offloaded.
  OffloadPlan() = default;

  // How an SA of these algorithms is offloaded at this time. Monotonic milliseconds.
  xfrm::Offload For(xfrm::Algorithms pair, uint64_t now_ms) const;
  // On the shared policies: of packet offload alone.
  xfrm::Offload ForPolicies() const;

  // The kernel refused a set. True: that may be the device's doing (it is full, or has failed), and
  // for kRetryMs no SA is offloaded. Never of packet offload, which has no way without the device.
  bool OnRefused(std::errc error, uint64_t now_ms);
  static constexpr uint64_t kRetryMs = 60'000;

  // What stays with the kernel though the settings want it offloaded: one line each, with why.
  const std::vector<std::string>& fallbacks() const { return fallbacks_; }

 private:
  friend OffloadPlan PlanOffload(const Settings& settings, int interface,
                                 const Transaction& transact);
  xfrm::Offload offload_;
  AlgorithmList pairs_;
  uint64_t paused_until_ms_ = 0;
  std::vector<std::string> fallbacks_;
};

// Tries the settings on the device `interface` (its index in this network namespace; 0: there is no
// such device). What it installs for that it deletes again.
OffloadPlan PlanOffload(const Settings& settings, int interface, const Transaction& transact);

}  // namespace edge
