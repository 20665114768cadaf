// The limits of edge/limits.h that are about calls for help.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edge {

// gm.emergency_numbers, and the length of one. More is a settings error.
inline constexpr size_t kEmergencyNumbersMax = 16;
inline constexpr size_t kEmergencyNumberSizeMax = 16;
// Calls for help of phones that are not registered (gm.anonymous_emergency), of a worker and of one
// address; one more is refused with 503. How long one is known that nobody has answered, and how
// long after the last request of its dialog.
inline constexpr size_t kCallersMax = 1024;
inline constexpr size_t kCallersPerAddressMax = 4;
inline constexpr uint64_t kCallerRingMs = 300'000;
inline constexpr uint64_t kCallerTalkMs = 3 * 3'600'000;

}  // namespace edge
