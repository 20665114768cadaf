// Policies of single flows: there as long as a set needs them, whatever the kernel says or does
// not.
#include "edge/flow_policies.h"
#include "tests/edge_queue.h"

namespace edge {
namespace {

class EdgeFlowPolicies : public QueueTest {
 protected:
  static Agreement InUdp(SetId number) {
    Agreement agreement = AgreementOf(number);
    agreement.port_uenc = 61000;
    return agreement;
  }
  // As a worker does for a set; sets have the same ports here, so their policies are the same.
  void InstallInUdp(SetId set) { queue_.Install(set, Sas(InUdp(set))); }
  void DeleteInUdp(SetId set) { queue_.Delete(set, MakeSaIds(InUdp(set), false), true); }
  void TurnAll() {
    queue_.OnTime(now_ms_);
    Turn();
  }

  FlowPolicies& policies_ = queue_.policies();
};

TEST_F(EdgeFlowPolicies, ComeWithTheSasInOneBatchAndGoWhenTheyAreGone) {
  InstallInUdp(1);
  TurnAll();
  EXPECT_EQ(Told(), (Lines{"installed 1"}));
  EXPECT_EQ(batches_, 1);
  EXPECT_EQ(requests_, 8);
  EXPECT_EQ(kernel_.sa_count(), 4u);
  EXPECT_EQ(kernel_.policy_count(), 4u);
  DeleteInUdp(1);
  TurnAll();
  EXPECT_EQ(Told(), (Lines{"deleted 1"}));
  EXPECT_EQ(kernel_.policy_count(), 4u) << "not before the kernel has said that the SAs are gone";
  EXPECT_FALSE(policies_.idle());
  EXPECT_EQ(policies_.NextExpiry(), 0u) << "at once";
  TurnAll();
  EXPECT_EQ(kernel_.policy_count(), 0u);
  EXPECT_TRUE(policies_.idle());
  EXPECT_EQ(policies_.size(), 0u);
  EXPECT_EQ(policies_.NextExpiry(), UINT64_MAX);
}

TEST_F(EdgeFlowPolicies, SetsInTransportModeHaveNone) {
  queue_.Install(1, Sas(AgreementOf(1)));
  TurnAll();
  EXPECT_EQ(requests_, 4);
  EXPECT_EQ(policies_.size(), 0u);
  EXPECT_EQ(kernel_.policy_count(), 0u);
}

TEST_F(EdgeFlowPolicies, Pitfall8OfTwoSetsWithOneFlowTheFirstToGoTakesNothingFromTheOther) {
  InstallInUdp(1);
  InstallInUdp(2);
  TurnAll();
  EXPECT_EQ(kernel_.policy_count(), 4u);
  DeleteInUdp(1);
  TurnAll();
  TurnAll();
  EXPECT_EQ(kernel_.policy_count(), 4u);
  DeleteInUdp(2);
  TurnAll();
  TurnAll();
  EXPECT_EQ(kernel_.policy_count(), 0u);
}

TEST_F(EdgeFlowPolicies, ARefusedPolicyRefusesTheSetAndNothingIsLeft) {
  FailOne(XFRM_MSG_UPDPOLICY, 2, std::errc::not_enough_memory);
  InstallInUdp(1);
  TurnAll();
  EXPECT_EQ(Told(), (Lines{"installed 1 ENOMEM"}));
  TurnAll();
  EXPECT_EQ(Told(), (Lines{"deleted 1"}));
  EXPECT_EQ(kernel_.sa_count(), 0u);
  TurnAll();
  EXPECT_EQ(kernel_.policy_count(), 0u) << "one of the four was never there";
  EXPECT_TRUE(policies_.idle());
}

TEST_F(EdgeFlowPolicies, ARemovalWithoutAnAnswerIsRepeated) {
  InstallInUdp(1);
  TurnAll();
  DeleteInUdp(1);
  TurnAll();
  kernel_.SetFault([](uint16_t type, int) {
    return type == XFRM_MSG_DELPOLICY ? std::errc::not_enough_memory : kOk;
  });
  TurnAll();
  EXPECT_EQ(kernel_.policy_count(), 4u);
  kernel_.SetFault(nullptr);
  kernel_.DropNextAnswers(1);
  now_ms_ += kKernelAnswerMs;
  TurnAll();
  EXPECT_FALSE(policies_.idle()) << "nobody knows";
  now_ms_ += kKernelAnswerMs;
  policies_.OnTime(now_ms_);
  EXPECT_FALSE(policies_.idle()) << "looked at again";
  now_ms_ += kKernelAnswerMs;
  TurnAll();
  EXPECT_TRUE(policies_.idle());
  EXPECT_EQ(kernel_.policy_count(), 0u);
}

TEST_F(EdgeFlowPolicies, WhoNeedsOneThatIsAboutToGoHasIt) {
  InstallInUdp(1);
  TurnAll();
  DeleteInUdp(1);
  TurnAll();
  InstallInUdp(2);  // Before the removal was sent: it is not.
  TurnAll();
  EXPECT_EQ(kernel_.policy_count(), 4u);
  DeleteInUdp(2);
  TurnAll();
  policies_.Flush(now_ms_);  // After: what is asked for comes behind it.
  InstallInUdp(3);
  TurnAll();
  EXPECT_EQ(kernel_.policy_count(), 4u);
  EXPECT_TRUE(policies_.idle());
  EXPECT_EQ(policies_.size(), 4u);
}

TEST_F(EdgeFlowPolicies, ALinkThatTakesNothingIsTriedAgain) {
  InstallInUdp(1);
  TurnAll();
  DeleteInUdp(1);
  TurnAll();
  link_takes_ = false;
  TurnAll();
  EXPECT_EQ(policies_.NextExpiry(), now_ms_ + 1);
  link_takes_ = true;
  ++now_ms_;
  TurnAll();
  EXPECT_EQ(kernel_.policy_count(), 0u);
}

// The port of a NAT is told by an update that changes nothing else, and that no set waits for.
TEST_F(EdgeFlowPolicies, ARedirectionMovesThePortsAndIsToldWhateverBecomesOfIt) {
  InstallInUdp(1);
  TurnAll();
  Agreement moved = InUdp(1);
  moved.port_uenc = 61999;
  queue_.Redirect(1, Sas(moved));
  TurnAll();
  EXPECT_EQ(redirected_, (std::vector<SetId>{1}));
  for (const xfrm::SaInfo& sa : kernel_.Sas()) {
    EXPECT_EQ(std::max(sa.tunnel.source_port, sa.tunnel.destination_port), 61999);
  }
  kernel_.DropNextAnswers(1);
  queue_.Redirect(1, Sas(moved));
  TurnAll();
  Pass(kKernelAnswerMs);
  EXPECT_EQ(redirected_, (std::vector<SetId>{1, 1}));
  // One that has not left goes with its set, which stays certain of its SAs.
  queue_.Redirect(1, Sas(moved));
  DeleteInUdp(1);
  TurnAll();
  EXPECT_EQ(Told(), (Lines{"installed 1", "deleted 1"}));
  EXPECT_EQ(stats_.kernel_looks, 0u);
}

}  // namespace
}  // namespace edge
