// Between the core and the kernel: gathers the SAs of a turn into one batch, one send and one
// fence, and turns the answers into one verdict per set (design D2, D12).
//
// A verdict is success only when the fence came and no request of the set failed; refused with the
// kernel's error and words; or unknown (kOutcomeUnknown), which counts as refused. What of such a
// set is or may be in the kernel is deleted before OnDeleted tells that its SPIs are free.
//
//   Install, Extend ──► requests_ ──────────────► batch ──► sent ──► verdict
//                       blocked_ (id in deletion)   ▲        │
//   Delete, roll-back ─► deletions_ ────────────────┘        │ not confirmed: look, after a while
//                ▲       held_ (its request is on its way)   │
//                └───────────────────────────────────────────┘
//
// The bound: a batch has kKernelRequestsPerTurn requests at most, so that the kernel does not hold
// the turn above a millisecond. What is beyond waits for the next turn, in order; while both
// wait, deletions get half of the batch and the others the rest, so neither starves.
//
// The rule of deletion: an SA is deleted unseen only if the core is certain that it is the set's.
// Any other is asked for, and deleted if the kernel shows our reqid and the set's label. While a
// deletion is not confirmed, nothing is installed under the ids it names; and a set that is to be
// deleted while it is being installed is deleted when its verdict is there.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/hash/hash.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include "edge/actions.h"
#include "edge/flow_policies.h"
#include "edge/kernel_link.h"
#include "edge/kernel_round.h"
#include "edge/limits.h"
#include "edge/sa_set.h"
#include "edge/stats.h"

namespace edge {

class KernelSink {
 public:
  virtual ~KernelSink() = default;
  virtual void OnInstalled(SetId set, std::errc error, std::string_view explanation) = 0;
  virtual void OnExtended(SetId set, std::errc error, std::string_view explanation) = 0;
  virtual void OnDeleted(SetId set) = 0;
  virtual void OnRedirected(SetId) {}
};

class KernelQueue {
 public:
  // `reqid` marks our SAs. All three outlive the queue.
  KernelQueue(KernelLink* link, KernelSink* sink, uint32_t reqid, Stats* stats)
      : link_(link), sink_(sink), reqid_(reqid), stats_(*stats), policies_(link) {}

  // See Actions. Over kKernelWaitingMax of them that wait, refused with ENOBUFS at the next Flush;
  // a deletion is never refused.
  void Install(SetId set, std::span<const xfrm::Sa> sas);
  void Extend(SetId set, std::span<const xfrm::Sa> sas, std::span<const xfrm::Sa> added = {});
  // At kKernelWaitingMax not done, and told so.
  void Redirect(SetId set, std::span<const xfrm::Sa> sas);
  // Of a set in UDP that an earlier run left.
  FlowPolicies& policies() { return policies_; }
  void Delete(SetId set, const SaIds& sas, bool certain);

  // Once a turn: sends one batch of what waits.
  void Flush(uint64_t now_ms);
  // One datagram from the kernel.
  void OnReply(std::span<const std::byte> bytes);
  // Answers were lost: every batch under way has an unknown outcome.
  void OnLoss();
  // Gives up on answers that are late.
  void OnTime(uint64_t now_ms);
  // When there is something to do next; 0: at once. UINT64_MAX: nothing before an answer.
  uint64_t NextExpiry() const;
  // SA sets that wait to be installed or extended.
  size_t waiting() const { return requests_.size() + blocked_.size(); }
  // Nothing waits, nothing is under way.
  bool idle() const;

 private:
  struct Deletion {
    SetId set;
    SaIds sas;
    bool certain;
    uint64_t not_before_ms = 0;
  };
  struct SaIdHash {
    size_t operator()(const xfrm::SaId& id) const {
      return absl::HashOf(id.destination.bytes, id.destination.family, id.spi);
    }
  };
  // Told at the next Flush, never out of a call of the core.
  struct Refusal {
    JobKind kind;
    SetId set;
  };

  enum class Cancelled : uint8_t { kNothing, kInstall, kExtend };

  void Ask(SetRequest request);
  Cancelled CancelUnsent(SetId set);
  void CountAnswer(SetId set);
  void TellRefusals();
  void FillRound();
  void PlaceDeletions(int requests_max);
  void PlaceRequests();
  bool IsBlocked(const SetRequest& request) const;

  template <typename Which>
  void FinishThose(Which which, bool known);
  void Finish(const KernelRound& round, const Job& job, bool known);
  void FinishRequest(const KernelRound& round, const Job& job, bool known);
  void RollBack(const KernelRound& round, const Job& job, bool known);
  void FinishLook(const KernelRound& round, const Job& job, bool known);
  void FinishDelete(const KernelRound& round, const Job& job, bool known);
  void LookLater(const Job& job);
  void Close(const SaIds& sas);
  void TellDeleted(SetId set);

  KernelLink* link_;
  KernelSink* sink_;
  const uint32_t reqid_;
  Stats& stats_;
  FlowPolicies policies_;
  std::deque<SetRequest> requests_;  // Wait for a batch, oldest first.
  std::deque<SetRequest> blocked_;   // Those whose ids a deletion names, oldest first.
  std::deque<Deletion> deletions_;   // Wait for a batch.
  std::deque<Deletion> later_;       // Not confirmed: to be looked for, by not_before_ms.
  std::vector<Refusal> refusals_;
  // Requests of a set that have no verdict yet, and the deletion that waits for it.
  absl::flat_hash_map<SetId, int> unanswered_;
  absl::flat_hash_map<SetId, Deletion> held_;
  absl::flat_hash_map<xfrm::SaId, int, SaIdHash> open_;  // Ids in deletions not confirmed.
  std::unique_ptr<KernelRound> filled_;                  // Not sent yet.
  std::deque<std::unique_ptr<KernelRound>> rounds_;      // Sent, oldest first.
  std::vector<std::unique_ptr<KernelRound>> spare_;
  uint32_t next_sequence_ = 1;
  bool is_stuck_ = false;  // The link took nothing.
  uint64_t now_ms_ = 0;
};

}  // namespace edge
