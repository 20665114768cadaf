#include "edge/kernel_queue.h"

#include <algorithm>
#include <cassert>

#include "edge/limits.h"

namespace edge {
namespace {

constexpr int kRequestsPerSet = static_cast<int>(kSasPerSet);

}  // namespace

KernelQueue::Round* KernelQueue::OpenRound() {
  if (open_ != nullptr && open_->batch.count() + kRequestsPerSet > xfrm::Batch::kRequestsMax) {
    SealRound();
  }
  if (open_ != nullptr) return open_.get();
  if (rounds_.size() >= kBatchesMax) return nullptr;
  if (spare_.empty()) {
    open_ = std::make_unique<Round>();
  } else {
    open_ = std::move(spare_.back());
    spare_.pop_back();
  }
  open_->batch.Clear(next_sequence_);
  open_->first = next_sequence_;
  open_->jobs.clear();
  open_->explanation.clear();
  open_->sent = false;
  return open_.get();
}

void KernelQueue::SealRound() {
  const auto count = static_cast<uint32_t>(open_->batch.count());
  open_->verdict.Start(next_sequence_, open_->batch.count());
  // 0 is the kernel's own sequence in multicasts; start over before it comes.
  next_sequence_ = next_sequence_ > UINT32_MAX / 2 ? 1 : next_sequence_ + count;
  rounds_.push_back(std::move(open_));
}

void KernelQueue::Install(SetId set, std::span<const xfrm::Sa> sas) {
  Ask(Kind::kInstall, set, {}, sas);
}

void KernelQueue::Extend(SetId set, std::span<const xfrm::Sa> sas,
                         std::span<const xfrm::Sa> added) {
  Ask(Kind::kExtend, set, sas, added);
}

void KernelQueue::Ask(Kind kind, SetId set, std::span<const xfrm::Sa> updated,
                      std::span<const xfrm::Sa> added) {
  assert(updated.size() + added.size() <= kSasPerSet);
  Round* round = OpenRound();
  if (round == nullptr) {
    refusals_.push_back({kind, set});
    return;
  }
  Job job{kind, set, {}, round->batch.count()};
  for (const xfrm::Sa& sa : updated) {
    job.sas.ids[job.sas.count++] = sa.id();
    round->batch.UpdateSa(sa);
  }
  for (const xfrm::Sa& sa : added) {
    job.sas.ids[job.sas.count++] = sa.id();
    round->batch.AddSa(sa);
  }
  round->jobs.push_back(job);
}

void KernelQueue::Delete(SetId set, const SaIdArray& sas) {
  waiting_.push_back({set, {sas, sas.size()}});
  PlaceDeletions();
}

void KernelQueue::PlaceDeletions() {
  while (!failed_.empty() && failed_.front().not_before_ms <= now_ms_) {
    waiting_.push_back(failed_.front());
    failed_.pop_front();
  }
  while (!waiting_.empty()) {
    Round* round = OpenRound();
    if (round == nullptr) return;
    const Deletion& deletion = waiting_.front();
    round->jobs.push_back({Kind::kDelete, deletion.set, deletion.sas, round->batch.count()});
    for (size_t i = 0; i < deletion.sas.count; ++i) round->batch.DeleteSa(deletion.sas.ids[i]);
    waiting_.pop_front();
  }
}

void KernelQueue::TellRefusals() {
  constexpr std::string_view kWhy = "too many batches wait for the kernel";
  const std::vector<Refusal> refusals = std::move(refusals_);
  refusals_.clear();
  for (const Refusal& refusal : refusals) {
    if (refusal.kind == Kind::kExtend) {
      sink_->OnExtended(refusal.set, std::errc::no_buffer_space, kWhy);
    } else {
      sink_->OnInstalled(refusal.set, std::errc::no_buffer_space, kWhy);
      sink_->OnDeleted(refusal.set);
    }
  }
}

void KernelQueue::Flush(uint64_t now_ms) {
  now_ms_ = now_ms;
  TellRefusals();
  PlaceDeletions();
  if (open_ != nullptr && !open_->batch.empty()) SealRound();
  SendRounds(now_ms);
}

void KernelQueue::SendRounds(uint64_t now_ms) {
  for (const std::unique_ptr<Round>& round : rounds_) {
    if (round->sent) continue;
    if (!link_->Send(round->batch.Seal())) return;  // In order: nothing overtakes.
    round->sent = true;
    round->deadline_ms = now_ms + kKernelAnswerMs;
    round->batch.Clear(0);  // The link has its copy; the keys go.
  }
}

void KernelQueue::OnReply(std::span<const std::byte> bytes) {
  xfrm::ReplyReader reader(bytes);
  xfrm::Reply reply;
  while (reader.Next(&reply)) {
    for (const std::unique_ptr<Round>& round : rounds_) {
      if (!round->sent || !round->verdict.Apply(reply)) continue;
      if (reply.error != std::errc{} && round->explanation.empty()) {
        round->explanation = reply.explanation;
        round->explained = reply.sequence;
      }
      break;
    }
  }
  // The kernel works one batch after the other, so the oldest is done first; a batch behind one
  // whose fence is missing is settled all the same.
  for (size_t i = 0; i < rounds_.size();) {
    if (!rounds_[i]->sent || !rounds_[i]->verdict.complete()) {
      ++i;
      continue;
    }
    std::unique_ptr<Round> round = std::move(rounds_[i]);
    rounds_.erase(rounds_.begin() + static_cast<ptrdiff_t>(i));
    FinishRound(std::move(round), true);
  }
}

void KernelQueue::FinishRound(std::unique_ptr<Round> round, bool known) {
  for (const Job& job : round->jobs) FinishJob(*round, job, known);
  spare_.push_back(std::move(round));
}

// The first failure among a set's requests, or success. `harmless` does not count.
std::errc KernelQueue::FirstError(const Round& round, const Job& job, std::errc harmless) {
  for (size_t i = 0; i < job.sas.count; ++i) {
    const std::errc error = round.verdict.error(job.first_index + static_cast<int>(i));
    if (error != std::errc{} && error != harmless) return error;
  }
  return std::errc{};
}

// The kernel explains the first failure only; another set's failure may be another.
std::string_view KernelQueue::WordsFor(const Round& round, const Job& job, bool known) {
  if (!known) return "the kernel's answer was lost: outcome unknown";
  const uint32_t index = round.explained - round.first;
  const auto first = static_cast<uint32_t>(job.first_index);
  const bool ours = index >= first && index < first + job.sas.count;
  return ours ? std::string_view(round.explanation) : std::string_view();
}

void KernelQueue::FinishJob(const Round& round, const Job& job, bool known) {
  if (job.kind == Kind::kDelete) {
    // ESRCH: it is gone, by its lifetime or by an earlier try.
    if (known && FirstError(round, job, std::errc::no_such_process) == std::errc{}) {
      return sink_->OnDeleted(job.set);
    }
    failed_.push_back({job.set, job.sas, now_ms_ + kKernelAnswerMs});
    return;
  }
  const std::errc error = known ? FirstError(round, job, std::errc{}) : std::errc::timed_out;
  const std::string_view words = WordsFor(round, job, known);
  if (job.kind == Kind::kExtend) return sink_->OnExtended(job.set, error, words);
  sink_->OnInstalled(job.set, error, words);
  if (error != std::errc{}) RollBack(round, job, known);
}

// What the kernel refused is not ours to delete: an id that was taken belongs to somebody else.
void KernelQueue::RollBack(const Round& round, const Job& job, bool known) {
  Ids installed;
  for (size_t i = 0; i < job.sas.count; ++i) {
    const int index = job.first_index + static_cast<int>(i);
    if (known && round.verdict.error(index) != std::errc{}) continue;
    installed.ids[installed.count++] = job.sas.ids[i];
  }
  if (installed.count == 0) return sink_->OnDeleted(job.set);
  waiting_.push_back({job.set, installed});
}

void KernelQueue::OnLoss() {
  for (const std::unique_ptr<Round>& round : rounds_) {
    if (round->sent) round->deadline_ms = now_ms_;
  }
  OnTime(now_ms_);
}

void KernelQueue::OnTime(uint64_t now_ms) {
  now_ms_ = now_ms;
  for (size_t i = 0; i < rounds_.size();) {
    if (!rounds_[i]->sent || rounds_[i]->deadline_ms > now_ms) {
      ++i;
      continue;
    }
    std::unique_ptr<Round> round = std::move(rounds_[i]);
    rounds_.erase(rounds_.begin() + static_cast<ptrdiff_t>(i));
    FinishRound(std::move(round), false);
  }
}

uint64_t KernelQueue::NextExpiry() const {
  uint64_t next = failed_.empty() ? UINT64_MAX : failed_.front().not_before_ms;
  for (const std::unique_ptr<Round>& round : rounds_) {
    if (round->sent) next = std::min(next, round->deadline_ms);
  }
  return next;
}

}  // namespace edge
