// Which of the kernel's IPsec counters moved during a registration attempt (pitfalls 31): a
// history of /proc/net/xfrm_stat as it is looked at once a second.
//
// The counters are of the whole network namespace: what moved is what the operator looks at next,
// not proof that it was this phone's doing.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "xfrm/counters.h"

namespace edge {

class KernelMonitor {
 public:
  // False: there are none.
  using Read = std::function<bool(xfrm::KernelCounters* counters)>;
  explicit KernelMonitor(Read read) : read_(std::move(read)) {}

  // Reads them, if the last time is kPeriodMs ago. To be called once a turn.
  void OnTime(uint64_t now_ms) { Look(now_ms, kPeriodMs); }
  // "XfrmInNoStates+3 XfrmInStateProtoError+1": what moved since then, or a second before. ""
  // where nothing did, or nothing is known.
  std::string MovedSince(uint64_t since_ms, uint64_t now_ms);
  // As read last; all 0 before.
  xfrm::KernelCounters counters() const {
    return readings_.empty() ? xfrm::KernelCounters() : readings_.back().counters;
  }

  // Readings in the history, those alone at which something had moved. An attempt older than all
  // of them is compared with the oldest.
  static constexpr size_t kReadingsMax = 128;
  static constexpr uint64_t kPeriodMs = 1'000;
  // A flood of failed attempts is no flood of readings.
  static constexpr uint64_t kPauseMs = 100;

 private:
  struct Reading {
    uint64_t at_ms;
    xfrm::KernelCounters counters;
  };
  void Look(uint64_t now_ms, uint64_t pause_ms);

  Read read_;
  std::deque<Reading> readings_;
  uint64_t last_ms_ = 0;
  bool is_tried_ = false;
};

}  // namespace edge
