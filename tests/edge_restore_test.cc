// Which records go on, at which worker, and why others do not.
#include <gmock/gmock.h>

#include "edge/limits.h"
#include "edge/restore.h"
#include "edge/worker_settings.h"
#include "tests/edge_journal.h"

namespace edge {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

class EdgeRestore : public testing::Test {
 protected:
  EdgeRestore() {
    settings_.process.workers = 2;
    for (const int port : {6101, 6102, 6201, 6202}) {
      settings_.ipsec.sockets.push_back(At("192.0.2.10:" + std::to_string(port)));
    }
    settings_.gm.listen = {At("192.0.2.10:5060")};
    settings_.core.listens = {At("10.0.0.10:5060"), At("10.0.0.10:5061")};
    settings_.core.listen = settings_.core.listens[0];
  }
  RestorePlan Plan() { return PlanRestore(contents_, settings_, &spis_, kTestEpochMs); }
  void Add(RecordId id) {
    contents_.registrations.push_back(MakeRegistration(id));
    contents_.sets.push_back(MakeSet(id, id));
  }

  Settings settings_;
  xfrm::SpiPool spis_{{.permutation_key = {1, 2}}};
  JournalContents contents_;
};

TEST_F(EdgeRestore, PutsEachPhoneToTheWorkerThatHasItsPorts) {
  Add(1);
  Add(2);
  contents_.sets[1].agreement.port_ps = 6202;
  contents_.sets[1].agreement.port_pc = 6201;
  const RestorePlan plan = Plan();
  EXPECT_THAT(plan.workers, ElementsAre(SizeIs(1), SizeIs(1)));
  EXPECT_EQ(plan.workers[1][0].registration.id, 2u);
  EXPECT_EQ(plan.registrations, 2u);
  EXPECT_EQ(plan.sets, 2u);
  EXPECT_EQ(plan.id_max, 2u);
  EXPECT_EQ(spis_.counts().used, 2u);
  EXPECT_THAT(plan.void_ones, SizeIs(0));
}

TEST_F(EdgeRestore, DropsSetsWhosePortsAreOursNoMoreAndSaysSo) {
  Add(1);
  Add(2);
  contents_.sets[1].agreement.port_ps = 7777;
  Add(3);
  contents_.sets[2].agreement.port_pc = 6202;  // Of two workers: nobody has both.
  const RestorePlan plan = Plan();
  EXPECT_EQ(plan.sets, 1u);
  EXPECT_EQ(plan.without_ports, 2u);
  EXPECT_THAT(plan.void_ones, SizeIs(4)) << "each with its phone";
  EXPECT_EQ(Describe(plan),
            "1 registrations and 1 SA sets go on; over meanwhile 0, at ports that are ours no more "
            "2, of phones that moved 0, unusable 0");
  EXPECT_EQ(spis_.counts().used, 1u);
}

TEST_F(EdgeRestore, DropsWhatIsOver) {
  Add(1);
  contents_.sets[0].expires_ms = kTestEpochMs;
  Add(2);
  contents_.sets[1].expires_ms = kTestEpochMs + 1;
  contents_.registrations[1].until_ms = kTestEpochMs;
  const RestorePlan plan = Plan();
  ASSERT_THAT(plan.workers[0], SizeIs(1)) << "its set drains";
  EXPECT_EQ(plan.workers[0][0].registration.until_ms, 0u);
  EXPECT_EQ(plan.registrations, 0u);
  EXPECT_EQ(plan.sets, 1u);
  EXPECT_EQ(plan.expired, 1u);
}

// It moved, and the worker it left had not erased it when all were killed.
TEST_F(EdgeRestore, OfAPhoneAtTwoWorkersTheNewerStays) {
  Add(1);
  Add(2);
  contents_.registrations[1].impi = contents_.registrations[0].impi;
  contents_.registrations[1].ue = contents_.registrations[0].ue;
  contents_.sets[1].agreement.port_ps = 6201;
  contents_.sets[1].agreement.port_pc = 6202;
  for (const bool second_is_newer : {true, false}) {
    contents_.sets[1].installed_ms = contents_.sets[0].installed_ms - 1 + (second_is_newer ? 2 : 0);
    xfrm::SpiPool spis({.permutation_key = {1, 2}});
    const RestorePlan plan = PlanRestore(contents_, settings_, &spis, kTestEpochMs);
    EXPECT_EQ(plan.superseded, 1u);
    EXPECT_THAT(plan.workers[second_is_newer ? 1 : 0], SizeIs(1));
    EXPECT_THAT(plan.workers[second_is_newer ? 0 : 1], SizeIs(0));
    EXPECT_EQ(spis.counts().used, 1u);
  }
}

TEST_F(EdgeRestore, OfTwoCurrentSetsTheOlderDrains) {
  Add(1);
  contents_.sets.push_back(MakeSet(2, 1));
  contents_.sets[1].installed_ms += 5;
  const RestorePlan plan = Plan();
  ASSERT_THAT(plan.workers[0][0].sets, SizeIs(2));
  EXPECT_EQ(plan.workers[0][0].sets[0].record.state, SetState::kOld);
  EXPECT_EQ(plan.workers[0][0].sets[0].record.expires_ms, kTestEpochMs + kDrainMs);
  EXPECT_EQ(plan.workers[0][0].sets[1].record.state, SetState::kCurrent);
}

TEST_F(EdgeRestore, NoSpiIsInTwoSets) {
  Add(1);
  Add(2);
  contents_.sets[1].agreement.spis = contents_.sets[0].agreement.spis;
  const RestorePlan plan = Plan();
  EXPECT_EQ(plan.sets, 1u);
  EXPECT_EQ(plan.unusable, 1u);
}

// The pair lies across two of ours; neither is handed out while this run lasts.
TEST_F(EdgeRestore, SpisOfAnotherRangeAreTakenOutToo) {
  Add(1);
  contents_.sets[0].agreement.spis = {65540, 65541};
  Add(2);
  contents_.sets[1].agreement.spis = {1'000'000, 2'000'000};
  const RestorePlan plan = Plan();
  EXPECT_EQ(plan.sets, 2u);
  EXPECT_FALSE(plan.workers[0][0].sets[0].has_pool_spis);
  EXPECT_EQ(spis_.counts().used, 2u);
}

TEST_F(EdgeRestore, ASetWithoutItsPhoneAndOneThatLivedTooOftenGo) {
  contents_.sets.push_back(MakeSet(1, 99));
  Add(2);
  contents_.sets[1].sequence_bound = kSequenceBoundMax + 1;
  const RestorePlan plan = Plan();
  EXPECT_EQ(plan.sets, 0u);
  EXPECT_EQ(plan.unusable, 2u);
}

TEST_F(EdgeRestore, ARuleThatIsNoMoreIsNone) {
  Add(1);
  contents_.sets[0].rule = 3;
  EXPECT_EQ(Plan().workers[0][0].sets[0].record.rule, 0u);
}

TEST_F(EdgeRestore, APhoneInClearGoesOnOnlyWhereTheSettingsAllowIt) {
  settings_.process.workers = 1;
  contents_.registrations.push_back(MakeRegistration(1));
  RegistrationRecord& record = contents_.registrations[0];
  record.is_in_clear = true;
  record.clear_local = settings_.gm.listen[0];
  record.clear_from = record.clear_to = record.ue;
  EXPECT_EQ(Plan().registrations, 0u);
  settings_.gm.sec_agree = SecAgree::kPrefer;
  EXPECT_EQ(Plan().registrations, 1u);
  record.clear_local = At("192.0.2.99:5060");
  EXPECT_EQ(Plan().registrations, 0u);
}

TEST_F(EdgeRestore, OutboundSasBeginAboveAllNumbersOfTheirEarlierLives) {
  Add(1);
  contents_.sets[0].sequence_bound = 3 * kSequenceStride;
  const RestorePlan plan = Plan();
  std::vector<xfrm::EspKeys> keys;
  keys.reserve(1);
  std::vector<xfrm::Sa> sas;
  AppendSas(plan.workers[0][0], settings_, kTestEpochMs, &keys, &sas);
  ASSERT_THAT(sas, SizeIs(kSasPerSet));
  for (const xfrm::Sa& sa : sas) {
    const bool is_out = sa.direction == xfrm::Direction::kOut;
    EXPECT_EQ(sa.sent, is_out ? 3 * kSequenceStride : 0u);
    EXPECT_EQ(sa.hard_seconds, 3630u + settings_.ipsec.lifetime_slack_s);
  }
}

}  // namespace
}  // namespace edge
