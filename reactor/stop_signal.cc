#include "reactor/stop_signal.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "reactor/error_text.h"

namespace reactor {

std::unique_ptr<StopSignal> StopSignal::Open(Reactor* reactor, std::string* error) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  if (pthread_sigmask(SIG_BLOCK, &signals, nullptr) != 0) {
    *error = "cannot block SIGTERM and SIGINT";
    return nullptr;
  }
  std::unique_ptr<StopSignal> stop(new StopSignal());
  stop->reactor_ = reactor;
  // Blocking: a read of a non-blocking descriptor would end at once with -EAGAIN.
  stop->fd_ = signalfd(-1, &signals, SFD_CLOEXEC);
  if (stop->fd_ < 0) {
    *error = ErrorText("signalfd", errno);
    return nullptr;
  }
  stop->completion_ = {OnRead, stop.get()};
  io_uring_sqe* sqe = reactor->GetSqe(&stop->completion_);
  io_uring_prep_read(sqe, stop->fd_, &stop->info_, sizeof(stop->info_), 0);
  stop->armed_ = true;
  return stop;
}

StopSignal::~StopSignal() {
  if (fd_ >= 0) close(fd_);
}

void StopSignal::OnRead(void* owner, Completion*, int32_t result, uint32_t) {
  StopSignal* stop = static_cast<StopSignal*>(owner);
  stop->armed_ = false;
  // -ECANCELED is Close(); anything else that is not a signal would leave us deaf to signals.
  stop->requested_ = stop->requested_ || result != -ECANCELED;
}

void StopSignal::Close() {
  if (!armed_) return;
  io_uring_sqe* sqe = reactor_->GetSqe(nullptr);
  io_uring_prep_cancel(sqe, &completion_, 0);
}

}  // namespace reactor
