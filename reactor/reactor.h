// The ring: one per worker thread. Completions come out in batches, submissions go in with the
// wait.
//
// The thread that creates a reactor is the only one that may use and destroy it: the kernel then
// takes no lock and works for the ring only while that thread waits. The ring's set-up flags are
// explained in ring_check.cc.
#pragma once

#include <liburing.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "reactor/completion.h"

namespace reactor {

struct ReactorOptions {
  unsigned submission_entries = 4096;
  unsigned completion_entries = 16384;
  unsigned files_max = 1024;  // Registered file slots.
};

class Reactor {
 public:
  static constexpr int kDispatchMax = 256;  // Completions taken in one turn.

  // Null, and *error says what the kernel lacks or forbids (an old kernel, seccomp,
  // kernel.io_uring_disabled, RLIMIT_MEMLOCK).
  static std::unique_ptr<Reactor> Create(const ReactorOptions& options, std::string* error);
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  // A cleared SQE whose completion goes to `completion` (null: nobody asks). Never null: when the
  // queue is full what is there is submitted first.
  io_uring_sqe* GetSqe(Completion* completion);

  // Registers a descriptor; returns its slot for IOSQE_FIXED_FILE, or -1 when all are taken. The
  // reactor does not own fd.
  int RegisterFile(int fd);
  void UnregisterFile(int slot);

  // Takes up to kDispatchMax completions, frees their slots, then calls their handlers. Returns how
  // many there were.
  int Dispatch();
  // Submits what is queued and waits for a completion or until `timeout_us` has passed; 0 does not
  // wait, a negative value waits without end. EINTR (a signal) returns early.
  void SubmitAndWait(int64_t timeout_us);

  io_uring* ring() { return &ring_; }
  uint64_t completions() const { return completions_; }
  // Expires with the reactor: how an object that may outlive it knows.
  std::weak_ptr<const void> lifetime() const { return lifetime_; }

 private:
  struct Files;
  Reactor();
  bool Open(const ReactorOptions& options, std::string* error);

  io_uring ring_{};
  bool ring_open_ = false;
  bool dispatching_ = false;
  uint64_t completions_ = 0;
  std::unique_ptr<Files> files_;
  std::shared_ptr<const void> lifetime_;
};

}  // namespace reactor
