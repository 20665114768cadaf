#include "edge/restart.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "edge/limits.h"
#include "xfrm/reconcile.h"

namespace edge {
namespace {

// A kernel that is sound needs one pass; one that lost an answer, a second.
constexpr int kPassesMax = 5;
// How often the log says how far it is.
constexpr size_t kProgressSas = 200'000;

// What the kernel knows a policy by.
struct PolicyId {
  explicit PolicyId(const xfrm::Policy& policy)
      : direction(policy.direction),
        ports{policy.local_port, policy.peer_port},
        ends{policy.local, policy.peer} {}
  explicit PolicyId(const xfrm::PolicyInfo& there)
      : direction(there.direction),
        ports{there.local_port, there.peer_port},
        ends{there.local, there.peer} {}
  bool operator==(const PolicyId&) const = default;
  template <typename H>
  friend H AbslHashValue(H hash, const PolicyId& id) {
    return H::combine(std::move(hash), id.direction, id.ports, id.ends[0].bytes, id.ends[1].bytes);
  }

  xfrm::Direction direction;
  std::array<uint16_t, 2> ports;
  std::array<xfrm::Address, 2> ends;
};

class Restart {
 public:
  Restart(const Transaction& transact, const Known& known, uint32_t reqid, RestartCounts* counts)
      : transact_(transact),
        known_(known),
        reqid_(reqid),
        counts_(*counts),
        asked_(known.sas.size()) {}

  // Dumps, compares, changes. What is not known to be done is left to the next pass; error() is
  // why.
  bool PutSasRight(uint64_t seed, bool is_first);
  bool PutPoliciesRight();
  std::errc error() const { return error_; }

 private:
  bool Dump(void (*ask)(xfrm::Batch*), const std::function<void(const xfrm::Reply&)>& look);
  // Of an SA that ends between two passes, too.
  void AskFor(const xfrm::ReconcilePlan& plan);
  // An empty batch, whose answers no late one of an earlier batch is taken for.
  void Begin() {
    sequence_ += xfrm::Batch::kRequestsMax;
    batch_.Clear(sequence_);
  }
  std::errc Run() {
    ++counts_.batches;
    return transact_(&batch_, &verdict_, [](const xfrm::Reply&) {});
  }

