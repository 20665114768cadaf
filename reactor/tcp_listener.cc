#include "reactor/tcp_listener.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <utility>

#include "reactor/tcp_socket.h"

namespace reactor {

std::unique_ptr<TcpListener> TcpListener::Open(Reactor* reactor, TcpPool* pool,
                                               const TcpListenerOptions& options, uint32_t tag,
                                               std::string* error) {
  const TcpSocketOptions socket_options{options.local, pool->options().send_buffer_size,
                                        pool->options().unacknowledged_ms};
  // No registered file slot: before Linux 6.2 a ring lets go of those late, and with them of the
  // port.
  Endpoint local;
  const int fd = OpenTcpListener(socket_options, options.backlog, &local, error);
  if (fd < 0) return nullptr;
  std::unique_ptr<TcpListener> listener = Make(reactor, pool, fd, options, tag);
  listener->local_ = local;
  listener->Arm();
  return listener;
}

std::unique_ptr<TcpListener> TcpListener::Adopt(Reactor* reactor, TcpPool* pool, int fd,
                                                const TcpListenerOptions& options, uint32_t tag,
                                                std::string* error) {
  Endpoint local;
  if (!IsTcpListenerAt(fd, options.local, &local)) {
    close(fd);
    *error = "TCP: what was handed over is no listener of that port";
    return nullptr;
  }
  std::unique_ptr<TcpListener> listener = Make(reactor, pool, fd, options, tag);
  listener->local_ = local;
  listener->at_rest_ = true;
  return listener;
}

std::unique_ptr<TcpListener> TcpListener::Make(Reactor* reactor, TcpPool* pool, int fd,
                                               const TcpListenerOptions& options, uint32_t tag) {
  std::unique_ptr<TcpListener> listener(new TcpListener());
  listener->fd_ = fd;
  listener->reactor_ = reactor;
  listener->reactor_lifetime_ = reactor->lifetime();
  listener->pool_ = pool;
  listener->options_ = options;
  listener->tag_ = tag;
  listener->accept_ = {[](void* owner, Completion*, int32_t result, uint32_t flags) {
                         static_cast<TcpListener*>(owner)->OnAccept(result, flags);
                       },
                       listener.get()};
  listener->cancel_ = {[](void* owner, Completion*, int32_t result, uint32_t) {
                         static_cast<TcpListener*>(owner)->OnCancelled(result);
                       },
                       listener.get()};
  return listener;
}

TcpListener::~TcpListener() {
  if (fd_ < 0) return;
  assert(reactor_lifetime_.expired() && "a listener is destroyed before it is closed");
  close(fd_);
}

void TcpListener::Arm() {
  io_uring_sqe* const sqe = reactor_->GetSqe(&accept_);
  // The peer's address is asked for later: room for one would be written by each accept.
  io_uring_prep_multishot_accept(sqe, fd_, nullptr, nullptr, SOCK_CLOEXEC);
  armed_ = true;
}

void TcpListener::Resume() {
  if (!armed_ && !closing_ && !at_rest_) Arm();
}

void TcpListener::Rest() {
  if (at_rest_ || closing_) return;
  at_rest_ = true;
  // A cancel of an earlier rest does not meet what was armed since.
  cancel_again_ = cancel_armed_;
  if (armed_ && !cancel_armed_) ArmCancel();
}

void TcpListener::GoOn() {
  at_rest_ = false;
  Resume();
}

void TcpListener::ArmCancel() {
  io_uring_prep_cancel(reactor_->GetSqe(&cancel_), &accept_, 0);
  cancel_armed_ = true;
}

void TcpListener::OnAccept(int32_t result, uint32_t flags) {
  if (result >= 0) {
    if (closing_) {
      CloseWithReset(result);
    } else {
      pool_->Accept(result, tag_, options_);
    }
  } else if (result != -ECANCELED && result != -ECONNABORTED) {
    ++pool_->counters_.accept_errors;
  }
  if ((flags & IORING_CQE_F_MORE) != 0) return;
  armed_ = false;
  if (closing_) {
    ReleaseWhenClosed();
  } else if (!at_rest_ && (result >= 0 || result == -ECONNABORTED || result == -ECANCELED)) {
    Arm();
  }
}

void TcpListener::Close() {
  if (closing_) return;
  closing_ = true;
  if (armed_ && !cancel_armed_) ArmCancel();
  ReleaseWhenClosed();
}

void TcpListener::OnCancelled(int32_t result) {
  cancel_armed_ = false;
  // Found, but just being worked on: ask again.
  const bool again = std::exchange(cancel_again_, false) || result == -EALREADY;
  if (again && armed_) ArmCancel();
  ReleaseWhenClosed();
}

void TcpListener::ReleaseWhenClosed() {
  if (!closing_ || armed_ || cancel_armed_ || fd_ < 0) return;
  close(std::exchange(fd_, -1));
}

}  // namespace reactor
