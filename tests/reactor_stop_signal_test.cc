#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <thread>

#include "reactor/stop_signal.h"
#include "tests/reactor_peer.h"

namespace reactor {
namespace {

// Signals here are sent to this very process: they stay blocked, or they would end it.
class ReactorStopSignal : public testing::Test {
 protected:
  ReactorStopSignal() : reactor_(MakeReactor()) {
    std::string error;
    stop_ = StopSignal::Open(reactor_.get(), &error);
    EXPECT_NE(stop_, nullptr) << error;
  }
  ~ReactorStopSignal() override {
    stop_->Close();
    EXPECT_TRUE(RunUntil(reactor_.get(), [this] { return stop_->closed(); }));
    stop_.reset();
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    const timespec at_once{};
    while (sigtimedwait(&signals, nullptr, &at_once) > 0) {
    }
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  }

  std::unique_ptr<Reactor> reactor_;
  std::unique_ptr<StopSignal> stop_;
};

TEST_F(ReactorStopSignal, WithoutASignalNothingIsRequested) {
  RunIdle(reactor_.get(), 20);
  EXPECT_FALSE(stop_->requested());
  EXPECT_FALSE(stop_->closed());
}

TEST_F(ReactorStopSignal, SigtermAsksForTheEnd) {
  kill(getpid(), SIGTERM);
  EXPECT_TRUE(RunUntil(reactor_.get(), [this] { return stop_->requested(); }));
}

TEST_F(ReactorStopSignal, SigintAsksForTheEnd) {
  kill(getpid(), SIGINT);
  EXPECT_TRUE(RunUntil(reactor_.get(), [this] { return stop_->requested(); }));
}

// It came between the check and the wait: a wait without end must not begin.
TEST_F(ReactorStopSignal, ASignalBeforeTheWaitIsNotMissed) {
  RunIdle(reactor_.get(), 2);
  EXPECT_FALSE(stop_->requested());
  kill(getpid(), SIGTERM);
  reactor_->SubmitAndWait(-1);
  reactor_->Dispatch();
  EXPECT_TRUE(stop_->requested());
}

TEST_F(ReactorStopSignal, ASignalEndsAWaitWithoutEnd) {
  std::thread sender([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    kill(getpid(), SIGTERM);
  });
  while (!stop_->requested()) {
    reactor_->SubmitAndWait(-1);
    reactor_->Dispatch();
  }
  sender.join();
  EXPECT_TRUE(stop_->requested());
}

TEST_F(ReactorStopSignal, ClosingIsNoRequest) {
  stop_->Close();
  EXPECT_TRUE(RunUntil(reactor_.get(), [this] { return stop_->closed(); }));
  EXPECT_FALSE(stop_->requested());
  kill(getpid(), SIGTERM);  // Blocked all the same: whoever is ending must not be cut short.
  RunIdle(reactor_.get(), 5);
  EXPECT_FALSE(stop_->requested());
}

TEST_F(ReactorStopSignal, CountsTheNextOnesToo) {
  for (int count = 1; count <= 3; ++count) {
    kill(getpid(), count % 2 == 0 ? SIGINT : SIGTERM);
    EXPECT_TRUE(RunUntil(reactor_.get(), [&] { return stop_->requests() == count; })) << count;
  }
}

TEST_F(ReactorStopSignal, AfterARequestItCanBeClosedTwice) {
  kill(getpid(), SIGTERM);
  ASSERT_TRUE(RunUntil(reactor_.get(), [this] { return stop_->requested(); }));
  EXPECT_FALSE(stop_->closed());
  stop_->Close();
  stop_->Close();
  RunIdle(reactor_.get(), 2);
  EXPECT_TRUE(stop_->requested());
}

}  // namespace
}  // namespace reactor
