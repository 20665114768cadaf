#include "edge/kernel_queue.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace edge {
namespace {

static_assert(kKernelRequestsPerTurn <= xfrm::Batch::kRequestsMax);
static_assert(kKernelRequestsPerTurn / 2 >= static_cast<int>(2 * kSasPerSet));

constexpr std::string_view kFull = "too many SA sets wait for the kernel";
constexpr std::string_view kLost = "the kernel's answer was lost: outcome unknown";

bool HasRoom(const KernelRound& round, size_t requests, int requests_max) {
  return round.count() + static_cast<int>(requests) <= requests_max;
}

}  // namespace

void KernelQueue::Install(SetId set, std::span<const xfrm::Sa> sas) {
  policies_.Need(set, sas);
  Ask({JobKind::kInstall, set, {}, sas});
}

void KernelQueue::Extend(SetId set, std::span<const xfrm::Sa> sas,
                         std::span<const xfrm::Sa> added) {
  policies_.Need(set, added);
  Ask({JobKind::kExtend, set, sas, added});
}

void KernelQueue::TellDeleted(SetId set) {
  policies_.Release(set);
  sink_->OnDeleted(set);
}

void KernelQueue::Redirect(SetId set, std::span<const xfrm::Sa> sas) {
  Ask({JobKind::kRedirect, set, sas, {}});
}

void KernelQueue::Ask(SetRequest request) {
  ++unanswered_[request.set];
  if (waiting() < kKernelWaitingMax) {
    requests_.push_back(std::move(request));
  } else {
    refusals_.push_back({request.kind, request.set});
  }
}

// What has not been sent is not asked any more. Without its installation there is nothing to
// delete; without an extension the SAs may be over, and an SA3 that was to come has not.
void KernelQueue::Delete(SetId set, const SaIds& sas, bool certain) {
  Deletion deletion{set, sas, certain};
  if (unanswered_.contains(set)) {
    switch (CancelUnsent(set)) {
      case Cancelled::kInstall:
        deletion.sas.count = 0;
        break;
      case Cancelled::kExtend:
        deletion.certain = false;
        break;
      case Cancelled::kNothing:
        break;
    }
  }
  for (size_t i = 0; i < deletion.sas.count; ++i) ++open_[deletion.sas.ids[i]];
  if (unanswered_.contains(set)) {
    held_.insert_or_assign(set, deletion);
  } else {
    deletions_.push_back(deletion);
  }
}

KernelQueue::Cancelled KernelQueue::CancelUnsent(SetId set) {
  Cancelled cancelled = Cancelled::kNothing;
  const auto take = [&](const auto& asked) {
    if (asked.set != set) return false;
    if (asked.kind == JobKind::kInstall) cancelled = Cancelled::kInstall;
    if (asked.kind == JobKind::kExtend) cancelled = Cancelled::kExtend;
    CountAnswer(set);
    return true;
  };
  std::erase_if(requests_, take);
  std::erase_if(blocked_, take);
  std::erase_if(refusals_, take);
  return cancelled;
}

void KernelQueue::CountAnswer(SetId set) {
  const auto found = unanswered_.find(set);
  if (--found->second == 0) unanswered_.erase(found);
}

void KernelQueue::Flush(uint64_t now_ms) {
  now_ms_ = now_ms;
  policies_.Flush(now_ms);
  TellRefusals();
  while (!later_.empty() && later_.front().not_before_ms <= now_ms) {
    deletions_.push_back(later_.front());
    later_.pop_front();
  }
  is_stuck_ = rounds_.size() >= kKernelBatchesMax;
  if (is_stuck_) return;
  if (filled_ == nullptr) FillRound();
  if (filled_ == nullptr) return;
  is_stuck_ = !link_->Send(filled_->Seal());
  if (is_stuck_) return;  // The same batch goes first in the next turn: nothing overtakes.
  filled_->OnSent(now_ms + kKernelAnswerMs);
  rounds_.push_back(std::move(filled_));
}

void KernelQueue::TellRefusals() {
  const std::vector<Refusal> refusals = std::exchange(refusals_, {});
  for (const Refusal& refusal : refusals) {
    CountAnswer(refusal.set);
    ++stats_.kernel_full;
    if (refusal.kind == JobKind::kRedirect) {
      sink_->OnRedirected(refusal.set);
    } else if (refusal.kind == JobKind::kExtend) {
      sink_->OnExtended(refusal.set, std::errc::no_buffer_space, kFull);
    } else {
      sink_->OnInstalled(refusal.set, std::errc::no_buffer_space, kFull);
      TellDeleted(refusal.set);
    }
  }
}

