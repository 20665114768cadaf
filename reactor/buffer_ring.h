// Receive buffers lent to the kernel and taken back, with the parser's padding behind each.
//
// Life of a buffer: 1. in the ring, the kernel's; 2. the kernel fills it and a completion names it;
// 3. Take() makes it a BufferLease, ours; 4. the last copy of the lease goes, the buffer is back in
// the ring. A send that points into it keeps a copy of the lease until its own completion.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "reactor/reactor.h"

namespace reactor {

class BufferRing;

// A counted reference to one buffer. Single-threaded, like its ring; must not outlive it.
class BufferLease {
 public:
  BufferLease() = default;
  BufferLease(const BufferLease& other);
  BufferLease(BufferLease&& other) noexcept;
  BufferLease& operator=(BufferLease other) noexcept;
  ~BufferLease();

  explicit operator bool() const { return ring_ != nullptr; }
  // The whole buffer; kTailPadding more bytes behind it are readable.
  std::span<std::byte> bytes() const;
  bool Contains(const void* address) const;

 private:
  friend class BufferRing;
  BufferRing* ring_ = nullptr;
  uint16_t index_ = 0;
};

struct BufferRingOptions {
  uint16_t count = 1024;       // A power of two, at most 32768.
  uint32_t size = 8192;        // Bytes the kernel may fill of each.
  uint32_t tail_padding = 64;  // Readable bytes behind each that the kernel never fills.
  uint16_t group = 0;          // Buffer group id, unique per reactor.
};

// Someone whose receive ended for want of buffers: told once when there are some again.
struct BufferWaiter {
  void (*wake)(void* owner) = nullptr;
  void* owner = nullptr;
  BufferWaiter* next = nullptr;  // The ring's own, as are the others.
  BufferWaiter* previous = nullptr;
  bool waiting = false;
};

class BufferRing {
 public:
  // Null and *error on failure. Everything is taken here: count x (size + tail_padding) bytes.
  static std::unique_ptr<BufferRing> Create(Reactor* reactor, const BufferRingOptions& options,
                                            std::string* error);
  // REQUIRES: no lease is left, and no receive of the group is under way (or the reactor is gone).
  ~BufferRing();

  // The buffer a completion names. REQUIRES: flags has IORING_CQE_F_BUFFER.
  BufferLease Take(uint32_t flags);
  uint16_t group() const { return options_.group; }
  // Buffers the kernel can still fill.
  int available() const { return available_; }
  const BufferRingOptions& options() const { return options_; }

  // Calls waiter->wake once when a buffer is there for it; already waiting: no effect. Arming a
  // receive again while there is no buffer would only bring the next -ENOBUFS. Who waits longest
  // has the first buffer that comes back, the next one the second; when half are back, all have.
  void AwaitBuffer(BufferWaiter* waiter);
  void CancelAwait(BufferWaiter* waiter);  // Not waiting: no effect.

 private:
  friend class BufferLease;
  BufferRing();
  bool Register(Reactor* reactor, std::string* error);
  void Return(uint16_t index);
  void WakeFirst();
  std::byte* Buffer(uint16_t index) const;

  BufferRingOptions options_;
  int available_ = 0;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace reactor
