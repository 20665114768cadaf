// SIGTERM, SIGINT and SIGHUP as completions, so that no signal falls between a check and a wait.
#pragma once

#include <memory>
#include <string>

#include "reactor/reactor.h"

namespace reactor {

class Signals {
 public:
  // Blocks the three in the calling thread (start other threads after it) and waits for them on
  // the ring. Null and *error on failure.
  static std::unique_ptr<Signals> Open(Reactor* reactor, std::string* error);
  // REQUIRES: closed() or the reactor is gone.
  ~Signals();

  // How many SIGTERMs and SIGINTs there were, and how many SIGHUPs. Two of one kind that come at
  // once may count as one.
  int stops() const { return stops_; }
  int hangups() const { return hangups_; }
  void Close();
  bool closed() const { return !armed_; }

 private:
  Signals() = default;
  void Arm();
  static void OnReady(void* owner, Completion* completion, int32_t result, uint32_t flags);

  Reactor* reactor_ = nullptr;
  int fd_ = -1;
  bool armed_ = false;
  bool closing_ = false;
  int stops_ = 0;
  int hangups_ = 0;
  Completion completion_;
};

}  // namespace reactor
