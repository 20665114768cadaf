#include "edge/kernel_round.h"

#include <algorithm>
#include <cassert>

namespace edge {

SetRequest::SetRequest(JobKind what, SetId whose, std::span<const xfrm::Sa> updated,
                       std::span<const xfrm::Sa> added)
    : kind(what), set(whose), updated_count(updated.size()), count(updated.size() + added.size()) {
  assert(count > 0 && count <= kSasPerSet);
  std::copy(added.begin(), added.end(), std::copy(updated.begin(), updated.end(), sas.begin()));
  if (!added.empty()) keys = *added.front().keys;
}

void KernelRound::Start(uint32_t sequence, uint32_t reqid) {
  batch_.Clear(sequence);
  jobs_.clear();
  sequence_ = sequence;
  reqid_ = reqid;
  sent_count_ = 0;
}

void KernelRound::Add(const SetRequest& request) {
  Job job{.kind = request.kind, .set = request.set, .sas = {}, .first_index = batch_.count()};
  job.sas.label = request.sas.front().hard_packets;
  for (size_t i = 0; i < request.count; ++i) {
    xfrm::Sa sa = request.sas[i];
    job.sas.Add(sa.id());
    if (i < request.updated_count) {
      sa.keys = nullptr;  // The kernel has them.
      batch_.UpdateSa(sa);
    } else {
      sa.keys = &request.keys;
      batch_.AddSa(sa);
    }
  }
  // Replaced where another set of the same ports has brought it.
  for (size_t i = request.updated_count; i < request.count && request.sas[i].tunnel; ++i) {
    batch_.UpdatePolicy(PolicyOf(request.sas[i]));
    ++job.policies;
  }
  jobs_.push_back(std::move(job));
}

void KernelRound::Add(JobKind kind, SetId set, const SaIds& sas) {
  assert(kind == JobKind::kLook || kind == JobKind::kDelete);
  jobs_.push_back({.kind = kind, .set = set, .sas = sas, .first_index = batch_.count()});
  for (size_t i = 0; i < sas.count; ++i) {
    if (kind == JobKind::kLook) {
      batch_.GetSa(sas.ids[i]);
    } else {
      batch_.DeleteSa(sas.ids[i]);
    }
  }
}

void KernelRound::OnSent(uint64_t deadline_ms) {
  sent_count_ = batch_.count();
  verdict_.Start(sequence_, sent_count_);
  batch_.Clear(0);  // The link has its copy; the keys go.
  deadline_ms_ = deadline_ms;
}

bool KernelRound::Take(const xfrm::Reply& reply) {
  if (sent_count_ == 0 || !verdict_.Apply(reply)) return false;
  const auto index = static_cast<int>(reply.sequence - sequence_);
  Job* job = JobOf(index);
  if (reply.kind == xfrm::ReplyKind::kSa && job->kind == JobKind::kLook) {
    const auto at = static_cast<size_t>(index - job->first_index);
    const bool is_ours = reply.sa.id == job->sas.ids[at] && reply.sa.reqid == reqid_ &&
                         reply.sa.hard_packets == job->sas.label;
    (is_ours ? job->ours : job->others) |= static_cast<uint8_t>(1u << at);
  }
  if (reply.kind == xfrm::ReplyKind::kAck && reply.error != std::errc{} && !job->is_refused) {
    job->is_refused = true;
    job->words = reply.explanation;
  }
  return true;
}

std::errc KernelRound::FirstErrorOf(const Job& job, std::errc harmless) const {
  for (size_t i = 0; i < job.sas.count + job.policies; ++i) {
    const std::errc error = ErrorOf(job, i);
    if (error != std::errc{} && error != harmless) return error;
  }
  return std::errc{};
}

// The last one that begins at or before `index`.
Job* KernelRound::JobOf(int index) {
  const auto after =
      std::upper_bound(jobs_.begin(), jobs_.end(), index,
                       [](int wanted, const Job& job) { return wanted < job.first_index; });
  assert(after != jobs_.begin());
  return &*(after - 1);
}

}  // namespace edge
