#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "reactor/buffer_ring.h"
#include "tests/reactor_peer.h"

namespace reactor {
namespace {

using testing::HasSubstr;

constexpr BufferRingOptions kSmall{.count = 4, .size = 100, .tail_padding = 64, .group = 3};

// Reads from a pipe into buffers of the ring: the simplest thing that lends them to the kernel.
class ReactorBufferRing : public testing::Test {
 protected:
  ReactorBufferRing() : reactor_(MakeReactor()) {
    std::string error;
    buffers_ = BufferRing::Create(reactor_.get(), kSmall, &error);
    EXPECT_NE(buffers_, nullptr) << error;
    EXPECT_EQ(pipe(pipe_), 0);
    completion_ = {[](void* owner, Completion*, int32_t result, uint32_t flags) {
                     static_cast<ReactorBufferRing*>(owner)->OnRead(result, flags);
                   },
                   this};
  }
  ~ReactorBufferRing() override {
    close(pipe_[0]);
    close(pipe_[1]);
  }

  // Sends `text` through the pipe into a buffer; no lease if there was none.
  BufferLease Read(std::string_view text) {
    EXPECT_EQ(write(pipe_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
    io_uring_sqe* const sqe = reactor_->GetSqe(&completion_);
    io_uring_prep_read(sqe, pipe_[0], nullptr, kSmall.size, 0);
    io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
    sqe->buf_group = kSmall.group;
    result_.reset();
    EXPECT_TRUE(RunUntil(reactor_.get(), [this] { return result_.has_value(); }));
    return std::move(lease_);
  }

  void OnRead(int32_t result, uint32_t flags) {
    result_ = result;
    if ((flags & IORING_CQE_F_BUFFER) != 0) lease_ = buffers_->Take(flags);
  }

  static std::string Text(const BufferLease& lease, size_t size) {
    return {reinterpret_cast<const char*>(lease.bytes().data()), size};
  }

  std::unique_ptr<Reactor> reactor_;
  std::unique_ptr<BufferRing> buffers_;
  int pipe_[2];
  Completion completion_;
  std::optional<int32_t> result_;
  BufferLease lease_;
};

TEST_F(ReactorBufferRing, LendsABufferAndTakesItBack) {
  EXPECT_EQ(buffers_->available(), 4);
  {
    const BufferLease lease = Read("hello");
    ASSERT_TRUE(lease);
    EXPECT_EQ(result_, 5);
    EXPECT_EQ(Text(lease, 5), "hello");
    EXPECT_EQ(lease.bytes().size(), 100u);
    EXPECT_EQ(buffers_->available(), 3);
  }
  EXPECT_EQ(buffers_->available(), 4);
}

TEST_F(ReactorBufferRing, LastCopyGivesBack) {
  BufferLease first = Read("x");
  BufferLease second = first;
  BufferLease third = std::move(first);
  EXPECT_FALSE(first);  // NOLINT: moved from is empty.
  second = third;
  second = BufferLease();
  EXPECT_EQ(buffers_->available(), 3);
  BufferLease& self = third;
  third = self;
  EXPECT_EQ(buffers_->available(), 3);
  third = BufferLease();
  EXPECT_EQ(buffers_->available(), 4);
  EXPECT_TRUE(BufferLease().bytes().empty());
  EXPECT_FALSE(BufferLease().Contains(nullptr));
}

TEST_F(ReactorBufferRing, EveryBufferComesAroundManyTimes) {
  for (int i = 0; i < 100; ++i) {
    const std::string text = "message " + std::to_string(i);
    const BufferLease lease = Read(text);
    ASSERT_TRUE(lease);
    EXPECT_EQ(Text(lease, text.size()), text);
  }
  EXPECT_EQ(buffers_->available(), 4);
}

TEST_F(ReactorBufferRing, KernelNeverFillsThePadding) {
  const std::string large(200, 'x');  // Twice what a buffer holds.
  std::vector<BufferLease> leases;
  for (int i = 0; i < 4; ++i) leases.push_back(Read(std::string(100, 'y')));
  for (const BufferLease& lease : leases) std::memset(lease.bytes().data() + 100, 0x5a, 64);
  leases.clear();
  for (int i = 0; i < 2; ++i) leases.push_back(Read(large));
  for (const BufferLease& lease : leases) {
    EXPECT_EQ(Text(lease, 100), large.substr(0, 100));
    const std::byte* const padding = lease.bytes().data() + 100;
    EXPECT_TRUE(
        std::all_of(padding, padding + 64, [](std::byte b) { return b == std::byte{0x5a}; }));
  }
}

TEST_F(ReactorBufferRing, ContainsItsBytesOnly) {
  const BufferLease lease = Read("x");
  const BufferLease other = Read("y");
  EXPECT_TRUE(lease.Contains(lease.bytes().data()));
  EXPECT_TRUE(lease.Contains(lease.bytes().data() + 99));
  EXPECT_FALSE(lease.Contains(lease.bytes().data() + 100));
  EXPECT_FALSE(lease.Contains(lease.bytes().data() - 1));
  EXPECT_FALSE(lease.Contains(other.bytes().data()));
}

// Notes who was woken, in order.
struct NotedWaiter : BufferWaiter {
  void Note(std::vector<int>* woken_in, int number_in) {
    woken = woken_in;
    number = number_in;
    owner = this;
    wake = [](void* self) {
      const NotedWaiter* const waiter = static_cast<NotedWaiter*>(self);
      waiter->woken->push_back(waiter->number);
    };
  }
  std::vector<int>* woken = nullptr;
  int number = 0;
};

TEST_F(ReactorBufferRing, WakesWhoWaitsLongestForEachBufferAndAllWhenHalfAreBack) {
  std::vector<BufferLease> leases;
  for (int i = 0; i < 4; ++i) leases.push_back(Read("x"));
  std::vector<int> woken;
  NotedWaiter waiters[6];
  for (int i = 0; i < 6; ++i) {
    waiters[i].Note(&woken, i);
    buffers_->AwaitBuffer(&waiters[i]);
    buffers_->AwaitBuffer(&waiters[i]);  // No effect.
  }
  for (const int gone : {0, 3, 5}) {  // The first, one between, the last.
    buffers_->CancelAwait(&waiters[gone]);
    buffers_->CancelAwait(&waiters[gone]);  // No effect.
  }
  buffers_->AwaitBuffer(&waiters[0]);
  EXPECT_TRUE(woken.empty());
  leases.pop_back();
  EXPECT_EQ(woken, (std::vector<int>{1}));
  leases.pop_back();
  EXPECT_EQ(woken, (std::vector<int>{1, 2}));
  leases.pop_back();
  EXPECT_EQ(woken, (std::vector<int>{1, 2, 4, 0})) << "three of four are free";
  leases.clear();
  EXPECT_EQ(woken.size(), 4u);
}

TEST_F(ReactorBufferRing, WhoWaitsAgainWhenWokenIsNotWokenForTheSameBuffer) {
  std::vector<BufferLease> leases;
  for (int i = 0; i < 4; ++i) leases.push_back(Read("x"));
  struct Again : BufferWaiter {
    BufferRing* ring = nullptr;
    int woken = 0;
  } again;
  again.ring = buffers_.get();
  again.owner = &again;
  again.wake = [](void* self) {
    Again* const waiter = static_cast<Again*>(self);
    ++waiter->woken;
    waiter->ring->AwaitBuffer(waiter);
  };
  buffers_->AwaitBuffer(&again);
  for (int returned = 1; returned <= 4; ++returned) {
    leases.pop_back();
    EXPECT_EQ(again.woken, returned);
  }
  buffers_->CancelAwait(&again);
}

TEST_F(ReactorBufferRing, RunsOutOfBuffers) {
  std::vector<BufferLease> leases;
  for (int i = 0; i < 4; ++i) leases.push_back(Read("x"));
  EXPECT_EQ(buffers_->available(), 0);
  EXPECT_FALSE(Read("y"));
  EXPECT_EQ(result_, -ENOBUFS);
}

TEST_F(ReactorBufferRing, LeaseThatOutlivesTheRingIsAMistake) {
  BufferLease lease = Read("x");
  EXPECT_DEATH(buffers_.reset(), "outlives its buffer ring");
}

TEST_F(ReactorBufferRing, GroupIsFreeAgainAfterIt) {
  std::string error;
  EXPECT_EQ(BufferRing::Create(reactor_.get(), kSmall, &error), nullptr);
  EXPECT_THAT(error, HasSubstr("group 3: File exists"));
  buffers_.reset();
  buffers_ = BufferRing::Create(reactor_.get(), kSmall, &error);
  ASSERT_NE(buffers_, nullptr) << error;
  EXPECT_TRUE(Read("again"));
}

TEST_F(ReactorBufferRing, MayGoAfterTheReactor) {
  BufferLease lease = Read("x");
  reactor_.reset();
  EXPECT_EQ(Text(lease, 1), "x");
  lease = BufferLease();
  buffers_.reset();
}

TEST_F(ReactorBufferRing, RefusesImpossibleSizes) {
  std::string error;
  for (const BufferRingOptions& options :
       {BufferRingOptions{.count = 0}, BufferRingOptions{.count = 3},
        BufferRingOptions{.count = 49152}, BufferRingOptions{.size = 0}}) {
    EXPECT_EQ(BufferRing::Create(reactor_.get(), options, &error), nullptr);
    EXPECT_THAT(error, HasSubstr("power of two"));
  }
  EXPECT_EQ(
      BufferRing::Create(reactor_.get(), {.count = 32768, .size = UINT32_MAX, .group = 9}, &error),
      nullptr);
  EXPECT_THAT(error, HasSubstr("mmap"));
}

}  // namespace
}  // namespace reactor
