#include <gtest/gtest.h>

#include <array>
#include <map>
#include <utility>
#include <vector>

#include "edge/limits.h"
#include "edge/sa_watch.h"
#include "xfrm/fake_kernel.h"

namespace edge {
namespace {

// A watch between the fake kernel and what was told.
class EdgeSaWatch : public testing::Test, protected KernelLink, protected SaWatchSink {
 protected:
  static xfrm::Sa SaOf(uint32_t spi) {
    static const xfrm::EspKeys keys({}, xfrm::Key(), xfrm::Key());
    xfrm::Sa sa;
    sa.selector.source.family = sa.selector.destination.family = AF_INET;
    sa.selector.destination.bytes = {192, 0, 2, 10};
    sa.spi = spi;
    sa.keys = &keys;
    return sa;
  }
  void Install(uint32_t spi) {
    xfrm::Batch batch;
    batch.Clear(1);
    batch.AddSa(SaOf(spi));
    kernel_.Send(batch.Seal(), 1, &answers_);
    answers_.clear();
  }
  void Delete(uint32_t spi) {
    xfrm::Batch batch;
    batch.Clear(1);
    batch.DeleteSa(SaOf(spi).id());
    Send(batch.Seal());
  }
  // Both SAs of a set: the SPIs are twice its number, and one more.
  void InstallSet(SetId set) {
    Install(static_cast<uint32_t>(2 * set));
    Install(static_cast<uint32_t>(2 * set + 1));
  }
  static xfrm::SaId First(SetId set) { return SaOf(static_cast<uint32_t>(2 * set)).id(); }
  static xfrm::SaId Second(SetId set) { return SaOf(static_cast<uint32_t>(2 * set + 1)).id(); }
  void Look(SetId set) { watch_.Look(set, std::array{First(set), Second(set)}); }
  void Turn() {
    watch_.Flush(now_ms_);
    HandOver();
  }
  void HandOver() {
    const std::vector<std::vector<std::byte>> answers = std::exchange(answers_, {});
    for (const std::vector<std::byte>& answer : answers) watch_.OnReply(answer);
  }

  bool Send(std::span<const std::byte> batch) override {
    if (is_busy_) return false;
    ++sends_;
    kernel_.Send(batch, 1, &answers_);
    return true;
  }
  void OnLooked(SetId set, const SaUse& use) override {
    EXPECT_EQ(told_.count(set), 0u) << "told once";
    told_[set] = use;
  }

