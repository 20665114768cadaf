// SIGTERM and SIGINT as a completion, so that no signal falls between a check and a wait.
#pragma once

#include <memory>
#include <string>

#include "reactor/reactor.h"

namespace reactor {

class StopSignal {
 public:
  // Blocks both signals in the calling thread (start other threads after it) and waits for them on
  // the ring. Null and *error on failure.
  static std::unique_ptr<StopSignal> Open(Reactor* reactor, std::string* error);
  // REQUIRES: closed() or the reactor is gone.
  ~StopSignal();

  bool requested() const { return requests_ > 0; }
  // How many there were. Two that come at once may count as one.
  int requests() const { return requests_; }
  void Close();
  bool closed() const { return !armed_; }

 private:
  StopSignal() = default;
  void Arm();
  static void OnReady(void* owner, Completion* completion, int32_t result, uint32_t flags);

  Reactor* reactor_ = nullptr;
  int fd_ = -1;
  bool armed_ = false;
  bool closing_ = false;
  int requests_ = 0;
  Completion completion_;
};

}  // namespace reactor
