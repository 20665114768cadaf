#include <gtest/gtest.h>

#include "edge/kernel_monitor.h"

namespace edge {
namespace {

class EdgeKernelMonitor : public testing::Test {
 protected:
  bool Read(xfrm::KernelCounters* counters) {
    ++reads_;
    if (has_none_) return false;
    *counters = counters_;
    return true;
  }

  xfrm::KernelCounters counters_;
  bool has_none_ = false;
  int reads_ = 0;
  KernelMonitor monitor_{[this](xfrm::KernelCounters* counters) { return Read(counters); }};
};

TEST_F(EdgeKernelMonitor, ReadsOnceASecondHoweverManyTurns) {
  for (uint64_t now = 5000; now < 8000; now += 10) monitor_.OnTime(now);
  EXPECT_EQ(reads_, 3);
}

TEST_F(EdgeKernelMonitor, TellsWhatMovedSince) {
  counters_.in_no_states = 10;
  monitor_.OnTime(1000);
  counters_.in_no_states = 12;
  counters_.acquire_error = 1;
  monitor_.OnTime(2000);
  counters_.in_state_proto_error = 4;
  EXPECT_EQ(monitor_.MovedSince(1500, 3000),
            "XfrmInNoStates+2 XfrmInStateProtoError+4 XfrmAcquireError+1");
  EXPECT_EQ(monitor_.MovedSince(2500, 3000), "XfrmInStateProtoError+4");
  EXPECT_EQ(monitor_.MovedSince(3000, 3000), "");
  EXPECT_EQ(monitor_.counters().in_no_states, 12u);
}

TEST_F(EdgeKernelMonitor, WhatStoodStillSaysNothing) {
  counters_.in_error = 99;
  monitor_.OnTime(1000);
  for (uint64_t now = 2000; now < 9000; now += 1000) monitor_.OnTime(now);
  EXPECT_EQ(monitor_.MovedSince(1500, 9000), "");
}

TEST_F(EdgeKernelMonitor, AnAttemptBeforeTheFirstReadingIsComparedWithIt) {
  counters_.in_error = 7;
  monitor_.OnTime(1000);
  counters_.in_error = 8;
  EXPECT_EQ(monitor_.MovedSince(0, 1500), "XfrmInError+1");
}

TEST_F(EdgeKernelMonitor, LongAgoIsTheOldestReadingThatIsKept) {
  for (uint64_t i = 0; i < 2 * KernelMonitor::kReadingsMax; ++i) {
    counters_.in_error = i;
    monitor_.OnTime(1000 * i);
  }
  const uint64_t now = 1000 * 2 * KernelMonitor::kReadingsMax;
  EXPECT_EQ(monitor_.MovedSince(0, now),
            "XfrmInError+" + std::to_string(KernelMonitor::kReadingsMax - 1));
  EXPECT_EQ(monitor_.MovedSince(now - 3500, now), "XfrmInError+3");
}

TEST_F(EdgeKernelMonitor, AFloodOfFailuresIsNoFloodOfReadings) {
  monitor_.OnTime(1000);
  for (int i = 0; i < 1000; ++i) monitor_.MovedSince(0, 1050);
  EXPECT_EQ(reads_, 1);
  monitor_.MovedSince(0, 1000 + KernelMonitor::kPauseMs);
  EXPECT_EQ(reads_, 2);
}

TEST_F(EdgeKernelMonitor, WithoutCountersThereIsNothingToTell) {
  has_none_ = true;
  monitor_.OnTime(1000);
  EXPECT_EQ(monitor_.MovedSince(0, 5000), "");
  EXPECT_EQ(monitor_.counters(), xfrm::KernelCounters());
  has_none_ = false;  // A file that could not be read once.
  counters_.in_error = 3;
  EXPECT_EQ(monitor_.MovedSince(0, 6000), "");
  counters_.in_error = 4;
  EXPECT_EQ(monitor_.MovedSince(0, 7000), "XfrmInError+1");
}

}  // namespace
}  // namespace edge
