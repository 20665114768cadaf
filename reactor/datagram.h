// A UDP socket: multishot receive into lent buffers, sends from slices.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "reactor/buffer_ring.h"
#include "reactor/endpoint.h"
#include "reactor/reactor.h"

namespace reactor {

class DatagramPort;

struct Datagram {
  Endpoint from;
  std::string_view payload;  // Tail padding of the buffer ring behind it.
  bool truncated = false;    // It was larger than a buffer: do not parse.
};

class DatagramSink {
 public:
  virtual ~DatagramSink() = default;
  // `lease` holds the payload: keep it, or hand it to Send, as long as the bytes are needed.
  virtual void OnDatagram(DatagramPort& port, const Datagram& datagram, BufferLease lease) = 0;
  // Of a port that reports it: a datagram that was sent there cannot have arrived, say ICMP or our
  // own routes. Which one, and how many, is not told.
  virtual void OnUnreachable(DatagramPort&, const Endpoint&) {}
};

struct DatagramOptions {
  Endpoint local;
  int receive_buffer_size = 8 << 20;  // SO_RCVBUF; forced past rmem_max where we may.
  int send_buffer_size = 8 << 20;
  bool reuse_port = false;
  bool free_bind = false;
  bool report_unreachable = false;  // DatagramSink::OnUnreachable().
};

// The pool of send slots a worker's ports and connections share: a slot keeps what a send points to
// until the kernel is done.
struct SendPoolOptions {
  int slots = 4096;  // Sends under way at once; at the limit a send is dropped, counted.
  size_t slot_text_size = 2048;  // Bytes copied per slot (what does not lie in the lease)...
  int large_slots = 64;          // ...or, beyond that, one of these...
  size_t large_text_size = 65536;
};

class SendPool {
 public:
  explicit SendPool(const SendPoolOptions& options);
  ~SendPool();
  int in_flight() const;

 private:
  friend class DatagramPort;
  friend class TcpConnection;
  struct State;
  std::unique_ptr<State> state_;
};

class DatagramPort {
 public:
  struct Counters {
    uint64_t received = 0;
    uint64_t sent = 0;
    uint64_t receive_no_buffers = 0;  // ENOBUFS: load, the receive was armed again.
    uint64_t receive_truncated = 0;
    uint64_t receive_errors = 0;
    uint64_t dropped_by_kernel = 0;  // Before we could receive them: load. Of ReadDrops().
    uint64_t send_errors = 0;        // The kernel refused (and the last errno below).
    uint64_t send_no_slot = 0;       // Send pool exhausted: dropped.
    int last_send_errno = 0;
  };

  // Binds and arms the receive. Null and *error on failure. `sink` outlives the port; `tag` is the
  // caller's own (an index).
  static std::unique_ptr<DatagramPort> Open(Reactor* reactor, BufferRing* buffers, SendPool* pool,
                                            const DatagramOptions& options, DatagramSink* sink,
                                            uint32_t tag, std::string* error);
  // The same with a bound socket that another process had: the port takes it, on failure too, and
  // rests until GoOn(). Its options are as they were set.
  static std::unique_ptr<DatagramPort> Adopt(Reactor* reactor, BufferRing* buffers, SendPool* pool,
                                             int fd, const DatagramOptions& options,
                                             DatagramSink* sink, uint32_t tag, std::string* error);
  // REQUIRES: closed() or the reactor is gone.
  ~DatagramPort();

  // Queues one datagram. Slices that lie in the lease's buffer are pointed to and the lease is kept
  // until the kernel is done; others are copied. At most 255 slices, 65507 bytes. False: dropped
  // and counted.
  bool Send(const Endpoint& to, std::span<const std::string_view> slices, const BufferLease& lease);

  // Cancels the receive; sends under way end. closed() becomes true after some Dispatch(). Linux
  // 6.1 frees a ring's file slots lazily: there the port number stays taken for one more second,
  // unless the reactor is destroyed, which waits for it.
  void Close();
  bool closed() const;

  // Takes nothing out of the socket any more, where it waits; what was taken before is delivered
  // still. resting() becomes true after some Dispatch(): nothing is under way then, either way.
  // Sends go on.
  void Rest();
  bool resting() const;
  void GoOn();
  // Stays the port's. -1: closed().
  int fd() const;

  // Asks the kernel what it has dropped: a system call. REQUIRES: not closed().
  void ReadDrops();

  const Endpoint& local() const;  // With the port the kernel gave for 0.
  uint32_t tag() const;
  const Counters& counters() const;

 private:
  DatagramPort();
  static std::unique_ptr<DatagramPort> Make(Reactor* reactor, BufferRing* buffers, SendPool* pool,
                                            int fd, const DatagramOptions& options,
                                            DatagramSink* sink, uint32_t tag, std::string* error);
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace reactor
