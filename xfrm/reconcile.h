// What the kernel holds against what we know, after a restart: which SAs stay, which are missing,
// which must go. Then the requests that make it so, in bounded batches.
//
//   Reconciler reconciler(known, lifetimes, reqid, seed);
//   ... reconciler.Look(sa) for every SA of a dump ...
//   const ReconcilePlan plan = reconciler.Finish();
//   ReconcileRun run(plan, known);
//   while (run.Fill(&batch, requests_max)) { ... send, then run.Take(verdict) ... }
//   if (run.again()) ... something is refused or unknown: dump and reconcile once more.
//
// Takes linear time. Memory for N SAs known: at most 17 N bytes beside `known` (4.6 MB for 400,000)
// and what the plan holds: 4 bytes each to install, 12 each to extend, 24 each to remove; the dump
// need not be held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <vector>

#include "xfrm/batch.h"
#include "xfrm/reply.h"
#include "xfrm/sa.h"

namespace xfrm {

// When the lifetimes of what we know begin, in seconds since the epoch by the kernel's clock, and
// how much earlier than they do an SA may end in the kernel.
struct Lifetimes {
  uint64_t now_s = 0;
  uint32_t early_s_max = 0;
};

// Indices are into what we know, ascending but in `extend`.
struct ReconcilePlan {
  // The kernel would end it too early. Its own UDP ports are kept.
  struct Extension {
    uint32_t index;
    uint32_t hard_seconds;  // Of the SA that is there: since it was added.
    uint16_t source_port;   // Of its tunnel.
    uint16_t destination_port;
  };

  std::vector<uint32_t> install;  // The kernel lacks it.
  std::vector<uint32_t> replace;  // Ours with other contents: deleted, then installed.
  std::vector<uint32_t> blocked;  // Somebody else's SA has its id: cannot be installed.
  std::vector<SaId> remove;       // With our reqid, but nobody knows it.
  std::vector<Extension> extend;  // As we know it, but...
  size_t kept = 0;                // As we know it: its sequence numbers live on; with `extend`.
  size_t foreign = 0;             // With another reqid: untouched.
  size_t repeated = 0;            // Ids known twice; of those only the first counts.
};

// Compares SA by SA. One is kept if destination, SPI, source, selector, reqid, packet limit, mark
// and algorithms are what we know; keys do not leave the kernel, so an SA of ours is taken to have
// the right ones: callers that use an id again tell one SA from the next by the packet limit.
// One that would end early is kept and given its time: an earlier run may have died between its
// store and the kernel. One that would end late is its owner's to delete. The plan does not depend
// on the order of the dump, but for the order of `extend`.
class Reconciler {
 public:
  // `known` outlives it; each SA in it has the reqid `reqid`. `seed` is random: phones choose SPIs,
  // and must not be able to choose them so that the table becomes slow.
  Reconciler(std::span<const Sa> known, Lifetimes lifetimes, uint32_t reqid, uint64_t seed);

  void Look(const SaInfo& sa);
  ReconcilePlan Finish();

 private:
  // What was seen under the id of an SA we know; several SAs can be (marks, which are not ours).
  static constexpr uint8_t kSame = 1, kOther = 2, kForeign = 4, kRepeated = 8;

  // The slot with this id, or the empty one where it belongs.
  size_t SlotOf(const SaId& id) const;

  bool EndsEarly(const SaInfo& there, const Sa& known) const;

  std::span<const Sa> known_;
  Lifetimes lifetimes_;
  uint32_t reqid_;
  uint64_t seed_;
  std::vector<uint32_t> slots_;  // Open addressing, at most half full: index + 1; 0 is empty.
  std::vector<uint8_t> seen_;    // By index.
  ReconcilePlan plan_;
};

ReconcilePlan Reconcile(std::span<const SaInfo> dump, std::span<const Sa> known,
                        Lifetimes lifetimes, uint32_t reqid, uint64_t seed);

// Carries a plan out. A batch takes half its requests from what is to be removed as long as there
// is any, so neither removals nor installations starve; what is replaced is deleted just before it
// is installed.
class ReconcileRun {
 public:
  // Both outlive it, and the keys of what is installed.
  ReconcileRun(const ReconcilePlan& plan, std::span<const Sa> known) : plan_(plan), known_(known) {}

  // Fills an empty batch with at most `requests_max` requests, the next in order; false if nothing
  // is left. REQUIRES: 4 <= requests_max <= Batch::kRequestsMax.
  bool Fill(Batch* batch, int requests_max);
  // What became of the batch filled last. An incomplete verdict (fence lost, buffer overrun) makes
  // its requests unknown.
  void Take(const BatchVerdict& verdict);

  size_t installed() const { return installed_; }
  size_t extended() const { return extended_; }
  size_t removed() const { return removed_; }  // Gone, whether by us or by themselves.
  size_t refused() const { return refused_; }
  size_t unknown() const { return unknown_; }
  std::errc first_refusal() const { return first_refusal_; }
  // The kernel may differ from what we know: dump and reconcile once more.
  bool again() const { return refused_ + unknown_ > 0; }

 private:
  enum class Request : uint8_t { kInstall, kExtend, kRemove };

  const ReconcilePlan& plan_;
  std::span<const Sa> known_;
  size_t remove_at_ = 0;
  size_t replace_at_ = 0;
  size_t extend_at_ = 0;
  size_t install_at_ = 0;
  std::vector<Request> requests_;  // Of the batch.

  size_t installed_ = 0;
  size_t extended_ = 0;
  size_t removed_ = 0;
  size_t refused_ = 0;
  size_t unknown_ = 0;
  std::errc first_refusal_{};
};

}  // namespace xfrm
