#include "tools/sim_plan.h"

#include "tools/sim_chance.h"

namespace tools {
namespace {

reactor::Endpoint At(const std::string& address, int port) {
  reactor::Endpoint endpoint;
  reactor::ParseAddress(address, static_cast<uint16_t>(port), &endpoint);
  return endpoint;
}

edge::Settings DrawSettings(Chance* chance, uint32_t phones) {
  edge::Settings settings;
  settings.process.workers = 1 + static_cast<uint32_t>(chance->Below(2));
  settings.gm.listen = {At("192.0.2.10", 5060)};
  settings.gm.take_over = chance->Percent(75);
  const auto workers = static_cast<int>(settings.process.workers);
  const int ports = workers * (2 + static_cast<int>(chance->Below(2)));
  for (int i = 0; i < ports; ++i) settings.ipsec.sockets.push_back(At("192.0.2.10", 6101 + i));
  for (int i = 0; i < workers; ++i) settings.core.listens.push_back(At("10.0.0.10", 5060 + i));
  settings.core.listen = settings.core.listens[0];
  settings.core.next_hops = {At("10.0.0.20", 5060)};
  settings.core.host = "10.0.0.10";
  settings.core.reg_event = chance->Percent(60);
  // Many pairs, or so few that some sets find none.
  settings.ipsec.min_spi = 256;
  settings.ipsec.max_spi = chance->Percent(50) ? 255 + 4 * phones : 8191;
  settings.journal.file = "simulated";
  settings.journal.durability =
      chance->Percent(85) ? edge::Durability::kStrict : edge::Durability::kRelaxed;
  settings.journal.on_failure =
      chance->Percent(70) ? edge::OnJournalFailure::kRefuseNew : edge::OnJournalFailure::kCarryOn;
  return settings;
}

}  // namespace

std::string_view Name(SimFault fault) {
  switch (fault) {
    case SimFault::kLoss:
      return "loss";
    case SimFault::kDuplicate:
      return "duplicates";
    case SimFault::kDelay:
      return "delay";
    case SimFault::kPartition:
      return "partitions";
    case SimFault::kPhoneReboots:
      return "phone-reboots";
    case SimFault::kPhoneMoves:
      return "phone-moves";
    case SimFault::kPhoneIsWrong:
      return "phone-wrong";
    case SimFault::kHostile:
      return "hostile";
    case SimFault::kCoreSilent:
      return "core-silent";
    case SimFault::kCoreWrong:
      return "core-wrong";
    case SimFault::kKernelRefuses:
      return "kernel-refuses";
    case SimFault::kKernelSilent:
      return "kernel-silent";
    case SimFault::kDiskSlow:
      return "disk-slow";
    case SimFault::kDiskFull:
      return "disk-full";
    case SimFault::kCrash:
      return "crash";
    case SimFault::kPowerLoss:
      return "power-loss";
    case SimFault::kBadStart:
      return "bad-start";
    case SimFault::kCount:
      break;
  }
  return "?";
}

SimPlan MakePlan(uint64_t seed, uint32_t phones, uint32_t hours, bool is_swarm) {
  Chance chance(seed * 0x9e3779b97f4a7c15 + 1);
  SimPlan plan;
  plan.seed = seed;
  plan.phones = phones;
  plan.end_ms = uint64_t{hours} * 3'600'000;
  plan.settings = DrawSettings(&chance, phones);
  plan.quarantine_ms = plan.rest_ms = chance.Percent(50) ? 10'000 : 60'000;
  constexpr uint32_t kSwarm[] = {0, 0, 0, 1, 1, 1, 3, 8};
  for (uint32_t& weight : plan.weights) {
    const uint32_t drawn = kSwarm[chance.Below(std::size(kSwarm))];
    weight = is_swarm ? drawn : 1;
  }
  return plan;
}

}  // namespace tools
