// What a deletion must leave alone (design D12). The kernel knows an SA by address and SPI, phones
// choose the SPIs towards them, and two phones behind one address may choose the same.
#include "tests/edge_queue.h"

namespace edge {
namespace {

class EdgeDeletion : public QueueTest {
 protected:
  // Set 1 is in the kernel; set 2 is another phone's at the same address and has this SPI too.
  void SetUp() override {
    Install(1);
    Turn();
    ASSERT_EQ(Told(), (Lines{"installed 1"}));
  }
  static constexpr uint32_t kShared = 1010;  // AgreementOf(1).spi_uc.
  static SaArray SasOf2() { return Sas(AgreementOf(2, kShared)); }
  static std::array<xfrm::Sa, 3> WithoutSa3(const SaArray& sas) { return {sas[0], sas[1], sas[3]}; }
  void Settle() {
    for (int i = 0; i < 10; ++i) Turn();
  }
};

TEST_F(EdgeDeletion, OfASetReplacedWhileItIsInstalledTakesNoOtherPhonesSa) {
  ASSERT_EQ(AgreementOf(1).spi_uc, kShared);
  queue_.Install(2, SasOf2());
  queue_.Flush(now_ms_);
  Delete(2, kShared);  // The core has no verdict yet.
  Settle();
  EXPECT_EQ(Told(), (Lines{"installed 2 EEXIST", "deleted 2"}));
  EXPECT_EQ(SpisInKernel(), SpisOf(1));
  EXPECT_TRUE(queue_.idle());
}

TEST_F(EdgeDeletion, OfASetReplacedBeforeItWasSentTakesNone) {
  queue_.Install(2, SasOf2());
  Delete(2, kShared);
  Settle();
  EXPECT_EQ(Told(), (Lines{"deleted 2"}));
  EXPECT_EQ(SpisInKernel(), SpisOf(1));
}

TEST_F(EdgeDeletion, OfASetWhoseAckWasLostTakesNone) {
  kernel_.DropNextAnswers(1);
  queue_.Install(2, SasOf2());
  Turn();
  Pass(kKernelAnswerMs);
  EXPECT_EQ(Told(), (Lines{"installed 2 ETIMEDOUT"}));
  Settle();
  EXPECT_EQ(Told(), (Lines{"deleted 2"}));
  EXPECT_EQ(SpisInKernel(), SpisOf(1));
  EXPECT_EQ(stats_.kernel_not_ours, 1u);
}

TEST_F(EdgeDeletion, OfASetReplacedWhileItsAckIsLostTakesNone) {
  kernel_.DropNextAnswers(1);
  queue_.Install(2, SasOf2());
  Turn();
  Delete(2, kShared);
  Settle();
  EXPECT_TRUE(Told().empty());
  Pass(kKernelAnswerMs);
  Settle();
  EXPECT_EQ(Told(), (Lines{"installed 2 ETIMEDOUT", "deleted 2"}));
  EXPECT_EQ(SpisInKernel(), SpisOf(1));
  EXPECT_TRUE(queue_.idle());
}

TEST_F(EdgeDeletion, OfASetRefusedAtItsLateSa3TakesNone) {
  SaArray sas = Sas(AgreementOf(2));
  sas[kSa3].spi = kShared;
  SaIds all = MakeSaIds(AgreementOf(2), false);
  all.ids[kSa3] = sas[kSa3].id();
  queue_.Install(2, WithoutSa3(sas));
  Turn();
  queue_.Extend(2, WithoutSa3(sas), {&sas[kSa3], 1});
  Turn();
  EXPECT_EQ(Told(), (Lines{"installed 2", "extended 2 EEXIST"}));
  queue_.Delete(2, all, false);  // As the core does after a refusal.
  Settle();
  EXPECT_EQ(Told(), (Lines{"deleted 2"}));
  EXPECT_EQ(SpisInKernel(), SpisOf(1));
}

// The core was certain when it said so, but the verdict that came then says otherwise.
TEST_F(EdgeDeletion, OfASetReplacedWhileItsLateSa3IsAskedForTakesNone) {
  for (const bool is_sent : {true, false}) {
    SaArray sas = Sas(AgreementOf(2));
    sas[kSa3].spi = kShared;
    SaIds all = MakeSaIds(AgreementOf(2), false);
    all.ids[kSa3] = sas[kSa3].id();
    queue_.Install(2, WithoutSa3(sas));
    Turn();
    queue_.Extend(2, WithoutSa3(sas), {&sas[kSa3], 1});
    if (is_sent) queue_.Flush(now_ms_);
    queue_.Delete(2, all, true);
    Settle();
    const Lines told = Told();
    EXPECT_EQ(told.back(), "deleted 2");
    EXPECT_EQ(SpisInKernel(), SpisOf(1)) << is_sent;
  }
}

TEST_F(EdgeDeletion, OfASetWhoseSasAreOverTakesNone) {
  kernel_.Advance(now_ms_ / 1000 + 61);  // Nobody noticed, as after a long sleep.
  queue_.Install(2, SasOf2());
  Turn();
  Delete(1, 0, false);
  Settle();
  EXPECT_EQ(Told(), (Lines{"installed 2", "deleted 1"}));
  EXPECT_EQ(kernel_.sa_count(), 4u);
  EXPECT_EQ(stats_.kernel_not_ours, 1u);
}

TEST_F(EdgeDeletion, LeavesTheSaOfAnotherProgramWhateverItsLimits) {
  SaArray sas = SasOf2();
  sas[1].reqid = kReqid + 1;  // The packet limit is that of set 2.
  xfrm::Batch batch;
  batch.Clear(1);
  for (const xfrm::SaId& id : MakeSaIds(AgreementOf(1))) batch.DeleteSa(id);
  batch.AddSa(sas[1]);
  kernel_.Send(batch.Seal(), now_ms_ / 1000, &answers_);
  answers_.clear();
  Delete(2, kShared, false);
  Settle();
  EXPECT_EQ(Told(), (Lines{"deleted 2"}));
  ASSERT_EQ(kernel_.sa_count(), 1u);
  EXPECT_EQ(kernel_.Sas()[0].reqid, kReqid + 1);
}

// --- Repeated deletions ---

TEST_F(EdgeDeletion, ThatIsRepeatedLeavesWhatThePhoneReinstalledUnderTheSameSpis) {
  kernel_.DropNextAnswers(1);
  Delete(1);
  Turn();
  ASSERT_EQ(kernel_.sa_count(), 0u);
  queue_.Install(2, SasOf2());  // The phone is back before anybody knows.
  Settle();
  EXPECT_TRUE(Told().empty()) << "nothing is installed where a deletion is open";
  Pass(kKernelAnswerMs);
  Pass(kKernelAnswerMs);
  Settle();
  EXPECT_EQ(Told(), (Lines{"deleted 1", "installed 2"}));
  EXPECT_EQ(kernel_.sa_count(), 4u);
  Settle();
  EXPECT_EQ(kernel_.sa_count(), 4u);
  EXPECT_TRUE(queue_.idle());
}

// Another queue, as another worker or an earlier process: what it installs is not this one's.
TEST_F(EdgeDeletion, ThatIsRepeatedLeavesWhatAnotherWorkerInstalledMeanwhile) {
  kernel_.DropNextAnswers(1);
  Delete(1);
  Turn();
  xfrm::Batch batch;
  batch.Clear(1);
  for (const xfrm::Sa& sa : SasOf2()) batch.AddSa(sa);
  kernel_.Send(batch.Seal(), now_ms_ / 1000, &answers_);
  answers_.clear();
  Pass(kKernelAnswerMs);
  Pass(kKernelAnswerMs);
  Settle();
  EXPECT_EQ(Told(), (Lines{"deleted 1"}));
  EXPECT_EQ(kernel_.sa_count(), 4u);
  EXPECT_EQ(stats_.kernel_not_ours, 1u);
  EXPECT_EQ(stats_.kernel_repeated, 1u);
}

TEST_F(EdgeDeletion, ThatFoundNothingOpensTheWayForWhatWaits) {
  Delete(1);
  queue_.Install(2, SasOf2());
  Delete(2, kShared);  // Void before it was sent, while it waits for the ids.
  queue_.Install(3, Sas(AgreementOf(3, kShared)));
  Settle();
  EXPECT_EQ(ToldSorted(), (Lines{"deleted 1", "deleted 2", "installed 3"}));
  EXPECT_EQ(kernel_.sa_count(), 4u);
  EXPECT_TRUE(queue_.idle());
}

TEST_F(EdgeDeletion, OfOthersDoesNotHoldUpWhoHasOtherIds) {
  kernel_.DropNextAnswers(1);
  Delete(1);
  Turn();
  queue_.Install(2, SasOf2());
  Install(3);
  Settle();
  EXPECT_EQ(Told(), (Lines{"installed 3"}));
}

// --- Looks ---

TEST_F(EdgeDeletion, TakesOnlyWhatTheLookFound) {
  FailOne(XFRM_MSG_NEWSA, 1, std::errc::not_enough_memory);
  kernel_.DropNextAnswers(1);
  Install(2);
  Turn();
  kernel_.SetFault({});
  ASSERT_EQ(kernel_.sa_count(), 7u);
  Pass(kKernelAnswerMs);
  Turn();
  EXPECT_EQ(requests_, 4);
  Turn();
  EXPECT_EQ(requests_, 3);
  EXPECT_EQ(Told(), (Lines{"installed 2 ETIMEDOUT", "deleted 2"}));
  EXPECT_EQ(SpisInKernel(), SpisOf(1));
}

TEST_F(EdgeDeletion, IsNeverSettledByALookThatWasNotAnsweredInFull) {
  Delete(1, 0, false);
  queue_.Flush(now_ms_);
  ASSERT_EQ(answers_.size(), 5u);  // Four SAs and the fence.
  answers_.erase(answers_.begin() + 2);
  HandOver();
  Turn();
  EXPECT_TRUE(Told().empty());
  EXPECT_EQ(kernel_.sa_count(), 4u) << "not even what was shown to be its own";
  Pass(kKernelAnswerMs);
  Settle();
  EXPECT_EQ(Told(), (Lines{"deleted 1"}));
  EXPECT_EQ(kernel_.sa_count(), 0u);
}

TEST_F(EdgeDeletion, LooksAgainWhenALookIsRefusedOrItsFenceIsLost) {
  Delete(1, 0, false);
  FailOne(XFRM_MSG_GETSA, 3, std::errc::not_enough_memory);
  Turn();
  kernel_.SetFault({});
  kernel_.CutNextAnswers(4);
  Pass(kKernelAnswerMs);
  Turn();
  Pass(kKernelAnswerMs);
  EXPECT_TRUE(Told().empty());
  Pass(kKernelAnswerMs);
  Settle();
  EXPECT_EQ(Told(), (Lines{"deleted 1"}));
  EXPECT_EQ(kernel_.sa_count(), 0u);
  EXPECT_EQ(stats_.kernel_looks, 3u);
  EXPECT_EQ(stats_.kernel_repeated, 2u);
}

}  // namespace
}  // namespace edge
