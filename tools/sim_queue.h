// What happens when in a simulated run: events by time, those of one instant in the order they were
// asked for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace tools {

class SimQueue {
 public:
  using What = std::function<void()>;

  uint64_t now_ms() const { return now_ms_; }
  uint64_t steps() const { return steps_; }

  void At(uint64_t at_ms, What what) {
    events_.push_back({std::max(at_ms, now_ms_), ++order_, std::move(what)});
    std::push_heap(events_.begin(), events_.end(), IsLater);
  }
  void After(uint64_t ms, What what) { At(now_ms_ + ms, std::move(what)); }

  // The earliest event; false: there is none up to `end_ms`.
  bool Step(uint64_t end_ms) {
    if (events_.empty() || events_.front().at_ms > end_ms) return false;
    std::pop_heap(events_.begin(), events_.end(), IsLater);
    const Event event = std::move(events_.back());
    events_.pop_back();
    now_ms_ = event.at_ms;
    ++steps_;
    event.what();
    return true;
  }

 private:
  struct Event {
    uint64_t at_ms;
    uint64_t order;
    What what;
  };
  static bool IsLater(const Event& a, const Event& b) {
    return std::pair(a.at_ms, a.order) > std::pair(b.at_ms, b.order);
  }

  uint64_t now_ms_ = 0;
  uint64_t order_ = 0;
  uint64_t steps_ = 0;
  std::vector<Event> events_;
};

}  // namespace tools
