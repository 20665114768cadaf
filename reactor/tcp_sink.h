// Who is told what happens to TCP connections, and how they end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "reactor/buffer_ring.h"
#include "reactor/endpoint.h"
#include "reactor/timer_wheel.h"

namespace reactor {

class TcpConnection;

// Names a connection for as long as the process runs; 0 names none.
using TcpId = uint64_t;

enum class TcpEnd : uint8_t {
  kClosed,   // Both sides have said FIN.
  kAborted,  // Abort() was called.
  kReset,    // The peer or the network ended it: RST, unreachable, or nothing acknowledged.
  kRefused,  // A connect that did not come to be; the error says why.
  kTimeout,  // Its idle time, its deadline or the time of its connect is over.
  kStalled,  // The peer does not read: what waits for it is at its limit.
};
std::string_view Name(TcpEnd end);

// What another process needs to go on with a connection whose pool rests.
struct TcpKept {
  int fd = -1;
  Endpoint local;
  Endpoint peer;
  uint32_t tag = 0;
  bool accepted = false;
  bool counted = false;  // For its source.
  uint64_t active_ms = 0;
  uint64_t deadline_ms = TimerWheel::kNever;
  std::string unsent;
};

class TcpSink {
 public:
  virtual ~TcpSink() = default;
  // Accepted, or a connect that came to be.
  virtual void OnTcpOpen(TcpConnection& connection) = 0;
  // The next bytes of the stream, at least one; they lie in the lease's buffer.
  virtual void OnTcpBytes(TcpConnection& connection, std::string_view bytes, BufferLease lease) = 0;
  // The peer will send no more. It may still be sent to, until Close().
  virtual void OnTcpFin(TcpConnection& connection) = 0;
  // The last word of a connection, once, also of one whose connect failed. `error`: a positive
  // errno or 0. Never from within a call of the connection's own.
  virtual void OnTcpEnd(TcpConnection& connection, TcpEnd end, int error) = 0;
};

}  // namespace reactor
