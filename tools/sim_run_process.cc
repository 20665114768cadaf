// SimRun: the process, its starts, turns and deaths.

#include <fmt/format.h>

#include "tools/sim_run.h"
#include "tools/sim_run_parts.h"

namespace tools {
namespace {

using edge::Side;

constexpr uint64_t kScanTurns = 64;

}  // namespace

void SimRun::Start() {
  Tick();
  host_.Revive();
  ++life_;
  turn_at_ms_ = UINT64_MAX;
  is_write_scheduled_ = false;
  const bool is_bad = chance_.Below(100) < 15 * plan_.weight(SimFault::kBadStart);
  if (is_bad && !is_ending_) host_.KillAfter(static_cast<uint32_t>(1 + chance_.Below(6)));
  process_ = std::make_unique<SimProcess>(
      plan_,
      SimProcess::World{&host_, &chance_,
                        [this](const SimMessage& message, Side side) { OnSent(message, side); },
                        [this](const std::string& what) { Violate(what); }});
  ++result_.starts;
  if (!process_->Start()) {
    Note([&] { return std::string("start fails"); });
    if (host_.disk_is_full) LoseNumbers();
    ++result_.starts_failed;
    process_.reset();
    queue_.After(1'000 + chance_.Below(4'000), [this] { Start(); });
    return;
  }
  Note([&] { return fmt::format("start {}", result_.starts); });
  CheckNumbers(std::exchange(lost_power_, false));
  CheckPromises();
  ScheduleWrite();
  ScheduleTurn(now_ms());
}

void SimRun::OnDeath() {
  Note([&] { return std::string("the process is dead"); });
  ++result_.crashes;
  AddStats();
  // What its journal was about to write is written, or not.
  if (process_->wants_to_write() && chance_.Percent(50)) {
    Note([&] { return std::string("  its last records are written"); });
    host_.Revive();
    process_->WriteJournal();
    host_.Kill();
  }
  if (numbers_in_doubt_) LoseNumbers();
  process_.reset();
  ++life_;
  uint64_t down_ms = 100 + chance_.Below(5'000);
  if (chance_.Percent(20)) down_ms += chance_.Below(2 * kSimMinuteMs);
  if (chance_.Percent(5)) down_ms += chance_.Below(kSimHourMs);
  queue_.After(down_ms, [this] { Start(); });
}

void SimRun::ScheduleTurn(uint64_t at_ms) {
  if (process_ == nullptr || at_ms >= turn_at_ms_) return;
  turn_at_ms_ = at_ms;
  queue_.At(at_ms, [this, at_ms, life = life_] {
    if (life != life_ || process_ == nullptr || turn_at_ms_ != at_ms) return;
    turn_at_ms_ = UINT64_MAX;
    Turn();
  });
}

void SimRun::Turn() {
  Tick();
  process_->Turn();
  if (host_.is_dead()) return OnDeath();
  if (++turns_ % kScanTurns == 0) process_->Scan();
  if (turns_ % (16 * kScanTurns) == 0) CheckPromises();
  ScheduleWrite();
  const uint64_t next_ms = process_->NextExpiry();
  if (next_ms == UINT64_MAX) return;
  const uint64_t mono_ms = host_.mono_ms();
  ScheduleTurn(now_ms() + (next_ms > mono_ms ? next_ms - mono_ms : 1));
}

void SimRun::ScheduleWrite() {
  if (!process_->wants_to_write() || is_write_scheduled_) return;
  is_write_scheduled_ = true;
  uint64_t takes_ms = chance_.Below(4);
  if (host_.disk_is_slow) takes_ms = chance_.Percent(20) ? 4'000 + chance_.Below(8'000) : 500;
  if (host_.disk_is_full) takes_ms = 300;
  queue_.After(takes_ms, [this, life = life_] {
    if (life != life_ || process_ == nullptr) return;
    is_write_scheduled_ = false;
    process_->WriteJournal();
    if (host_.is_dead()) return OnDeath();
    if (!process_->wants_to_write()) numbers_in_doubt_ = false;
    ScheduleWrite();
    ScheduleTurn(now_ms() + chance_.Below(2));
  });
}

void SimRun::AddStats() {
  for (const std::unique_ptr<SimWorker>& worker : process_->workers()) {
    edge::Add(worker->core().stats(), &result_.stats);
  }
}

}  // namespace tools
