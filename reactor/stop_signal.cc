#include "reactor/stop_signal.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
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
  stop->fd_ = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  if (stop->fd_ < 0) {
    *error = ErrorText("signalfd", errno);
    return nullptr;
  }
  stop->completion_ = {OnReady, stop.get()};
  // A poll, not a read: signalfd cannot be read without blocking, so the ring would read it in a
  // thread of its own, and whose signals that thread sees is the kernel's business.
  io_uring_prep_poll_add(reactor->GetSqe(&stop->completion_), stop->fd_, POLLIN);
  stop->armed_ = true;
  return stop;
}

StopSignal::~StopSignal() {
  if (fd_ >= 0) close(fd_);
}

void StopSignal::OnReady(void* owner, Completion*, int32_t result, uint32_t) {
  StopSignal* stop = static_cast<StopSignal*>(owner);
  stop->armed_ = false;
  // -ECANCELED is Close(); any other failure would leave us deaf to signals, so it ends us too.
  stop->requested_ = stop->requested_ || result != -ECANCELED;
}

void StopSignal::Close() {
  if (!armed_) return;
  io_uring_prep_cancel(reactor_->GetSqe(nullptr), &completion_, 0);
}

}  // namespace reactor
