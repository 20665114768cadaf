#include "reactor/reactor.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <thread>
#include <vector>

#include "tests/reactor_peer.h"

namespace reactor {
namespace {

using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

int64_t MillisecondsSince(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
}

// Writes down which completion answered, in order.
struct Recorder {
  struct Entry {
    Completion completion;
    Recorder* recorder = nullptr;
    int number = 0;
  };

  explicit Recorder(int count) : entries(static_cast<size_t>(count)) {
    for (int i = 0; i < count; ++i) {
      Entry& entry = entries[static_cast<size_t>(i)];
      entry.recorder = this;
      entry.number = i;
      entry.completion = {[](void* owner, Completion*, int32_t result, uint32_t) {
                            Entry* const answered = static_cast<Entry*>(owner);
                            EXPECT_EQ(result, 0);
                            answered->recorder->order.push_back(answered->number);
                          },
                          &entry};
    }
  }

  void QueueNops(Reactor* reactor) {
    for (Entry& entry : entries) io_uring_prep_nop(reactor->GetSqe(&entry.completion));
  }

  bool AllInOrder() const {
    if (order.size() != entries.size()) return false;
    for (size_t i = 0; i < order.size(); ++i) {
      if (order[i] != static_cast<int>(i)) return false;
    }
    return true;
  }

