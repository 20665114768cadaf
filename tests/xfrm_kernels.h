// Two kernels behind one face, for the suite that holds the fake one to the real one.
#pragma once

#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "tests/xfrm_network.h"
#include "tests/xfrm_samples.h"
#include "xfrm/fake_kernel.h"
#include "xfrm/socket.h"

namespace xfrm {

class Kernel {
 public:
  virtual ~Kernel() = default;
  // Everything the kernel answers to the bytes of one send.
  virtual Datagrams Send(std::span<const std::byte> request) = 0;
  // The same; what `meanwhile` does, through Send, happens before the answer is taken.
  virtual Datagrams Send(std::span<const std::byte> request,
                         const std::function<void()>& meanwhile) = 0;
  // The same from a process without CAP_NET_ADMIN. None if there can be no such.
  virtual std::optional<Datagrams> SendWithoutRight(std::span<const std::byte> request) = 0;
  // The same with a receive buffer for a few answers only. False: it was large enough.
  virtual bool SendCramped(std::span<const std::byte> request, Datagrams* answers) = 0;
  // Sends a UDP datagram of `size` bytes of ours to an address that nobody has. False: the network
  // could not be set up.
  virtual bool Carry(const Selector& flow, size_t size) = 0;
  // Lets time pass, until `seconds` are over or an event came. Yields the events.
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
  Datagrams Send(std::span<const std::byte> request,
                 const std::function<void()>& meanwhile) override {
    const Datagrams answers = Send(request);
    meanwhile();
    return answers;
  }
  std::optional<Datagrams> SendWithoutRight(std::span<const std::byte> request) override {
    fake_.SetFault([](uint16_t, int) { return std::errc::operation_not_permitted; });
    const Datagrams answers = Send(request);
    fake_.SetFault(nullptr);
    return answers;
  }
  bool SendCramped(std::span<const std::byte> request, Datagrams* answers) override {
    fake_.CutNextAnswers(2);
    *answers = Send(request);
    return true;
  }
  // Policy by policy, SA by SA, without the ESP.
  bool Carry(const Selector& flow, size_t size) override {
    for (const PolicyInfo& policy : fake_.Policies()) {
      if (policy.direction != Direction::kOut || policy.local != flow.source) continue;
      if (policy.local_port != flow.source_port) continue;
      const std::optional<SaId> carrier = fake_.CarrierOf(flow, policy.reqid);
      if (carrier.has_value()) fake_.CountPacket(*carrier, kUdpHeaderSize + size, now_);
    }
    return true;
  }
  Datagrams Wait(uint64_t seconds) override {
    Datagrams events;
    now_ += seconds;
    fake_.Advance(now_, &events);
    return events;
  }
  uint64_t Now() override { return now_; }

  FakeKernel& fake() { return fake_; }

 private:
  static constexpr size_t kUdpHeaderSize = 8;

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
    if (error == std::errc{})
      error = OpenSocket({.expire_events = true, .mapping_events = true}, &kernel->events_);
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
    return Give(fd_, request) ? Drain(fd_) : Datagrams();
  }
  Datagrams Send(std::span<const std::byte> request,
                 const std::function<void()>& meanwhile) override {
    int fd = -1;
    Datagrams answers;
    if (OpenSocket({}, &fd) != std::errc{}) return answers;
    if (Give(fd, request)) {
      meanwhile();
      answers = Drain(fd);
    }
    close(fd);
    return answers;
  }
  // The kernel asks for the right of who opened the socket and of who sends.
  std::optional<Datagrams> SendWithoutRight(std::span<const std::byte> request) override {
    const uid_t nobody = 65534;
    if (seteuid(nobody) != 0) return std::nullopt;  // The effective capabilities go with root.
    int fd = -1;
    Datagrams answers;
    if (OpenSocket({}, &fd) == std::errc{} && Give(fd, request)) answers = Drain(fd);
    if (fd >= 0) close(fd);
    return seteuid(0) == 0 ? std::optional(answers) : std::nullopt;
  }
  bool SendCramped(std::span<const std::byte> request, Datagrams* answers) override {
    int fd = -1;
    bool overrun = false;
    if (OpenSocket({.receive_buffer_size = 1}, &fd) != std::errc{}) return false;
    if (Give(fd, request)) *answers = Drain(fd, &overrun);
    close(fd);
    return overrun;
  }
  bool Carry(const Selector& flow, size_t size) override {
    if (!is_routed_ && !RouteAllToNowhere()) return false;
    is_routed_ = true;
    if (!has_address_[flow.source.family == AF_INET] && !AddLocalAddress(flow.source)) return false;
    has_address_[flow.source.family == AF_INET] = true;
    const Socket socket(flow.source.family, SOCK_DGRAM, 0);
    return socket.Bind(flow.source, flow.source_port) &&
           socket.SendTo(flow.destination, flow.destination_port, std::vector<uint8_t>(size));
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

  static bool Give(int fd, std::span<const std::byte> request) {
    return send(fd, request.data(), request.size(), 0) == static_cast<ssize_t>(request.size());
  }
  static Datagrams Drain(int fd, bool* overrun = nullptr) {
    Datagrams datagrams;
    std::vector<std::byte> buffer(64 << 10);
    for (;;) {
      const ssize_t size = recv(fd, buffer.data(), buffer.size(), 0);
      if (size < 0 && errno == ENOBUFS && overrun != nullptr) {
        *overrun = true;
        continue;
      }
      if (size < 0) return datagrams;
      datagrams.emplace_back(buffer.begin(), buffer.begin() + size);
    }
  }

  int fd_ = -1;
  int events_ = -1;
  bool is_routed_ = false;
  std::array<bool, 2> has_address_{};
};

}  // namespace xfrm
