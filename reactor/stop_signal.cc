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
  stop->Arm();
  return stop;
}

// A poll, not a read: signalfd cannot be read without blocking, so the ring would read it in a
// thread of its own, and whose signals that thread sees is the kernel's business.
void StopSignal::Arm() {
  io_uring_prep_poll_add(reactor_->GetSqe(&completion_), fd_, POLLIN);
  armed_ = true;
}

StopSignal::~StopSignal() {
  if (fd_ >= 0) close(fd_);
}

void StopSignal::OnReady(void* owner, Completion*, int32_t result, uint32_t) {
  StopSignal* stop = static_cast<StopSignal*>(owner);
  stop->armed_ = false;
  if (result == -ECANCELED) return;  // Close().
  ++stop->requests_;
  if (result < 0) return;  // We would be deaf to signals, so that ends us too.
  signalfd_siginfo signal;
  while (read(stop->fd_, &signal, sizeof(signal)) > 0) {
  }
  if (!stop->closing_) stop->Arm();
}

void StopSignal::Close() {
  closing_ = true;
  if (!armed_) return;
  io_uring_prep_cancel(reactor_->GetSqe(nullptr), &completion_, 0);
}

}  // namespace reactor
