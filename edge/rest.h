// How all workers of a process come to rest together, so that another process can take over what
// they hold (design D22): one thread asks, each worker arrives, and from any phase they may be
// asked to serve again, as if nothing had been.
//
//   kServe ─► kSettle: ports rest, the kernel and the journal have answered everything
//          ─► kLetters: what workers told one another before has been read, and all is settled
//          ─► kWrite: what a worker knows is written down; it does not move any more
//          ─► kLeave: another process has all of it
#pragma once

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace edge {

class Rest {
 public:
  enum class Phase : uint8_t { kServe, kSettle, kLetters, kWrite, kLeave };

  // What a worker has written.
  struct Kept {
    int state = -1;          // A file, which is the reader's.
    std::vector<int> files;  // Sockets, which stay the worker's.
    std::string error;       // Why it could not.
  };

  explicit Rest(size_t workers) {
    for (size_t i = 0; i < workers; ++i) places_.push_back(std::make_unique<Place>());
  }

  // Of the thread that asks. Workers look once a turn (Exchange::AskRest wakes them).
  void Ask(Phase phase) { asked_.store(phase, std::memory_order_release); }
  bool AllAt(Phase phase) const {
    return std::all_of(places_.begin(), places_.end(), [phase](const auto& place) {
      return place->at.load(std::memory_order_acquire) == phase;
    });
  }
  // What keeps a worker from it; "": nothing.
  const char* Unrest(size_t worker) const {
    return places_[worker]->unrest.load(std::memory_order_relaxed);
  }
  // When all are at kWrite.
  Kept TakeKept(size_t worker) { return std::exchange(places_[worker]->kept, {}); }

  // Of a worker.
  Phase asked() const { return asked_.load(std::memory_order_acquire); }
  void Tell(size_t worker, const char* unrest) {
    places_[worker]->unrest.store(unrest, std::memory_order_relaxed);
  }
  void Keep(size_t worker, Kept kept) { places_[worker]->kept = std::move(kept); }
  void Arrive(size_t worker, Phase phase) {
    places_[worker]->at.store(phase, std::memory_order_release);
  }

 private:
  struct alignas(64) Place {
    std::atomic<Phase> at = Phase::kServe;
    std::atomic<const char*> unrest = "";
    Kept kept;
  };

  std::atomic<Phase> asked_ = Phase::kServe;
  std::vector<std::unique_ptr<Place>> places_;
};

}  // namespace edge
