// A worker's end of the journal: what its core wants kept goes out once a turn as one batch, and
// what waits for it is told. A batch that is not answered in time counts as not kept, so that a
// disk that hangs holds nobody for ever.
//
// Records leave with times since the epoch; the core's own clock does not outlive the machine.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "edge/journal_record.h"
#include "edge/journal_writer.h"
#include "edge/stats.h"

namespace edge {

// What waits for the journal for so long is told that it is not kept.
inline constexpr uint64_t kJournalAnswerMs = 5'000;

class JournalClient {
 public:
  // It holds what the writer works on, so it outlives the writer's thread, and not its object.
  JournalClient(JournalWriter* writer, size_t worker) : writer_(writer), worker_(worker) {}
  // Where the worker counts; good as long as the worker calls what follows.
  void Attach(Stats* stats) { stats_ = stats; }

  // At the end of a turn: hands `batch` over and leaves it empty. `epoch_ms`: the wall clock when
  // the core's is `now_ms`.
  void Flush(JournalBatch* batch, uint64_t now_ms, uint64_t epoch_ms);
  // At its beginning: tell(ticket, is_kept) for each that has its answer, or is late.
  template <typename Tell>
  void Take(uint64_t now_ms, Tell&& tell) {
    if (waiting_.empty()) return;
    writer_->Take(worker_, [&](JournalBatch* batch) { OnAnswer(batch); });
    for (; !answered_.empty(); answered_.pop_front()) {
      for (const JournalTicket& ticket : answered_.front().tickets) {
        tell(ticket, answered_.front().is_kept);
      }
    }
    for (; late_ < waiting_.size() && waiting_[late_].deadline_ms <= now_ms; ++late_) {
      for (const JournalTicket& ticket : waiting_[late_].tickets) tell(ticket, false);
      ++stats_->journal_failed;
      waiting_[late_].tickets.clear();
    }
  }
  // When something is late next; UINT64_MAX: nothing waits.
  uint64_t NextExpiry() const;
  // The store fails, or is slower than may be.
  bool is_failing() const { return writer_->is_failing() || late_ > 0 || !unsent_.empty(); }
  bool idle() const { return waiting_.empty() && unsent_.empty(); }

 private:
  struct Waiting {
    std::unique_ptr<JournalBatch> batch;
    std::vector<JournalTicket> tickets;
    uint64_t deadline_ms = 0;
    size_t records = 0;
  };
  struct Answer {
    std::vector<JournalTicket> tickets;
    bool is_kept = false;
  };

  void OnAnswer(JournalBatch* batch);
  std::unique_ptr<JournalBatch> TakeSpare();

  JournalWriter* writer_;
  const size_t worker_;
  Stats* stats_ = nullptr;
  JournalBatch unsent_;          // Found no room; the next turns' are put behind.
  std::deque<Waiting> waiting_;  // Handed over, oldest first; the first `late_` are late.
  size_t late_ = 0;
  std::deque<Answer> answered_;
  std::vector<std::unique_ptr<JournalBatch>> spare_;
};

}  // namespace edge