  xfrm::FakeKernel kernel_;
  std::vector<std::vector<std::byte>> answers_;
  std::map<SetId, SaUse> told_;
  bool is_busy_ = false;
  int sends_ = 0;
  uint64_t now_ms_ = 1000;
  SaWatch watch_{this, this};
};

TEST_F(EdgeSaWatch, TellsTheSumOfWhatTheSasCounted) {
  InstallSet(500);
  kernel_.CountPacket(First(500), 100, 1);
  kernel_.CountPacket(First(500), 50, 1);
  kernel_.CountPacket(Second(500), 7, 1);
  kernel_.CountUndecrypted(First(500));
  kernel_.CountUndecrypted(Second(500));
  kernel_.CountReplayed(Second(500));
  Look(500);
  EXPECT_FALSE(watch_.idle());
  Turn();
  ASSERT_EQ(told_.count(500), 1u);
  const SaUse& use = told_[500];
  EXPECT_TRUE(use.is_known);
  EXPECT_EQ(use.packets, 3u);
  EXPECT_EQ(use.bytes, 157u);
  EXPECT_EQ(use.undecrypted, 2u);
  EXPECT_EQ(use.replayed, 1u);
  EXPECT_TRUE(use.has_arrivals());
  EXPECT_TRUE(watch_.idle());
}

TEST_F(EdgeSaWatch, NothingIsKnownNothing) {
  InstallSet(500);
  Look(500);
  Turn();
  EXPECT_TRUE(told_[500].is_known);
  EXPECT_FALSE(told_[500].has_arrivals());
}

TEST_F(EdgeSaWatch, LooksOfATurnTravelTogetherAndKeepApart) {
  for (SetId set = 500; set < 510; ++set) {
    InstallSet(set);
    for (SetId i = 500; i < set; ++i) kernel_.CountPacket(First(set), 1, 1);
    Look(set);
  }
  Turn();
  EXPECT_EQ(sends_, 1);
  ASSERT_EQ(told_.size(), 10u);
  for (const auto& [set, use] : told_) EXPECT_EQ(use.packets, set - 500);
}

TEST_F(EdgeSaWatch, WhatIsDeletedAfterwardsInTheTurnWasSeen) {
  InstallSet(500);
  kernel_.CountPacket(First(500), 9, 1);
  Look(500);
  watch_.Flush(now_ms_);
  Delete(1000);
  Delete(1001);
  HandOver();
  EXPECT_EQ(told_[500].packets, 1u);
  EXPECT_EQ(kernel_.sa_count(), 0u);
}

TEST_F(EdgeSaWatch, AnSaThatIsGoneLeavesTheSetUnknown) {
  InstallSet(500);
  kernel_.CountPacket(First(500), 9, 1);
  Delete(1001);
  answers_.clear();
  Look(500);
  Turn();
  ASSERT_EQ(told_.count(500), 1u);
  EXPECT_FALSE(told_[500].is_known);
  EXPECT_FALSE(told_[500].has_arrivals());
}

TEST_F(EdgeSaWatch, BeyondABatchItIsNotKnownAndToldBeforeAnythingElse) {
  const SetId sets = xfrm::Batch::kRequestsMax / 2;
  for (SetId set = 500; set < 500 + sets + 1; ++set) {
    InstallSet(set);
    Look(set);
  }
  watch_.Flush(now_ms_);
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_FALSE(told_[500 + sets].is_known);
  HandOver();
  EXPECT_EQ(told_.size(), sets + 1);
  EXPECT_TRUE(told_[500 + sets - 1].is_known);
}

TEST_F(EdgeSaWatch, ALostAnswerIsNotKnownAfterASecond) {
  InstallSet(500);
  kernel_.DropNextAnswers(1);
  Look(500);
  Turn();
  EXPECT_EQ(watch_.NextExpiry(), now_ms_ + kKernelAnswerMs);
  watch_.OnTime(now_ms_ + kKernelAnswerMs - 1);
  EXPECT_TRUE(told_.empty());
  watch_.OnTime(now_ms_ + kKernelAnswerMs);
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_FALSE(told_[500].is_known);
  EXPECT_EQ(watch_.NextExpiry(), UINT64_MAX);
  EXPECT_TRUE(watch_.idle());
}

TEST_F(EdgeSaWatch, AfterALossNothingUnderWayIsKnown) {
  InstallSet(500);
  InstallSet(501);
  Look(500);
  watch_.Flush(now_ms_);
  Look(501);
  watch_.Flush(now_ms_);
  watch_.OnLoss();
  EXPECT_EQ(told_.size(), 2u);
  EXPECT_FALSE(told_[500].is_known);
  HandOver();  // What comes late is nobody's.
  EXPECT_EQ(told_.size(), 2u);
}

TEST_F(EdgeSaWatch, WhatCannotBeSentWaitsForTheNextTurn) {
  InstallSet(500);
  is_busy_ = true;
  Look(500);
  Turn();
  EXPECT_TRUE(told_.empty());
  is_busy_ = false;
  InstallSet(501);
  Look(501);
  Turn();
  EXPECT_EQ(sends_, 1);
  EXPECT_TRUE(told_[500].is_known);
  EXPECT_TRUE(told_[501].is_known);
}

// Answers to the batches of KernelQueue pass by on the same socket.
TEST_F(EdgeSaWatch, AnswersToOthersAreNotOurs) {
  InstallSet(500);
  kernel_.CountPacket(First(500), 9, 1);
  Look(500);
  watch_.Flush(now_ms_);
  std::vector<std::vector<std::byte>> ours = std::exchange(answers_, {});
  xfrm::Batch batch;
  batch.Clear(1);
  for (int i = 0; i < 4; ++i) batch.GetSa(Second(500));
  kernel_.Send(batch.Seal(), 1, &answers_);
  HandOver();
  EXPECT_TRUE(told_.empty());
  answers_ = ours;
  HandOver();
  EXPECT_EQ(told_[500].packets, 1u);
}

TEST_F(EdgeSaWatch, SequencesAreNoneOfTheQueues) {
  InstallSet(500);
  uint32_t least = UINT32_MAX;
  for (int turn = 0; turn < 3; ++turn) {
    told_.clear();
    Look(500);
    watch_.Flush(now_ms_);
    xfrm::ReplyReader reader(answers_.at(0));
    xfrm::Reply reply;
    ASSERT_TRUE(reader.Next(&reply));
    least = std::min(least, reply.sequence);
    HandOver();
    ASSERT_TRUE(told_[500].is_known);
  }
  EXPECT_GT(least, UINT32_MAX / 2 + xfrm::Batch::kRequestsMax);
}

}  // namespace
}  // namespace edge
