// Asks the kernel what came in on SAs: the looks of a turn in one batch, beside those of
// KernelQueue on the same link.
//
// Flush() goes before KernelQueue::Flush(), so that an SA that is to be deleted in this turn is
// looked at before. A look changes nothing, so a lost answer is no more than "not known".
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "edge/kernel_queue.h"
#include "edge/sa_use.h"

namespace edge {

class SaWatchSink {
 public:
  virtual ~SaWatchSink() = default;
  virtual void OnLooked(SetId set, const SaUse& use) = 0;
};

class SaWatch {
 public:
  // Both outlive it.
  SaWatch(KernelLink* link, SaWatchSink* sink) : link_(link), sink_(sink) {}

  // At most kSasPerSet. Beyond a batch full in one turn what came in is not known.
  void Look(SetId set, std::span<const xfrm::SaId> sas);
  // Once a turn: sends the batch, tells of looks that found no room.
  void Flush(uint64_t now_ms);
  // One datagram from the kernel; what is not an answer to a look is passed over.
  void OnReply(std::span<const std::byte> bytes);
  // Answers were lost: nothing that is under way will be known.
  void OnLoss();
  // Gives up on answers that are late.
  void OnTime(uint64_t now_ms);
  // When OnTime has something to do next; UINT64_MAX.
  uint64_t NextExpiry() const;
  bool idle() const { return batch_.empty() && rounds_.empty() && refused_.empty(); }

 private:
  struct Job {
    SetId set;
    int first_index;
    int count;
    int answered = 0;
    SaUse use;
  };
  struct Round {
    std::vector<Job> jobs;
    xfrm::BatchVerdict verdict;
    uint32_t first;
    uint64_t deadline_ms;
  };

  void Apply(const xfrm::Reply& reply);
  void Finish(const Round& round);

  // Sequences that KernelQueue never uses: it starts over in the lower half.
  static constexpr uint32_t kFirstSequence = 0xc0000000;
  static constexpr uint32_t kLastSequence = 0xffff0000;

  KernelLink* link_;
  SaWatchSink* sink_;
  xfrm::Batch batch_;
  std::vector<Job> jobs_;     // Of batch_.
  std::deque<Round> rounds_;  // Sent, oldest first.
  std::vector<SetId> refused_;
  uint32_t next_sequence_ = kFirstSequence;
};

}  // namespace edge
