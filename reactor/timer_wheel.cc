#include "reactor/timer_wheel.h"

#include <bit>

namespace reactor {
namespace {

// Times are read as numbers of base 64. A timer lies on the level of the highest digit in which its
// expiry differs from now, in the slot of its own digit there:
//
//   level   6       2    1    0
//   now     0  ...  3   17   42
//   expiry  0  ...  3   20    5     differs first at level 1: level 1, slot 20
//
// All higher digits are equal and this one is larger, so everything on a level is due before
// anything on the next, slots are due from low to high, and none ever wraps around. When now
// reaches the beginning of a slot, its timers differ only in lower digits and are spread there.
constexpr unsigned kDigitBits = 6;
constexpr uint64_t kDigitMask = 63;
constexpr uint32_t kNoLevel = UINT32_MAX;  // `kind` of heads that are no slots.

uint64_t Digit(uint64_t time_ms, unsigned level) {
  return time_ms >> (level * kDigitBits) & kDigitMask;
}

void MakeEmpty(Timer* head) {
  head->next = head->previous = head;
}
bool IsEmpty(const Timer* head) {
  return head->next == head;
}

void Append(Timer* head, Timer* timer) {
  timer->next = head;
  timer->previous = head->previous;
  head->previous->next = timer;
  head->previous = timer;
}

// Moves all of `from` behind what is in `to`.
void AppendAll(Timer* to, Timer* from) {
  if (IsEmpty(from)) return;
  to->previous->next = from->next;
  from->next->previous = to->previous;
  from->previous->next = to;
  to->previous = from->previous;
  MakeEmpty(from);
}

void Unlink(Timer* timer) {
  timer->previous->next = timer->next;
  timer->next->previous = timer->previous;
  timer->next = timer->previous = nullptr;
}

}  // namespace

TimerWheel::TimerWheel(uint64_t now_ms) : now_ms_(now_ms) {
  for (uint32_t level = 0; level < kLevels; ++level) {
    for (uint32_t index = 0; index < kSlots; ++index) {
      Timer& head = slots_[level][index];
      MakeEmpty(&head);
      head.kind = level;
      head.index = index;
    }
  }
  for (Timer* head : {&far_, &spreading_, &due_, &late_}) {
    MakeEmpty(head);
    head->kind = kNoLevel;
  }
}

void TimerWheel::Arm(Timer* timer, uint64_t expiry_ms) {
  Cancel(timer);
  timer->expiry_ms = expiry_ms;
  ++armed_count_;
  if (expiry_ms <= now_ms_) {
    Append(&late_, timer);
  } else {
    Place(timer);
  }
}

void TimerWheel::Cancel(Timer* timer) {
  if (!timer->armed()) return;
  // The last of a list has its head on both sides.
  const Timer* const head = timer->next == timer->previous ? timer->next : nullptr;
  Unlink(timer);
  --armed_count_;
  if (head != nullptr && head->kind != kNoLevel) {
    occupied_[head->kind] &= ~(uint64_t{1} << head->index);
  }
}

uint64_t TimerWheel::NextExpiry() const {
  if (!IsEmpty(&late_) || !IsEmpty(&due_) || !IsEmpty(&spreading_)) return now_ms_;
  return NextEvent().time_ms;
}

TimerWheel::Event TimerWheel::NextEvent() const {
  for (unsigned level = 0; level < kLevels; ++level) {
    if (occupied_[level] == 0) continue;
    const unsigned shift = level * kDigitBits;
    const unsigned index = static_cast<unsigned>(std::countr_zero(occupied_[level]));
    const uint64_t higher = now_ms_ >> shift & ~kDigitMask;
    return {(higher | index) << shift, &slots_[level][index]};
  }
  constexpr uint64_t kReach = (uint64_t{1} << kLevels * kDigitBits) - 1;
  if (!IsEmpty(&far_)) return {(now_ms_ | kReach) + 1, &far_};
  return {kNever, nullptr};
}

Timer* TimerWheel::PopDue(uint64_t now_ms, uint64_t* work_left) {
  for (; *work_left > 0; --*work_left) {
    if (!IsEmpty(&spreading_)) {
      Timer* const timer = spreading_.next;
      Unlink(timer);
      Place(timer);
      continue;
    }
    if (!IsEmpty(&due_)) {
      Timer* const timer = due_.next;
      Unlink(timer);
      --armed_count_;
      --*work_left;
      return timer;
    }
    const Event event = NextEvent();
    if (event.slot == nullptr || event.time_ms > now_ms) {
      if (now_ms > now_ms_) now_ms_ = now_ms;
      return nullptr;
    }
    now_ms_ = event.time_ms;
    Take(event.slot);
  }
  return nullptr;
}

void TimerWheel::AppendLate() {
  AppendAll(&due_, &late_);
}

void TimerWheel::Place(Timer* timer) {
  const uint64_t difference = timer->expiry_ms ^ now_ms_;
  if (difference == 0) return Append(&due_, timer);
  const unsigned level = (static_cast<unsigned>(std::bit_width(difference)) - 1) / kDigitBits;
  if (level >= kLevels) return Append(&far_, timer);
  const uint64_t index = Digit(timer->expiry_ms, level);
  Append(&slots_[level][index], timer);
  occupied_[level] |= uint64_t{1} << index;
}

// Now has reached the slot: of the lowest level all is due, else what is exactly now; the rest goes
// to lower levels.
void TimerWheel::Take(Timer* slot) {
  if (slot->kind != kNoLevel) occupied_[slot->kind] &= ~(uint64_t{1} << slot->index);
  AppendAll(slot->kind == 0 ? &due_ : &spreading_, slot);
}

}  // namespace reactor
