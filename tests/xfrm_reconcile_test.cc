// Reconciliation: every case of one SA, the bounds of batches, and a kernel that is put right.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/xfrm_samples.h"
#include "xfrm/fake_kernel.h"
#include "xfrm/reconcile.h"

namespace xfrm {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint32_t kReqid = 4711;
constexpr uint64_t kSeed = 7;
constexpr uint64_t kNow = 1'700'000'000;
constexpr uint32_t kEarly = 15;

const EspKeys& Keys() {
  static const EspKeys keys({Integrity::kHmacSha1_96, Encryption::kAesCbc}, SampleIk(), SampleCk());
  return keys;
}

// SA `number` of many: four a phone, a phone an address.
Sa Numbered(uint32_t number) {
  Sa sa = SampleSa(&Keys(), 65536 + number);
  const uint32_t phone = number / 4;
  sa.selector.source.bytes = {10, static_cast<uint8_t>(phone >> 16),
                              static_cast<uint8_t>(phone >> 8), static_cast<uint8_t>(phone)};
  if (number % 2 == 1) {
    std::swap(sa.selector.source, sa.selector.destination);
    std::swap(sa.selector.source_port, sa.selector.destination_port);
  }
  return sa;
}

// As the kernel would show it.
SaInfo Shown(const Sa& sa) {
  SaInfo info;
  info.selector = sa.selector;
  info.id = sa.id();
  info.source = sa.selector.source;
  info.reqid = sa.reqid;
  info.algorithms = sa.keys->algorithms();
  info.is_exact = true;
  info.hard_seconds = sa.hard_seconds;
  info.hard_packets = sa.hard_packets;
  info.added_at = kNow;
  return info;
}

ReconcilePlan PlanFor(const std::vector<SaInfo>& dump, const std::vector<Sa>& known) {
  return Reconcile(dump, known, {.now_s = kNow, .early_s_max = kEarly}, kReqid, kSeed);
}

TEST(XfrmReconcile, NothingIsDoneAboutNothing) {
  const ReconcilePlan plan = PlanFor({}, {});
  EXPECT_THAT(plan.install, IsEmpty());
  EXPECT_THAT(plan.replace, IsEmpty());
  EXPECT_THAT(plan.blocked, IsEmpty());
  EXPECT_THAT(plan.remove, IsEmpty());
  EXPECT_EQ(plan.kept + plan.foreign + plan.repeated, 0u);
}

TEST(XfrmReconcile, KeepsWhatIsAsWeKnowIt) {
  const std::vector<Sa> known = {Numbered(0), Numbered(1)};
  SaInfo used = Shown(known[1]);
  used.packets = 5;
  used.hard_seconds = 3600;
  used.replay_window = 0;
  const ReconcilePlan plan = PlanFor({Shown(known[0]), used}, known);
  EXPECT_EQ(plan.kept, 2u);
  EXPECT_THAT(plan.install, IsEmpty());
  EXPECT_THAT(plan.replace, IsEmpty());
  EXPECT_THAT(plan.remove, IsEmpty());
}

// An earlier run died after its store had the longer life, and before the kernel had it.
TEST(XfrmReconcile, WhatWouldEndEarlyIsKeptAndGivenItsTime) {
  Sa known = Numbered(0);
  known.hard_seconds = 600;
  SaInfo shown = Shown(known);
  shown.added_at = kNow - 100;
  for (const uint64_t hard_s : {0u, 700u, 700u - kEarly, 5000u}) {
    shown.hard_seconds = hard_s;
    const ReconcilePlan plan = PlanFor({shown}, {known});
    EXPECT_EQ(plan.kept, 1u) << hard_s;
    EXPECT_THAT(plan.extend, IsEmpty()) << hard_s;
  }
  for (const uint64_t hard_s : {1u, 100u, 699u - kEarly}) {
    shown.hard_seconds = hard_s;
    const ReconcilePlan plan = PlanFor({shown}, {known});
    EXPECT_EQ(plan.kept, 1u) << hard_s;
    EXPECT_THAT(plan.replace, IsEmpty()) << hard_s;
    ASSERT_THAT(plan.extend, SizeIs(1)) << hard_s;
    EXPECT_EQ(plan.extend[0].index, 0u);
    EXPECT_EQ(plan.extend[0].hard_seconds, 700u) << "the kernel counts from when it added the SA";
  }
  known.hard_seconds = 0;
  EXPECT_THAT(PlanFor({shown}, {known}).extend, IsEmpty()) << "of endless ones we know nothing";
}

TEST(XfrmReconcile, ReplacesWhatMarksPacketsInAnotherWay) {
  Sa marked = Numbered(0);
  marked.mark = {1, 3};
  SaInfo shown = Shown(marked);
  EXPECT_THAT(PlanFor({shown}, {marked}).replace, ElementsAre(0));
  shown.mark = {1, 3};
  EXPECT_EQ(PlanFor({shown}, {marked}).kept, 1u);
}

TEST(XfrmReconcile, InstallsWhatIsMissingAndRemovesWhatNobodyKnows) {
  const std::vector<Sa> known = {Numbered(0), Numbered(1), Numbered(2)};
  const ReconcilePlan plan = PlanFor({Shown(Numbered(9)), Shown(known[1])}, known);
  EXPECT_EQ(plan.kept, 1u);
  EXPECT_THAT(plan.install, ElementsAre(0, 2));
  EXPECT_THAT(plan.remove, ElementsAre(Numbered(9).id()));
}

TEST(XfrmReconcile, LeavesForeignSasAlone) {
  SaInfo foreign = Shown(Numbered(9));
  foreign.reqid = 1;
  const ReconcilePlan plan = PlanFor({foreign}, {});
  EXPECT_EQ(plan.foreign, 1u);
  EXPECT_THAT(plan.remove, IsEmpty());
}

TEST(XfrmReconcile, AnIdThatSomebodyElseHasIsBlocked) {
  const std::vector<Sa> known = {Numbered(0), Numbered(1)};
  SaInfo foreign = Shown(known[1]);
  foreign.reqid = 1;
  const ReconcilePlan plan = PlanFor({foreign}, known);
  EXPECT_EQ(plan.foreign, 1u);
  EXPECT_THAT(plan.blocked, ElementsAre(1));
  EXPECT_THAT(plan.install, ElementsAre(0));
  EXPECT_THAT(plan.remove, IsEmpty());
}

TEST(XfrmReconcile, EachDifferenceCounts) {
  const std::vector<Sa> known = {Numbered(0)};
  const std::vector<std::function<void(SaInfo*)>> changes = {
      [](SaInfo* sa) { sa->selector.source_port += 1; },
      [](SaInfo* sa) { sa->selector.destination_port += 1; },
      [](SaInfo* sa) { sa->selector.source = At("198.51.100.78"); },
      [](SaInfo* sa) { sa->selector.destination = At("192.0.2.11"); },
      [](SaInfo* sa) { sa->source = At("198.51.100.78"); },
      [](SaInfo* sa) { sa->algorithms->encryption = Encryption::kNull; },
      [](SaInfo* sa) { sa->algorithms.reset(); },
      [](SaInfo* sa) { sa->is_exact = false; },
      [](SaInfo* sa) { sa->hard_packets = 1; },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    SaInfo sa = Shown(known[0]);
    changes[i](&sa);
    const ReconcilePlan plan = PlanFor({sa}, known);
    EXPECT_THAT(plan.replace, ElementsAre(0)) << i;
    EXPECT_EQ(plan.kept, 0u) << i;
    EXPECT_THAT(plan.install, IsEmpty()) << i;
    EXPECT_THAT(plan.remove, IsEmpty()) << i;
  }
}

TEST(XfrmReconcile, SameSpiTowardsAnotherAddressIsAnotherSa) {
  const std::vector<Sa> known = {Numbered(0)};
  SaInfo other = Shown(known[0]);
  other.id.destination = At("192.0.2.11");
  EXPECT_THAT(PlanFor({other}, known).remove, ElementsAre(other.id));
  other.id.destination = At("2001:db8::1");
  EXPECT_THAT(PlanFor({other}, known).remove, ElementsAre(other.id));
}

// Several SAs with one id differ by marks, which ours do not have.
TEST(XfrmReconcile, OrderOfTheDumpDoesNotMatter) {
  const std::vector<Sa> known = {Numbered(0)};
  const SaInfo same = Shown(known[0]);
  SaInfo other = same;
  other.is_exact = false;
  SaInfo foreign = same;
  foreign.reqid = 1;
  std::vector<SaInfo> dump = {same, other, foreign};
  for (int i = 0; i < 3; ++i) {
    std::rotate(dump.begin(), dump.begin() + 1, dump.end());
    EXPECT_EQ(PlanFor(dump, known).kept, 1u);
  }
  EXPECT_THAT(PlanFor({other, foreign}, known).replace, ElementsAre(0));
  EXPECT_THAT(PlanFor({foreign, other}, known).replace, ElementsAre(0));
}

TEST(XfrmReconcile, OfAnIdKnownTwiceTheFirstCounts) {
  std::vector<Sa> known = {Numbered(0), Numbered(0)};
  known[1].selector.source_port = 1;
  ReconcilePlan plan = PlanFor({}, known);
  EXPECT_THAT(plan.install, ElementsAre(0));
  EXPECT_EQ(plan.repeated, 1u);
  plan = PlanFor({Shown(known[0])}, known);
  EXPECT_EQ(plan.kept, 1u);
  EXPECT_THAT(plan.install, IsEmpty());
}

// --- Carrying it out ---

class XfrmReconcileRun : public ::testing::Test {
 protected:
  BatchVerdict Send() {
    BatchVerdict verdict;
    verdict.Start(batch_.first(), batch_.count());
    Datagrams answers;
    kernel_.Send(batch_.Seal(), kNow, &answers);
    for (const Reply& reply : ReadAll(answers)) verdict.Apply(reply);
    return verdict;
  }
  void Add(const Sa& sa) {
    batch_.Clear(1);
    batch_.AddSa(sa);
    ASSERT_TRUE(Send().all_ok());
  }
  void Carry(ReconcileRun* run, int requests_max) {
    for (batch_.Clear(1); run->Fill(&batch_, requests_max); batch_.Clear(1)) {
      EXPECT_LE(batch_.count(), requests_max);
      ++batches_;
      run->Take(Send());
    }
  }
  std::set<uint32_t> Spis() const {
    std::set<uint32_t> spis;
    for (const SaInfo& sa : kernel_.Sas()) spis.insert(sa.id.spi);
    return spis;
  }

