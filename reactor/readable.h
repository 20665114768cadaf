// A descriptor whose owner reads it himself, as a library does that has sockets of its own: he is
// told when there is something to read. An epoll descriptor stands for any number of them.
#pragma once

#include <memory>

#include "reactor/reactor.h"

namespace reactor {

class ReadableSink {
 public:
  virtual ~ReadableSink() = default;
  // What is not read then is told of again.
  virtual void OnReadable() = 0;
};

class Readable {
 public:
  // `fd` and `sink` outlive it; it does not own fd.
  Readable(Reactor* reactor, int fd, ReadableSink* sink);
  // REQUIRES: closed() or the reactor is gone.
  ~Readable() = default;
  Readable(const Readable&) = delete;
  Readable& operator=(const Readable&) = delete;

  void Close();
  bool closed() const { return !armed_; }

 private:
  void Arm();
  static void OnReady(void* owner, Completion* completion, int32_t result, uint32_t flags);

  Reactor* reactor_;
  const int fd_;
  ReadableSink* sink_;
  bool armed_ = false;
  bool closing_ = false;
  Completion completion_;
};

}  // namespace reactor
