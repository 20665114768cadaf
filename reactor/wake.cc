#include "reactor/wake.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#include "reactor/error_text.h"

namespace reactor {

std::unique_ptr<Wake> Wake::Open(Reactor* reactor, WakeSink* sink, std::string* error) {
  std::unique_ptr<Wake> wake(new Wake());
  wake->reactor_ = reactor;
  wake->sink_ = sink;
  wake->fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake->fd_ < 0) {
    *error = ErrorText("eventfd", errno);
    return nullptr;
  }
  wake->completion_ = {OnRead, wake.get()};
  wake->message_ = {OnMessage, wake.get()};
  wake->refused_ = {OnRefused, wake.get()};
  wake->Arm();
  return wake;
}

Wake::~Wake() {
  if (fd_ >= 0) close(fd_);
}

void Wake::Arm() {
  io_uring_prep_read(reactor_->GetSqe(&completion_), fd_, &count_, sizeof(count_), 0);
  armed_ = true;
}

void Wake::Ring() {
  // Whoever finds it asked already leaves it to the turn that is coming: that one clears the mark
  // before it looks.
  if (!asked_.exchange(true, std::memory_order_acq_rel)) Write();
}

void Wake::RingFrom(Reactor* reactor) {
  if (asked_.exchange(true, std::memory_order_acq_rel)) return;
  io_uring_sqe* const sqe = reactor->GetSqe(&refused_);
  io_uring_prep_msg_ring(sqe, reactor_->ring()->ring_fd, 0, reinterpret_cast<uint64_t>(&message_),
                         0);
  io_uring_sqe_set_flags(sqe, IOSQE_CQE_SKIP_SUCCESS);
}

void Wake::Write() {
  const uint64_t one = 1;
  // Cannot fail: the count is far from its limit, and nobody closes the descriptor before us.
  static_cast<void>(!write(fd_, &one, sizeof(one)));
}

void Wake::OnRead(void* owner, Completion*, int32_t result, uint32_t) {
  Wake* const wake = static_cast<Wake*>(owner);
  wake->armed_ = false;
  if (wake->closing_ || result == -ECANCELED) return;
  wake->Arm();
  wake->Answer();
}

void Wake::OnMessage(void* owner, Completion*, int32_t, uint32_t) {
  Wake* const wake = static_cast<Wake*>(owner);
  if (!wake->closing_) wake->Answer();
}

// The ring that was asked is full, or has no such request: then it is asked the other way.
void Wake::OnRefused(void* owner, Completion*, int32_t, uint32_t) {
  static_cast<Wake*>(owner)->Write();
}

void Wake::Answer() {
  if (asked_.exchange(false, std::memory_order_acq_rel)) sink_->OnWake();
}

void Wake::Close() {
  closing_ = true;
  if (armed_) io_uring_prep_cancel(reactor_->GetSqe(nullptr), &completion_, 0);
}

}  // namespace reactor
