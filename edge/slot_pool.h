// Objects that do not move, found by an id that goes stale when its object goes.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace edge {

// Index in the lower half, generation in the upper; 0 is never an id.
using SlotId = uint64_t;

// T is default-constructible and has `SlotId id = 0`; a fresh T is put in the slot at each Take().
// Not thread-safe. Memory grows in chunks and is reused, never given back: a table of so few
// pointers stays in the cache, so that finding one of a million costs one miss, not two.
template <typename T>
class SlotPool {
 public:
  T* Take() {
    uint32_t index;
    if (free_.empty()) {
      index = static_cast<uint32_t>(generations_.size());
      if (index % kChunk == 0) chunks_.push_back(std::make_unique<T[]>(kChunk));
      generations_.push_back(0);
    } else {
      index = free_.back();
      free_.pop_back();
    }
    T* slot = At(index);
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
    T* const slot = id == 0 ? nullptr : AtOrNull(static_cast<uint32_t>(id));
    return slot != nullptr && slot->id == id ? slot : nullptr;
  }
  const T* Find(SlotId id) const { return const_cast<SlotPool*>(this)->Find(id); }
  // Of a timer, which has only the index; null when nothing lives there.
  T* FindIndex(uint32_t index) {
    T* const slot = AtOrNull(index);
    return slot != nullptr && slot->id != 0 ? slot : nullptr;
  }
  // Brings what Find() will return into the cache.
  void Prefetch(SlotId id) {
    const char* const slot = reinterpret_cast<const char*>(AtOrNull(static_cast<uint32_t>(id)));
    if (slot == nullptr) return;
    for (size_t i = 0; i < sizeof(T); i += kCacheLine) __builtin_prefetch(slot + i);
  }

  size_t in_use() const { return in_use_; }

  // Of all slots there ever were: with them ids go on where those of another pool ended.
  std::span<const uint32_t> generations() const { return generations_; }
  // As the other pool was before it gave anything out; then TakeAt() for what it holds.
  // REQUIRES: nothing was taken.
  void Continue(std::vector<uint32_t> generations) {
    assert(in_use_ == 0);
    generations_ = std::move(generations);
    const size_t chunks = (generations_.size() + kChunk - 1) / kChunk;
    while (chunks_.size() < chunks) chunks_.push_back(std::make_unique<T[]>(kChunk));
  }
  // Null: no id of that pool, or taken. REQUIRES: Continue(); FreeTheRest() follows the last.
  T* TakeAt(SlotId id) {
    T* const slot = id == 0 ? nullptr : AtOrNull(static_cast<uint32_t>(id));
    if (slot == nullptr || slot->id != 0) return nullptr;
    if (generations_[static_cast<uint32_t>(id)] != id >> 32) return nullptr;
    slot->id = id;
    ++in_use_;
    return slot;
  }
  void FreeTheRest() {
    free_.clear();
    for (size_t i = generations_.size(); i > 0; --i) {
      if (At(static_cast<uint32_t>(i - 1))->id == 0) free_.push_back(static_cast<uint32_t>(i - 1));
    }
  }

  template <typename Visit>
  void ForEach(Visit&& visit) {
    for (uint32_t index = 0; index < generations_.size(); ++index) {
      if (T* const slot = At(index); slot->id != 0) visit(slot);
    }
  }

 private:
  static constexpr uint32_t kChunk = 256;
  static constexpr size_t kCacheLine = 64;

  T* At(uint32_t index) { return &chunks_[index / kChunk][index % kChunk]; }
  T* AtOrNull(uint32_t index) { return index < generations_.size() ? At(index) : nullptr; }

  std::vector<std::unique_ptr<T[]>> chunks_;
  std::vector<uint32_t> generations_;
  std::vector<uint32_t> free_;
  size_t in_use_ = 0;
};

}  // namespace edge
