// A monotonic clock that runs ahead for all threads but the first: a worker in a thread of its own
// believes that time has passed, the test and its phones do not. It stands in for the C library's
// clock_gettime(2) of this program, so nothing in the worker has to know.
//
// A worker that waits for a completion notices when one comes.
#pragma once

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace gmedge_test {

inline std::atomic<int64_t> ahead_ms = 0;

}  // namespace gmedge_test

extern "C" int clock_gettime(clockid_t clock, timespec* now) noexcept {
  const long result = syscall(SYS_clock_gettime, clock, now);
  if (result == 0 && clock == CLOCK_MONOTONIC && gettid() != getpid()) {
    const int64_t ahead = gmedge_test::ahead_ms.load();
    now->tv_sec += ahead / 1000;
    now->tv_nsec += ahead % 1000 * 1'000'000;
    if (now->tv_nsec >= 1'000'000'000) {
      ++now->tv_sec;
      now->tv_nsec -= 1'000'000'000;
    }
  }
  return static_cast<int>(result);
}
