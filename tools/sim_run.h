// One simulated run: phones, a core, a network, a machine and the gmedge on it, by one seed. The
// same plan gives the same run, event for event.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "edge/stats.h"
#include "tools/sim_core.h"
#include "tools/sim_phone.h"
#include "tools/sim_process.h"
#include "tools/sim_queue.h"

namespace tools {

struct SimResult {
  std::string violation;  // "": none, and the run went to its end.
  uint64_t at_ms = 0;
  uint64_t step = 0;
  uint64_t digest = 0;  // Of all that was sent: two runs that are the same have the same.
  uint64_t starts = 0;
  uint64_t starts_failed = 0;
  uint64_t crashes = 0;
  uint64_t power_losses = 0;
  uint64_t promises_checked = 0;  // After starts.
  edge::Stats stats;              // Of all processes.
};

struct SimStir;

class SimRun final : SimPhoneWorld {
 public:
  // `trace`: what happens, a line each; null: nobody wants it. `plan` outlives the run.
  explicit SimRun(const SimPlan& plan, std::vector<std::string>* trace = nullptr);
  ~SimRun() override;

  SimResult Run();
  // Of the run: those that did something, in their order.
  const std::vector<uint64_t>& stimuli() const { return stimuli_; }

 private:
  // --- Who does something of his own accord. ---
  using Deed = void (SimRun::*)(uint32_t who, Chance* chance);
  // Again and again, `mean_ms` apart.
  void Stir(Deed deed, uint32_t who, uint64_t mean_ms);
  void StirNext(std::shared_ptr<SimStir> stir);
  void StirAll();
  void PhoneActs(uint32_t phone, Chance* chance);
  void CoreCalls(uint32_t, Chance* chance);
  void HostileActs(uint32_t, Chance* chance);
  void FaultComes(uint32_t fault, Chance* chance);
  void Crash(uint32_t, Chance* chance);
  void LosePower(uint32_t, Chance* chance);
  void SetFault(SimFault fault, bool is_on);
  void KernelFails();

  // --- SimPhoneWorld ---
  uint64_t now_ms() const override { return queue_.now_ms(); }
  void After(uint64_t ms, std::function<void()> what) override {
    queue_.After(ms, std::move(what));
  }
  void OnSaid(const std::string& from, const std::string& to, const std::string& text,
              uint32_t spi) override;
  std::string NewAddress(uint32_t phone) override;

  // --- The network. ---
  uint32_t LinkOf(const std::string& address) const;
  bool IsKernelBad() const;
  // Lost, repeated, late: `arrive` is called as often as the message arrives.
  void Launch(uint32_t link, std::function<void()> arrive);
  void ToEdge(const SimMessage& message, uint32_t spi);
  void OnSent(const SimMessage& message, edge::Side side);
  void ToPhone(const SimMessage& message, uint32_t spi, bool is_kept);
  void ToCore(const SimMessage& message);

  // --- The process. ---
  void Start();
  void OnDeath();
  void ScheduleTurn(uint64_t at_ms);
  void Turn();
  void ScheduleWrite();
  void AddStats();

  // --- What must hold. ---
  void Violate(const std::string& what);
  // Is it a 200 that registers, and what it says on the disk?
  bool CheckKept(const SimMessage& message);
  void CheckPromises();
  void CheckNumbers(bool is_new_kernel);
  void LoseNumbers();
  void End();

  void Tick() { host_.kernel().Advance(host_.epoch_ms() / 1000); }
  template <typename Line>
  void Note(Line&& line) {
    if (trace_ != nullptr) trace_->push_back(Clock() + line());
  }
  std::string Clock() const;
  void Digest(const std::string& text);

  const SimPlan& plan_;
  std::vector<std::string>* trace_;
  SimQueue queue_;
  Chance chance_;
  SimHost host_;
  SimCore core_;
  std::vector<std::unique_ptr<SimPhone>> phones_;
  std::map<std::string, uint32_t> addresses_;  // With parity of the ports: who is there.
  std::unique_ptr<SimProcess> process_;
  uint64_t life_ = 0;  // Of the process: what was scheduled for another is void.
  uint64_t turn_at_ms_ = UINT64_MAX;
  bool is_write_scheduled_ = false;
  bool is_ending_ = false;
  bool core_is_silent_ = false;
  bool core_is_slow_ = false;
  uint32_t cut_link_ = UINT32_MAX;
  bool lost_power_ = false;
  uint64_t turns_ = 0;
  // The last number used on an outbound SA, by its set's label and SPI.
  std::map<std::pair<uint64_t, uint32_t>, uint32_t> numbers_;
  bool numbers_in_doubt_ = false;
  std::set<std::pair<uint64_t, uint32_t>> unnumbered_;
  std::unordered_set<std::string> told_;
  std::vector<uint64_t> stimuli_;
  SimResult result_;
};

}  // namespace tools
