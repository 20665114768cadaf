// The limits and times of subscriptions to registrations (edge/reg_events.h), apart from limits.h
// only for its length.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edge {

// The body of a NOTIFY of the reg event package, and registrations and contacts in it; a larger one
// gets 413. The parser takes some 16 bytes for each of the body, for as long as it is read.
inline constexpr size_t kReginfoSizeMax = 32768;
inline constexpr size_t kReginfoEntriesMax = 256;
// What is kept of its dialog: tag, target, route set. A longer one fails the subscription.
inline constexpr size_t kDialogSizeMax = 4096;
// A subscription is refreshed so long before its end, or at half of its time where that is no more
// than twice this (TS 24.229 5.2.3); and tried again so long after it failed, twice as long after
// each further failure, up to a limit.
inline constexpr uint64_t kSubscriptionEarlyMs = 600'000;
inline constexpr uint64_t kSubscriptionRetryMs = 30'000;
inline constexpr uint64_t kSubscriptionRetryMaxMs = 3'600'000;
// Timers of its requests towards the core (RFC 3261 17.1.2.2).
inline constexpr uint64_t kCoreT1Ms = 500;
inline constexpr uint64_t kCoreT2Ms = 4'000;

}  // namespace edge
