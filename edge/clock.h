// The two clocks there are: the one all decisions go by, and the one that outlives the machine.
#pragma once

#include <cstdint>
#include <ctime>

namespace edge {

inline uint64_t ReadClockMs(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1'000'000;
}
inline uint64_t NowMs() {
  return ReadClockMs(CLOCK_MONOTONIC);
}
inline uint64_t EpochMs() {
  return ReadClockMs(CLOCK_REALTIME);
}

}  // namespace edge
