#include <gtest/gtest.h>

#include <thread>

#include "reactor/wake.h"
#include "tests/reactor_peer.h"

namespace reactor {
namespace {

class ReactorWake : public testing::Test, protected WakeSink {
 protected:
  ReactorWake() : reactor_(MakeReactor()) {
    std::string error;
    wake_ = Wake::Open(reactor_.get(), this, &error);
    EXPECT_NE(wake_, nullptr) << error;
  }
  ~ReactorWake() override {
    wake_->Close();
    EXPECT_TRUE(RunUntil(reactor_.get(), [this] { return wake_->closed(); }));
  }
  void OnWake() override { ++wakes_; }

  std::unique_ptr<Reactor> reactor_;
  std::unique_ptr<Wake> wake_;
  int wakes_ = 0;
};

TEST_F(ReactorWake, NobodyAsksNobodyIsWoken) {
  RunIdle(reactor_.get(), 20);
  EXPECT_EQ(wakes_, 0);
}

TEST_F(ReactorWake, AnotherThreadEndsAWaitWithoutEnd) {
  std::thread other([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    wake_->Ring();
  });
  while (wakes_ == 0) {
    reactor_->SubmitAndWait(-1);
    reactor_->Dispatch();
  }
  other.join();
  EXPECT_EQ(wakes_, 1);
}

// It came between the last look and the wait.
TEST_F(ReactorWake, AskedBeforeTheWaitIsNotMissed) {
  wake_->Ring();
  reactor_->SubmitAndWait(-1);
  reactor_->Dispatch();
  EXPECT_EQ(wakes_, 1);
}

TEST_F(ReactorWake, ManyAsksBeforeATurnAreOneWake) {
  for (int i = 0; i < 1000; ++i) wake_->Ring();
  EXPECT_TRUE(RunUntil(reactor_.get(), [this] { return wakes_ > 0; }));
  RunIdle(reactor_.get(), 10);
  EXPECT_EQ(wakes_, 1);
  wake_->Ring();
  EXPECT_TRUE(RunUntil(reactor_.get(), [this] { return wakes_ > 1; }));
}

TEST_F(ReactorWake, AfterCloseNobodyIsWoken) {
  wake_->Ring();
  wake_->Close();
  EXPECT_TRUE(RunUntil(reactor_.get(), [this] { return wake_->closed(); }));
  EXPECT_EQ(wakes_, 0);
}

// By a message from ring to ring. REQUIRES of RingFrom(): the ring that is asked outlives this.
class ReactorWakeFromARing : public ReactorWake {
 protected:
  void Submit() { other_->SubmitAndWait(0); }

  std::unique_ptr<Reactor> other_ = MakeReactor();
};

TEST_F(ReactorWakeFromARing, IsWokenWhenThatSubmits) {
  wake_->RingFrom(other_.get());
  RunIdle(reactor_.get(), 5);
  EXPECT_EQ(wakes_, 0);
  Submit();
  EXPECT_TRUE(RunUntil(reactor_.get(), [this] { return wakes_ > 0; }));
  RunIdle(other_.get(), 5);
  EXPECT_EQ(other_->completions(), 0u) << "who asks hears nothing of it";
}

TEST_F(ReactorWakeFromARing, HoweverItIsAskedManyAsksAreOneWake) {
  for (int i = 0; i < 100; ++i) {
    wake_->RingFrom(other_.get());
    wake_->Ring();
  }
  Submit();
  EXPECT_TRUE(RunUntil(reactor_.get(), [this] { return wakes_ > 0; }));
  RunIdle(reactor_.get(), 10);
  EXPECT_EQ(wakes_, 1);
  wake_->Ring();
  wake_->RingFrom(other_.get());
  Submit();
  EXPECT_TRUE(RunUntil(reactor_.get(), [this] { return wakes_ > 1; }));
}

TEST_F(ReactorWakeFromARing, EndsAWaitWithoutEndInAnotherThread) {
  std::thread other([this] {
    const std::unique_ptr<Reactor> mine = MakeReactor();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    wake_->RingFrom(mine.get());
    mine->SubmitAndWait(0);
  });
  while (wakes_ == 0) {
    reactor_->SubmitAndWait(-1);
    reactor_->Dispatch();
  }
  other.join();
  EXPECT_EQ(wakes_, 1);
}

// Here the descriptor of the ring is taken for something else, so that the message cannot be sent.
TEST_F(ReactorWakeFromARing, AMessageThatFailsIsMadeUpForByTheOtherWay) {
  io_uring* const ring = reactor_->ring();
  const int descriptor = ring->ring_fd;
  ring->ring_fd = STDERR_FILENO;
  wake_->RingFrom(other_.get());
  Submit();
  ring->ring_fd = descriptor;
  RunIdle(other_.get(), 5);  // Hears of the failure.
  EXPECT_EQ(other_->completions(), 1u);
  EXPECT_TRUE(RunUntil(reactor_.get(), [this] { return wakes_ > 0; }));
}

TEST_F(ReactorWakeFromARing, AfterCloseNobodyIsWoken) {
  wake_->Close();
  wake_->RingFrom(other_.get());
  Submit();
  EXPECT_TRUE(RunUntil(reactor_.get(), [this] { return wake_->closed(); }));
  RunIdle(reactor_.get(), 5);
  EXPECT_EQ(wakes_, 0);
}

}  // namespace
}  // namespace reactor
