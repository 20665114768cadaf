#include "edge/exchange.h"

#include <algorithm>

namespace edge {

Exchange::Exchange(size_t workers, Random* random) : phones_(random), rest_(workers) {
  for (size_t from = 0; from < workers; ++from) {
    auto place = std::make_unique<Place>();
    place->to.resize(workers);
    for (size_t to = 0; to < workers; ++to) {
      if (to != from) place->to[to] = std::make_unique<LetterBox>(kLettersMax);
    }
    places_.push_back(std::move(place));
  }
}

bool Exchange::Open(size_t worker, reactor::Reactor* reactor, reactor::WakeSink* sink,
                    std::string* error) {
  places_[worker]->wake = reactor::Wake::Open(reactor, sink, error);
  return places_[worker]->wake != nullptr;
}

size_t Exchange::Tell(size_t worker, const Letter& letter) {
  size_t full = 0;
  for (size_t to = 0; to < workers(); ++to) {
    if (to != worker && !MailboxOf(worker, to).Put(letter)) ++full;
  }
  places_[worker]->has_written = true;
  return full;
}

void Exchange::Flush(size_t worker, reactor::Reactor* reactor) {
  if (!places_[worker]->has_written) return;
  places_[worker]->has_written = false;
  for (size_t to = 0; to < workers(); ++to) {
    if (to != worker) places_[to]->wake->RingFrom(reactor);
  }
}

void Exchange::Offer(std::shared_ptr<const Settings> settings) {
  {
    const std::lock_guard lock(settings_mutex_);
    settings_ = std::move(settings);
  }
  for (const std::unique_ptr<Place>& place : places_) {
    place->has_settings.store(true, std::memory_order_release);
    place->wake->Ring();
  }
}

std::shared_ptr<const Settings> Exchange::TakeSettings(size_t worker) {
  if (!places_[worker]->has_settings.exchange(false, std::memory_order_acq_rel)) return nullptr;
  const std::lock_guard lock(settings_mutex_);
  return settings_;
}

void Exchange::Stop() {
  stop_requests_.fetch_add(1, std::memory_order_acq_rel);
  for (const std::unique_ptr<Place>& place : places_) place->wake->Ring();
}

void Exchange::AskRest(Rest::Phase phase) {
  rest_.Ask(phase);
  for (const std::unique_ptr<Place>& place : places_) place->wake->Ring();
}

// Whoever sees all ready lets all go, also one who has become busy since: so they go together, and
// none waits for another.
bool Exchange::MayLeave(size_t worker, bool is_ready) {
  places_[worker]->is_ready.store(is_ready, std::memory_order_release);
  if (may_leave_.load(std::memory_order_acquire)) return true;
  const bool all = std::all_of(places_.begin(), places_.end(), [](const auto& place) {
    return place->is_ready.load(std::memory_order_acquire);
  });
  if (all) may_leave_.store(true, std::memory_order_release);
  return all;
}

}  // namespace edge
