#include <cassert>
#include <utility>

#include "reactor/send_slot.h"

namespace reactor {

SendPool::SendPool(const SendPoolOptions& options) : state_(std::make_unique<State>()) {
  assert(options.slots > 0 && options.large_slots >= 0);
  State& state = *state_;
  state.options = options;
  const size_t slot_count = static_cast<size_t>(options.slots);
  const size_t large_count = static_cast<size_t>(options.large_slots);
  state.slots = std::make_unique<SendSlot[]>(slot_count);
  state.large = std::make_unique<SendArea[]>(large_count);
  state.pieces = std::make_unique<iovec[]>(slot_count * State::kPiecesMax +
                                           large_count * State::kLargePiecesMax);
  // Value-initialised, so the pages are there before the first send.
  state.text = std::make_unique<char[]>(slot_count * options.slot_text_size +
                                        large_count * options.large_text_size);

  iovec* pieces = state.pieces.get();
  char* text = state.text.get();
  state.free_large.reserve(large_count);
  for (size_t i = 0; i < large_count; ++i) {
    state.large[i] = {std::exchange(pieces, pieces + State::kLargePiecesMax),
                      std::exchange(text, text + options.large_text_size)};
    state.free_large.push_back(&state.large[i]);
  }
  for (size_t i = slot_count; i > 0; --i) {
    SendSlot& slot = state.slots[i - 1];
    slot.own = {std::exchange(pieces, pieces + State::kPiecesMax),
                std::exchange(text, text + options.slot_text_size)};
    slot.next = std::exchange(state.free_slots, &slot);
  }
}

SendPool::~SendPool() = default;

int SendPool::in_flight() const {
  return state_->in_flight;
}

SendSlot* SendPool::State::Take(size_t piece_count, size_t text_size) {
  const bool needs_large = piece_count > kPiecesMax || text_size > options.slot_text_size;
  if (free_slots == nullptr || (needs_large && free_large.empty())) return nullptr;
  SendSlot* const slot = std::exchange(free_slots, free_slots->next);
  if (needs_large) {
    slot->large = free_large.back();
    free_large.pop_back();
  }
  ++in_flight;
  return slot;
}

void SendPool::State::Free(SendSlot* slot) {
  slot->lease = BufferLease();
  if (slot->large != nullptr) free_large.push_back(std::exchange(slot->large, nullptr));
  slot->next = std::exchange(free_slots, slot);
  --in_flight;
}

}  // namespace reactor
