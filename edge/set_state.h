// The life of one SA set (the four SAs of one authentication), as a pure function: state × event →
// state + action. Spec sheet 4.3; event numbers there are named beside each row.
#pragma once

#include <cstdint>
#include <string_view>

namespace edge {

enum class SetState : uint8_t {
  kFree,        // No set.
  kInstalling,  // The kernel was asked; the 401 is held back (design D2).
  kTemporary,   // The 401 is out; carries the answering REGISTER and nothing else.
  kConfirming,  // The core said 200; the kernel was asked for the longer lifetime, the 200 is held.
  kNew,         // Confirmed beside an older set; the phone has not used it yet.
  kCurrent,     // Carries the traffic.
  kOld,         // Replaced or deregistered: pending transactions end on it.
  kFailed,      // The registration failed; lets the answer and its retransmissions out.
  kDeleting,    // The kernel was asked to delete; the SPIs are not free before it has.
};

enum class SetEvent : uint8_t {
  kInstalled,     // The kernel has all four SAs.
  kRefused,       // The kernel refused or its answer is lost.
  kAccepted,      // 200 to the REGISTER that answered the challenge.
  kExtended,      // The kernel has the longer lifetime.
  kRejected,      // Any other final answer, or a failed check of that REGISTER.
  kUsed,          // A message from the phone on this set.
  kOldEnds,       // The set before it has no more than kDrainMs left.
  kSuperseded,    // A newer set was taken into use.
  kReplaced,      // Another set makes this one void at once.
  kDeregistered,  // The last identity of the binding is gone.
  kTimeout,       // The set's own time is over.
  kDeleted,       // The kernel has none of its SAs any more.
};

enum class SetAction : uint8_t {
  kNone,
  kSendHeld,         // The 401 or 200 that waited goes out.
  kRejectAndWait,    // 500 to the phone; the roll-back is under way already.
  kRejectAndDelete,  // 500 to the phone, delete the SAs.
  kExtend,           // Ask the kernel for the granted lifetime.
  kStartDrain,       // Live on for kDrainMs.
  kTakeIntoUse,      // Towards the phone too; the set before becomes old.
  kDelete,           // Ask the kernel to delete the four SAs.
  kRelease,          // The SPIs go back to the pool, the slot is free.
};

struct SetStep {
  SetState next;
  SetAction action;
  bool operator==(const SetStep&) const = default;
};

// An event that means nothing in a state leaves it as it is, with kNone. `after_initial`: the
// challenge answered an unprotected REGISTER, so there is no older set to keep (events 9 and 10).
SetStep NextStep(SetState state, SetEvent event, bool after_initial);

std::string_view Name(SetState state);
std::string_view Name(SetEvent event);
std::string_view Name(SetAction action);

// May the phone's messages other than REGISTER come on a set in this state (event 7)?
constexpr bool CarriesTraffic(SetState state) {
  return state == SetState::kNew || state == SetState::kCurrent || state == SetState::kOld;
}

// Are its four SAs in the kernel, as far as we know?
constexpr bool IsLive(SetState state) {
  return state != SetState::kFree && state != SetState::kInstalling && state != SetState::kDeleting;
}

}  // namespace edge
