// The machine of a simulated run: what outlives the process. Its clocks, its kernel, its disk, and
// the instant at which the process is to die.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "edge/memory_store.h"
#include "tools/sim_queue.h"
#include "xfrm/fake_kernel.h"

namespace tools {

class SimHost {
 public:
  explicit SimHost(const SimQueue* queue) : queue_(*queue) { Boot(); }

  // Power comes back: the disk is as it was, the kernel is new, its clock begins again.
  void Boot() {
    booted_ms_ = queue_.now_ms();
    kernel_ = std::make_unique<xfrm::FakeKernel>();
  }
  // The monotonic clock, and the wall clock.
  uint64_t mono_ms() const { return queue_.now_ms() - booted_ms_ + 1'000; }
  uint64_t epoch_ms() const { return kEpochMs + queue_.now_ms(); }

  xfrm::FakeKernel& kernel() { return *kernel_; }
  edge::MemoryStore& disk() { return disk_; }
  const edge::MemoryStore& disk() const { return disk_; }

  // Before whatever the process does to the world. False: it is dead, and does not.
  bool Effect() {
    if (is_dead_) return false;
    if (effects_left_ > 0 && --effects_left_ == 0) is_dead_ = true;
    return !is_dead_;
  }
  // It dies instead of the `effects`th thing it does from now on.
  void KillAfter(uint32_t effects) { effects_left_ = effects; }
  void Kill() { is_dead_ = true; }
  void Revive() {
    is_dead_ = false;
    effects_left_ = 0;
  }
  bool is_dead() const { return is_dead_; }

  // Faults, as they are now.
  bool disk_is_full = false;
  bool disk_is_slow = false;
  bool kernel_refuses = false;
  bool kernel_is_silent = false;
  bool kernel_is_late = false;
  // When a fault of that kind was there last; 0: never.
  uint64_t disk_fault_ms = 0;
  uint64_t kernel_fault_ms = 0;

 private:
  static constexpr uint64_t kEpochMs = 1'800'000'000'000;

  const SimQueue& queue_;
  uint64_t booted_ms_ = 0;
  std::unique_ptr<xfrm::FakeKernel> kernel_;
  edge::MemoryStore disk_;
  uint32_t effects_left_ = 0;
  bool is_dead_ = false;
};

// The process's handle of the disk. A commit is whole or not at all, as SQLite's are: what of it
// was under way when the process died is lost, or made.
class SimStore final : public edge::JournalStore {
 public:
  explicit SimStore(SimHost* host) : host_(*host) {}
  [[nodiscard]] bool Commit(std::span<const edge::JournalOp* const> ops,
                            std::string* error) override {
    *error = "disk full";
    return !host_.disk_is_full && host_.Effect() && host_.disk().Commit(ops, error);
  }
  std::array<uint8_t, 32> secret() const override { return host_.disk().secret(); }
  std::string name() const override { return "simulated"; }

 private:
  SimHost& host_;
};

}  // namespace tools
