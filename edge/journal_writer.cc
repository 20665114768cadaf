#include "edge/journal_writer.h"

#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

namespace edge {
namespace {

uint64_t NowMs() {
  using std::chrono::steady_clock;
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now().time_since_epoch())
          .count());
}

uint64_t RecordOf(const JournalOp& op) {
  if (const auto* registration = std::get_if<RegistrationRecord>(&op)) return registration->id * 2;
  if (const auto* set = std::get_if<SetRecord>(&op)) return set->id * 2 + 1;
  if (const auto* gone = std::get_if<ErasedRegistration>(&op)) return gone->id * 2;
  return std::get<ErasedSet>(op).id * 2 + 1;
}

}  // namespace

JournalWriter::JournalWriter(JournalStore* store, size_t workers, std::function<void(size_t)> ring,
                             Told told, bool failing)
    : store_(store), ring_(std::move(ring)), told_(std::move(told)), is_failing_(failing) {
  for (size_t i = 0; i < workers; ++i) desks_.push_back(std::make_unique<Desk>());
}

JournalWriter::~JournalWriter() {
  Stop();
  if (wake_fd_ >= 0) close(wake_fd_);
}

void JournalWriter::Owe(std::vector<JournalOp> ops) {
  for (JournalOp& op : ops) {
    const uint64_t record = RecordOf(op);
    unwritten_.insert_or_assign(record, std::move(op));
  }
}

bool JournalWriter::Start(std::string* error) {
  if (wake_fd_ < 0) wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd_ < 0) {
    *error = fmt::format("cannot start the journal's thread: {}", strerror(errno));
    return false;
  }
  is_ending_.store(false, std::memory_order_release);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "journal");
    Run();
  });
  return true;
}

void JournalWriter::Stop() {
  if (!thread_.joinable()) return;
  is_ending_.store(true, std::memory_order_release);
  Ring();
  thread_.join();
}

bool JournalWriter::Put(size_t worker, JournalBatch* batch) {
  return desks_[worker]->batches.Put(batch);
}

// The writer looks at all mailboxes after it has taken the flag down.
void JournalWriter::Ring() {
  if (is_rung_.exchange(true, std::memory_order_acq_rel)) return;
  const uint64_t one = 1;
  static_cast<void>(!write(wake_fd_, &one, sizeof(one)));
}

void JournalWriter::Run() {
  for (;;) {
    const bool is_last = is_ending_.load(std::memory_order_acquire);
    Turn(NowMs(), is_last);
    if (is_last) return;
    Wait();
  }
}

void JournalWriter::Turn(uint64_t now_ms, bool is_last) {
  Gather();
  const bool has_unwritten = !unwritten_.empty() || is_failing();
  const bool is_due = has_unwritten && (now_ms >= retry_ms_ || is_last);
  if (!under_way_.empty() || is_due) Write(now_ms, is_last);
}

void JournalWriter::Wait() {
  pollfd wake{wake_fd_, POLLIN, 0};
  const bool has_unwritten = !unwritten_.empty() || is_failing();
  poll(&wake, 1, has_unwritten ? kRetryMs : -1);
  uint64_t count;
  static_cast<void>(!read(wake_fd_, &count, sizeof(count)));
  // What was put before a Ring() that found the flag up is seen by the Gather() to come.
  is_rung_.exchange(false, std::memory_order_acq_rel);
}

void JournalWriter::Gather() {
  for (size_t worker = 0; worker < desks_.size(); ++worker) {
    desks_[worker]->batches.Take([&](JournalBatch* batch) {
      under_way_.push_back({worker, batch});
    });
  }
}

// A store that failed a moment ago is not asked again for each batch.
void JournalWriter::Write(uint64_t now_ms, bool is_last) {
  std::string error;
  const bool may_try = !is_failing() || now_ms >= retry_ms_ || is_last;
  const bool is_kept = may_try && Commit(&error);
  if (is_kept) {
    const size_t waited = unwritten_.size();
    unwritten_.clear();
    const bool was_failing = is_failing_.exchange(false, std::memory_order_acq_rel);
    AnswerAll(true);
    if (was_failing && told_) told_("", waited);
    return;
  }
  Keep();
  const bool was_failing = is_failing_.exchange(true, std::memory_order_acq_rel);
  if (may_try) retry_ms_ = now_ms + kRetryMs;
  AnswerAll(false);
  if (!was_failing && told_) told_(error, 0);
}

// What waited first: all of it is older.
bool JournalWriter::Commit(std::string* error) {
  ops_.clear();
  for (const auto& [record, op] : unwritten_) ops_.push_back(&op);
  for (const UnderWay& under_way : under_way_) {
    for (const JournalOp& op : under_way.batch->ops) ops_.push_back(&op);
  }
  return store_->Commit(ops_, error);
}

void JournalWriter::Keep() {
  for (const UnderWay& under_way : under_way_) {
    for (JournalOp& op : under_way.batch->ops) {
      const uint64_t record = RecordOf(op);
      unwritten_.insert_or_assign(record, std::move(op));
    }
    under_way.batch->ops.clear();
  }
}

void JournalWriter::AnswerAll(bool is_kept) {
  std::vector<bool> told(desks_.size());
  for (const UnderWay& under_way : under_way_) {
    under_way.batch->is_kept = is_kept;
    // There are never more under way than it holds.
    static_cast<void>(desks_[under_way.worker]->answers.Put(under_way.batch));
    told[under_way.worker] = true;
  }
  under_way_.clear();
  for (size_t worker = 0; worker < told.size(); ++worker) {
    if (told[worker]) ring_(worker);
  }
}

}  // namespace edge
