// One suite, two kernels: what the real one does, the fake one must do. Where they differ the fake
// is wrong. The real one takes part where a network namespace can be made, and its SA cases where
// it has ESP (in the kernel lab it has).
#include "tests/xfrm_conformance.h"

#include <sys/wait.h>

namespace xfrm {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class XfrmConformance : public KernelTest {};
class XfrmConformanceSa : public EspKernelTest {};

INSTANTIATE_TEST_SUITE_P(Kernel, XfrmConformance, ::testing::Values(Which::kFake, Which::kReal),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Kernel, XfrmConformanceSa, ::testing::Values(Which::kFake, Which::kReal),
                         NameOf);

// --- Policies ---

TEST_P(XfrmConformance, BeginsEmpty) {
  EXPECT_THAT(Sas(), IsEmpty());
  EXPECT_THAT(Policies(), IsEmpty());
}

TEST_P(XfrmConformance, ShowsAddedPolicies) {
  Policy out = SamplePolicy(Direction::kOut);
  out.local = At("2001:db8:2::10");
  out.reqid = 4712;
  out.priority = 2000;
  EXPECT_EQ(Add(SamplePolicy(Direction::kIn)), kOk);
  EXPECT_EQ(Add(out), kOk);

  std::vector<PolicyInfo> policies = Policies();
  ASSERT_THAT(policies, SizeIs(2));
  if (policies[0].direction == Direction::kOut) std::swap(policies[0], policies[1]);
  EXPECT_EQ(policies[0].direction, Direction::kIn);
  EXPECT_EQ(policies[0].local, At("192.0.2.10"));
  EXPECT_EQ(policies[0].local_port, 6101);
  EXPECT_EQ(policies[0].reqid, 4711u);
  EXPECT_EQ(policies[0].priority, 1000u);
  EXPECT_EQ(policies[1].direction, Direction::kOut);
  EXPECT_EQ(policies[1].local, At("2001:db8:2::10"));
  EXPECT_EQ(policies[1].reqid, 4712u);
  EXPECT_EQ(policies[1].priority, 2000u);
}

TEST_P(XfrmConformance, PolicyIsKnownBySelectorAndDirectionAlone) {
  Policy other = SamplePolicy();
  other.priority = 2000;
  other.reqid = 1;
  EXPECT_EQ(Add(SamplePolicy()), kOk);
  EXPECT_EQ(Add(SamplePolicy()), kExists);
  EXPECT_EQ(Add(other), kExists);
  EXPECT_EQ(Add(SamplePolicy(Direction::kOut)), kOk);
  other.local_port = 6102;
  EXPECT_EQ(Add(other), kOk);
  EXPECT_THAT(Policies(), SizeIs(3));
}

TEST_P(XfrmConformance, UpdatedPolicyIsAddedOrReplaced) {
  Policy policy = SamplePolicy();
  EXPECT_EQ(Update(policy), kOk);
  policy.reqid = 5;
  policy.priority = 6;
  EXPECT_EQ(Update(policy), kOk);
  const std::vector<PolicyInfo> policies = Policies();
  ASSERT_THAT(policies, SizeIs(1));
  EXPECT_EQ(policies[0].reqid, 5u);
  EXPECT_EQ(policies[0].priority, 6u);
}

TEST_P(XfrmConformance, DeletedPolicyIsGone) {
  EXPECT_EQ(Add(SamplePolicy(Direction::kIn)), kOk);
  EXPECT_EQ(Delete(SamplePolicy(Direction::kOut)), kNoSuchPolicy);
  EXPECT_EQ(Delete(SamplePolicy(Direction::kIn)), kOk);
  EXPECT_EQ(Delete(SamplePolicy(Direction::kIn)), kNoSuchPolicy);
  EXPECT_THAT(Policies(), IsEmpty());
}

// The promise that batches rest on.
TEST_P(XfrmConformance, WorksInOrderOnAfterFailuresAndAnswersOnlyThem) {
  Policy second = SamplePolicy();
  second.local_port = 6102;
  batch_.Clear(100);
  batch_.AddPolicy(SamplePolicy());
  batch_.AddPolicy(SamplePolicy());                    // EEXIST.
  batch_.DeletePolicy(SamplePolicy(Direction::kOut));  // ENOENT.
  batch_.AddPolicy(second);
  batch_.DeletePolicy(SamplePolicy());  // The fence.
  EXPECT_THAT(Run(&batch_), ElementsAre(kOk, kExists, kNoSuchPolicy, kOk, kOk));

  std::vector<uint32_t> sequences;
  for (const Reply& reply : replies_) sequences.push_back(reply.sequence);
  EXPECT_THAT(sequences, ElementsAre(101, 102, 104));
  EXPECT_THAT(answers_, SizeIs(3)) << "each in a datagram of its own";
  EXPECT_THAT(Policies(), SizeIs(1));
}

TEST_P(XfrmConformance, FailingFenceIsAnsweredOnce) {
  EXPECT_EQ(Delete(SamplePolicy()), kNoSuchPolicy);
  EXPECT_THAT(replies_, SizeIs(1));
}

// --- SAs ---

TEST_P(XfrmConformanceSa, TakesEveryAlgorithmOverBothFamilies) {
  uint32_t spi = 1000;
  for (const Algorithms algorithms : kLegalAlgorithms) {
    const EspKeys keys(algorithms, SampleIk(), SampleCk());
    Sa sa = SampleSa(&keys, spi++);
    EXPECT_EQ(Add(sa), kOk) << Name(algorithms.integrity) << "=" << Name(algorithms.encryption);
    sa.selector = SampleSelector6();
    EXPECT_EQ(Add(sa), kOk) << Name(algorithms.integrity) << "=" << Name(algorithms.encryption);
  }
  EXPECT_THAT(Sas(), SizeIs(2 * std::size(kLegalAlgorithms)));
}

TEST_P(XfrmConformanceSa, ShowsAnSaAsItWasAdded) {
  Sa sa = SampleSa(&keys_);
  sa.selector = SampleSelector6();
  const uint64_t before = kernel_->Now();
  EXPECT_EQ(Add(sa), kOk);
  const std::vector<SaInfo> sas = Sas();
  ASSERT_THAT(sas, SizeIs(1));
  EXPECT_EQ(sas[0].selector, sa.selector);
  EXPECT_EQ(sas[0].id, sa.id());
  EXPECT_EQ(sas[0].source, sa.selector.source);
  EXPECT_EQ(sas[0].reqid, 4711u);
  EXPECT_EQ(sas[0].hard_seconds, 60u);
  EXPECT_EQ(sas[0].replay_window, 32);
  EXPECT_GE(sas[0].added_at, before);
  EXPECT_LE(sas[0].added_at, kernel_->Now());
  EXPECT_EQ(sas[0].used_at, 0u);
  EXPECT_EQ(sas[0].bytes, 0u);
  EXPECT_EQ(sas[0].packets, 0u);
}

TEST_P(XfrmConformanceSa, TakesWideReplayWindows) {
  Sa sa = SampleSa(&keys_);
  sa.replay_window = 100;
  EXPECT_EQ(Add(sa), kOk);
  const std::vector<SaInfo> sas = Sas();
  ASSERT_THAT(sas, SizeIs(1));
  EXPECT_EQ(sas[0].replay_window, 100);
  sa.spi += 1;
  sa.replay_window = 0;
  EXPECT_EQ(Add(sa), kOk);
}

TEST_P(XfrmConformanceSa, SaIsKnownByDestinationAndSpi) {
  Sa sa = SampleSa(&keys_);
  EXPECT_EQ(Add(sa), kOk);
  EXPECT_EQ(Add(sa), kExists);
  Sa other = sa;
  other.selector.source = At("198.51.100.78");
  other.selector.source_port = 1;
  EXPECT_EQ(Add(other), kExists) << "the source does not count";
  other.selector.destination = At("192.0.2.11");
  EXPECT_EQ(Add(other), kOk);
  sa.selector = SampleSelector6();
  EXPECT_EQ(Add(sa), kOk);
  EXPECT_THAT(Sas(), SizeIs(3));
}

TEST_P(XfrmConformanceSa, AnswersAGetWithTheSa) {
  const Sa sa = SampleSa(&keys_);
  EXPECT_EQ(Add(sa), kOk);
  EXPECT_EQ(One([&](Batch* batch) { batch->GetSa(sa.id()); }), kOk);
  ASSERT_THAT(replies_, SizeIs(2));
  EXPECT_EQ(replies_[0].kind, ReplyKind::kSa);
  EXPECT_EQ(replies_[0].sa.id, sa.id());
  EXPECT_EQ(replies_[1].kind, ReplyKind::kAck);
  EXPECT_EQ(One([&](Batch* batch) { batch->GetSa({sa.selector.source, sa.spi}); }), kNoSuchSa);
  EXPECT_THAT(replies_, SizeIs(1));
}

TEST_P(XfrmConformanceSa, DeletedSaIsGone) {
  const Sa sa = SampleSa(&keys_);
  EXPECT_EQ(Add(sa), kOk);
  EXPECT_EQ(Delete({sa.selector.source, sa.spi}), kNoSuchSa);
  EXPECT_EQ(Delete(sa.id()), kOk);
  EXPECT_EQ(Delete(sa.id()), kNoSuchSa);
  EXPECT_THAT(Sas(), IsEmpty());
}

TEST_P(XfrmConformanceSa, ABatchMayFailInTheMiddle) {
  const Sa sa = SampleSa(&keys_, 1001);
  batch_.Clear(0xfffffffe);  // Sequences wrap on the way.
  batch_.AddSa(sa);
  batch_.AddSa(sa);  // EEXIST.
  batch_.AddSa(SampleSa(&keys_, 1002));
  batch_.DeleteSa({At("192.0.2.99"), 1001});  // ESRCH.
  batch_.AddSa(SampleSa(&keys_, 1003));
  EXPECT_THAT(Run(&batch_), ElementsAre(kOk, kExists, kOk, kNoSuchSa, kOk));
  EXPECT_THAT(replies_, SizeIs(3));
  EXPECT_THAT(Spis(), UnorderedElementsAre(1001, 1002, 1003));
}

TEST_P(XfrmConformanceSa, TakesAFullBatchAndDumpsItInParts) {
  batch_.Clear(1);
  for (uint32_t spi = 1000; !batch_.full(); ++spi) batch_.AddSa(SampleSa(&keys_, spi));
  EXPECT_THAT(Run(&batch_), ::testing::Each(kOk));
  EXPECT_THAT(replies_, SizeIs(1));
  EXPECT_THAT(Sas(), SizeIs(Batch::kRequestsMax));
  EXPECT_GT(answers_.size(), 2u);
  EXPECT_EQ(replies_.back().kind, ReplyKind::kDone);
  EXPECT_THAT(ReadAll({answers_.back()}), SizeIs(1)) << "the end comes alone";
}

// --- Lifetimes ---

TEST_P(XfrmConformanceSa, UpdateChangesTheLifetimeAndNothingElse) {
  Sa sa = SampleSa(&keys_);
  EXPECT_EQ(Add(sa), kOk);
  const uint64_t added_at = Sas().at(0).added_at;
  kernel_->Wait(1);
  sa.hard_seconds = 3600;
  sa.reqid = 1;
  sa.replay_window = 16;
  sa.selector.source_port = 1;
  sa.keys = nullptr;
  EXPECT_EQ(Update(sa), kOk) << "without any key";
  const std::vector<SaInfo> sas = Sas();
  ASSERT_THAT(sas, SizeIs(1));
  EXPECT_EQ(sas[0].hard_seconds, 3600u);
  EXPECT_EQ(sas[0].added_at, added_at);
  EXPECT_EQ(sas[0].reqid, 4711u);
  EXPECT_EQ(sas[0].replay_window, 32);
  EXPECT_EQ(sas[0].selector, SampleSelector());
}

TEST_P(XfrmConformanceSa, UpdateOfAGoneSaIsRefused) {
  EXPECT_EQ(Update(SampleSa(&keys_)), kNoSuchSa);
  EXPECT_EQ(Update(SampleSa(nullptr)), kNoSuchSa);
  EXPECT_THAT(Sas(), IsEmpty());
}

TEST_P(XfrmConformanceSa, SaDiesByItselfAndSaysSo) {
  Sa sa = SampleSa(&keys_);
  sa.hard_seconds = 1;
  EXPECT_EQ(Add(sa), kOk);
  Datagrams events;
  for (int i = 0; i < 4 && events.empty(); ++i) events = kernel_->Wait(1);
  const std::vector<Reply> replies = ReadAll(events);
  ASSERT_THAT(replies, SizeIs(1));
  EXPECT_EQ(replies[0].kind, ReplyKind::kExpire);
  EXPECT_TRUE(replies[0].hard);
  EXPECT_EQ(replies[0].sa.id, sa.id());
  EXPECT_EQ(replies[0].sa.reqid, 4711u);
  EXPECT_THAT(Sas(), IsEmpty());
}

// The deadline is the add time plus the new value, even if that is over already.
TEST_P(XfrmConformanceSa, UpdateMovesTheDeadlineFromTheAddTime) {
  Sa longer = SampleSa(&keys_, 1001);
  Sa shorter = SampleSa(&keys_, 1002);
  longer.hard_seconds = 3;
  EXPECT_EQ(Add(longer), kOk);
  EXPECT_EQ(Add(shorter), kOk);
  EXPECT_THAT(kernel_->Wait(2), IsEmpty());
  longer.hard_seconds = 60;
  shorter.hard_seconds = 1;
  EXPECT_EQ(Update(longer), kOk);
  EXPECT_EQ(Update(shorter), kOk);
  Datagrams events;
  for (int i = 0; i < 4 && events.empty(); ++i) events = kernel_->Wait(1);
  EXPECT_THAT(kernel_->Wait(1), IsEmpty());
  EXPECT_THAT(Spis(), ElementsAre(1001));
}

TEST_P(XfrmConformanceSa, SaWithoutLifetimeStays) {
  Sa sa = SampleSa(&keys_);
  sa.hard_seconds = 0;
  EXPECT_EQ(Add(sa), kOk);
  EXPECT_THAT(kernel_->Wait(2), IsEmpty());
  EXPECT_THAT(Sas(), SizeIs(1));
}

// --- The real kernel alone ---

TEST(XfrmConformanceRights, WithoutCapNetAdminEverythingIsEperm) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (unshare(CLONE_NEWNET) != 0) _exit(2);
    const uid_t nobody = 65534;
    if (setresuid(nobody, nobody, nobody) != 0) _exit(2);  // All capabilities go with root.
    int fd = -1;
    if (OpenSocket({}, &fd) != kOk) _exit(2);
    const EspKeys keys({}, SampleIk(), SampleCk());
    Batch batch;
    batch.Clear(1);
    batch.AddSa(SampleSa(&keys));
    batch.AddPolicy(SamplePolicy());
    BatchVerdict verdict;
    if (Transact(fd, &batch, 1000, &verdict) != kOk) _exit(3);
    const std::errc expected = std::errc::operation_not_permitted;
    _exit(verdict.error(0) == expected && verdict.error(1) == expected ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 2) GTEST_SKIP() << "no right to make a namespace or to change user";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace xfrm
