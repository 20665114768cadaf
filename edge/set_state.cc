#include "edge/set_state.h"

namespace edge {
namespace {

using State = SetState;
using Event = SetEvent;
using Action = SetAction;

constexpr SetStep Step(State state, Event event, bool after_initial) {
  // Whatever has its SAs in the kernel goes the same way when it must go.
  if (IsLive(state) && (event == Event::kReplaced || event == Event::kTimeout)) {
    return {State::kDeleting, Action::kDelete};  // Events 2, 9, 16, 17, 18, 24.
  }
  switch (state) {
    case State::kFree:
      break;
    case State::kInstalling:
      if (event == Event::kInstalled) return {State::kTemporary, Action::kSendHeld};  // 2.
      // The kernel side rolls back by itself what it had installed.
      if (event == Event::kRefused) return {State::kDeleting, Action::kRejectAndWait};
      // The deletion follows the installation in the same order.
      if (event == Event::kReplaced) return {State::kDeleting, Action::kDelete};
      break;
    case State::kTemporary:
      if (event == Event::kAccepted) return {State::kConfirming, Action::kExtend};  // 9, 10.
      if (event == Event::kRejected) return {State::kFailed, Action::kNone};        // 14, 15.
      break;
    case State::kConfirming:
      if (event == Event::kExtended) {
        return {after_initial ? State::kCurrent : State::kNew, Action::kSendHeld};
      }
      if (event == Event::kRefused) return {State::kDeleting, Action::kRejectAndDelete};
      break;
    case State::kNew:
      if (event == Event::kUsed) return {State::kCurrent, Action::kTakeIntoUse};     // 11.
      if (event == Event::kOldEnds) return {State::kCurrent, Action::kTakeIntoUse};  // 4.2.
      if (event == Event::kDeregistered) return {State::kOld, Action::kStartDrain};  // 21.
      // Of a phone that answered its challenge twice.
      if (event == Event::kAccepted) return {State::kNew, Action::kExtend};
      if (event == Event::kExtended) return {State::kNew, Action::kSendHeld};
      if (event == Event::kRefused) return {State::kDeleting, Action::kRejectAndDelete};
      break;
    case State::kCurrent:
      if (event == Event::kSuperseded) return {State::kOld, Action::kStartDrain};    // 11.
      if (event == Event::kDeregistered) return {State::kOld, Action::kStartDrain};  // 21.
      if (event == Event::kAccepted) return {State::kCurrent, Action::kExtend};      // 19.
      if (event == Event::kExtended) return {State::kCurrent, Action::kSendHeld};
      if (event == Event::kRefused) return {State::kDeleting, Action::kRejectAndDelete};
      break;
    case State::kOld:  // It was replaced, or left, while the kernel was asked for more time.
      if (event == Event::kExtended) return {State::kOld, Action::kSendHeld};
      if (event == Event::kRefused) return {State::kDeleting, Action::kRejectAndDelete};
      break;
    case State::kFailed:
      break;
    case State::kDeleting:
      if (event == Event::kDeleted) return {State::kFree, Action::kRelease};
      break;
  }
  return {state, Action::kNone};
}

// TS 33.203 7.4: a temporary set carries nothing but the answer to its challenge.
static_assert(Step(State::kTemporary, Event::kUsed, true).action == Action::kNone);
// Design D2: no 401 before the kernel's yes.
static_assert(Step(State::kInstalling, Event::kAccepted, true).action == Action::kNone);

}  // namespace

SetStep NextStep(SetState state, SetEvent event, bool after_initial) {
  return Step(state, event, after_initial);
}

std::string_view Name(SetState state) {
  switch (state) {
    case State::kFree:
      return "Free";
    case State::kInstalling:
      return "Installing";
    case State::kTemporary:
      return "Temporary";
    case State::kConfirming:
      return "Confirming";
    case State::kNew:
      return "New";
    case State::kCurrent:
      return "Current";
    case State::kOld:
      return "Old";
    case State::kFailed:
      return "Failed";
    case State::kDeleting:
      return "Deleting";
  }
  return "?";
}

std::string_view Name(SetEvent event) {
  switch (event) {
    case Event::kInstalled:
      return "Installed";
    case Event::kRefused:
      return "Refused";
    case Event::kAccepted:
      return "Accepted";
    case Event::kExtended:
      return "Extended";
    case Event::kRejected:
      return "Rejected";
    case Event::kUsed:
      return "Used";
    case Event::kOldEnds:
      return "OldEnds";
    case Event::kSuperseded:
      return "Superseded";
    case Event::kReplaced:
      return "Replaced";
    case Event::kDeregistered:
      return "Deregistered";
    case Event::kTimeout:
      return "Timeout";
    case Event::kDeleted:
      return "Deleted";
  }
  return "?";
}

std::string_view Name(SetAction action) {
  switch (action) {
    case Action::kNone:
      return "None";
    case Action::kSendHeld:
      return "SendHeld";
    case Action::kRejectAndWait:
      return "RejectAndWait";
    case Action::kRejectAndDelete:
      return "RejectAndDelete";
    case Action::kExtend:
      return "Extend";
    case Action::kStartDrain:
      return "StartDrain";
    case Action::kTakeIntoUse:
      return "TakeIntoUse";
    case Action::kDelete:
      return "Delete";
    case Action::kRelease:
      return "Release";
  }
  return "?";
}

}  // namespace edge
