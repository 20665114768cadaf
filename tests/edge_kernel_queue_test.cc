#include "tests/edge_queue.h"

namespace edge {
namespace {

class EdgeKernelQueue : public QueueTest {};

TEST_F(EdgeKernelQueue, AllSetsOfATurnTravelInOneSend) {  // Design D2.
  for (SetId set = 1; set <= 20; ++set) Install(set);
  EXPECT_TRUE(Told().empty());  // Nothing from inside the calls.
  EXPECT_EQ(batches_, 0);
  queue_.Flush(now_ms_);
  EXPECT_EQ(batches_, 1);
  EXPECT_EQ(answers_.size(), 1u);  // One ack for all.
  EXPECT_TRUE(Told().empty());
  HandOver();
  const Lines told = Told();
  ASSERT_EQ(told.size(), 20u);
  EXPECT_EQ(told.front(), "installed 1");
  EXPECT_EQ(told.back(), "installed 20");
  EXPECT_EQ(kernel_.sa_count(), 80u);
  EXPECT_TRUE(queue_.idle());
}

TEST_F(EdgeKernelQueue, ARefusedSetIsRolledBackAloneAndTheOthersAreFine) {
  for (int ordinal = 0; ordinal < 4; ++ordinal) {
    FailOne(XFRM_MSG_NEWSA, 4 + ordinal, std::errc::not_enough_memory);
    for (const SetId set : {1u, 2u, 3u}) Install(set);
    Turn();
    EXPECT_EQ(Told(), (Lines{"installed 1", "installed 2 ENOMEM", "installed 3"})) << ordinal;
    EXPECT_EQ(kernel_.sa_count(), 11u);  // The roll-back goes with the next turn...
    EXPECT_FALSE(queue_.idle());
    Turn();
    EXPECT_EQ(Told(), (Lines{"deleted 2"}));  // ...and then the SPIs are free.
    std::set<uint32_t> left = SpisOf(1);
    left.merge(SpisOf(3));
    EXPECT_EQ(SpisInKernel(), left);
    EXPECT_TRUE(queue_.idle());
    for (const SetId set : {1u, 3u}) Delete(set);
    Turn();
    EXPECT_EQ(Told(), (Lines{"deleted 1", "deleted 3"}));
    EXPECT_EQ(kernel_.sa_count(), 0u);
  }
}

TEST_F(EdgeKernelQueue, ASetRefusedAsAWholeNeedsNoRollBack) {
  kernel_.SetFault([](uint16_t, int) { return std::errc::operation_not_permitted; });
  Install(1);
  Turn();
  EXPECT_EQ(Told(), (Lines{"installed 1 EPERM", "deleted 1"}));
  EXPECT_TRUE(queue_.idle());
}

TEST_F(EdgeKernelQueue, AnSaThatWasTakenBelongsToAnotherAndStays) {  // Pitfalls 20.
  Install(1);
  Turn();
  const uint32_t taken = AgreementOf(1).spi_uc;
  queue_.Install(2, Sas(AgreementOf(2, taken)));  // Another phone behind the same address.
  Turn();
  EXPECT_EQ(Told(), (Lines{"installed 1", "installed 2 EEXIST"}));
  Turn();
  EXPECT_EQ(Told(), (Lines{"deleted 2"}));
  EXPECT_EQ(SpisInKernel(), SpisOf(1));
}

TEST_F(EdgeKernelQueue, TwoSetsOfOneBatchMayCollide) {
  Install(1);
  queue_.Install(2, Sas(AgreementOf(2, AgreementOf(1).spi_uc)));
  Turn();
  Turn();
  EXPECT_EQ(Told(), (Lines{"installed 1", "installed 2 EEXIST", "deleted 2"}));
  EXPECT_EQ(SpisInKernel(), SpisOf(1));
}

TEST_F(EdgeKernelQueue, ALostAckIsNoYes) {
  kernel_.DropNextAnswers(1);
  Install(1);
  Install(2);
  Turn();
  EXPECT_EQ(kernel_.sa_count(), 8u);  // The kernel did it, but nobody knows.
  EXPECT_EQ(queue_.NextExpiry(), now_ms_ + kKernelAnswerMs);
  Pass(kKernelAnswerMs - 1);
  EXPECT_TRUE(Told().empty());
  Pass(1);
  EXPECT_EQ(Told(), (Lines{"installed 1 ETIMEDOUT", "installed 2 ETIMEDOUT"}));
  EXPECT_FALSE(words_.back().empty());
  Turn();  // Looks...
  EXPECT_EQ(kernel_.sa_count(), 8u);
  Turn();  // ...and deletes what it found to be theirs.
  EXPECT_EQ(ToldSorted(), (Lines{"deleted 1", "deleted 2"}));
  EXPECT_EQ(kernel_.sa_count(), 0u);
  EXPECT_TRUE(queue_.idle());
  EXPECT_EQ(stats_.kernel_looks, 2u);
  EXPECT_EQ(stats_.kernel_lost, 1u);
}

TEST_F(EdgeKernelQueue, AnAnswerAfterGivingUpIsIgnored) {
  kernel_.HoldAnswers(true);
  Install(1);
  Turn();
  Pass(kKernelAnswerMs);
  EXPECT_EQ(Told(), (Lines{"installed 1 ETIMEDOUT"}));
  kernel_.HoldAnswers(false);
  kernel_.ReleaseAnswers(&answers_);
  ASSERT_EQ(answers_.size(), 1u);
  HandOver();
  EXPECT_TRUE(Told().empty());
  Turn();
  Turn();
  EXPECT_EQ(Told(), (Lines{"deleted 1"}));
}

TEST_F(EdgeKernelQueue, ALateAnswerIsNotTakenForThatOfTheNextBatch) {
  kernel_.HoldAnswers(true);
  Install(1);
  Turn();
  Pass(kKernelAnswerMs);
  Told();
  Install(2);
  queue_.Flush(now_ms_);  // The roll-back of 1 and the installation of 2, both unanswered.
  kernel_.HoldAnswers(false);
  std::vector<std::vector<std::byte>> late;
  kernel_.ReleaseAnswers(&late);
  ASSERT_EQ(late.size(), 6u);  // A fence; four SAs and a fence.
  queue_.OnReply(late[0]);
  EXPECT_TRUE(Told().empty());
  for (size_t i = 1; i < late.size(); ++i) queue_.OnReply(late[i]);
  EXPECT_EQ(Told(), (Lines{"installed 2"}));
  Turn();
  EXPECT_EQ(Told(), (Lines{"deleted 1"}));
  EXPECT_EQ(SpisInKernel(), SpisOf(2));
}

TEST_F(EdgeKernelQueue, LossMakesEverythingUnderWayUnknown) {  // ENOBUFS of the socket.
  kernel_.HoldAnswers(true);
  Install(1);
  Turn();
  Install(2);
  Turn();
  EXPECT_EQ(batches_, 2);
  queue_.OnLoss();
  EXPECT_EQ(Told(), (Lines{"installed 1 ETIMEDOUT", "installed 2 ETIMEDOUT"}));
  kernel_.HoldAnswers(false);
  Turn();
  Turn();
  EXPECT_EQ(ToldSorted(), (Lines{"deleted 1", "deleted 2"}));
  EXPECT_EQ(kernel_.sa_count(), 0u);
}

TEST_F(EdgeKernelQueue, WhatHasNotBeenSentIsNotLost) {
  link_takes_ = false;
  Install(1);
  Turn();
  queue_.OnLoss();
  EXPECT_TRUE(Told().empty());
  link_takes_ = true;
  Turn();
  EXPECT_EQ(Told(), (Lines{"installed 1"}));
}

TEST_F(EdgeKernelQueue, ADeletionIsRepeatedUntilTheKernelConfirms) {
  Install(1);
  Turn();
  Told();
  kernel_.SetFault([](uint16_t, int) { return std::errc::not_enough_memory; });
  Delete(1);
  for (int i = 0; i < 3; ++i) {
    Turn();
    EXPECT_TRUE(Told().empty());
    EXPECT_FALSE(queue_.idle());
    EXPECT_EQ(queue_.NextExpiry(), now_ms_ + kKernelAnswerMs);
    Turn();  // Not before its time.
    EXPECT_EQ(batches_, 2 + i);
    Pass(kKernelAnswerMs);
  }
  kernel_.SetFault({});
  Turn();
  Turn();
  EXPECT_EQ(Told(), (Lines{"deleted 1"}));
  EXPECT_EQ(kernel_.sa_count(), 0u);
  EXPECT_TRUE(queue_.idle());
  EXPECT_EQ(queue_.NextExpiry(), UINT64_MAX);
}

TEST_F(EdgeKernelQueue, ADeletionWhoseAckIsLostIsRepeated) {
  Install(1);
  Turn();
  Told();
  kernel_.DropNextAnswers(1);
  Delete(1);
  Turn();
  Pass(kKernelAnswerMs);
  EXPECT_TRUE(Told().empty());  // Unknown is not deleted.
  Pass(kKernelAnswerMs);
  Turn();
  EXPECT_EQ(Told(), (Lines{"deleted 1"}));  // ESRCH now: it had been done.
}

TEST_F(EdgeKernelQueue, WhatTheKernelDroppedByItselfIsDeleted) {  // Lifetimes: design D3.
  Install(1);
  Turn();
  Told();
  kernel_.Advance(now_ms_ / 1000 + 61);
  ASSERT_EQ(kernel_.sa_count(), 0u);
  Delete(1);
  Turn();
  EXPECT_EQ(Told(), (Lines{"deleted 1"}));
}

TEST_F(EdgeKernelQueue, ADeletionWaitsForTheVerdictOfItsInstallation) {
  Install(1);
  queue_.Flush(now_ms_);
  Delete(1);
  queue_.Flush(now_ms_);
  EXPECT_EQ(batches_, 1);
  HandOver();
  EXPECT_EQ(Told(), (Lines{"installed 1"}));
  Turn();
  EXPECT_EQ(Told(), (Lines{"deleted 1"}));
  EXPECT_EQ(kernel_.sa_count(), 0u);
  EXPECT_EQ(stats_.kernel_looks, 0u);
}

TEST_F(EdgeKernelQueue, WhatIsVoidBeforeItWasSentIsNeverAskedFor) {
  Install(1);
  Delete(1);
  EXPECT_TRUE(Told().empty());
  Turn();
  EXPECT_EQ(Told(), (Lines{"deleted 1"}));
  EXPECT_EQ(batches_, 0);
  EXPECT_TRUE(queue_.idle());
}

// A phone that comes back with the SPIs it had: the old set goes first.
TEST_F(EdgeKernelQueue, AnInstallationMayTakeTheSpisOfWhatIsDeletedBeforeIt) {
  Install(1);
  Turn();
  Delete(1);
  queue_.Install(2, Sas(AgreementOf(2, AgreementOf(1).spi_uc)));
  Turn();
  EXPECT_EQ(Told(), (Lines{"installed 1", "deleted 1"}));
  EXPECT_EQ(queue_.NextExpiry(), 0u);  // At once.
  Turn();
  EXPECT_EQ(Told(), (Lines{"installed 2"}));
  EXPECT_EQ(stats_.kernel_blocked, 1u);
}

TEST_F(EdgeKernelQueue, ExtendingChangesTheLifetime) {
  Install(1);
  Turn();
  queue_.Extend(1, Sas(AgreementOf(1), 3660));
  Turn();
  EXPECT_EQ(Told(), (Lines{"installed 1", "extended 1"}));
  for (const xfrm::SaInfo& sa : kernel_.Sas()) EXPECT_EQ(sa.hard_seconds, 3660u);
}

// An SA may come later than the others of its set.
TEST_F(EdgeKernelQueue, AnExtensionMayBringWhatTheInstallationLeftOut) {
  const SaArray sas = Sas(AgreementOf(1));
  const std::array<xfrm::Sa, 3> first = {sas[0], sas[1], sas[3]};
  queue_.Install(1, first);
  Turn();
  EXPECT_EQ(Told(), (Lines{"installed 1"}));
  EXPECT_EQ(kernel_.sa_count(), 3u);
  queue_.Extend(1, first, {&sas[2], 1});
  Turn();
  EXPECT_EQ(Told(), (Lines{"extended 1"}));
  EXPECT_EQ(SpisInKernel(), SpisOf(1));
}

TEST_F(EdgeKernelQueue, AnAddedSaThatIsRefusedRefusesTheExtension) {
  const SaArray sas = Sas(AgreementOf(1));
  const std::array<xfrm::Sa, 3> first = {sas[0], sas[1], sas[3]};
  queue_.Install(1, first);
  Turn();
  FailOne(XFRM_MSG_NEWSA, 0, std::errc::file_exists);
  queue_.Extend(1, first, {&sas[2], 1});
  Turn();
  EXPECT_EQ(Told(), (Lines{"installed 1", "extended 1 EEXIST"}));
}

TEST_F(EdgeKernelQueue, ARefusedExtensionIsToldAndDeletesNothing) {  // That is for the core to say.
  Install(1);
  Turn();
  FailOne(XFRM_MSG_UPDSA, 2, std::errc::no_such_process);
  queue_.Extend(1, Sas(AgreementOf(1), 3660));
  Turn();
  Turn();
  EXPECT_EQ(Told(), (Lines{"installed 1", "extended 1 ESRCH"}));
  EXPECT_EQ(kernel_.sa_count(), 4u);
  EXPECT_TRUE(queue_.idle());
}

TEST_F(EdgeKernelQueue, AnExtensionWithoutAnAnswerIsUnknown) {
  Install(1);
  Turn();
  kernel_.DropNextAnswers(1);
  queue_.Extend(1, Sas(AgreementOf(1), 3660));
  Turn();
  Pass(kKernelAnswerMs);
  EXPECT_EQ(Told(), (Lines{"installed 1", "extended 1 ETIMEDOUT"}));
}

TEST_F(EdgeKernelQueue, ALinkThatSaysNotNowIsAskedAgainInOrder) {
  link_takes_ = false;
  Install(1);
  Turn();
  Install(2);
  Delete(1);
  Turn();
  EXPECT_EQ(batches_, 0);
  EXPECT_EQ(queue_.NextExpiry(), UINT64_MAX);  // No deadline runs for what was not sent.
  Pass(10 * kKernelAnswerMs);
  EXPECT_TRUE(Told().empty());
  link_takes_ = true;
  Turn();
  EXPECT_EQ(Told(), (Lines{"installed 1"}));
  Turn();
  EXPECT_EQ(Told(), (Lines{"deleted 1", "installed 2"}));
  EXPECT_EQ(SpisInKernel(), SpisOf(2));
}

TEST_F(EdgeKernelQueue, TheKernelsWordsComeWithTheRefusalTheyAreAbout) {
  Install(1);
  SaArray sas = Sas(AgreementOf(2));
  for (xfrm::Sa& sa : sas) sa.selector.source.family = sa.selector.destination.family = 99;
  queue_.Install(2, sas);
  queue_.Install(3, Sas(AgreementOf(3, AgreementOf(1).spi_uc)));
  queue_.Install(4, sas);  // Each refused set has its own.
  Turn();
  EXPECT_EQ(Told(), (Lines{"installed 1", "installed 2 EINVAL", "deleted 2", "installed 3 EEXIST",
                           "installed 4 EINVAL", "deleted 4"}));
  EXPECT_EQ(words_, (Lines{"", "Invalid address family", "", "", "Invalid address family", ""}));
}

// --- The bound of a turn (DESIGN.md D2) ---

TEST_F(EdgeKernelQueue, ATurnSendsNoMoreThanTheBoundAndTheRestGoesInOrder) {
  for (SetId set = 1; set <= 2 * kPerTurn + 1; ++set) Install(set);
  SetId next = 1;
  for (const SetId count : {kPerTurn, kPerTurn, SetId{1}}) {
    EXPECT_EQ(queue_.NextExpiry(), 0u) << "the next turn comes at once";
    Turn();
    EXPECT_LE(requests_, kKernelRequestsPerTurn);
    const Lines told = Told();
    ASSERT_EQ(told.size(), count);
    for (const std::string& line : told) EXPECT_EQ(line, "installed " + std::to_string(next++));
  }
  EXPECT_EQ(batches_, 3);
  EXPECT_EQ(stats_.kernel_batches_full, 2u);
  EXPECT_EQ(queue_.NextExpiry(), UINT64_MAX);
  EXPECT_TRUE(queue_.idle());
}

TEST_F(EdgeKernelQueue, ExactlyTheBoundIsOneTurn) {
  for (SetId set = 1; set <= kPerTurn; ++set) Install(set);
  Turn();
  EXPECT_EQ(requests_, kKernelRequestsPerTurn);
  EXPECT_EQ(Told().size(), kPerTurn);
  EXPECT_EQ(stats_.kernel_batches_full, 0u);
  EXPECT_TRUE(queue_.idle());
}

TEST_F(EdgeKernelQueue, LooksAndExtensionsCountLikeAnyRequest) {
  for (SetId set = 1; set <= kPerTurn; ++set) Install(set);
  Turn();
  Told();
  for (SetId set = 1; set <= kPerTurn; set += 2) {
    queue_.Extend(set, Sas(AgreementOf(set), 3660));
    Delete(set + 1, 0, false);
  }
  Install(kPerTurn + 1);
  Turn();
  EXPECT_EQ(requests_, kKernelRequestsPerTurn);
  EXPECT_EQ(Told().size(), kPerTurn / 2);
  EXPECT_EQ(stats_.kernel_batches_full, 1u);
}

TEST_F(EdgeKernelQueue, DeletionsDoNotStarveBehindInstallations) {
  constexpr SetId kDeleted = 3 * kPerTurn;
  for (SetId set = 1; set <= kDeleted; ++set) Install(set);
  while (!queue_.idle()) Turn();
  Told();
  for (SetId set = 1; set <= 6 * kPerTurn; ++set) Install(kDeleted + set);
  for (SetId set = 1; set <= kDeleted; ++set) Delete(set);
  for (SetId turn = 0; turn < 6; ++turn) {
    Turn();
    const Lines told = Told();
    EXPECT_EQ(CountOf(told, "deleted"), kPerTurn / 2);
    EXPECT_EQ(CountOf(told, "installed"), kPerTurn / 2);
    EXPECT_EQ(told.front(), "deleted " + std::to_string(turn * kPerTurn / 2 + 1));  // In order.
  }
  Turn();
  EXPECT_EQ(CountOf(Told(), "installed"), kPerTurn) << "all of the turn is theirs again";
}

TEST_F(EdgeKernelQueue, NorInstallationsBehindDeletions) {
  constexpr SetId kDeleted = 6 * kPerTurn;
  for (SetId set = 1; set <= kDeleted; ++set) Install(set);
  while (!queue_.idle()) Turn();
  Told();
  for (SetId set = 1; set <= kDeleted; ++set) Delete(set);
  for (SetId set = 1; set <= kPerTurn / 2; ++set) Install(kDeleted + set);
  Turn();
  Lines told = Told();
  EXPECT_EQ(CountOf(told, "installed"), kPerTurn / 2);
  EXPECT_EQ(CountOf(told, "deleted"), kPerTurn / 2);
  Turn();
  EXPECT_EQ(CountOf(Told(), "deleted"), kPerTurn) << "what nobody else wants is theirs";
  Install(2 * kDeleted);
  Turn();
  told = Told();
  EXPECT_EQ(CountOf(told, "installed"), 1u);
  EXPECT_EQ(CountOf(told, "deleted"), kPerTurn - 1);
}

TEST_F(EdgeKernelQueue, TooManyThatWaitAreRefusedAtTheNextFlushAndNotInsideTheCall) {
  link_takes_ = false;
  for (SetId set = 1; set <= kKernelWaitingMax + 2; ++set) Install(set);
  queue_.Extend(1, Sas(AgreementOf(1), 3660));
  EXPECT_TRUE(Told().empty());
  Turn();
  const std::string n = std::to_string(kKernelWaitingMax + 1);
  const std::string m = std::to_string(kKernelWaitingMax + 2);
  EXPECT_EQ(Told(), (Lines{"installed " + n + " ENOBUFS", "deleted " + n,
                           "installed " + m + " ENOBUFS", "deleted " + m, "extended 1 ENOBUFS"}));
  EXPECT_EQ(stats_.kernel_full, 3u);
  EXPECT_FALSE(words_.back().empty());
  link_takes_ = true;
  for (size_t i = 0; i < kKernelWaitingMax / kPerTurn; ++i) Turn();
  EXPECT_EQ(Told().size(), kKernelWaitingMax);
  EXPECT_EQ(kernel_.sa_count(), kSasPerSet * kKernelWaitingMax);
  EXPECT_TRUE(queue_.idle());
}

// It was never asked for, so what is there under its ids is another's.
TEST_F(EdgeKernelQueue, ASetRefusedForWantOfRoomAndDeletedAtOnceDeletesNothing) {
  Install(5000);
  Turn();
  Told();
  for (SetId set = 1; set <= kKernelWaitingMax; ++set) Install(set);
  queue_.Install(6000, Sas(AgreementOf(6000, AgreementOf(5000).spi_uc)));
  Delete(6000, AgreementOf(5000).spi_uc);
  while (!queue_.idle()) Turn();
  EXPECT_EQ(CountOf(Told(), "deleted 6000"), 1u);
  EXPECT_EQ(kernel_.sa_count(), kSasPerSet * (kKernelWaitingMax + 1));
}

TEST_F(EdgeKernelQueue, WithoutFencesOnlySoManyBatchesAreSent) {
  kernel_.DropNextAnswers(1000);
  for (SetId set = 1; set <= kKernelWaitingMax; ++set) Install(set);
  for (int i = 0; i < 100; ++i) Turn();
  EXPECT_EQ(batches_, static_cast<int>(kKernelBatchesMax));
  EXPECT_EQ(queue_.NextExpiry(), now_ms_ + kKernelAnswerMs);
  kernel_.DropNextAnswers(0);
  Pass(kKernelAnswerMs);
  while (!queue_.idle()) Turn();
  const size_t lost = kKernelBatchesMax * kPerTurn;
  EXPECT_EQ(CountOf(Told(), "installed"), kKernelWaitingMax);
  EXPECT_EQ(kernel_.sa_count(), kSasPerSet * (kKernelWaitingMax - lost));
}

// What is told may ask for more, as the core does.
class Chatty : public QueueTest {
 protected:
  void OnInstalled(SetId set, std::errc error, std::string_view words) override {
    QueueTest::OnInstalled(set, error, words);
    if (set < 300) Install(set + 100);
    if (error == kOk) Delete(set);
  }
};

TEST_F(Chatty, AnswersMayLeadToRequests) {
  for (SetId set = 1; set <= 100; ++set) Install(set);
  for (int i = 0; i < 40; ++i) Turn();
  EXPECT_EQ(Told().size(), 2 * 399u);
  EXPECT_EQ(kernel_.sa_count(), 0u);
  EXPECT_TRUE(queue_.idle());
}

}  // namespace
}  // namespace edge
