#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "reactor/readable.h"
#include "tests/reactor_peer.h"

namespace reactor {
namespace {

class ReactorReadable : public testing::Test, protected ReadableSink {
 protected:
  ReactorReadable() : reactor_(MakeReactor()) {
    EXPECT_EQ(pipe(pipe_), 0);
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{};
    event.events = EPOLLIN;
    EXPECT_EQ(epoll_ctl(epoll_, EPOLL_CTL_ADD, pipe_[0], &event), 0);
    readable_.reset(new Readable(reactor_.get(), epoll_, this));
  }
  ~ReactorReadable() override {
    readable_->Close();
    EXPECT_TRUE(RunUntil(reactor_.get(), [this] { return readable_->closed(); }));
    for (const int fd : {pipe_[0], pipe_[1], epoll_}) close(fd);
  }
  void OnReadable() override {
    ++calls_;
    char byte;
    if (reads_) EXPECT_EQ(read(pipe_[0], &byte, 1), 1);
  }
  void Write() { EXPECT_EQ(write(pipe_[1], "x", 1), 1); }

  std::unique_ptr<Reactor> reactor_;
  int pipe_[2];
  int epoll_ = -1;
  std::unique_ptr<Readable> readable_;
  bool reads_ = true;
  int calls_ = 0;
};

TEST_F(ReactorReadable, TellsOfEachThatIsThere) {
  RunIdle(reactor_.get(), 20);
  EXPECT_EQ(calls_, 0);
  for (int i = 1; i <= 3; ++i) {
    Write();
    EXPECT_TRUE(RunUntil(reactor_.get(), [&] { return calls_ == i; }));
  }
  RunIdle(reactor_.get(), 20);
  EXPECT_EQ(calls_, 3);
}

TEST_F(ReactorReadable, WhatIsLeftIsToldOfAgain) {
  reads_ = false;
  Write();
  EXPECT_TRUE(RunUntil(reactor_.get(), [&] { return calls_ > 2; }));
  reads_ = true;
  const int before = calls_;
  EXPECT_TRUE(RunUntil(reactor_.get(), [&] { return calls_ > before; }));
  RunIdle(reactor_.get(), 20);
  const int read = calls_;
  RunIdle(reactor_.get(), 20);
  EXPECT_EQ(calls_, read);
}

TEST_F(ReactorReadable, TellsNothingAfterItIsClosed) {
  readable_->Close();
  Write();
  EXPECT_TRUE(RunUntil(reactor_.get(), [this] { return readable_->closed(); }));
  EXPECT_EQ(calls_, 0);
}

}  // namespace
}  // namespace reactor
