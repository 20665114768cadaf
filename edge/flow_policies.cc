#include "edge/flow_policies.h"

#include <algorithm>
#include <utility>

#include "edge/limits.h"

namespace edge {

void FlowPolicies::Need(SetId set, std::span<const xfrm::Sa> sas) {
  for (const xfrm::Sa& sa : sas) {
    if (sa.tunnel) Need(set, PolicyOf(sa));
  }
}

void FlowPolicies::Need(SetId set, const Agreement& agreement, uint32_t reqid) {
  if (!agreement.in_udp()) return;
  for (const xfrm::Policy& policy : MakeFlowPolicies(agreement, reqid)) Need(set, policy);
}

void FlowPolicies::Need(SetId set, const xfrm::Policy& policy) {
  const Key key = KeyOf(policy);
  Entry& entry = policies_[key];
  entry.policy = policy;
  ++entry.sets;
  of_set_[set].push_back(key);
}

void FlowPolicies::Release(SetId set) {
  if (of_set_.empty()) return;
  const auto found = of_set_.find(set);
  if (found == of_set_.end()) return;
  for (const Key& key : found->second) {
    if (--policies_[key].sets == 0) unneeded_.push_back(key);
  }
  of_set_.erase(found);
}

void FlowPolicies::Flush(uint64_t now_ms) {
  if (unneeded_.empty() || !going_.empty() || now_ms < not_before_ms_) return;
  std::vector<Key> going;
  batch_.Clear(next_sequence_);
  while (!unneeded_.empty() && batch_.count() < kKernelRequestsPerTurn) {
    const Key key = unneeded_.back();
    unneeded_.pop_back();
    const auto found = policies_.find(key);
    const bool is_needed = found == policies_.end() || found->second.sets > 0;
    // Needed and left again while it waited, it stands there twice.
    if (is_needed || std::find(going.begin(), going.end(), key) != going.end()) continue;
    batch_.DeletePolicy(found->second.policy);
    going.push_back(key);
  }
  if (going.empty()) return;
  const int count = batch_.count();
  if (!link_->Send(batch_.Seal())) {
    unneeded_.insert(unneeded_.end(), going.begin(), going.end());
    not_before_ms_ = now_ms + 1;
    return;
  }
  verdict_.Start(next_sequence_, count);
  going_ = std::move(going);
  deadline_ms_ = now_ms + kKernelAnswerMs;
  next_sequence_ += static_cast<uint32_t>(count);
  if (next_sequence_ > kLastSequence) next_sequence_ = kFirstSequence;
}

void FlowPolicies::OnReply(std::span<const std::byte> bytes) {
  if (going_.empty()) return;
  xfrm::ReplyReader reader(bytes);
  for (xfrm::Reply reply; reader.Next(&reply);) static_cast<void>(verdict_.Apply(reply));
  if (verdict_.complete()) Finish(true);
}

void FlowPolicies::OnTime(uint64_t now_ms) {
  now_ms_ = now_ms;
  if (!going_.empty() && deadline_ms_ <= now_ms) Finish(false);
}

void FlowPolicies::Finish(bool known) {
  const std::vector<Key> going = std::exchange(going_, {});
  for (size_t i = 0; i < going.size(); ++i) {
    const std::errc error = known ? verdict_.error(static_cast<int>(i)) : std::errc::timed_out;
    const bool is_gone = error == std::errc{} || error == std::errc::no_such_file_or_directory;
    if (!is_gone) {
      unneeded_.push_back(going[i]);
      not_before_ms_ = now_ms_ + kKernelAnswerMs;
    } else if (const auto found = policies_.find(going[i]);
               found != policies_.end() && found->second.sets == 0) {
      policies_.erase(found);
    }
  }
}

uint64_t FlowPolicies::NextExpiry() const {
  if (!going_.empty()) return deadline_ms_;
  return unneeded_.empty() ? UINT64_MAX : not_before_ms_;
}

}  // namespace edge
