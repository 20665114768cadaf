#include "reactor/tcp_connection.h"

#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

#include "reactor/tcp_pool.h"
#include "reactor/tcp_socket.h"

namespace reactor {

std::string_view Name(TcpEnd end) {
  switch (end) {
    case TcpEnd::kClosed:
      return "Closed";
    case TcpEnd::kAborted:
      return "Aborted";
    case TcpEnd::kReset:
      return "Reset";
    case TcpEnd::kRefused:
      return "Refused";
    case TcpEnd::kTimeout:
      return "Timeout";
    case TcpEnd::kStalled:
      return "Stalled";
  }
  return "Unknown";
}

void TcpConnection::Adopt(TcpPool* pool, int fd, uint32_t tag) {
  pool_ = pool;
  fd_ = fd;
  tag_ = tag;
  backlog_size_max_ = pool->options_.backlog_size_max;
  receive_ = {[](void* owner, Completion*, int32_t result, uint32_t flags) {
                static_cast<TcpConnection*>(owner)->OnReceive(result, flags);
              },
              this};
  send_ = {[](void* owner, Completion*, int32_t result, uint32_t) {
             static_cast<TcpConnection*>(owner)->OnSent(result);
           },
           this};
  cancel_ = {[](void* owner, Completion*, int32_t result, uint32_t) {
               static_cast<TcpConnection*>(owner)->OnCancelled(result);
             },
             this};
  waiter_.wake = [](void* owner) { static_cast<TcpConnection*>(owner)->ArmReceive(); };
  waiter_.owner = this;
}

// Open: bytes may flow.
void TcpConnection::Begin() {
  state_ = State::kOpen;
  opened_ = true;
  active_ms_ = pool_->timers_.now_ms();
  ArmTimer();
  if (!pool_->at_rest_) ArmReceive();
  pool_->sink_->OnTcpOpen(*this);
}

// The send's completion serves the connect: there is none before it.
void TcpConnection::StartConnect() {
  state_ = State::kConnecting;
  active_ms_ = pool_->timers_.now_ms();
  deadline_ms_ = active_ms_ + pool_->options_.connect_ms;
  ArmTimer();
  io_uring_sqe* const sqe = pool_->reactor_->GetSqe(&send_);
  io_uring_prep_connect(sqe, fd_, &peer_.any, peer_.size());
  connect_armed_ = true;
}

void TcpConnection::OnConnected(int32_t result) {
  connect_armed_ = false;
  if (state_ == State::kEnding) return EndWhenQuiet();
  if (result < 0) return End(TcpEnd::kRefused, -result);
  deadline_ms_ = TimerWheel::kNever;
  ++pool_->counters_.connected;
  Begin();
}

void TcpConnection::ArmReceive() {
  io_uring_sqe* const sqe = pool_->reactor_->GetSqe(&receive_);
  io_uring_prep_recv_multishot(sqe, fd_, nullptr, 0, 0);
  io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
  sqe->buf_group = buffers_->group();
  receive_armed_ = true;
}

void TcpConnection::OnReceive(int32_t result, uint32_t flags) {
  BufferLease lease;
  if ((flags & IORING_CQE_F_BUFFER) != 0) lease = buffers_->Take(flags);
  if (result > 0 && state_ == State::kOpen) {
    active_ms_ = pool_->timers_.now_ms();
    pool_->counters_.bytes_received += static_cast<uint64_t>(result);
    const char* const bytes = reinterpret_cast<const char*>(lease.bytes().data());
    pool_->sink_->OnTcpBytes(*this, {bytes, static_cast<size_t>(result)}, std::move(lease));
  }
  if ((flags & IORING_CQE_F_MORE) == 0) OnReceiveEnd(result);
}

// A multishot receive ends for want of buffers or of room in the completion queue; of the stream's
// own ends, 0 is FIN and all else is final.
void TcpConnection::OnReceiveEnd(int32_t result) {
  receive_armed_ = false;
  if (state_ == State::kEnding) return EndWhenQuiet();
  if (result == 0) return OnFin();
  // Nobody else cancels what has not ended.
  const bool is_rest = state_ == State::kOpen && pool_->at_rest_;
  if (result == -ECANCELED || (is_rest && (result > 0 || result == -ENOBUFS))) {
    return is_rest ? void() : ArmReceive();
  }
  if (result > 0) return ArmReceive();
  if (result != -ENOBUFS) return End(TcpEnd::kReset, -result);
  ++pool_->counters_.receive_no_buffers;
  if (buffers_->available() == 0) {
    buffers_->AwaitBuffer(&waiter_);
  } else {
    ArmReceive();
  }
}

void TcpConnection::OnFin() {
  fin_received_ = true;
  if (state_ == State::kShut) return End(TcpEnd::kClosed, 0);
  if (state_ == State::kOpen) pool_->sink_->OnTcpFin(*this);
}

void TcpConnection::Close() {
  if (state_ == State::kConnecting) return Abort();
  if (state_ != State::kOpen) return;
  state_ = State::kDraining;
  SetDeadline(pool_->timers_.now_ms() + pool_->options_.close_ms);
  if (pool_->at_rest_ && !receive_armed_ && !fin_received_) ArmReceive();
  if (!send_armed_) StartSend();
}

void TcpConnection::SetDeadline(uint64_t at_ms) {
  deadline_ms_ = at_ms;
  if (state_ != State::kEnding && at_ms < timer_.expiry_ms) ArmTimer();
}

// A timer is armed for the earliest time something may be due and not moved with every byte.
void TcpConnection::ArmTimer() {
  const uint64_t idle_ms = active_ms_ + pool_->options_.idle_ms;
  pool_->timers_.Arm(&timer_, std::min(idle_ms, deadline_ms_));
}

void TcpConnection::OnTimer() {
  const uint64_t now_ms = pool_->timers_.now_ms();
  if (now_ms < deadline_ms_ && now_ms < active_ms_ + pool_->options_.idle_ms) return ArmTimer();
  End(TcpEnd::kTimeout, 0);
}

// The kernel may still be at work on the connection: it is asked to let go, and when it has, the
// sink is told. So that no call of the connection ends in one, this is so even if it is not.
void TcpConnection::End(TcpEnd end, int error) {
  if (state_ == State::kEnding || state_ == State::kFree) return;
  state_ = State::kEnding;
  end_ = end;
  error_ = error;
  pool_->timers_.Cancel(&timer_);
  buffers_->CancelAwait(&waiter_);
  ArmCancels();
}

// Each by its name: by the descriptor the kernel would look through the requests of all
// connections. The send's completion serves the connect.
void TcpConnection::ArmCancels() {
  if (receive_armed_) ArmCancel(&receive_);
  if (send_armed_ || connect_armed_ || !receive_armed_) ArmCancel(&send_);
}

void TcpConnection::ArmCancel(Completion* target) {
  io_uring_prep_cancel(pool_->reactor_->GetSqe(&cancel_), target, 0);
  ++cancels_armed_;
}

void TcpConnection::OnCancelled(int32_t result) {
  // Found, but just being worked on: it may arm itself again, so ask again.
  cancel_again_ |= result == -EALREADY;
  const bool is_last = --cancels_armed_ == 0;
  const bool again = is_last && std::exchange(cancel_again_, false);
  if (state_ != State::kEnding) {
    if (again && pool_->at_rest_) Rest();
    return;
  }
  if (again && AtWork()) ArmCancels();
  EndWhenQuiet();
}

// A send of the backlog waits for the peer, and would go on by itself. Cancels of an earlier rest
// do not meet what was armed since.
void TcpConnection::Rest() {
  if (state_ != State::kOpen) return;
  buffers_->CancelAwait(&waiter_);
  cancel_again_ = cancels_armed_ > 0;
  if (cancel_again_) return;
  if (receive_armed_) ArmCancel(&receive_);
  if (send_armed_ && slots_under_way_ == 0) ArmCancel(&send_);
}

bool TcpConnection::resting() const {
  return state_ != State::kOpen || (!AtWork() && cancels_armed_ == 0 && first_ == nullptr);
}

void TcpConnection::GoOn() {
  if (state_ != State::kOpen) return;
  if (!receive_armed_ && !fin_received_) ArmReceive();
  if (!send_armed_) StartSend();
}

// The socket lives on elsewhere, so nothing is said on it.
void TcpConnection::LetGo() {
  if (state_ != State::kOpen) return;
  pool_->timers_.Cancel(&timer_);
  FreeAll();
  close(std::exchange(fd_, -1));
  pool_->GiveSlot(this);
}

TcpKept TcpConnection::kept() const {
  return {fd_, local_, peer_, tag_, accepted_, counted_, active_ms_, deadline_ms_, backlog_.text()};
}

void TcpConnection::EndWhenQuiet() {
  if (AtWork() || cancels_armed_ > 0) return;
  FreeAll();
  // Where both sides said FIN there is nothing to reset.
  if (end_ == TcpEnd::kClosed) {
    close(fd_);
  } else {
    CloseWithReset(fd_);
  }
  fd_ = -1;
  ++pool_->counters_.ended[static_cast<size_t>(end_)];
  pool_->sink_->OnTcpEnd(*this, end_, error_);
  pool_->GiveSlot(this);
}

}  // namespace reactor