  std::vector<Entry> entries;
  std::vector<int> order;
};

TEST(ReactorReactor, CallsTheHandlerOfEachCompletion) {
  const std::unique_ptr<Reactor> reactor = MakeReactor();
  Recorder recorder(3);
  recorder.QueueNops(reactor.get());
  io_uring_prep_nop(reactor->GetSqe(nullptr));  // Nobody asks.
  reactor->SubmitAndWait(-1);
  EXPECT_TRUE(recorder.order.empty());
  EXPECT_EQ(reactor->Dispatch(), 4);
  EXPECT_TRUE(recorder.AllInOrder());
  EXPECT_EQ(reactor->completions(), 4u);
  EXPECT_EQ(reactor->Dispatch(), 0);
}

TEST(ReactorReactor, TakesAtMostDispatchMaxInATurn) {
  const std::unique_ptr<Reactor> reactor = MakeReactor();
  Recorder recorder(600);
  recorder.QueueNops(reactor.get());
  reactor->SubmitAndWait(-1);
  EXPECT_EQ(reactor->Dispatch(), Reactor::kDispatchMax);
  reactor->SubmitAndWait(-1);  // Does not wait: there is something already.
  EXPECT_EQ(reactor->Dispatch(), Reactor::kDispatchMax);
  EXPECT_EQ(reactor->Dispatch(), 600 - 2 * Reactor::kDispatchMax);
  EXPECT_TRUE(recorder.AllInOrder());
}

TEST(ReactorReactor, SubmitsWhenTheSubmissionQueueIsFull) {
  const std::unique_ptr<Reactor> reactor = MakeReactor({.submission_entries = 8});
  Recorder recorder(100);
  recorder.QueueNops(reactor.get());
  EXPECT_TRUE(RunUntil(reactor.get(), [&] { return recorder.AllInOrder(); }));
}

TEST(ReactorReactor, LosesNothingWhenTheCompletionQueueOverflows) {
  const std::unique_ptr<Reactor> reactor =
      MakeReactor({.submission_entries = 8, .completion_entries = 16});
  Recorder recorder(1000);
  recorder.QueueNops(reactor.get());
  reactor->SubmitAndWait(0);
  EXPECT_TRUE(io_uring_cq_has_overflow(reactor->ring()));
  int total = 0;
  while (const int count = reactor->Dispatch()) total += count;
  EXPECT_EQ(total, 1000);
  EXPECT_TRUE(recorder.AllInOrder());
}

TEST(ReactorReactor, WaitsForTheGivenTime) {
  const std::unique_ptr<Reactor> reactor = MakeReactor();
  const Clock::time_point start = Clock::now();
  reactor->SubmitAndWait(30'000);
  EXPECT_GE(MillisecondsSince(start), 29);
  EXPECT_EQ(reactor->Dispatch(), 0);
}

TEST(ReactorReactor, ZeroDoesNotWaitButSubmits) {
  const std::unique_ptr<Reactor> reactor = MakeReactor();
  const Clock::time_point start = Clock::now();
  reactor->SubmitAndWait(0);
  EXPECT_LT(MillisecondsSince(start), 1000);
  Recorder recorder(1);
  recorder.QueueNops(reactor.get());
  reactor->SubmitAndWait(0);
  EXPECT_EQ(reactor->Dispatch(), 1);
}

TEST(ReactorReactor, NegativeWaitsForACompletion) {
  const std::unique_ptr<Reactor> reactor = MakeReactor();
  bool answered = false;
  Completion completion{[](void* owner, Completion*, int32_t result, uint32_t) {
                          EXPECT_EQ(result, -ETIME);
                          *static_cast<bool*>(owner) = true;
                        },
                        &answered};
  __kernel_timespec delay{0, 30'000'000};
  io_uring_prep_timeout(reactor->GetSqe(&completion), &delay, 0, 0);
  reactor->SubmitAndWait(-1);
  reactor->Dispatch();
  EXPECT_TRUE(answered);
}

TEST(ReactorReactor, SignalEndsTheWait) {
  const std::unique_ptr<Reactor> reactor = MakeReactor();
  struct sigaction action {};
  action.sa_handler = [](int) {};
  ASSERT_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
  const pthread_t waiting = pthread_self();
  std::thread sender([waiting] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    pthread_kill(waiting, SIGUSR1);
  });
  const Clock::time_point start = Clock::now();
  reactor->SubmitAndWait(20'000'000);
  EXPECT_LT(MillisecondsSince(start), 10'000);
  sender.join();
  EXPECT_EQ(reactor->Dispatch(), 0);
}

TEST(ReactorReactor, GivesFileSlotsUntilAllAreTaken) {
  const std::unique_ptr<Reactor> reactor = MakeReactor({.files_max = 2});
  const int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
  const int first = reactor->RegisterFile(fd);
  const int second = reactor->RegisterFile(fd);
  EXPECT_GE(first, 0);
  EXPECT_GE(second, 0);
  EXPECT_NE(first, second);
  EXPECT_EQ(reactor->RegisterFile(fd), -1);
  reactor->UnregisterFile(first);
  EXPECT_EQ(reactor->RegisterFile(-7), -1);  // A bad descriptor takes no slot.
  EXPECT_EQ(reactor->RegisterFile(fd), first);
  close(fd);
}

TEST(ReactorReactor, DispatchFromAHandlerIsAMistake) {
  const std::unique_ptr<Reactor> reactor = MakeReactor();
  Completion completion{
      [](void* owner, Completion*, int32_t, uint32_t) { static_cast<Reactor*>(owner)->Dispatch(); },
      reactor.get()};
  io_uring_prep_nop(reactor->GetSqe(&completion));
  reactor->SubmitAndWait(0);
  EXPECT_DEATH(reactor->Dispatch(), "called from a handler");
}

TEST(ReactorReactor, LifetimeEndsWithIt) {
  std::unique_ptr<Reactor> reactor = MakeReactor();
  const std::weak_ptr<const void> lifetime = reactor->lifetime();
  EXPECT_FALSE(lifetime.expired());
  reactor.reset();
  EXPECT_TRUE(lifetime.expired());
}

TEST(ReactorReactor, NothingAnswersOnceItIsGone) {
  std::unique_ptr<Reactor> reactor = MakeReactor();
  int pipe_fds[2];
  ASSERT_EQ(pipe(pipe_fds), 0);
  std::vector<char> buffer(16);
  Completion completion{[](void*, Completion*, int32_t, uint32_t) { FAIL(); }, nullptr};
  io_uring_prep_read(reactor->GetSqe(&completion), pipe_fds[0], buffer.data(), 16, 0);
  reactor->SubmitAndWait(0);
  reactor.reset();
  ASSERT_EQ(write(pipe_fds[1], "late", 4), 4);
  char left[4];
  EXPECT_EQ(read(pipe_fds[0], left, 4), 4);  // Nobody else has read it.
  EXPECT_EQ(buffer[0], '\0');
  close(pipe_fds[0]);
  close(pipe_fds[1]);
}

TEST(ReactorReactor, SaysWhenTooMuchIsAskedFor) {
  std::string error;
  EXPECT_EQ(Reactor::Create({.submission_entries = 1 << 24}, &error), nullptr);
  EXPECT_THAT(error, HasSubstr("io_uring_setup: Invalid argument"));
  EXPECT_THAT(error, HasSubstr("more ring entries"));

  EXPECT_EQ(Reactor::Create({.files_max = 1 << 24}, &error), nullptr);
  EXPECT_THAT(error, HasSubstr("files_max = 16777216 is above RLIMIT_NOFILE"));
}

}  // namespace
}  // namespace reactor
