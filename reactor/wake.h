// One thread asks another's reactor for a turn: letters between workers (mailbox.h), and what a
// helper thread has done.
//
// An eventfd the reactor reads, for any thread. Who has a ring asks by that (IORING_OP_MSG_RING): a
// seventh less CPU for a round trip (7.6 µs, 8.8 by eventfd: bench/reactor_mailbox_bench), and no
// system call beside the one that submits.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "reactor/reactor.h"

namespace reactor {

class WakeSink {
 public:
  virtual ~WakeSink() = default;
  // In the reactor's thread. Sees everything that was written before the Ring() that caused it; one
  // call may stand for many.
  virtual void OnWake() = 0;
};

class Wake {
 public:
  // `sink` outlives it. Null and *error when there is no descriptor left.
  static std::unique_ptr<Wake> Open(Reactor* reactor, WakeSink* sink, std::string* error);
  // REQUIRES: closed() or the reactor is gone; nobody calls Ring() or RingFrom() any more.
  ~Wake();

  // From any thread. A system call only if the last Ring() has been answered.
  void Ring();
  // From the thread of that reactor, with its next submission.
  // REQUIRES: the reactor that is woken is there until that is submitted.
  void RingFrom(Reactor* reactor);

  void Close();
  bool closed() const { return !armed_; }

 private:
  Wake() = default;
  void Arm();
  void Write();
  void Answer();
  static void OnRead(void* owner, Completion* completion, int32_t result, uint32_t flags);
  static void OnMessage(void* owner, Completion* completion, int32_t result, uint32_t flags);
  static void OnRefused(void* owner, Completion* completion, int32_t result, uint32_t flags);

  Reactor* reactor_ = nullptr;
  WakeSink* sink_ = nullptr;
  int fd_ = -1;
  bool armed_ = false;
  bool closing_ = false;
  uint64_t count_ = 0;  // What the read yields; nobody asks.
  Completion completion_;
  Completion message_;  // Another ring's, in ours...
  Completion refused_;  // ...or its failure, in the other's; there only read.
  std::atomic<bool> asked_ = false;
};

}  // namespace reactor
