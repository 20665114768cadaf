#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "reactor/mailbox.h"
#include "reactor/wake.h"
#include "tests/reactor_peer.h"

namespace reactor {
namespace {

// Large enough to be torn if sender and receiver met in it.
struct Letter {
  uint64_t number = 0;
  std::array<uint64_t, 15> copies{};
};

Letter Numbered(uint64_t number) {
  Letter letter{number, {}};
  letter.copies.fill(number);
  return letter;
}

bool IsWhole(const Letter& letter) {
  for (const uint64_t copy : letter.copies) {
    if (copy != letter.number) return false;
  }
  return true;
}

TEST(ReactorMailbox, LettersComeOutAsTheyWentIn) {
  Mailbox<Letter> mailbox(8);
  std::vector<uint64_t> taken;
  const auto read = [&](const Letter& letter) { taken.push_back(letter.number); };
  EXPECT_EQ(mailbox.Take(read), 0u);
  for (uint64_t i = 1; i <= 3; ++i) EXPECT_TRUE(mailbox.Put(Numbered(i)));
  EXPECT_EQ(mailbox.Take(read), 3u);
  EXPECT_EQ(taken, (std::vector<uint64_t>{1, 2, 3}));
}

TEST(ReactorMailbox, AFullOneRefusesAndLosesNothing) {
  Mailbox<Letter> mailbox(4);
  uint64_t next_put = 0;
  uint64_t next_taken = 0;
  for (int round = 0; round < 100; ++round) {
    while (mailbox.Put(Numbered(next_put))) ++next_put;
    EXPECT_EQ(next_put - next_taken, mailbox.capacity());
    mailbox.Take([&](const Letter& letter) { EXPECT_EQ(letter.number, next_taken++); });
  }
  EXPECT_EQ(next_taken, next_put);
}

// What `read` is handed is not written to before it returns, even when the sender waits for room.
TEST(ReactorMailbox, APlaceIsFreeOnlyAfterItsLetterWasRead) {
  Mailbox<Letter> mailbox(1);
  EXPECT_TRUE(mailbox.Put(Numbered(1)));
  mailbox.Take([&](const Letter&) { EXPECT_FALSE(mailbox.Put(Numbered(2))); });
  EXPECT_TRUE(mailbox.Put(Numbered(2)));
}

// Nothing but the mailbox orders what the two do: the thread sanitizer sees it if it does not.
TEST(ReactorMailbox, TwoThreadsAndNothingElseBetweenThem) {
  constexpr uint64_t kLetters = 20'000;
  Mailbox<Letter> mailbox(16);
  std::thread sender([&] {
    for (uint64_t i = 0; i < kLetters; ++i) {
      while (!mailbox.Put(Numbered(i))) std::this_thread::yield();
    }
  });
  uint64_t taken = 0;
  bool in_order = true;
  while (taken < kLetters) {
    const size_t count = mailbox.Take([&](const Letter& letter) {
      in_order = in_order && letter.number == taken && IsWhole(letter);
      ++taken;
    });
    if (count == 0) std::this_thread::yield();
  }
  sender.join();
  EXPECT_TRUE(in_order);
}

class Counter : public WakeSink {
 public:
  explicit Counter(Mailbox<Letter>* mailbox) : mailbox_(*mailbox) {}
  void OnWake() override {
    mailbox_.Take([this](const Letter& letter) {
      in_order_ = in_order_ && letter.number == taken_ && IsWhole(letter);
      ++taken_;
    });
  }
  uint64_t taken() const { return taken_; }
  bool in_order() const { return in_order_; }

 private:
  Mailbox<Letter>& mailbox_;
  uint64_t taken_ = 0;
  bool in_order_ = true;
};

// The receiver sleeps without end whenever nothing is there: a wake that is lost is a hang.
TEST(ReactorMailbox, TwoThreadsThroughASmallOne) {
  constexpr uint64_t kLetters = 20'000;
  const std::unique_ptr<Reactor> reactor = MakeReactor();
  Mailbox<Letter> mailbox(16);
  Counter counter(&mailbox);
  std::string error;
  const std::unique_ptr<Wake> wake = Wake::Open(reactor.get(), &counter, &error);
  ASSERT_NE(wake, nullptr) << error;
  std::thread sender([&] {
    for (uint64_t i = 0; i < kLetters; ++i) {
      while (!mailbox.Put(Numbered(i))) std::this_thread::yield();
      wake->Ring();
    }
  });
  while (counter.taken() < kLetters) {
    reactor->SubmitAndWait(-1);
    reactor->Dispatch();
  }
  sender.join();
  EXPECT_TRUE(counter.in_order());
  wake->Close();
  EXPECT_TRUE(RunUntil(reactor.get(), [&] { return wake->closed(); }));
}

}  // namespace
}  // namespace reactor
