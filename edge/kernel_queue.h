// Between the core and the kernel: gathers the SAs of a turn into batches, one send and one fence
// each, and turns the answers into one verdict per set (design D2).
//
// A verdict is success only when the fence came and no request of the set failed. A lost answer is
// "unknown": the set is deleted and counts as refused. What a refused set had installed is deleted
// before OnDeleted tells that its SPIs are free; a deletion is repeated until the kernel confirms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include "edge/registrar.h"
#include "edge/sa_set.h"
#include "xfrm/batch.h"
#include "xfrm/reply.h"

namespace edge {

// Sends a batch; the bytes are good for the call. False: not now, try again in the next turn.
class KernelLink {
 public:
  virtual ~KernelLink() = default;
  virtual bool Send(std::span<const std::byte> batch) = 0;
};

class KernelSink {
 public:
  virtual ~KernelSink() = default;
  virtual void OnInstalled(SetId set, std::errc error, std::string_view explanation) = 0;
  virtual void OnExtended(SetId set, std::errc error, std::string_view explanation) = 0;
  virtual void OnDeleted(SetId set) = 0;
};

class KernelQueue {
 public:
  // Batches waiting for their fence or to be sent. Over it installations are refused with ENOBUFS;
  // deletions wait.
  static constexpr size_t kBatchesMax = 16;

  KernelQueue(KernelLink* link, KernelSink* sink) : link_(link), sink_(sink) {}

  // See Actions. Requests of one set reach the kernel in the order of the calls.
  void Install(SetId set, std::span<const xfrm::Sa> sas);
  void Extend(SetId set, std::span<const xfrm::Sa> sas, std::span<const xfrm::Sa> added = {});
  void Delete(SetId set, const SaIdArray& sas);

  // Once a turn: sends what was gathered.
  void Flush(uint64_t now_ms);
  // One datagram from the kernel.
  void OnReply(std::span<const std::byte> bytes);
  // Answers were lost: every batch under way has an unknown outcome.
  void OnLoss();
  // Gives up on answers that are late.
  void OnTime(uint64_t now_ms);
  uint64_t NextExpiry() const;
  // Nothing gathered, nothing under way.
  bool idle() const {
    return open_ == nullptr && rounds_.empty() && waiting_.empty() && failed_.empty() &&
           refusals_.empty();
  }

 private:
  enum class Kind : uint8_t { kInstall, kExtend, kDelete };
  // SAs of one set, four but where a roll-back has fewer to delete.
  struct Ids {
    SaIdArray ids;
    size_t count = 0;
  };
  // The requests of one set in a batch.
  struct Job {
    Kind kind;
    SetId set;
    Ids sas;
    int first_index;
  };
  // One batch and what it is for.
  struct Round {
    xfrm::Batch batch;
    xfrm::BatchVerdict verdict;
    std::vector<Job> jobs;
    std::string explanation;  // The kernel's words on the first failure...
    uint32_t explained = 0;   // ...and its sequence.
    uint32_t first = 0;       // Sequence of its first request.
    bool sent = false;
    uint64_t deadline_ms = 0;
  };
  // A deletion that goes out with the next batch that has room, not before its time.
  struct Deletion {
    SetId set;
    Ids sas;
    uint64_t not_before_ms = 0;
  };
  // No batch had room: told at the next Flush, never out of a call of the core.
  struct Refusal {
    Kind kind;
    SetId set;
  };

  Round* OpenRound();
  void SealRound();
  void SendRounds(uint64_t now_ms);
  void PlaceDeletions();
  void TellRefusals();
  void Ask(Kind kind, SetId set, std::span<const xfrm::Sa> updated,
           std::span<const xfrm::Sa> added);
  void FinishRound(std::unique_ptr<Round> round, bool known);
  void FinishJob(const Round& round, const Job& job, bool known);
  void RollBack(const Round& round, const Job& job, bool known);
  static std::string_view WordsFor(const Round& round, const Job& job, bool known);
  static std::errc FirstError(const Round& round, const Job& job, std::errc harmless);

  KernelLink* link_;
  KernelSink* sink_;
  std::unique_ptr<Round> open_;                // Being filled.
  std::deque<std::unique_ptr<Round>> rounds_;  // Full or sent, oldest first.
  std::vector<std::unique_ptr<Round>> spare_;
  std::deque<Deletion> waiting_;
  std::deque<Deletion> failed_;  // Deletions the kernel did not confirm, by not_before_ms.
  std::vector<Refusal> refusals_;
  uint32_t next_sequence_ = 1;
  uint64_t now_ms_ = 0;
};

}  // namespace edge
