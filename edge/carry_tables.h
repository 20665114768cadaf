// Registrations and SA sets, to another process or from one (edge/state_archive.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "edge/context.h"
#include "edge/state_archive.h"

namespace edge {

void CarryTables(StateArchive* archive, Context* context);

// What the other tables are made of, too.
void CarryAlgorithms(StateArchive* archive, xfrm::Algorithms* algorithms);
// The place of a rule; one that is there no more is none, as after a restart.
void CarryRule(StateArchive* archive, const Context& context, RuleIndex* rule);
// Armed for the same time.
void CarryTimer(StateArchive* archive, reactor::Timer* timer, TimerKind kind, SlotId id,
                reactor::TimerWheel* timers);

// The ids that a pool gives out go on where they are.
template <typename T>
void CarryGenerations(StateArchive* archive, SlotPool<T>* pool) {
  const std::span<const uint32_t> known = pool->generations();
  std::vector<uint32_t> generations(known.begin(), known.end());
  const size_t count = archive->Count(generations.size(), UINT32_MAX, sizeof(uint32_t));
  generations.resize(count);
  for (uint32_t& generation : generations) archive->Number(&generation);
  if (archive->is_reading()) pool->Continue(std::move(generations));
}

// A pool whose objects stand for themselves: carry(T*) for each, which takes `least` bytes or more.
template <typename T, typename Carry>
void CarryPool(StateArchive* archive, SlotPool<T>* pool, size_t least, Carry&& carry) {
  CarryGenerations(archive, pool);
  const size_t count = archive->Count(pool->in_use(), UINT32_MAX, least);
  if (!archive->is_reading()) {
    pool->ForEach([&](T* object) {
      archive->Number(&object->id);
      carry(object);
    });
    return;
  }
  for (size_t i = 0; i < count && archive->ok(); ++i) {
    SlotId id = 0;
    archive->Number(&id);
    T* const object = pool->TakeAt(id);
    if (object == nullptr) return archive->Fail();
    carry(object);
  }
  pool->FreeTheRest();
}

}  // namespace edge
