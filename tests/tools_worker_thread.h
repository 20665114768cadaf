// gmedge's workers in threads of their own, on the simulated kernel, and what tests of it need of
// time and addresses.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "edge/workers.h"

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

// The simulated kernel, until it says nothing any more.
class FallingSilent final : public edge::Kernel {
 public:
  explicit FallingSilent(const std::atomic<bool>* silent) : silent_(*silent) {}
  bool Prepare(const edge::Settings& settings, const edge::KnownSas& known,
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

// gmedge's workers, which the test ends as a signal would.
class WorkerThread {
 public:
  explicit WorkerThread(const edge::Settings& settings) : settings_(settings) {
    std::promise<std::string> opened;
    std::future<std::string> error = opened.get_future();
    thread_ = std::thread([this, &opened] { Serve(&opened); });
    error_ = error.get();
  }
  ~WorkerThread() { Stop(); }

  // As the daemon ends: what is under way is finished, then the threads are gone.
  void Stop() {
    if (!thread_.joinable()) return;
    if (error_.empty()) workers_->Stop();
    thread_.join();
  }
  // From now on the kernel answers nothing.
  void SilenceKernel() { kernel_silent_ = true; }
  const std::string& error() const { return error_; }
  const edge::Stats& stats() const { return workers_->stats(); }  // After Stop().

 private:
  void Serve(std::promise<std::string>* opened) {
    workers_ = std::make_unique<edge::Workers>(
        settings_, [this] { return std::make_unique<FallingSilent>(&kernel_silent_); }, &random_);
    std::string error;
    const bool open = workers_->Open(&error);
    opened->set_value(error);
    if (open) workers_->Run();
  }

  edge::Settings settings_;
  edge::SystemRandom random_;
  std::atomic<bool> kernel_silent_ = false;
  std::unique_ptr<edge::Workers> workers_;
  std::thread thread_;
  std::string error_;
};

}  // namespace tools
