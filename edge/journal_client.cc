#include "edge/journal_client.h"

#include <iterator>
#include <utility>

#include "edge/limits.h"

namespace edge {
namespace {

// 0 stays 0: no time at all.
void Shift(uint64_t* time_ms, uint64_t by) {
  if (*time_ms != 0) *time_ms += by;
}

void ToEpoch(uint64_t by, JournalOp* op) {
  if (auto* registration = std::get_if<RegistrationRecord>(op)) {
    Shift(&registration->until_ms, by);
  } else if (auto* set = std::get_if<SetRecord>(op)) {
    Shift(&set->installed_ms, by);
    Shift(&set->expires_ms, by);
  }
}

}  // namespace

void JournalClient::Flush(JournalBatch* batch, uint64_t now_ms, uint64_t epoch_ms) {
  if (batch->empty() && unsent_.empty()) return;
  for (JournalOp& op : batch->ops) ToEpoch(epoch_ms - now_ms, &op);
  unsent_.ops.insert(unsent_.ops.end(), std::make_move_iterator(batch->ops.begin()),
                     std::make_move_iterator(batch->ops.end()));
  unsent_.tickets.insert(unsent_.tickets.end(), batch->tickets.begin(), batch->tickets.end());
  batch->Clear();
  if (waiting_.size() == JournalWriter::kBatchesMax) return;

  Waiting waiting;
  waiting.batch = TakeSpare();
  std::swap(*waiting.batch, unsent_);
  waiting.tickets = std::move(waiting.batch->tickets);
  waiting.batch->tickets.clear();
  waiting.deadline_ms = now_ms + kJournalAnswerMs;
  waiting.records = waiting.batch->ops.size();
  // There is room: no more are under way than fit.
  static_cast<void>(writer_->Put(worker_, waiting.batch.get()));
  waiting_.push_back(std::move(waiting));
  writer_->Ring();
}

std::unique_ptr<JournalBatch> JournalClient::TakeSpare() {
  if (spare_.empty()) return std::make_unique<JournalBatch>();
  std::unique_ptr<JournalBatch> batch = std::move(spare_.back());
  spare_.pop_back();
  return batch;
}

// They come back in the order they went.
void JournalClient::OnAnswer(JournalBatch* batch) {
  Waiting& waiting = waiting_.front();
  if (batch->is_kept) {
    stats_->journal_records += waiting.records;
  } else {
    ++stats_->journal_failed;
  }
  answered_.push_back({std::move(waiting.tickets), batch->is_kept});
  if (late_ > 0) --late_;
  waiting.batch->Clear();
  constexpr size_t kSpareMax = 16;
  if (spare_.size() < kSpareMax) spare_.push_back(std::move(waiting.batch));
  waiting_.pop_front();
}

uint64_t JournalClient::NextExpiry() const {
  return late_ < waiting_.size() ? waiting_[late_].deadline_ms : UINT64_MAX;
}

}  // namespace edge
