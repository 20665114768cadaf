// gmedge's worker in a thread of its own, on the simulated kernel, and what tests of it need of
// time and ports.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "edge/worker.h"
#include "tools/udp_sockets.h"

namespace tools {

using reactor::Endpoint;

inline Endpoint At(const std::string& text) {
  Endpoint endpoint;
  EXPECT_TRUE(reactor::ParseEndpoint(text, 0, &endpoint)) << text;
  return endpoint;
}

inline uint64_t NowUs() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                   std::chrono::steady_clock::now().time_since_epoch())
                                   .count());
}

// Ports nobody has at this moment, on the loopback address of that family.
inline std::vector<uint16_t> FreePorts(const std::string& any, size_t count) {
  std::string error;
  const std::vector<Endpoint> locals(count, At(any));
  const std::unique_ptr<UdpSockets> sockets = UdpSockets::Open(locals, &error);
  EXPECT_NE(sockets, nullptr) << error;
  std::vector<uint16_t> ports;
  for (size_t i = 0; i < count; ++i) ports.push_back(sockets->local(i).port());
  return ports;
}

// The simulated kernel, until it says nothing any more.
class FallingSilent final : public edge::Kernel {
 public:
  explicit FallingSilent(const std::atomic<bool>* silent) : silent_(*silent) {}
  bool Prepare(const edge::Settings& settings, std::span<const xfrm::Sa> known,
               std::string* error) override {
    return kernel_->Prepare(settings, known, error);
  }
  bool Attach(reactor::Reactor* reactor, edge::KernelAnswers* answers,
              std::string* error) override {
    return kernel_->Attach(reactor, answers, error);
  }
  bool Send(std::span<const std::byte> batch) override { return silent_ || kernel_->Send(batch); }
  void Deliver() override { kernel_->Deliver(); }
  bool has_answers() const override { return kernel_->has_answers(); }
  bool ReadCounters(xfrm::KernelCounters* counters) override {
    return kernel_->ReadCounters(counters);
  }
  void Detach() override { kernel_->Detach(); }
  bool detached() const override { return kernel_->detached(); }
  void Retire(const edge::Settings& settings) override { kernel_->Retire(settings); }

 private:
  const std::atomic<bool>& silent_;
  const std::unique_ptr<edge::Kernel> kernel_ = edge::MakeSimulatedKernel();
};

// gmedge's worker in a thread of its own.
class WorkerThread {
 public:
  explicit WorkerThread(const edge::Settings& settings) : settings_(settings) {
    std::promise<std::string> opened;
    std::future<std::string> error = opened.get_future();
    thread_ = std::thread([this, &opened] { Serve(&opened); });
    error_ = error.get();
  }
  ~WorkerThread() { Stop(); }

  // As the daemon ends: what is under way is finished, then the thread is gone.
  void Stop() {
    if (!thread_.joinable()) return;
    if (error_.empty()) pthread_kill(thread_.native_handle(), SIGTERM);
    thread_.join();
  }
  // From now on the kernel answers nothing.
  void SilenceKernel() { kernel_silent_ = true; }
  const std::string& error() const { return error_; }
  const edge::Stats& stats() const { return stats_; }  // After Stop().

 private:
  void Serve(std::promise<std::string>* opened) {
    edge::SystemRandom random;
    FallingSilent kernel(&kernel_silent_);
    xfrm::SpiPool spis({.min_spi = settings_.ipsec.min_spi,
                        .max_spi = settings_.ipsec.max_spi,
                        .permutation_key = {random.Next(), random.Next()}});
    edge::Worker worker(settings_, &kernel, &spis, &random);
    std::string error;
    const bool open = worker.Open(&error);
    opened->set_value(error);
    if (open) worker.Run();
    stats_ = worker.stats();
  }

  edge::Settings settings_;
  std::atomic<bool> kernel_silent_ = false;
  std::thread thread_;
  std::string error_;
  edge::Stats stats_;
};

}  // namespace tools
