#include "edge/offload.h"

#include <fmt/format.h>

#include <algorithm>

#include "edge/kernel.h"
#include "edge/kernel_check.h"

namespace edge {
namespace {

using xfrm::Direction;
using xfrm::Offload;
using xfrm::OffloadKind;

// Reserved by IANA (RFC 4303 2.1), and addresses of nobody (RFC 5737, RFC 3849): no SA of a phone.
constexpr uint32_t kSpi = 1;
constexpr uint32_t kLifetimeSeconds = 5;  // Should the deletion be lost.

xfrm::Address Documented(uint8_t family, uint8_t host) {
  xfrm::Address address;
  address.family = family;
  address.bytes = {192, 0, 2, host};
  if (family == AF_INET6) {
    address.bytes = {0x20, 0x01, 0x0d, 0xb8};
    address.bytes[15] = host;
  }
  return address;
}

// What became of one attempt.
struct Trial {
  std::errc error{};
  size_t kept = 0;  // Of the records in the answer, those that are on the device.
};

Trial Run(const Transaction& transact, const Offload& wanted, xfrm::Batch* batch, int step) {
  Trial trial;
  xfrm::BatchVerdict verdict;
  const int count = batch->count();
  trial.error = transact(batch, &verdict, [&](const xfrm::Reply& reply) {
    const bool is_sa = reply.kind == xfrm::ReplyKind::kSa;
    trial.kept += (is_sa ? reply.sa.offload : reply.policy.offload) == wanted ? 1 : 0;
  });
  for (int i = 0; i < count && trial.error == std::errc{}; i += step) {
    trial.error = verdict.error(i);
  }
  return trial;
}

// Why not; "" if the device takes part in SAs of this pair, in and out, of each family in use.
std::string TryPair(const Settings& settings, const Offload& wanted, xfrm::Algorithms pair,
                    const Transaction& transact) {
  const xfrm::EspKeys keys(pair, xfrm::Key(), xfrm::Key());
  const xfrm::ProbeFamilies families = FamiliesOf(settings);
  xfrm::Batch batch;
  batch.Clear(1);
  size_t tried = 0;
  for (const uint8_t family : {uint8_t{AF_INET}, uint8_t{AF_INET6}}) {
    if (family == AF_INET ? !families.ipv4 : !families.ipv6) continue;
    for (const Direction direction : {Direction::kIn, Direction::kOut}) {
      xfrm::Sa sa;
      const uint8_t host = direction == Direction::kIn ? 1 : 2;
      sa.selector = {Documented(family, static_cast<uint8_t>(3 - host)), Documented(family, host),
                     5062, 5064};
      sa.spi = kSpi;
      sa.reqid = settings.ipsec.reqid;
      sa.hard_seconds = kLifetimeSeconds;
      sa.replay_window = settings.ipsec.replay_window;
      sa.keys = &keys;
      sa.direction = direction;
      sa.offload = wanted;
      batch.AddSa(sa);
      batch.GetSa(sa.id());
      batch.DeleteSa(sa.id());
      ++tried;
    }
  }
  const Trial trial = Run(transact, wanted, &batch, 3);
  if (trial.error != std::errc{}) return std::string(xfrm::Explain(trial.error));
  return trial.kept == tried ? "" : "the device takes no part in ESP";
}

// The shared policies on the device, where they stay if it takes them all.
std::string TryPolicies(const Settings& settings, const Offload& wanted,
                        const Transaction& transact) {
  xfrm::Batch batch;
  for (xfrm::Policy policy : SharedPolicies(settings)) {
    policy.offload = wanted;
    batch.Clear(1);
    batch.UpdatePolicy(policy);
    batch.GetPolicy(policy);
    const Trial trial = Run(transact, wanted, &batch, 1);
    if (trial.error != std::errc{}) return std::string(xfrm::Explain(trial.error));
    if (trial.kept != 1) return "this kernel has no policies on a device (Linux 6.2)";
  }
  return "";
}

// The device alone may be to blame.
bool IsOfTheDevice(std::errc error) {
  switch (error) {
    case std::errc::file_exists:              // The id is taken.
    case std::errc::no_such_process:          // It has expired.
    case std::errc::operation_not_permitted:  // No right.
    case std::errc::timed_out:                // Unknown (kOutcomeUnknown).
    case std::errc::no_buffer_space:          // Too much waits.
      return false;
    default:
      return true;
  }
}

}  // namespace

OffloadPlan PlanOffload(const Settings& settings, int interface, const Transaction& transact) {
  OffloadPlan plan;
  const Settings::Ipsec& ipsec = settings.ipsec;
  if (ipsec.offload == OffloadKind::kNone) return plan;
  const auto fall_back = [&](std::string_view what, std::string_view why) {
    plan.fallbacks_.push_back(fmt::format("{} stays in the kernel, not on the device {}: {}", what,
                                          ipsec.offload_device, why));
  };
  if (interface == 0) {
    fall_back("ESP", "there is no such device");
    return plan;
  }
  const Offload wanted{ipsec.offload, interface};
  AlgorithmList pairs;
  const AlgorithmList wanted_pairs = AllAlgorithms(settings);
  for (const xfrm::Algorithms pair : wanted_pairs.pairs()) {
    const std::string why = TryPair(settings, wanted, pair, transact);
    if (why.empty()) {
      pairs.Add(pair);
      continue;
    }
    fall_back(
        fmt::format("ESP with {}={}", xfrm::Name(pair.integrity), xfrm::Name(pair.encryption)),
        why);
  }
  if (wanted.kind == OffloadKind::kPacket) {
    if (!plan.fallbacks_.empty()) {
      fall_back("all ESP", "packet offload is of all algorithms or none");
      return plan;
    }
    if (const std::string why = TryPolicies(settings, wanted, transact); !why.empty()) {
      fall_back("ESP", why);
      return plan;
    }
  }
  plan.offload_ = wanted;
  plan.pairs_ = pairs;
  return plan;
}

Offload OffloadPlan::For(xfrm::Algorithms pair, uint64_t now_ms) const {
  return now_ms >= paused_until_ms_ && pairs_.Contains(pair) ? offload_ : Offload();
}

Offload OffloadPlan::ForPolicies() const {
  return offload_.kind == OffloadKind::kPacket ? offload_ : Offload();
}

bool OffloadPlan::OnRefused(std::errc error, uint64_t now_ms) {
  const bool is_of_device = offload_.kind == OffloadKind::kCrypto && !pairs_.empty() &&
                            now_ms >= paused_until_ms_ && IsOfTheDevice(error);
  if (is_of_device) paused_until_ms_ = now_ms + kRetryMs;
  return is_of_device;
}

}  // namespace edge
