// A netlink socket on the ring. Knows nothing of what it carries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "reactor/buffer_ring.h"
#include "reactor/reactor.h"

namespace reactor {

class NetlinkSink {
 public:
  virtual ~NetlinkSink() = default;
  // One datagram from the kernel; the bytes are lent for the call.
  virtual void OnNetlink(std::span<const std::byte> bytes) = 0;
  // Answers were lost (ENOBUFS on receive) or a send failed: what was under way has an unknown
  // outcome. `error` is a positive errno.
  virtual void OnNetlinkLoss(int error) = 0;
};

class NetlinkPort {
 public:
  // Takes a bound, non-blocking netlink socket (it closes it, on failure too) and arms the receive.
  // Null and *error on failure. `sink` outlives the port.
  static std::unique_ptr<NetlinkPort> Open(Reactor* reactor, int fd, NetlinkSink* sink,
                                           std::string* error);
  // The same: the port receives into memory of its own (netlink.cc says why).
  static std::unique_ptr<NetlinkPort> Open(Reactor* reactor, BufferRing* buffers, int fd,
                                           NetlinkSink* sink, std::string* error);
  // REQUIRES: closed() or the reactor is gone. Wipes all it held.
  ~NetlinkPort();

  // Sends one batch. The bytes are copied out and wiped when the kernel is done (they hold keys),
  // so the caller may reuse its own at once. At most kSendSizeMax bytes, not none. False:
  // kInFlightMax batches are under way, or the port is closing.
  static constexpr int kInFlightMax = 8;
  static constexpr size_t kSendSizeMax = 256 * 1024;
  bool Send(std::span<const std::byte> bytes);

  // Cancels the receive; sends under way end. closed() becomes true after some Dispatch().
  void Close();
  bool closed() const;

 private:
  NetlinkPort();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace reactor
