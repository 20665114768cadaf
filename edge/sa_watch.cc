#include "edge/sa_watch.h"

#include <cassert>
#include <utility>

#include "edge/limits.h"

namespace edge {

void SaWatch::Look(SetId set, std::span<const xfrm::SaId> sas) {
  assert(!sas.empty() && sas.size() <= kSasPerSet);
  const int count = static_cast<int>(sas.size());
  if (batch_.empty()) batch_.Clear(next_sequence_);
  if (batch_.count() + count > xfrm::Batch::kRequestsMax) {
    refused_.push_back(set);
    return;
  }
  jobs_.push_back({set, batch_.count(), count, 0, {}});
  for (const xfrm::SaId& sa : sas) batch_.GetSa(sa);
}

void SaWatch::Flush(uint64_t now_ms) {
  // Told before any answer to a Delete that was asked for after the look.
  const std::vector<SetId> refused = std::exchange(refused_, {});
  for (const SetId set : refused) sink_->OnLooked(set, {});
  if (batch_.empty() || !link_->Send(batch_.Seal())) return;

  Round& round = rounds_.emplace_back();
  round.jobs = std::exchange(jobs_, {});
  round.first = batch_.first();
  round.deadline_ms = now_ms + kKernelAnswerMs;
  round.verdict.Start(batch_.first(), batch_.count());
  next_sequence_ += static_cast<uint32_t>(batch_.count());
  if (next_sequence_ > kLastSequence) next_sequence_ = kFirstSequence;
  batch_.Clear(next_sequence_);
}

void SaWatch::OnReply(std::span<const std::byte> bytes) {
  if (rounds_.empty()) return;
  xfrm::ReplyReader reader(bytes);
  for (xfrm::Reply reply; reader.Next(&reply);) Apply(reply);
  while (!rounds_.empty() && rounds_.front().verdict.complete()) {
    const Round round = std::move(rounds_.front());
    rounds_.pop_front();
    Finish(round);
  }
}

void SaWatch::Apply(const xfrm::Reply& reply) {
  for (Round& round : rounds_) {
    if (!round.verdict.Apply(reply)) continue;
    if (reply.kind != xfrm::ReplyKind::kSa) return;
    const int index = static_cast<int>(reply.sequence - round.first);
    for (Job& job : round.jobs) {
      if (index < job.first_index || index >= job.first_index + job.count) continue;
      ++job.answered;
      job.use.packets += reply.sa.packets;
      job.use.bytes += reply.sa.bytes;
      job.use.undecrypted += reply.sa.undecrypted;
      job.use.replayed += reply.sa.replayed;
    }
    return;
  }
}

void SaWatch::Finish(const Round& round) {
  for (const Job& job : round.jobs) {
    SaUse use = job.use;
    use.is_known = job.answered == job.count;
    sink_->OnLooked(job.set, use.is_known ? use : SaUse());
  }
}

void SaWatch::OnLoss() {
  const std::deque<Round> rounds = std::exchange(rounds_, {});
  for (const Round& round : rounds) {
    for (const Job& job : round.jobs) sink_->OnLooked(job.set, {});
  }
}

void SaWatch::OnTime(uint64_t now_ms) {
  while (!rounds_.empty() && rounds_.front().deadline_ms <= now_ms) {
    const Round round = std::move(rounds_.front());
    rounds_.pop_front();
    for (const Job& job : round.jobs) sink_->OnLooked(job.set, {});
  }
}

uint64_t SaWatch::NextExpiry() const {
  return rounds_.empty() ? UINT64_MAX : rounds_.front().deadline_ms;
}

}  // namespace edge
