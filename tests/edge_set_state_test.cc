#include <gtest/gtest.h>

#include <array>
#include <set>
#include <sstream>
#include <string>

#include "edge/set_state.h"

namespace edge {
namespace {

constexpr std::array kStates = {SetState::kFree,       SetState::kInstalling, SetState::kTemporary,
                                SetState::kConfirming, SetState::kNew,        SetState::kCurrent,
                                SetState::kOld,        SetState::kFailed,     SetState::kDeleting};
constexpr std::array kEvents = {SetEvent::kInstalled,    SetEvent::kRefused,    SetEvent::kAccepted,
                                SetEvent::kExtended,     SetEvent::kRejected,   SetEvent::kUsed,
                                SetEvent::kOldEnds,      SetEvent::kSuperseded, SetEvent::kReplaced,
                                SetEvent::kDeregistered, SetEvent::kTimeout,    SetEvent::kDeleted};

// Every state and event: what follows a set whose SM1 came unprotected. "-": nothing happens.
constexpr std::string_view kTable = R"(
Free        Installed     -
Free        Refused       -
Free        Accepted      -
Free        Extended      -
Free        Rejected      -
Free        Used          -
Free        OldEnds       -
Free        Superseded    -
Free        Replaced      -
Free        Deregistered  -
Free        Timeout       -
Free        Deleted       -
Installing  Installed     Temporary   SendHeld
Installing  Refused       Deleting    RejectAndWait
Installing  Accepted      -
Installing  Extended      -
Installing  Rejected      -
Installing  Used          -
Installing  OldEnds       -
Installing  Superseded    -
Installing  Replaced      Deleting    Delete
Installing  Deregistered  -
Installing  Timeout       -
Installing  Deleted       -
Temporary   Installed     -
Temporary   Refused       -
Temporary   Accepted      Confirming  Extend
Temporary   Extended      -
Temporary   Rejected      Failed      None
Temporary   Used          -
Temporary   OldEnds       -
Temporary   Superseded    -
Temporary   Replaced      Deleting    Delete
Temporary   Deregistered  -
Temporary   Timeout       Deleting    Delete
Temporary   Deleted       -
Confirming  Installed     -
Confirming  Refused       Deleting    RejectAndDelete
Confirming  Accepted      -
Confirming  Extended      Current     SendHeld
Confirming  Rejected      -
Confirming  Used          -
Confirming  OldEnds       -
Confirming  Superseded    -
Confirming  Replaced      Deleting    Delete
Confirming  Deregistered  -
Confirming  Timeout       Deleting    Delete
Confirming  Deleted       -
New         Installed     -
New         Refused       Deleting    RejectAndDelete
New         Accepted      New         Extend
New         Extended      New         SendHeld
New         Rejected      -
New         Used          Current     TakeIntoUse
New         OldEnds       Current     TakeIntoUse
New         Superseded    -
New         Replaced      Deleting    Delete
New         Deregistered  Old         StartDrain
New         Timeout       Deleting    Delete
New         Deleted       -
Current     Installed     -
Current     Refused       Deleting    RejectAndDelete
Current     Accepted      Current     Extend
Current     Extended      Current     SendHeld
Current     Rejected      -
Current     Used          -
Current     OldEnds       -
Current     Superseded    Old         StartDrain
Current     Replaced      Deleting    Delete
Current     Deregistered  Old         StartDrain
Current     Timeout       Deleting    Delete
Current     Deleted       -
Old         Installed     -
Old         Refused       Deleting    RejectAndDelete
Old         Accepted      -
Old         Extended      Old         SendHeld
Old         Rejected      -
Old         Used          -
Old         OldEnds       -
Old         Superseded    -
Old         Replaced      Deleting    Delete
Old         Deregistered  -
Old         Timeout       Deleting    Delete
Old         Deleted       -
Failed      Installed     -
Failed      Refused       -
Failed      Accepted      -
Failed      Extended      -
Failed      Rejected      -
Failed      Used          -
Failed      OldEnds       -
Failed      Superseded    -
Failed      Replaced      Deleting    Delete
Failed      Deregistered  -
Failed      Timeout       Deleting    Delete
Failed      Deleted       -
Deleting    Installed     -
Deleting    Refused       -
Deleting    Accepted      -
Deleting    Extended      -
Deleting    Rejected      -
Deleting    Used          -
Deleting    OldEnds       -
Deleting    Superseded    -
Deleting    Replaced      -
Deleting    Deregistered  -
Deleting    Timeout       -
Deleting    Deleted       Free        Release
)";

std::string Line(SetState state, SetEvent event, const SetStep& step) {
  const bool stays = step == SetStep{state, SetAction::kNone};
  std::string line = std::string(Name(state)) + " " + std::string(Name(event));
  if (stays) return line + " -";
  return line + " " + std::string(Name(step.next)) + " " + std::string(Name(step.action));
}

std::string Squeezed(std::string_view line) {
  std::istringstream words{std::string(line)};
  std::string squeezed;
  for (std::string word; words >> word;) squeezed += squeezed.empty() ? word : " " + word;
  return squeezed;
}

TEST(EdgeSetState, EveryStateAndEventIsAsInTheTable) {
  std::istringstream table{std::string(kTable)};
  std::string line;
  std::getline(table, line);  // The line break before the first row.
  for (const SetState state : kStates) {
    for (const SetEvent event : kEvents) {
      ASSERT_TRUE(std::getline(table, line)) << "the table ends early";
      EXPECT_EQ(Line(state, event, NextStep(state, event, true)), Squeezed(line));
    }
  }
  EXPECT_FALSE(std::getline(table, line)) << "the table goes on: " << line;
}

// Event 10 beside event 9: there is an older set that the phone still uses.
TEST(EdgeSetState, AfterAProtectedRegisterOnlyTheConfirmationDiffers) {
  for (const SetState state : kStates) {
    for (const SetEvent event : kEvents) {
      if (state == SetState::kConfirming && event == SetEvent::kExtended) continue;
      EXPECT_EQ(NextStep(state, event, false), NextStep(state, event, true))
          << Name(state) << " " << Name(event);
    }
  }
  EXPECT_EQ(NextStep(SetState::kConfirming, SetEvent::kExtended, false),
            (SetStep{SetState::kNew, SetAction::kSendHeld}));
}

TEST(EdgeSetState, OnlyConfirmedSetsCarryTraffic) {  // TS 33.203 7.4, event 7.
  const std::set<SetState> carrying = {SetState::kNew, SetState::kCurrent, SetState::kOld};
  for (const SetState state : kStates) {
    EXPECT_EQ(CarriesTraffic(state), carrying.contains(state)) << Name(state);
  }
}

TEST(EdgeSetState, ATemporarySetIsNotTakenIntoUseByAMessage) {
  EXPECT_EQ(NextStep(SetState::kTemporary, SetEvent::kUsed, true),
            (SetStep{SetState::kTemporary, SetAction::kNone}));
  EXPECT_EQ(NextStep(SetState::kTemporary, SetEvent::kUsed, false),
            (SetStep{SetState::kTemporary, SetAction::kNone}));
}

TEST(EdgeSetState, NothingButTheKernelsYesLetsTheChallengeOut) {  // Design D2.
  for (const SetEvent event : kEvents) {
    const SetStep step = NextStep(SetState::kInstalling, event, true);
    EXPECT_EQ(step.action == SetAction::kSendHeld, event == SetEvent::kInstalled) << Name(event);
    EXPECT_EQ(step.next == SetState::kTemporary, event == SetEvent::kInstalled) << Name(event);
  }
}

TEST(EdgeSetState, NothingButTheKernelsYesLetsThe200Out) {
  for (const SetEvent event : kEvents) {
    for (const bool after_initial : {true, false}) {
      const SetStep step = NextStep(SetState::kConfirming, event, after_initial);
      EXPECT_EQ(step.action == SetAction::kSendHeld, event == SetEvent::kExtended) << Name(event);
    }
  }
}

TEST(EdgeSetState, SpisAreReleasedOnlyOnceTheKernelHasNoSa) {  // Pitfalls 10.
  for (const SetState state : kStates) {
    for (const SetEvent event : kEvents) {
      const SetStep step = NextStep(state, event, true);
      const bool confirmed = state == SetState::kDeleting && event == SetEvent::kDeleted;
      EXPECT_EQ(step.action == SetAction::kRelease, confirmed) << Name(state) << Name(event);
      EXPECT_EQ(step.next == SetState::kFree && state != SetState::kFree, confirmed)
          << Name(state) << Name(event);
    }
  }
}

TEST(EdgeSetState, ADyingSetIsNotRevived) {
  for (const SetEvent event : kEvents) {
    const SetState next = NextStep(SetState::kDeleting, event, false).next;
    EXPECT_TRUE(next == SetState::kDeleting || next == SetState::kFree) << Name(event);
  }
}

TEST(EdgeSetState, WhateverIsInTheKernelCanBeReplacedAtOnce) {
  for (const SetState state : kStates) {
    if (!IsLive(state)) continue;
    EXPECT_EQ(NextStep(state, SetEvent::kReplaced, true),
              (SetStep{SetState::kDeleting, SetAction::kDelete}))
        << Name(state);
  }
}

TEST(EdgeSetState, ADeregisteredPhoneStillHearsThe200) {  // Pitfalls 18: drained, not cut.
  EXPECT_EQ(NextStep(SetState::kCurrent, SetEvent::kDeregistered, true),
            (SetStep{SetState::kOld, SetAction::kStartDrain}));
}

TEST(EdgeSetState, LiveMeansTheKernelMayHaveItsSas) {
  const std::set<SetState> dead = {SetState::kFree, SetState::kInstalling, SetState::kDeleting};
  for (const SetState state : kStates) {
    EXPECT_EQ(IsLive(state), !dead.contains(state)) << Name(state);
  }
}

TEST(EdgeSetState, NamesDiffer) {
  std::set<std::string_view> names;
  for (const SetState state : kStates) EXPECT_TRUE(names.insert(Name(state)).second);
  names.clear();
  for (const SetEvent event : kEvents) EXPECT_TRUE(names.insert(Name(event)).second);
  names.clear();
  for (int i = 0; i <= static_cast<int>(SetAction::kRelease); ++i) {
    EXPECT_TRUE(names.insert(Name(static_cast<SetAction>(i))).second);
  }
  EXPECT_FALSE(names.contains("?"));
}

}  // namespace
}  // namespace edge
