#include "reactor/readable.h"

#include <poll.h>

#include <cerrno>

namespace reactor {

Readable::Readable(Reactor* reactor, int fd, ReadableSink* sink)
    : reactor_(reactor), fd_(fd), sink_(sink), completion_{OnReady, this} {
  Arm();
}

// One poll for each answer, after it was read: a multishot poll of an epoll descriptor tells edges
// only.
void Readable::Arm() {
  io_uring_prep_poll_add(reactor_->GetSqe(&completion_), fd_, POLLIN);
  armed_ = true;
}

void Readable::OnReady(void* owner, Completion*, int32_t result, uint32_t) {
  Readable* const readable = static_cast<Readable*>(owner);
  readable->armed_ = false;
  if (readable->closing_ || result == -ECANCELED) return;
  readable->sink_->OnReadable();
  if (!readable->closing_) readable->Arm();
}

void Readable::Close() {
  closing_ = true;
  if (!armed_) return;
  io_uring_prep_cancel(reactor_->GetSqe(nullptr), &completion_, 0);
}

}  // namespace reactor
