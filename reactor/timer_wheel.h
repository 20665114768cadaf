// Timers by explicit time: the wheel has no clock, it is told the time.
//
// A hierarchical wheel (Varghese and Lauck): arm, cancel and fire are O(1). Timers are intrusive:
// their owner holds them and they must not move while armed, nor be touched once the wheel is gone.
// Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace reactor {

class TimerWheel;

struct Timer {
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  bool armed() const { return next != nullptr; }

  Timer* next = nullptr;
  Timer* previous = nullptr;
  uint64_t expiry_ms = 0;
  uint32_t kind = 0;   // The owner's own: what is due...
  uint32_t index = 0;  // ...and for whom.
};

class TimerWheel {
 public:
  static constexpr uint64_t kNever = UINT64_MAX;

  explicit TimerWheel(uint64_t now_ms);

  // Fires at the first Advance() to expiry_ms or later. Arming an armed timer moves it. A time not
  // after now_ms() fires at the next Advance() - never in the one under way, so that a timer that
  // arms itself again without delay cannot hold the loop.
  void Arm(Timer* timer, uint64_t expiry_ms);
  void Cancel(Timer* timer);  // Not armed: no effect.

  // Moves time on and calls fire(Timer*) for each timer due: those armed late first, then in order
  // of expiry, equal ones in the order they were armed. The timer is no longer armed then, and fire
  // may arm or cancel any timer. Meanwhile now_ms() is the time that is being fired. Time never
  // goes back: an earlier now_ms is taken as now_ms(). Not to be called from fire.
  //
  // At most work_max timers are fired or moved from a coarse slot to finer ones. What is left over
  // comes with the next calls: until then now_ms() lags behind, NextExpiry() is now_ms(), and among
  // timers of equal expiry one armed meanwhile may fire before its elders.
  template <typename Fire>
  void Advance(uint64_t now_ms, Fire&& fire, uint64_t work_max = UINT64_MAX) {
    AppendLate();
    while (Timer* timer = PopDue(now_ms, &work_max)) fire(timer);
  }

  // The earliest time Advance() might have something to do, or kNever. It may be earlier than the
  // first timer (when a coarse slot is to be spread), never later.
  uint64_t NextExpiry() const;
  uint64_t now_ms() const { return now_ms_; }
  size_t armed_count() const { return armed_count_; }

 private:
  static constexpr int kLevels = 7;  // 64^7 ms: over a hundred years.
  static constexpr int kSlots = 64;

  // Where the wheel's earliest slot is and when it begins.
  struct Event {
    uint64_t time_ms;
    Timer* slot;
  };
  Event NextEvent() const;
  Timer* PopDue(uint64_t now_ms, uint64_t* work_left);
  void AppendLate();
  void Place(Timer* timer);
  void Take(Timer* slot);

  uint64_t now_ms_;
  size_t armed_count_ = 0;
  std::array<uint64_t, kLevels> occupied_{};  // A bit per slot.
  // List heads. A head's `kind` is its level, its `index` its place there.
  mutable std::array<std::array<Timer, kSlots>, kLevels> slots_;
  mutable Timer far_;  // Beyond the top level's reach.
  Timer spreading_;    // Out of a coarse slot that now has reached, not yet in finer ones.
  Timer due_;          // Being fired.
  Timer late_;         // Armed for a time not after now.
};

}  // namespace reactor