  const Transaction& transact_;
  const Known& known_;
  const uint32_t reqid_;
  RestartCounts& counts_;
  std::vector<bool> asked_;  // known_.before_install, by index.
  xfrm::Batch batch_;
  xfrm::BatchVerdict verdict_;
  uint32_t sequence_ = 1;
  std::errc error_{};
};

// A dump that says of itself that the table moved under it tells nothing.
bool Restart::Dump(void (*ask)(xfrm::Batch*), const std::function<void(const xfrm::Reply&)>& look) {
  Begin();
  ask(&batch_);
  error_ = transact_(&batch_, &verdict_, look);
  if (error_ == std::errc{}) error_ = verdict_.error(0);
  return error_ == std::errc{};
}

bool Restart::PutSasRight(uint64_t seed, bool is_first) {
  xfrm::Reconciler reconciler(known_.sas, known_.lifetimes, reqid_, seed);
  const bool is_dumped = Dump([](xfrm::Batch* batch) { batch->DumpSas(); },
                              [&](const xfrm::Reply& reply) {
                                if (reply.kind == xfrm::ReplyKind::kSa) reconciler.Look(reply.sa);
                              });
  if (!is_dumped) return false;
  const xfrm::ReconcilePlan plan = reconciler.Finish();
  if (is_first) counts_.sas_kept = plan.kept;
  counts_.sas_foreign = plan.foreign;
  counts_.sas_blocked = plan.blocked.size();

  AskFor(plan);
  xfrm::ReconcileRun run(plan, known_.sas);
  size_t told = 0;
  for (Begin(); run.Fill(&batch_, kKernelRequestsPerTurn); Begin()) {
    error_ = Run();
    run.Take(verdict_);
    if (error_ != std::errc{}) break;
    const size_t done = run.installed() + run.removed();
    if (done < told + kProgressSas) continue;
    told = done;
    spdlog::info("kernel: {} SAs installed, {} removed so far", run.installed(), run.removed());
  }
  counts_.sas_installed += run.installed();
  counts_.sas_extended += run.extended();
  counts_.sas_removed += run.removed();
  if (run.refused() > 0) error_ = run.first_refusal();
  return error_ == std::errc{};
}

void Restart::AskFor(const xfrm::ReconcilePlan& plan) {
  if (!known_.before_install) return;
  std::vector<uint32_t> missing;
  for (const std::vector<uint32_t>* indices : {&plan.install, &plan.replace}) {
    for (const uint32_t index : *indices) {
      if (!asked_[index]) missing.push_back(index);
      asked_[index] = true;
    }
  }
  if (!missing.empty()) known_.before_install(missing);
}

// A port that is not served any more must not stay closed to whoever has it next (pitfalls 8).
bool Restart::PutPoliciesRight() {
  absl::flat_hash_set<PolicyId> known;
  for (const xfrm::Policy& policy : known_.policies) known.insert(PolicyId(policy));
  std::vector<xfrm::Policy> void_ones;
  counts_.policies_foreign = 0;
  const bool is_dumped = Dump([](xfrm::Batch* batch) { batch->DumpPolicies(); },
                              [&](const xfrm::Reply& reply) {
                                if (reply.kind != xfrm::ReplyKind::kPolicy) return;
                                const xfrm::PolicyInfo& there = reply.policy;
                                if (there.reqid != reqid_) {
                                  ++counts_.policies_foreign;
                                } else if (!known.contains(PolicyId(there))) {
                                  void_ones.push_back({.direction = there.direction,
                                                       .local = there.local,
                                                       .local_port = there.local_port,
                                                       .reqid = reqid_,
                                                       .peer = there.peer,
                                                       .peer_port = there.peer_port});
                                }
                              });
  if (!is_dumped) return false;
  for (size_t at = 0; at < void_ones.size() && error_ == std::errc{};) {
    Begin();
    for (; at < void_ones.size() && batch_.count() < kKernelRequestsPerTurn; ++at) {
      batch_.DeletePolicy(void_ones[at]);
    }
    const int count = batch_.count();
    error_ = Run();
    for (int i = 0; i < count && error_ == std::errc{}; ++i) {
      const std::errc refused = verdict_.error(i);
      if (refused == std::errc{}) ++counts_.policies_removed;
      // ENOENT: gone, or of another form than ours and so not made by us.
      if (refused != std::errc::no_such_file_or_directory) error_ = refused;
    }
  }
  return error_ == std::errc{};
}

}  // namespace

std::string Describe(const RestartCounts& counts) {
  return fmt::format(
      "SAs: {} kept, {} of them extended, {} installed, {} removed, {} blocked by foreign ones, {} "
      "foreign left alone; "
      "policies: {} removed, {} foreign left alone; {} batches",
      counts.sas_kept, counts.sas_extended, counts.sas_installed, counts.sas_removed,
      counts.sas_blocked, counts.sas_foreign, counts.policies_removed, counts.policies_foreign,
      counts.batches);
}

bool PutRight(const Transaction& transact, const Known& known, uint32_t reqid, uint64_t seed,
              RestartCounts* counts, std::string* error) {
  *counts = {};
  Restart restart(transact, known, reqid, counts);
  for (int pass = 0; pass < kPassesMax; ++pass) {
    if (restart.PutSasRight(seed, pass == 0) && restart.PutPoliciesRight()) return true;
  }
  *error = fmt::format("cannot clear SAs and policies of an earlier run: {}",
                       xfrm::Explain(restart.error()));
  return false;
}

}  // namespace edge
