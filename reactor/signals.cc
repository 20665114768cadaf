#include "reactor/signals.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

#include "reactor/error_text.h"

namespace reactor {

std::unique_ptr<Signals> Signals::Open(Reactor* reactor, std::string* error) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  if (pthread_sigmask(SIG_BLOCK, &signals, nullptr) != 0) {
    *error = "cannot block SIGTERM, SIGINT and SIGHUP";
    return nullptr;
  }
  std::unique_ptr<Signals> self(new Signals());
  self->reactor_ = reactor;
  self->fd_ = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  if (self->fd_ < 0) {
    *error = ErrorText("signalfd", errno);
    return nullptr;
  }
  self->completion_ = {OnReady, self.get()};
  self->Arm();
  return self;
}

// A poll, not a read: signalfd cannot be read without blocking, so the ring would read it in a
// thread of its own, and whose signals that thread sees is the kernel's business.
void Signals::Arm() {
  io_uring_prep_poll_add(reactor_->GetSqe(&completion_), fd_, POLLIN);
  armed_ = true;
}

Signals::~Signals() {
  if (fd_ >= 0) close(fd_);
}

void Signals::OnReady(void* owner, Completion*, int32_t result, uint32_t) {
  Signals* self = static_cast<Signals*>(owner);
  self->armed_ = false;
  if (result == -ECANCELED) return;  // Close().
  if (result < 0) {                  // We would be deaf to signals, so that ends us too.
    ++self->stops_;
    return;
  }
  signalfd_siginfo signal;
  while (read(self->fd_, &signal, sizeof(signal)) > 0) {
    ++(signal.ssi_signo == SIGHUP ? self->hangups_ : self->stops_);
  }
  if (!self->closing_) self->Arm();
}

void Signals::Close() {
  closing_ = true;
  if (!armed_) return;
  io_uring_prep_cancel(reactor_->GetSqe(nullptr), &completion_, 0);
}

}  // namespace reactor
