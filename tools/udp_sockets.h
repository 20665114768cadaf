// The sockets around a node of the test network: datagrams in by recvmmsg(2), an Outbox out by
// sendmmsg(2), epoll(7) between.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "reactor/endpoint.h"
#include "sip/span.h"
#include "tools/outbox.h"

namespace tools {

class UdpSink {
 public:
  virtual ~UdpSink() = default;
  // One datagram; the bytes are lent for the call.
  virtual void OnDatagram(const reactor::Endpoint& local, const reactor::Endpoint& source,
                          sip::PaddedView bytes) = 0;
};

// A socket bound to the wildcard address (0.0.0.0 or ::) receives for every address of the host and
// sends from the one each datagram names (IP_PKTINFO): one socket serves 100,000 phones.
class UdpSockets {
 public:
  struct Counters {
    uint64_t received = 0;
    uint64_t sent = 0;
    uint64_t too_large = 0;    // Received, cut off, dropped.
    uint64_t send_errors = 0;  // Dropped; the last errno below.
    int last_send_errno = 0;
  };

  // Null, and *error names the address and the reason.
  static std::unique_ptr<UdpSockets> Open(std::span<const reactor::Endpoint> locals,
                                          std::string* error);
  ~UdpSockets();

  // Waits up to timeout_ms for datagrams and hands over those that are there, a bounded number.
  // Returns early on a signal.
  void Receive(int timeout_ms, UdpSink* sink);
  // Sends all of it but what is for TCP, and clears it. Waits while socket buffers are full.
  void Send(Outbox* outbox);
  // Receive() also returns when `fd` is readable; it stays the caller's.
  void Watch(int fd);

  const Counters& counters() const;
  // Of the socket opened for locals[index], with the port the kernel gave for 0.
  const reactor::Endpoint& local(size_t index) const;

 private:
  UdpSockets();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tools
