// Event and Subscription-State (RFC 6665 8.2).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/error.h"

namespace sip {

struct Event {
  std::string_view package;    // "reg", "presence", "dialog". Case-sensitive (RFC 6665 8.2.1).
  std::string_view templates;  // "winfo" of "presence.winfo"; "winfo.winfo" of two. May be empty.
  std::string_view id;
  std::string_view params;
};

// kBadHeaderValue for a type that is not tokens between dots, an id twice or empty, broken syntax.
[[nodiscard]] ParseError DecodeEvent(std::string_view value, Event* event);

enum class SubscriptionPhase : uint8_t { kOther, kActive, kPending, kTerminated };
// "active"; "" for kOther.
std::string_view Name(SubscriptionPhase phase);

struct SubscriptionState {
  SubscriptionPhase phase = SubscriptionPhase::kOther;
  std::string_view phase_text;
  std::optional<uint32_t> expires;      // Seconds.
  std::optional<uint32_t> retry_after;  // Seconds.
  std::string_view reason;              // "deactivated", "timeout"...
  std::string_view params;
};

// kBadHeaderValue for a state that is no token, one of the parameters twice or without a value, and
// for numbers that are none.
[[nodiscard]] ParseError DecodeSubscriptionState(std::string_view value, SubscriptionState* state);

}  // namespace sip
