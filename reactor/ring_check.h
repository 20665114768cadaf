// Tried at start: does this kernel let us have the io_uring that the reactor needs? And what to say
// when it does not.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace reactor {

// What was found, and what may be the reason.
struct RingReport {
  // In the order they are tried; what comes after the first that failed is not known.
  enum class Step : uint8_t { kSetup, kRegister, kEnter, kFeatures, kOperations, kBuffers, kDone };
  Step failed = Step::kDone;
  int error = 0;                            // errno of kSetup, kRegister, kEnter, kBuffers.
  uint32_t features = 0;                    // IORING_FEAT_*.
  std::vector<uint8_t> missing_operations;  // IORING_OP_*.

  std::string release;       // Of the kernel: "6.1.0-13-amd64".
  int disabled = -1;         // sysctl kernel.io_uring_disabled; -1: there is none (before 6.6).
  bool is_filtered = false;  // This thread has a seccomp filter.
  uint64_t memory_size = 0;  // RLIMIT_MEMLOCK in bytes.
  uint64_t file_count = 0;   // RLIMIT_NOFILE.
};

// Makes a small ring, uses it and takes it away again: some 100 µs. The flags are the reactor's.
RingReport TryRing();
// The reasons only, for somebody whose own ring came to nothing.
void ReadRingReasons(RingReport* report);

// One line for people: what is missing and what to do. "" when all is there.
std::string Explain(const RingReport& report);

// Linux 6.1 is the first with all that is needed. False when it is not known to be older.
bool IsTooOld(const std::string& release);

// What io_uring_setup is asked for, and why (see ring_check.cc).
extern const unsigned kRingFlags;

}  // namespace reactor
