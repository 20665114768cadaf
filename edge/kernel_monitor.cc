#include "edge/kernel_monitor.h"

#include <fmt/format.h>

#include <algorithm>

namespace edge {

void KernelMonitor::Look(uint64_t now_ms, uint64_t pause_ms) {
  if (is_tried_ && now_ms - last_ms_ < pause_ms) return;
  is_tried_ = true;
  last_ms_ = now_ms;
  xfrm::KernelCounters counters;
  if (!read_(&counters)) return;
  if (!readings_.empty() && readings_.back().counters == counters) return;
  if (readings_.size() == kReadingsMax) readings_.pop_front();
  readings_.push_back({now_ms, counters});
}

std::string KernelMonitor::MovedSince(uint64_t since_ms, uint64_t now_ms) {
  Look(now_ms, kPauseMs);
  if (readings_.empty()) return {};
  // The last reading that was good at `since_ms`.
  const auto after =
      std::upper_bound(readings_.begin(), readings_.end(), since_ms,
                       [](uint64_t time, const Reading& reading) { return time < reading.at_ms; });
  const xfrm::KernelCounters& before =
      after == readings_.begin() ? readings_.front().counters : std::prev(after)->counters;
  const xfrm::KernelCounters& now = readings_.back().counters;
  std::string moved;
  for (const xfrm::KernelCounterInfo& info : xfrm::KernelCounterInfos()) {
    const uint64_t count = now.*info.field - before.*info.field;
    if (count == 0) continue;
    fmt::format_to(std::back_inserter(moved), "{}{}+{}", moved.empty() ? "" : " ", info.name,
                   count);
  }
  return moved;
}

}  // namespace edge
