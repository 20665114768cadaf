// The TCP connections of a worker: their slots, their limits and their time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "reactor/buffer_ring.h"
#include "reactor/datagram.h"
#include "reactor/reactor.h"
#include "reactor/tcp_connection.h"

namespace reactor {

struct TcpListenerOptions;  // reactor/tcp_listener.h

struct TcpOptions {
  uint32_t connections_max = 16384;   // In all; REQUIRES: above 0.
  uint64_t idle_ms = 3'600'000;       // Without a byte either way: ended.
  uint64_t connect_ms = 4'000;        // A connect that takes longer: ended.
  uint64_t close_ms = 2'000;          // How long Close() waits for the peer.
  size_t backlog_size_max = 65536;    // Bytes that wait for one peer that does not read...
  size_t chunks_max = 4096;           // ...and for all of them, in ChunkPool::kChunkSize bytes.
  int send_buffer_size = 256 * 1024;  // As TcpSocketOptions.
  unsigned unacknowledged_ms = 32'000;
};

class TcpPool {
 public:
  struct Counters {
    uint64_t accepted = 0;
    uint64_t connected = 0;
    uint64_t bytes_received = 0;
    uint64_t bytes_sent = 0;
    uint64_t receive_no_buffers = 0;  // The receive was armed again.
    uint64_t send_no_slot = 0;        // Dropped: send pool exhausted and no chunk left.
    uint64_t refused_full = 0;        // Accepted and reset at once: no slot left...
    uint64_t refused_source = 0;      // ...or one source had its share.
    uint64_t accept_errors = 0;       // The kernel's: no descriptor, no memory.
    uint64_t ended[6] = {};           // By TcpEnd.
  };

  // Takes its memory here. All but the options outlive the pool, `sink` too. Time is any monotonic
  // clock in milliseconds.
  TcpPool(Reactor* reactor, BufferRing* buffers, SendPool* sends, const TcpOptions& options,
          TcpSink* sink, uint64_t now_ms);
  // REQUIRES: empty() or the reactor is gone.
  ~TcpPool();

  // A connection from `local` (whose port may have a listener, and other connections) to `peer`.
  // Null and *error, a positive errno: no slot (ENFILE), or the kernel refuses the port. How it
  // ends up is told by OnTcpOpen or OnTcpEnd, never from within this call.
  TcpConnection* Connect(const Endpoint& local, const Endpoint& peer, uint32_t tag, int* error);
  // Null: it has ended.
  TcpConnection* Find(TcpId id);

  // What is due by now. NextExpiry(): when there is something again, or TimerWheel::kNever.
  void Advance(uint64_t now_ms);
  uint64_t NextExpiry() const { return timers_.NextExpiry(); }

  // Open connections take nothing out of their sockets any more and send what goes at once;
  // resting() becomes true after some Dispatch(). Those that are closing end meanwhile; a connect
  // goes on.
  void Rest();
  bool resting() const;
  void GoOn();
  bool connecting() const;
  // One that another process had, at rest until GoOn(): the pool takes the descriptor, on failure
  // too. Null: no slot or no room is left, or it is no connection.
  TcpConnection* Adopt(const TcpKept& kept, BufferRing* buffers);
  template <typename Visit>
  void ForEachOpen(Visit&& visit) {
    for (uint32_t i = 0; i < options_.connections_max; ++i) {
      if (slots_[i].fd_ >= 0 && slots_[i].open()) visit(slots_[i]);
    }
  }
  template <typename Visit>
  void ForEachConnecting(Visit&& visit) {
    for (uint32_t i = 0; i < options_.connections_max; ++i) {
      if (slots_[i].fd_ >= 0 && slots_[i].connecting()) visit(slots_[i]);
    }
  }
  // While it rests: another process has the open ones now, of which nobody is told; connects end.
  void LetGo();

  // All of them, by RST.
  void AbortAll();
  bool empty() const { return in_use_ == 0; }
  uint32_t in_use() const { return in_use_; }
  const TcpOptions& options() const { return options_; }
  const Counters& counters() const { return counters_; }

 private:
  friend class TcpConnection;
  friend class TcpListener;

  // Takes the descriptor.
  void Accept(int fd, uint32_t tag, const TcpListenerOptions& listener);
  TcpConnection* TakeSlot();
  void GiveSlot(TcpConnection* connection);
  void Count(TcpConnection* connection);
  TcpConnection** BucketOf(const Endpoint& peer);
  uint32_t CountOfSource(const Endpoint& peer);

  Reactor* const reactor_;
  const std::weak_ptr<const void> reactor_lifetime_;
  BufferRing* const buffers_;
  SendPool* const sends_;
  const TcpOptions options_;
  TcpSink* const sink_;
  TimerWheel timers_;
  ChunkPool chunks_;
  Counters counters_;
  std::unique_ptr<TcpConnection[]> slots_;
  TcpConnection* free_ = nullptr;
  uint32_t in_use_ = 0;
  bool at_rest_ = false;
  // Connections that count for their source, in lists by its hash.
  std::unique_ptr<TcpConnection*[]> buckets_;
  uint64_t bucket_mask_ = 0;
  uint64_t seed_ = 0;
};

}  // namespace reactor
