// What a phone can be told to do, and how it can end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tools {

enum class Step : uint8_t {
  kRegister,    // Initial registration with challenge.
  kReregister,  // Refresh over the SAs; a challenge is answered when one comes.
  kReauth,      // Re-registration that must be challenged: a new set of SAs.
  kDeregister,  // Expires: 0.
  kMessage,     // Requests of the phone...
  kOptions,
  kInvite,     // ...with ACK and BYE.
  kMtMessage,  // Asks the core (MESSAGE "call-me ...") and answers what comes.
  kMtOptions,
  kMtInvite,
  kHold,  // Stays registered for a while.
};
inline constexpr int kStepCount = static_cast<int>(Step::kHold) + 1;

std::string_view Name(Step step);  // "mt-invite".

// "register,message*100,hold": steps in order, each with an optional count. Nothing, and *error
// says why, for anything else.
std::optional<std::vector<Step>> ParseScenario(std::string_view text, std::string* error);

// Why a step failed.
enum class Failure : uint8_t {
  kNone,
  kTimeout,            // No final response in time.
  kRefused,            // A final response other than the one wanted; its status is told.
  kBadChallenge,       // A 401 that cannot be answered.
  kNetworkNotTrusted,  // MAC of AUTN is wrong.
  kTooManyChallenges,  // Challenged again after a right answer.
  kNotChallenged,      // kReauth got 200 at once.
  kNoAgreement,        // Security-Server missing, broken, or without an algorithm of ours.
  kSasRefused,         // The kernel did not take the SAs.
  kWrongFlow,          // A response not from port_pc to port_us.
  kNotRegistered,      // The step needs a registration.
  kNoRequest,          // The terminating request did not come.
  kGaveUp,             // As --fail=no-answer asks.
};
inline constexpr int kFailureCount = static_cast<int>(Failure::kGaveUp) + 1;

std::string_view Name(Failure failure);  // "no-agreement".

// What a phone does wrong on purpose.
enum class Fault : uint8_t {
  kNone,
  kWrongResponse,  // Answers the challenge with a wrong response: 403.
  kWrongVerify,    // Security-Verify is not what Security-Server said: 494.
  kChangedClient,  // Security-Client of REGISTER #2 is not that of #1: 494.
  kAuts,           // The USIM is ahead of the network: AUTS, then all goes well.
  kNoAnswer,       // Takes the 401 and falls silent.
  kPlain,          // Sends REGISTER #2 without ESP to the protected port: must not arrive.
};
std::string_view Name(Fault fault);  // "wrong-response"; kNone: "".
std::optional<Fault> ParseFault(std::string_view text);

}  // namespace tools
