// The writer's thread and a worker's end of it: one commit for all that waits, answers in order, a
// store that fails or hangs, and what it missed.
#include <gmock/gmock.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "edge/journal_client.h"
#include "edge/journal_writer.h"
#include "edge/limits.h"
#include "edge/memory_store.h"
#include "tests/edge_journal.h"

namespace edge {
namespace {

using testing::ElementsAre;

bool WaitUntil(const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

// Commits when it is let, and counts; safe to ask from another thread.
class GatedStore final : public JournalStore {
 public:
  bool Commit(std::span<const JournalOp* const> ops, std::string* error) override {
    std::unique_lock lock(mutex_);
    ++entered_;
    open_.wait(lock, [this] { return is_open_; });
    sizes_.push_back(ops.size());
    return memory_.Commit(ops, error);
  }
  std::array<uint8_t, 32> secret() const override { return {}; }
  std::string name() const override { return "gated"; }

  void SetOpen(bool is_open) {
    const std::lock_guard lock(mutex_);
    is_open_ = is_open;
    open_.notify_all();
  }
  void SetFault(const std::string& words) {
    const std::lock_guard lock(mutex_);
    memory_.SetFault(words);
  }
  size_t entered() {
    const std::lock_guard lock(mutex_);
    return entered_;
  }
  // Of each commit, how many operations.
  std::vector<size_t> sizes() {
    const std::lock_guard lock(mutex_);
    return sizes_;
  }
  JournalContents Contents() {
    const std::lock_guard lock(mutex_);
    return memory_.Contents();
  }

 private:
  std::mutex mutex_;
  std::condition_variable open_;
  bool is_open_ = true;
  size_t entered_ = 0;
  std::vector<size_t> sizes_;
  MemoryStore memory_;
};

class JournalWriterThread : public testing::Test {
 protected:
  JournalWriterThread()
      : writer_(
            &store_, 2, [this](size_t) { ++rings_; },
            [this](const std::string& error, size_t written) {
              const std::lock_guard lock(mutex_);
              told_.push_back(error.empty() ? "well: " + std::to_string(written) : error);
            }),
        first_(&writer_, 0),
        second_(&writer_, 1) {
    first_.Attach(&stats_);
    second_.Attach(&stats_);
    std::string error;
    EXPECT_TRUE(writer_.Start(&error)) << error;
  }
  ~JournalWriterThread() override {
    store_.SetOpen(true);
    writer_.Stop();
  }

  void Write(JournalClient* client, JournalOp op, uint64_t ticket) {
    JournalBatch batch;
    batch.ops.push_back(std::move(op));
    batch.tickets.push_back({JournalTicket::Kind::kSet, ticket});
    client->Flush(&batch, now_ms_, now_ms_);
    EXPECT_TRUE(batch.empty());
  }
  // "7+ 8-": the tickets told, and whether they are kept.
  std::string Take(JournalClient* client) {
    std::string told;
    client->Take(now_ms_, [&](const JournalTicket& ticket, bool is_kept) {
      told += (told.empty() ? "" : " ") + std::to_string(ticket.id) + (is_kept ? "+" : "-");
    });
    return told;
  }
  std::string Wait(JournalClient* client) {
    std::string told;
    EXPECT_TRUE(WaitUntil([&] { return !(told = Take(client)).empty(); }));
    return told;
  }
  std::vector<std::string> told() {
    const std::lock_guard lock(mutex_);
    return told_;
  }

  GatedStore store_;
  std::atomic<int> rings_ = 0;
  std::mutex mutex_;
  std::vector<std::string> told_;
  Stats stats_;
  uint64_t now_ms_ = 1'000'000;
  JournalWriter writer_;
  JournalClient first_;
  JournalClient second_;
};

TEST_F(JournalWriterThread, CommitsAndTellsTheWorkerWhoseItIs) {
  Write(&first_, MakeRegistration(1), 7);
  EXPECT_EQ(Wait(&first_), "7+");
  EXPECT_GE(rings_, 1);
  EXPECT_EQ(Take(&second_), "");
  EXPECT_TRUE(first_.idle());
  EXPECT_EQ(stats_.journal_records, 1u);
  EXPECT_THAT(store_.Contents().registrations, ElementsAre(MakeRegistration(1)));
}

TEST_F(JournalWriterThread, WhatGathersDuringACommitGoesIntoTheNext) {
  store_.SetOpen(false);
  Write(&first_, MakeRegistration(1), 1);
  ASSERT_TRUE(WaitUntil([&] { return store_.entered() == 1; }));
  for (RecordId id = 2; id < 12; ++id)
    Write(id % 2 == 0 ? &first_ : &second_, MakeRegistration(id), id);
  store_.SetOpen(true);
  std::string told;
  ASSERT_TRUE(WaitUntil([&] {
    told += " " + Take(&first_);
    return first_.idle();
  }));
  ASSERT_TRUE(WaitUntil([&] {
    Take(&second_);
    return second_.idle();
  }));
  EXPECT_THAT(store_.sizes(), ElementsAre(1u, 10u));
  EXPECT_EQ(stats_.journal_records, 11u);
}

TEST_F(JournalWriterThread, TimesGoOutByTheWallClock) {
  JournalBatch batch;
  RegistrationRecord record = MakeRegistration(1);
  record.until_ms = now_ms_ + 5;
  SetRecord set = MakeSet(1, 1);
  set.installed_ms = now_ms_ - 5;
  set.expires_ms = now_ms_ + 10;
  batch.ops = {record, set};
  record.id = 2;
  record.until_ms = 0;  // No time at all.
  batch.ops.emplace_back(record);
  first_.Flush(&batch, now_ms_, kTestEpochMs);
  ASSERT_TRUE(WaitUntil([&] {
    Take(&first_);
    return first_.idle();
  }));
  const JournalContents contents = store_.Contents();
  EXPECT_EQ(contents.registrations[0].until_ms, kTestEpochMs + 5);
  EXPECT_EQ(contents.registrations[1].until_ms, 0u);
  EXPECT_EQ(contents.sets[0].installed_ms, kTestEpochMs - 5);
  EXPECT_EQ(contents.sets[0].expires_ms, kTestEpochMs + 10);
}

// A record that changed while it could not be written is written as it is then, once.
TEST_F(JournalWriterThread, WhatAFailingStoreMissedIsWrittenWhenItIsWell) {
  store_.SetFault("disk full");
  Write(&first_, MakeRegistration(1), 1);
  EXPECT_EQ(Wait(&first_), "1-");
  EXPECT_TRUE(first_.is_failing());
  EXPECT_TRUE(second_.is_failing());
  Write(&second_, MakeRegistration(2), 2);
  EXPECT_EQ(Wait(&second_), "2-");
  Write(&first_, ErasedRegistration{1}, 3);
  EXPECT_EQ(Wait(&first_), "3-");
  EXPECT_EQ(stats_.journal_failed, 3u);
  store_.SetFault("");
  ASSERT_TRUE(WaitUntil([&] { return !writer_.is_failing(); })) << "by itself";
  EXPECT_THAT(store_.Contents().registrations, ElementsAre(MakeRegistration(2)));
  EXPECT_THAT(told(), ElementsAre("disk full", "well: 2"));
  Write(&first_, MakeRegistration(4), 4);
  EXPECT_EQ(Wait(&first_), "4+");
}

TEST_F(JournalWriterThread, ADiskThatHangsHoldsNobodyForEver) {
  store_.SetOpen(false);
  Write(&first_, MakeRegistration(1), 1);
  EXPECT_EQ(Take(&first_), "");
  EXPECT_EQ(first_.NextExpiry(), now_ms_ + kJournalAnswerMs);
  now_ms_ += kJournalAnswerMs - 1;
  EXPECT_EQ(Take(&first_), "");
  EXPECT_FALSE(first_.is_failing());
  now_ms_ += 1;
  EXPECT_EQ(Take(&first_), "1-");
  EXPECT_TRUE(first_.is_failing());
  EXPECT_FALSE(second_.is_failing());
  EXPECT_EQ(stats_.journal_failed, 1u);
  store_.SetOpen(true);
  ASSERT_TRUE(WaitUntil([&] {
    EXPECT_EQ(Take(&first_), "") << "it has been told";
    return first_.idle();
  }));
  EXPECT_FALSE(first_.is_failing());
}

TEST_F(JournalWriterThread, WhatFindsNoRoomWaitsAndIsLostNowhere) {
  store_.SetOpen(false);
  const RecordId count = JournalWriter::kBatchesMax + 100;
  for (RecordId id = 1; id <= count; ++id) Write(&first_, MakeRegistration(id), id);
  EXPECT_TRUE(first_.is_failing()) << "so many are too many";
  store_.SetOpen(true);
  JournalBatch none;
  ASSERT_TRUE(WaitUntil([&] {
    Take(&first_);
    first_.Flush(&none, now_ms_, now_ms_);
    return first_.idle();
  }));
  EXPECT_EQ(store_.Contents().registrations.size(), count);
}

TEST_F(JournalWriterThread, ItsEndWritesWhatWasHandedOver) {
  store_.SetOpen(false);
  Write(&first_, MakeRegistration(1), 1);
  Write(&second_, MakeRegistration(2), 2);
  std::thread opener([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    store_.SetOpen(true);
  });
  writer_.Stop();
  opener.join();
  EXPECT_EQ(store_.Contents().registrations.size(), 2u);
}

}  // namespace
}  // namespace edge
