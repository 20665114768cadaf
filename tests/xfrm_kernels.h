// Two kernels behind one face, for the suite that holds the fake one to the real one.
#pragma once

#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>

#include "tests/xfrm_samples.h"
#include "xfrm/fake_kernel.h"
#include "xfrm/socket.h"

namespace xfrm {

class Kernel {
 public:
  virtual ~Kernel() = default;
  // Everything the kernel answers to the bytes of one send.
  virtual Datagrams Send(std::span<const std::byte> request) = 0;
  // Lets time pass, until `seconds` are over or an EXPIRE event came. Yields the events.
  virtual Datagrams Wait(uint64_t seconds) = 0;
  virtual uint64_t Now() = 0;
};

class FakeKernelUnderTest : public Kernel {
 public:
  Datagrams Send(std::span<const std::byte> request) override {
    Datagrams answers;
    fake_.Send(request, now_, &answers);
    return answers;
  }
  Datagrams Wait(uint64_t seconds) override {
    Datagrams events;
    now_ += seconds;
    fake_.Advance(now_, &events);
    return events;
  }
  uint64_t Now() override { return now_; }

 private:
  FakeKernel fake_;
  uint64_t now_ = 1'700'000'000;
};

// The kernel this runs on, in a network namespace of our own that begins empty.
class RealKernel : public Kernel {
 public:
  // Null, and why, where this process or this kernel cannot.
  static std::unique_ptr<RealKernel> Make(std::string* reason) {
    std::unique_ptr<RealKernel> kernel(new RealKernel);
    if (unshare(CLONE_NEWNET) != 0) {
      *reason = "no right to make a network namespace";
      return nullptr;
    }
    std::errc error = OpenSocket({}, &kernel->fd_);
    if (error == std::errc{}) error = OpenSocket({.expire_events = true}, &kernel->events_);
    if (error != std::errc{}) {
      *reason = Explain(error);
      return nullptr;
    }
    return kernel;
  }
  ~RealKernel() override {
    if (fd_ >= 0) close(fd_);
    if (events_ >= 0) close(events_);
  }

  // Netlink is synchronous: when the send returns, what there is to say waits in the socket.
  Datagrams Send(std::span<const std::byte> request) override {
    const ssize_t sent = send(fd_, request.data(), request.size(), 0);
    return sent == static_cast<ssize_t>(request.size()) ? Drain(fd_) : Datagrams();
  }
  Datagrams Wait(uint64_t seconds) override {
    pollfd entry = {events_, POLLIN, 0};
    poll(&entry, 1, static_cast<int>(seconds * 1000));
    return Drain(events_);
  }
  uint64_t Now() override {
    return static_cast<uint64_t>(
        std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()));
  }

 private:
  RealKernel() = default;

  static Datagrams Drain(int fd) {
    Datagrams datagrams;
    std::vector<std::byte> buffer(64 << 10);
    for (;;) {
      const ssize_t size = recv(fd, buffer.data(), buffer.size(), 0);
      if (size < 0) return datagrams;
      datagrams.emplace_back(buffer.begin(), buffer.begin() + size);
    }
  }

  int fd_ = -1;
  int events_ = -1;
};

}  // namespace xfrm
