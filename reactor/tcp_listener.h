// A listening TCP socket: multishot accept into a pool of connections.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "reactor/endpoint.h"
#include "reactor/tcp_pool.h"

namespace reactor {

struct TcpListenerOptions {
  Endpoint local;
  int backlog = 1024;             // Connections the kernel holds until they are accepted.
  uint32_t source_max = 0;        // Of one source, an IPv4 address or an IPv6 /64; 0: any number.
  BufferRing* buffers = nullptr;  // What its connections receive into; null: the pool's.
  uint32_t keep_free = 0;         // Slots of the pool that are not for this listener's connections.
};

class TcpListener {
 public:
  // Binds, listens and arms the accept; connections have `tag`. Null and *error on failure. What is
  // over a limit is accepted and reset, so that nobody waits, and counted by the pool.
  static std::unique_ptr<TcpListener> Open(Reactor* reactor, TcpPool* pool,
                                           const TcpListenerOptions& options, uint32_t tag,
                                           std::string* error);
  // The same with a listening socket that another process had: the listener takes it, on failure
  // too, and rests until GoOn().
  static std::unique_ptr<TcpListener> Adopt(Reactor* reactor, TcpPool* pool, int fd,
                                            const TcpListenerOptions& options, uint32_t tag,
                                            std::string* error);
  // REQUIRES: closed() or the reactor is gone.
  ~TcpListener();

  // No new connections; those there are live on. closed() becomes true after some Dispatch().
  void Close();
  bool closed() const { return fd_ < 0; }
  // Accepts nothing any more: connections wait in the kernel. resting() after some Dispatch().
  void Rest();
  bool resting() const { return at_rest_ && !armed_ && !cancel_armed_; }
  void GoOn();
  int fd() const { return fd_; }  // Stays the listener's.
  const Endpoint& local() const { return local_; }
  // After an accept that failed for want of descriptors or memory the listener pauses: the next one
  // would fail as well. To be called now and then; armed: no effect.
  void Resume();

 private:
  TcpListener() = default;
  static std::unique_ptr<TcpListener> Make(Reactor* reactor, TcpPool* pool, int fd,
                                           const TcpListenerOptions& options, uint32_t tag);
  void Arm();
  void ArmCancel();
  void OnAccept(int32_t result, uint32_t flags);
  void OnCancelled(int32_t result);
  void ReleaseWhenClosed();

  Reactor* reactor_ = nullptr;
  std::weak_ptr<const void> reactor_lifetime_;
  TcpPool* pool_ = nullptr;
  TcpListenerOptions options_;
  uint32_t tag_ = 0;
  Endpoint local_;
  int fd_ = -1;
  bool armed_ = false;
  bool cancel_armed_ = false;
  bool cancel_again_ = false;
  bool closing_ = false;
  bool at_rest_ = false;
  Completion accept_;
  Completion cancel_;
};

}  // namespace reactor