  FakeKernel kernel_;
  Batch batch_;
  int batches_ = 0;
};

TEST_F(XfrmReconcileRun, NothingIsNoBatch) {
  const ReconcilePlan plan;
  ReconcileRun run(plan, {});
  batch_.Clear(1);
  EXPECT_FALSE(run.Fill(&batch_, 4));
  EXPECT_FALSE(run.again());
}

TEST_F(XfrmReconcileRun, RemovalsAndInstallationsShareABatch) {
  std::vector<Sa> known;
  ReconcilePlan plan;
  for (uint32_t i = 0; i < 100; ++i) {
    known.push_back(Numbered(i));
    plan.install.push_back(i);
    plan.remove.push_back(Numbered(1000 + i).id());
    Add(Numbered(1000 + i));
  }
  ReconcileRun run(plan, known);
  batch_.Clear(1);
  ASSERT_TRUE(run.Fill(&batch_, 10));
  run.Take(Send());
  EXPECT_EQ(run.installed(), 5u);
  EXPECT_EQ(run.removed(), 5u);
  Carry(&run, 10);
  EXPECT_EQ(batches_, 19) << "all of them full";
  EXPECT_EQ(run.installed(), 100u);
  EXPECT_EQ(run.removed(), 100u);
  EXPECT_FALSE(run.again());
}

TEST_F(XfrmReconcileRun, AReplacedSaIsDeletedJustBeforeItIsInstalled) {
  std::vector<Sa> known;
  ReconcilePlan plan;
  for (uint32_t i = 0; i < 9; ++i) {
    Sa there = Numbered(i);
    there.selector.source_port = 1;
    Add(there);
    known.push_back(Numbered(i));
    plan.replace.push_back(i);
  }
  ReconcileRun run(plan, known);
  for (batch_.Clear(1); run.Fill(&batch_, 5); batch_.Clear(1)) {
    run.Take(Send());
    EXPECT_EQ(kernel_.sa_count(), 9u) << "none is missing between batches";
  }
  EXPECT_EQ(run.installed(), 9u);
  EXPECT_EQ(run.removed(), 9u);
  for (const SaInfo& sa : kernel_.Sas()) EXPECT_NE(sa.selector.source_port, 1);
}

TEST_F(XfrmReconcileRun, AnExtendedSaKeepsItsNumbersAndItsPorts) {
  std::vector<Sa> known;
  for (uint32_t i = 0; i < 9; ++i) {
    Sa sa = Numbered(i);
    sa.tunnel = {sa.selector.source, sa.selector.destination, 61'000, 4500};
    sa.hard_seconds = 60;
    Add(sa);
    ASSERT_TRUE(kernel_.CountPacket(sa.id(), 100, kNow));
    sa.tunnel.source_port = 4500;  // As it was before the NAT gave it another.
    sa.hard_seconds = 600;
    known.push_back(sa);
  }
  const ReconcilePlan plan = Reconcile(kernel_.Sas(), known, {kNow + 7}, kReqid, kSeed);
  EXPECT_THAT(plan.extend, SizeIs(9));
  ReconcileRun run(plan, known);
  Carry(&run, 4);
  EXPECT_EQ(batches_, 3);
  EXPECT_EQ(run.extended(), 9u);
  EXPECT_EQ(run.installed() + run.removed(), 0u);
  EXPECT_FALSE(run.again());
  for (const SaInfo& sa : kernel_.Sas()) {
    EXPECT_EQ(sa.hard_seconds, 607u);
    EXPECT_EQ(sa.packets, 1u);
    EXPECT_EQ(sa.tunnel.source_port, 61'000);
  }
  EXPECT_THAT(Reconcile(kernel_.Sas(), known, {kNow + 7}, kReqid, kSeed).extend, IsEmpty());
}

// It ended between the dump and the request.
TEST_F(XfrmReconcileRun, WhatCannotBeExtendedIsLookedAtAgain) {
  std::vector<Sa> known = {Numbered(0)};
  known[0].hard_seconds = 600;
  ReconcilePlan plan;
  plan.extend.push_back({.index = 0, .hard_seconds = 700});
  ReconcileRun run(plan, known);
  Carry(&run, 4);
  EXPECT_EQ(run.refused(), 1u);
  EXPECT_EQ(run.first_refusal(), std::errc::no_such_process);
  EXPECT_TRUE(run.again());
}

TEST_F(XfrmReconcileRun, WhatWentByItselfIsRemoved) {
  ReconcilePlan plan;
  plan.remove.push_back(Numbered(0).id());
  ReconcileRun run(plan, {});
  Carry(&run, 4);
  EXPECT_EQ(run.removed(), 1u);
  EXPECT_FALSE(run.again());
}

TEST_F(XfrmReconcileRun, RefusalsAreCountedAndTheFirstIsTold) {
  const std::vector<Sa> known = {Numbered(0), Numbered(1)};
  ReconcilePlan plan;
  plan.install = {0, 1};
  Add(known[1]);
  ReconcileRun run(plan, known);
  Carry(&run, 4);
  EXPECT_EQ(run.installed(), 1u);
  EXPECT_EQ(run.refused(), 1u);
  EXPECT_EQ(run.first_refusal(), std::errc::file_exists);
  EXPECT_TRUE(run.again());
}

TEST_F(XfrmReconcileRun, ALostFenceMakesTheBatchUnknown) {
  const std::vector<Sa> known = {Numbered(0), Numbered(1)};
  ReconcilePlan plan;
  plan.install = {0, 1};
  kernel_.DropNextAnswers(1);
  ReconcileRun run(plan, known);
  Carry(&run, 4);
  EXPECT_EQ(run.unknown(), 2u);
  EXPECT_EQ(run.installed(), 0u);
  EXPECT_TRUE(run.again());
  const std::vector<SaInfo> dump = kernel_.Sas();
  EXPECT_EQ(Reconcile(dump, known, {kNow}, kReqid, kSeed).kept, 2u) << "the next dump tells";
}

// 10,000 SAs of which 1 % are missing, and 1 % of somebody else beside them.
TEST_F(XfrmReconcileRun, PutsTenThousandSasRight) {
  constexpr uint32_t kCount = 10'000;
  std::vector<Sa> known;
  for (uint32_t i = 0; i < kCount; ++i) {
    known.push_back(Numbered(i));
    if (i % 100 != 17) Add(known.back());
    Sa foreign = Numbered(kCount + i);
    foreign.reqid = 1;
    if (i % 100 == 18) Add(foreign);
    if (i % 100 == 19) Add(Numbered(2 * kCount + i));  // Ours, but nobody knows it.
  }
  const std::vector<SaInfo> dump = kernel_.Sas();
  const ReconcilePlan plan = Reconcile(dump, known, {kNow}, kReqid, kSeed);
  EXPECT_EQ(plan.kept, 9'900u);
  EXPECT_EQ(plan.foreign, 100u);
  EXPECT_THAT(plan.install, SizeIs(100));
  EXPECT_THAT(plan.remove, SizeIs(100));
  EXPECT_THAT(plan.replace, IsEmpty());
  EXPECT_THAT(plan.blocked, IsEmpty());

  ReconcileRun run(plan, known);
  Carry(&run, 64);
  EXPECT_EQ(batches_, 4);
  EXPECT_EQ(run.installed(), 100u);
  EXPECT_EQ(run.removed(), 100u);
  EXPECT_FALSE(run.again());
  EXPECT_EQ(kernel_.sa_count(), 10'100u);
  const ReconcilePlan after = Reconcile(kernel_.Sas(), known, {kNow}, kReqid, kSeed + 1);
  EXPECT_EQ(after.kept, 10'000u);
  EXPECT_EQ(after.foreign, 100u);
  EXPECT_THAT(after.remove, IsEmpty());
}

}  // namespace
}  // namespace xfrm