void KernelQueue::FillRound() {
  if (requests_.empty() && deletions_.empty()) return;
  if (spare_.empty()) {
    filled_ = std::make_unique<KernelRound>();
  } else {
    filled_ = std::move(spare_.back());
    spare_.pop_back();
  }
  filled_->Start(next_sequence_, reqid_);
  PlaceDeletions(kKernelRequestsPerTurn / 2);
  PlaceRequests();
  PlaceDeletions(kKernelRequestsPerTurn);
  if (filled_->count() == 0) return spare_.push_back(std::move(filled_));
  // 0 is the kernel's own sequence in multicasts; start over before it comes.
  const auto count = static_cast<uint32_t>(filled_->count());
  next_sequence_ = next_sequence_ > UINT32_MAX / 2 ? 1 : next_sequence_ + count;
  ++stats_.kernel_batches;
  if (!requests_.empty() || !deletions_.empty()) ++stats_.kernel_batches_full;
}

void KernelQueue::PlaceDeletions(int requests_max) {
  while (!deletions_.empty()) {
    const Deletion deletion = deletions_.front();
    if (!HasRoom(*filled_, deletion.sas.count, requests_max)) return;
    deletions_.pop_front();
    if (deletion.sas.count == 0) {
      TellDeleted(deletion.set);
      continue;
    }
    if (!deletion.certain) ++stats_.kernel_looks;
    filled_->Add(deletion.certain ? JobKind::kDelete : JobKind::kLook, deletion.set, deletion.sas);
  }
}

void KernelQueue::PlaceRequests() {
  while (!requests_.empty()) {
    SetRequest& request = requests_.front();
    if (IsBlocked(request)) {
      blocked_.push_back(std::move(request));
      ++stats_.kernel_blocked;
    } else if (HasRoom(*filled_, request.requests(), kKernelRequestsPerTurn)) {
      filled_->Add(request);
    } else {
      return;
    }
    requests_.pop_front();
  }
}

// Would it add an SA under an id that a deletion may still have to look at?
bool KernelQueue::IsBlocked(const SetRequest& request) const {
  if (open_.empty()) return false;
  return std::any_of(request.sas.begin() + static_cast<ptrdiff_t>(request.updated_count),
                     request.sas.begin() + static_cast<ptrdiff_t>(request.count),
                     [this](const xfrm::Sa& sa) { return open_.contains(sa.id()); });
}

void KernelQueue::OnReply(std::span<const std::byte> bytes) {
  policies_.OnReply(bytes);
  xfrm::ReplyReader reader(bytes);
  xfrm::Reply reply;
  while (reader.Next(&reply)) {
    for (const std::unique_ptr<KernelRound>& round : rounds_) {
      if (round->Take(reply)) break;
    }
  }
  // The kernel works one batch after the other, so the oldest is done first; a batch behind one
  // whose fence is missing is settled all the same.
  FinishThose([](const KernelRound& round) { return round.complete(); }, true);
}

void KernelQueue::OnLoss() {
  policies_.OnLoss();
  FinishThose([](const KernelRound&) { return true; }, false);
}

void KernelQueue::OnTime(uint64_t now_ms) {
  now_ms_ = now_ms;
  policies_.OnTime(now_ms);
  FinishThose([now_ms](const KernelRound& round) { return round.deadline_ms() <= now_ms; }, false);
}

template <typename Which>
void KernelQueue::FinishThose(Which which, bool known) {
  for (size_t i = 0; i < rounds_.size();) {
    if (!which(*rounds_[i])) {
      ++i;
      continue;
    }
    std::unique_ptr<KernelRound> round = std::move(rounds_[i]);
    rounds_.erase(rounds_.begin() + static_cast<ptrdiff_t>(i));
    if (!known) ++stats_.kernel_lost;
    for (const Job& job : round->jobs()) Finish(*round, job, known);
    spare_.push_back(std::move(round));
  }
}

void KernelQueue::Finish(const KernelRound& round, const Job& job, bool known) {
  switch (job.kind) {
    case JobKind::kInstall:
    case JobKind::kExtend:
    case JobKind::kRedirect:
      return FinishRequest(round, job, known);
    case JobKind::kLook:
      return FinishLook(round, job, known);
    case JobKind::kDelete:
      return FinishDelete(round, job, known);
  }
}

