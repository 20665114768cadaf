// The thread that writes the journal: takes what all workers have handed over, commits it in one
// transaction, and tells each worker. While one commit waits for the disk the next batches gather,
// so the more there is to write the more one commit carries.
//
//   worker: Put(batch) ──mailbox──► writer: Commit ──mailbox──► worker: Take()
//
// When the store fails each batch is answered so at once, and what was in it is kept here, a record
// once however often it changes, until the store takes it: then the journal is what it would be.
//
// Thread safety: Put and Take of a worker are that worker's; is_failing is anybody's.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "edge/journal_store.h"
#include "reactor/mailbox.h"

namespace edge {

class JournalWriter {
 public:
  // What came back into order or went wrong, for the log: the store's words, or "" and how many
  // records that had waited are written now.
  using Told = std::function<void(const std::string& error, size_t written)>;
  // `ring` asks a worker for a turn, from the writer's thread. `failing`: the store is known to
  // fail. `store` outlives it.
  JournalWriter(JournalStore* store, size_t workers, std::function<void(size_t worker)> ring,
                Told told, bool failing = false);
  ~JournalWriter();

  // What is to be written beside what workers hand over. Before Start().
  void Owe(std::vector<JournalOp> ops);
  // Again after Stop(), too.
  bool Start(std::string* error);
  // Writes what was handed over, as far as the store takes it, and ends the thread. No worker hands
  // anything over any more.
  void Stop();
  // What the thread does each time it is woken: takes what was handed over, writes it, tells. A
  // simulated run has no thread, and calls this in place of Start() and Stop(). `now_ms`: any clock
  // that never goes back.
  void Turn(uint64_t now_ms, bool is_last = false);

  // False: as many as fit are under way already; the batch is the worker's still. Each batch comes
  // back by Take(), in order.
  bool Put(size_t worker, JournalBatch* batch);
  // After the last Put() of a turn.
  void Ring();
  template <typename Read>
  size_t Take(size_t worker, Read&& read) {
    return desks_[worker]->answers.Take(read);
  }

  // Did the last commit fail, and none since succeed?
  bool is_failing() const { return is_failing_.load(std::memory_order_acquire); }

  static constexpr size_t kBatchesMax = 1024;
  static constexpr int kRetryMs = 1'000;

 private:
  struct Desk {
    reactor::Mailbox<JournalBatch*> batches{kBatchesMax};
    reactor::Mailbox<JournalBatch*> answers{kBatchesMax};
  };
  struct UnderWay {
    size_t worker;
    JournalBatch* batch;
  };

  void Run();
  void Gather();
  void Write(uint64_t now_ms, bool is_last);
  bool Commit(std::string* error);
  void Keep();
  void AnswerAll(bool is_kept);
  void Wait();

  JournalStore* store_;
  std::function<void(size_t)> ring_;
  Told told_;
  std::vector<std::unique_ptr<Desk>> desks_;
  std::atomic<bool> is_failing_;
  std::atomic<bool> is_ending_ = false;
  std::atomic<bool> is_rung_ = false;
  int wake_fd_ = -1;
  std::thread thread_;

  // Of the writer's thread.
  std::vector<UnderWay> under_way_;
  // By record: id, and in the lowest bit which kind.
  absl::flat_hash_map<uint64_t, JournalOp> unwritten_;
  std::vector<const JournalOp*> ops_;
  uint64_t retry_ms_ = 0;
};

}  // namespace edge
