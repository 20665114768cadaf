// Objects that do not move, found by an id that goes stale when its object goes.
#pragma once

#include <cassert>
#include <cstdint>
#include <deque>
#include <vector>

namespace edge {

// Index in the lower half, generation in the upper; 0 is never an id.
using SlotId = uint64_t;

// T is default-constructible and has `SlotId id = 0`; a fresh T is put in the slot at each Take().
// Not thread-safe. Memory grows in steps and is reused, never given back.
template <typename T>
class SlotPool {
 public:
  T* Take() {
    uint32_t index;
    if (free_.empty()) {
      index = static_cast<uint32_t>(slots_.size());
      slots_.emplace_back();
      generations_.push_back(0);
    } else {
      index = free_.back();
      free_.pop_back();
    }
    T* slot = &slots_[index];
    slot->id = static_cast<uint64_t>(++generations_[index]) << 32 | index;
    ++in_use_;
    return slot;
  }

  // Destroys the object and makes its id stale. REQUIRES: slot is in use.
  void Give(T* slot) {
    assert(slot->id != 0);
    const uint32_t index = static_cast<uint32_t>(slot->id);
    slot->~T();
    new (slot) T();
    free_.push_back(index);
    --in_use_;
  }

  // Null for an id that is stale or was never given out.
  T* Find(SlotId id) {
    const uint32_t index = static_cast<uint32_t>(id);
    if (id == 0 || index >= slots_.size() || slots_[index].id != id) return nullptr;
    return &slots_[index];
  }
  const T* Find(SlotId id) const { return const_cast<SlotPool*>(this)->Find(id); }
  // Of a timer, which has only the index; null when nothing lives there.
  T* FindIndex(uint32_t index) {
    return index < slots_.size() && slots_[index].id != 0 ? &slots_[index] : nullptr;
  }

  size_t in_use() const { return in_use_; }

  template <typename Visit>
  void ForEach(Visit&& visit) {
    for (T& slot : slots_) {
      if (slot.id != 0) visit(&slot);
    }
  }

 private:
  std::deque<T> slots_;
  std::vector<uint32_t> generations_;
  std::vector<uint32_t> free_;
  size_t in_use_ = 0;
};

}  // namespace edge
