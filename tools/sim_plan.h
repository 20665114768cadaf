// What a seed means: with which settings, how many phones for how long, what goes wrong how often.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "edge/settings.h"

namespace tools {

enum class SimFault : uint8_t {
  kLoss,          // A message is lost...
  kDuplicate,     // ...or comes twice...
  kDelay,         // ...or late, behind others.
  kPartition,     // For a while nothing comes through on one link.
  kPhoneReboots,  // It has lost its sets, and may use their ports and SPIs again.
  kPhoneMoves,    // It has another address.
  kPhoneIsWrong,  // It does what no phone may.
  kHostile,       // Somebody sends in the name of others, and garbage.
  kCoreSilent,    // For a while; its answers come late, too.
  kCoreWrong,     // It answers what no core may.
  kKernelRefuses,
  kKernelSilent,  // Its answers are lost, or late.
  kDiskSlow,      // Up to hanging for longer than anybody waits.
  kDiskFull,
  kCrash,      // The process dies, between any two things it does.
  kPowerLoss,  // The machine does, and its SAs with it.
  kBadStart,   // The process dies while it starts.
  kCount,
};
inline constexpr size_t kSimFaults = static_cast<size_t>(SimFault::kCount);
std::string_view Name(SimFault fault);

struct SimPlan {
  uint64_t seed = 1;
  uint32_t phones = 24;
  uint64_t end_ms = 0;
  // 0: never; 1: as usual; else so many times as often.
  std::array<uint32_t, kSimFaults> weights{};
  edge::Settings settings;
  uint64_t quarantine_ms = 10'000;
  uint64_t rest_ms = 10'000;  // What the checks expect of it.
  // What a shrunk run goes without: phones by number, stimuli by id (SimRun).
  std::set<uint32_t> phones_out;
  std::set<uint64_t> stimuli_out;

  uint32_t weight(SimFault fault) const { return weights[static_cast<size_t>(fault)]; }
};

// `is_swarm`: each fault's weight is drawn, often 0, so that faults come together that would hide
// one another.
SimPlan MakePlan(uint64_t seed, uint32_t phones, uint32_t hours, bool is_swarm);

}  // namespace tools