// The deletion that waited for this verdict goes out now. After a refused installation the
// roll-back takes its place; after a refused extension nothing is certain any more.
void KernelQueue::FinishRequest(const KernelRound& round, const Job& job, bool known) {
  const std::errc error = known ? round.FirstErrorOf(job) : kOutcomeUnknown;
  const std::string_view words = known ? std::string_view(job.words) : kLost;
  CountAnswer(job.set);
  const auto held = held_.find(job.set);
  if (job.kind == JobKind::kInstall && error != std::errc{}) {
    if (held != held_.end()) {
      Close(held->second.sas);
      held_.erase(held);
    }
    sink_->OnInstalled(job.set, error, words);
    return RollBack(round, job, known);
  }
  if (held != held_.end()) {
    if (error != std::errc{}) held->second.certain = false;
    if (!unanswered_.contains(job.set)) {
      deletions_.push_back(held->second);
      held_.erase(held);
    }
  }
  if (job.kind == JobKind::kInstall) return sink_->OnInstalled(job.set, error, words);
  if (job.kind == JobKind::kRedirect) return sink_->OnRedirected(job.set);
  sink_->OnExtended(job.set, error, words);
}

// What the kernel refused is not ours to delete: an id that was taken belongs to somebody else.
void KernelQueue::RollBack(const KernelRound& round, const Job& job, bool known) {
  Deletion deletion{job.set, {.ids = {}, .label = job.sas.label}, known};
  for (size_t i = 0; i < job.sas.count; ++i) {
    if (known && round.ErrorOf(job, i) != std::errc{}) continue;
    deletion.sas.Add(job.sas.ids[i]);
    ++open_[job.sas.ids[i]];
  }
  if (deletion.sas.count == 0) return TellDeleted(job.set);
  deletions_.push_back(deletion);
}

// What is ours goes with the next batch, before anything else; nothing of ours is added under its
// id in between.
void KernelQueue::FinishLook(const KernelRound& round, const Job& job, bool known) {
  SaIds ours{.ids = {}, .label = job.sas.label};
  SaIds gone = ours;
  for (size_t i = 0; i < job.sas.count; ++i) {
    const std::errc error = known ? round.ErrorOf(job, i) : kOutcomeUnknown;
    const bool is_ours = (job.ours >> i & 1) != 0;
    const bool is_others = (job.others >> i & 1) != 0;
    const bool is_known =
        error == std::errc::no_such_process || (error == std::errc{} && (is_ours || is_others));
    if (!is_known) return LookLater(job);
    (error == std::errc{} && is_ours ? ours : gone).Add(job.sas.ids[i]);
  }
  stats_.kernel_not_ours += static_cast<uint64_t>(std::popcount(job.others));
  Close(gone);
  if (ours.count == 0) return TellDeleted(job.set);
  deletions_.push_front({job.set, ours, true});
}

void KernelQueue::FinishDelete(const KernelRound& round, const Job& job, bool known) {
  // ESRCH: it is gone, by its lifetime or by an earlier try.
  if (!known || round.FirstErrorOf(job, std::errc::no_such_process) != std::errc{}) {
    return LookLater(job);
  }
  Close(job.sas);
  TellDeleted(job.set);
}

void KernelQueue::LookLater(const Job& job) {
  ++stats_.kernel_repeated;
  later_.push_back({job.set, job.sas, false, now_ms_ + kKernelAnswerMs});
}

// What waited for these ids is looked at again, before what came after it.
void KernelQueue::Close(const SaIds& sas) {
  for (size_t i = 0; i < sas.count; ++i) {
    const auto found = open_.find(sas.ids[i]);
    if (--found->second == 0) open_.erase(found);
  }
  for (; !blocked_.empty(); blocked_.pop_back()) requests_.push_front(std::move(blocked_.back()));
}

uint64_t KernelQueue::NextExpiry() const {
  const bool has_more = !requests_.empty() || !deletions_.empty() || !refusals_.empty();
  if (has_more && !is_stuck_) return 0;
  uint64_t next = policies_.NextExpiry();
  if (!later_.empty()) next = std::min(next, later_.front().not_before_ms);
  for (const std::unique_ptr<KernelRound>& round : rounds_) {
    next = std::min(next, round->deadline_ms());
  }
  return next;
}

bool KernelQueue::idle() const {
  return requests_.empty() && blocked_.empty() && deletions_.empty() && later_.empty() &&
         refusals_.empty() && filled_ == nullptr && rounds_.empty() && policies_.idle();
}

}  // namespace edge
