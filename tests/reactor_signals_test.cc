#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <thread>

#include "reactor/signals.h"
#include "tests/reactor_peer.h"

namespace reactor {
namespace {

// Signals here are sent to this very process: they stay blocked, or they would end it.
class ReactorSignals : public testing::Test {
 protected:
  ReactorSignals() : reactor_(MakeReactor()) {
    std::string error;
    signals_ = Signals::Open(reactor_.get(), &error);
    EXPECT_NE(signals_, nullptr) << error;
  }
  ~ReactorSignals() override {
    signals_->Close();
    EXPECT_TRUE(RunUntil(reactor_.get(), [this] { return signals_->closed(); }));
    signals_.reset();
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    const timespec at_once{};
    while (sigtimedwait(&signals, nullptr, &at_once) > 0) {
    }
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  }

  std::unique_ptr<Reactor> reactor_;
  std::unique_ptr<Signals> signals_;
};

TEST_F(ReactorSignals, WithoutASignalNothingIsRequested) {
  RunIdle(reactor_.get(), 20);
  EXPECT_EQ(signals_->stops(), 0);
  EXPECT_FALSE(signals_->closed());
}

TEST_F(ReactorSignals, SigtermAsksForTheEnd) {
  kill(getpid(), SIGTERM);
  EXPECT_TRUE(RunUntil(reactor_.get(), [this] { return signals_->stops() > 0; }));
}

TEST_F(ReactorSignals, SigintAsksForTheEnd) {
  kill(getpid(), SIGINT);
  EXPECT_TRUE(RunUntil(reactor_.get(), [this] { return signals_->stops() > 0; }));
}

// It came between the check and the wait: a wait without end must not begin.
TEST_F(ReactorSignals, ASignalBeforeTheWaitIsNotMissed) {
  RunIdle(reactor_.get(), 2);
  EXPECT_EQ(signals_->stops(), 0);
  kill(getpid(), SIGTERM);
  reactor_->SubmitAndWait(-1);
  reactor_->Dispatch();
  EXPECT_EQ(signals_->stops(), 1);
}

TEST_F(ReactorSignals, ASignalEndsAWaitWithoutEnd) {
  std::thread sender([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    kill(getpid(), SIGTERM);
  });
  while (signals_->stops() == 0) {
    reactor_->SubmitAndWait(-1);
    reactor_->Dispatch();
  }
  sender.join();
  EXPECT_EQ(signals_->stops(), 1);
}

TEST_F(ReactorSignals, ClosingIsNoRequest) {
  signals_->Close();
  EXPECT_TRUE(RunUntil(reactor_.get(), [this] { return signals_->closed(); }));
  EXPECT_EQ(signals_->stops(), 0);
  kill(getpid(), SIGTERM);  // Blocked all the same: whoever is ending must not be cut short.
  RunIdle(reactor_.get(), 5);
  EXPECT_EQ(signals_->stops(), 0);
}

TEST_F(ReactorSignals, CountsTheNextOnesToo) {
  for (int count = 1; count <= 3; ++count) {
    kill(getpid(), count % 2 == 0 ? SIGINT : SIGTERM);
    EXPECT_TRUE(RunUntil(reactor_.get(), [&] { return signals_->stops() == count; })) << count;
  }
}

TEST_F(ReactorSignals, SighupIsNoStop) {
  for (int count = 1; count <= 2; ++count) {
    kill(getpid(), SIGHUP);
    EXPECT_TRUE(RunUntil(reactor_.get(), [&] { return signals_->hangups() == count; })) << count;
  }
  EXPECT_EQ(signals_->stops(), 0);
}

// One wait for both.
TEST_F(ReactorSignals, KindsThatComeTogetherAreToldApart) {
  kill(getpid(), SIGHUP);
  kill(getpid(), SIGTERM);
  EXPECT_TRUE(RunUntil(reactor_.get(), [&] { return signals_->hangups() == 1; }));
  EXPECT_EQ(signals_->stops(), 1);
}

TEST_F(ReactorSignals, AfterARequestItCanBeClosedTwice) {
  kill(getpid(), SIGTERM);
  ASSERT_TRUE(RunUntil(reactor_.get(), [this] { return signals_->stops() > 0; }));
  EXPECT_FALSE(signals_->closed());
  signals_->Close();
  signals_->Close();
  RunIdle(reactor_.get(), 2);
  EXPECT_EQ(signals_->stops(), 1);
}

}  // namespace
}  // namespace reactor
