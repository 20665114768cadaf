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
  std::unique_ptr<TcpListener> listener(new TcpListener());
  const TcpSocketOptions socket_options{options.local, pool->options().send_buffer_size,
                                        pool->options().unacknowledged_ms};
  // No registered file slot: before Linux 6.2 a ring lets go of those late, and with them of the
  // port.
  listener->fd_ = OpenTcpListener(socket_options, options.backlog, &listener->local_, error);
  if (listener->fd_ < 0) return nullptr;
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
  listener->Arm();
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
  if (!armed_ && !closing_) Arm();
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
  } else if (result >= 0 || result == -ECONNABORTED) {
    Arm();
  }
}

void TcpListener::Close() {
  if (closing_) return;
  closing_ = true;
  if (armed_) {
    io_uring_prep_cancel(reactor_->GetSqe(&cancel_), &accept_, 0);
    cancel_armed_ = true;
  }
  ReleaseWhenClosed();
}

void TcpListener::OnCancelled(int32_t result) {
  cancel_armed_ = false;
  // Found, but just being worked on: ask again.
  if (result == -EALREADY && armed_) {
    io_uring_prep_cancel(reactor_->GetSqe(&cancel_), &accept_, 0);
    cancel_armed_ = true;
  }
  ReleaseWhenClosed();
}

void TcpListener::ReleaseWhenClosed() {
  if (!closing_ || armed_ || cancel_armed_ || fd_ < 0) return;
  close(std::exchange(fd_, -1));
}

}  // namespace reactor
