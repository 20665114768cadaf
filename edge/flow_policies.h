// The policies of single flows that SAs in UDP tunnels need (xfrm::PolicyOf): which sets need one,
// and its removal when none does any more. They are put in place with the SAs (edge/kernel_round).
//
// Two sets of a phone may share a flow, so a policy is counted and not of a set. One that is left
// over lets nothing pass; it would only keep a later phone of the same ports from going without a
// tunnel. So a removal is repeated until the kernel has confirmed it, unless somebody needs the
// policy again: what is asked for after a removal was sent reaches the kernel after it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "edge/kernel_link.h"
#include "edge/registrar.h"
#include "edge/sa_set.h"
#include "xfrm/batch.h"
#include "xfrm/reply.h"

namespace edge {

class FlowPolicies {
 public:
  // The link outlives it.
  explicit FlowPolicies(KernelLink* link) : link_(link) {}

  // The set has asked for these SAs. Nothing where they are in transport mode.
  void Need(SetId set, std::span<const xfrm::Sa> sas);
  // It has them from an earlier run.
  void Need(SetId set, const Agreement& agreement, uint32_t reqid);
  // The kernel has none of the set's SAs any more.
  void Release(SetId set);

  // Once a turn, before the batch that asks for SAs: sends what is to go.
  void Flush(uint64_t now_ms);
  // One datagram from the kernel; what is no answer to a removal is passed over.
  void OnReply(std::span<const std::byte> bytes);
  void OnLoss() { Finish(false); }
  // Gives up on answers that are late.
  void OnTime(uint64_t now_ms);
  uint64_t NextExpiry() const;
  bool idle() const { return unneeded_.empty() && going_.empty(); }
  size_t size() const { return policies_.size(); }  // In the kernel, or on the way there or back.

 private:
  struct Key {
    xfrm::Direction direction;
    uint16_t local_port;
    uint16_t peer_port;
    xfrm::Address local;
    xfrm::Address peer;
    bool operator==(const Key&) const = default;
    template <typename H>
    friend H AbslHashValue(H hash, const Key& key) {
      return H::combine(std::move(hash), key.direction, key.local_port, key.peer_port,
                        key.local.bytes, key.peer.bytes);
    }
  };
  struct Entry {
    xfrm::Policy policy;
    uint32_t sets = 0;  // That need it.
  };
  static Key KeyOf(const xfrm::Policy& policy) {
    return {policy.direction, policy.local_port, policy.peer_port, policy.local, policy.peer};
  }
  void Need(SetId set, const xfrm::Policy& policy);
  void Finish(bool known);

  // Sequences that neither KernelQueue nor SaWatch uses.
  static constexpr uint32_t kFirstSequence = 0x80000000;
  static constexpr uint32_t kLastSequence = 0xbfff0000;

  KernelLink* link_;
  absl::flat_hash_map<Key, Entry> policies_;
  absl::flat_hash_map<SetId, std::vector<Key>> of_set_;
  std::vector<Key> unneeded_;  // To be removed, unless needed again.
  std::vector<Key> going_;     // Of the batch under way.
  xfrm::Batch batch_;
  xfrm::BatchVerdict verdict_;
  uint32_t next_sequence_ = kFirstSequence;
  uint64_t deadline_ms_ = 0;    // Of the batch under way.
  uint64_t not_before_ms_ = 0;  // After one that failed.
  uint64_t now_ms_ = 0;
};

}  // namespace edge
