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

TEST_P(XfrmConformance, AnswersAGetWithThePolicy) {
  EXPECT_EQ(Add(SamplePolicy()), kOk);
  EXPECT_EQ(One([](Batch* batch) { batch->GetPolicy(SamplePolicy()); }), kOk);
  ASSERT_THAT(replies_, SizeIs(2));
  EXPECT_EQ(replies_[0].kind, ReplyKind::kPolicy);
  EXPECT_EQ(replies_[0].policy.local_port, 6101);
  EXPECT_EQ(replies_[0].policy.reqid, 4711u);
  EXPECT_EQ(replies_[1].kind, ReplyKind::kAck);
  EXPECT_EQ(One([](Batch* batch) { batch->GetPolicy(SamplePolicy(Direction::kOut)); }),
            kNoSuchPolicy);
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

TEST_P(XfrmConformance, AcknowledgesWhatAsksForItAndNothingElse) {
  for (const bool ask_all : {false, true}) {
    batch_.Clear(1);
    batch_.AddPolicy(SamplePolicy());
    batch_.AddPolicy(SamplePolicy(Direction::kOut));
    batch_.DeletePolicy(SamplePolicy());
    batch_.DeletePolicy(SamplePolicy(Direction::kOut));
    const std::span<const std::byte> sealed = batch_.Seal();
    std::vector<std::byte> bytes(sealed.begin(), sealed.end());
    nlmsghdr header;
    for (size_t at = 0; at < bytes.size(); at += header.nlmsg_len) {
      std::memcpy(&header, bytes.data() + at, sizeof(header));
      header.nlmsg_flags = static_cast<uint16_t>(header.nlmsg_flags & ~NLM_F_ACK);
      if (ask_all) header.nlmsg_flags |= NLM_F_ACK;
      std::memcpy(bytes.data() + at, &header, sizeof(header));
    }
    EXPECT_THAT(kernel_->Send(bytes), SizeIs(ask_all ? 4 : 0));
    EXPECT_THAT(Policies(), IsEmpty());
  }
}

TEST_P(XfrmConformance, BatchesUnderWayAreToldApartBySequence) {
  Batch first;
  Batch second;
  first.Clear(100);
  first.AddPolicy(SamplePolicy());
  first.AddPolicy(SamplePolicy());  // EEXIST.
  second.Clear(102);
  second.DeletePolicy(SamplePolicy(Direction::kOut));  // ENOENT.
  second.DeletePolicy(SamplePolicy());
  BatchVerdict verdicts[2];
  verdicts[0].Start(100, 2);
  verdicts[1].Start(102, 2);
  Datagrams answers = kernel_->Send(first.Seal());
  const Datagrams more = kernel_->Send(second.Seal());
  answers.insert(answers.end(), more.begin(), more.end());
  for (const Reply& reply : ReadAll(answers)) {
    EXPECT_NE(verdicts[0].Apply(reply), verdicts[1].Apply(reply)) << reply.sequence;
  }
  ASSERT_TRUE(verdicts[0].complete() && verdicts[1].complete());
  EXPECT_EQ(verdicts[0].error(0), kOk);
  EXPECT_EQ(verdicts[0].error(1), kExists);
  EXPECT_EQ(verdicts[1].error(0), kNoSuchPolicy);
  EXPECT_EQ(verdicts[1].error(1), kOk);
}

// What is lost is unknown, and a get tells.
TEST_P(XfrmConformance, AnOverrunLosesTheFenceButNotTheWork) {
  Policy last = SamplePolicy();
  last.local_port = 6102;
  EXPECT_EQ(Add(SamplePolicy()), kOk);
  batch_.Clear(100);
  for (int i = 0; i < 100; ++i) batch_.AddPolicy(SamplePolicy());  // EEXIST.
  batch_.AddPolicy(last);
  BatchVerdict verdict;
  verdict.Start(100, batch_.count());
  EXPECT_TRUE(kernel_->SendCramped(batch_.Seal(), &answers_));
  EXPECT_THAT(answers_, ::testing::Not(IsEmpty()));
  EXPECT_LT(answers_.size(), 100u);
  for (const Reply& reply : ReadAll(answers_)) {
    EXPECT_TRUE(verdict.Apply(reply));
    EXPECT_EQ(reply.error, kExists);
  }
  EXPECT_FALSE(verdict.complete());
  EXPECT_EQ(One([&](Batch* batch) { batch->GetPolicy(last); }), kOk);
}

TEST_P(XfrmConformance, WithoutTheRightEverythingIsEperm) {
  const EspKeys keys({}, SampleIk(), SampleCk());
  Sa sa = SampleSa(&keys);
  batch_.Clear(1);
  batch_.AddSa(sa);
  batch_.UpdateSa(sa);
  batch_.DeleteSa(sa.id());
  batch_.GetSa(sa.id());
  batch_.GetReplay(sa.id());
  batch_.SetReplay(sa.id(), {});
  batch_.AddPolicy(SamplePolicy());
  batch_.UpdatePolicy(SamplePolicy());
  batch_.GetPolicy(SamplePolicy());
  batch_.DeletePolicy(SamplePolicy());
  const std::optional<Datagrams> answers = kernel_->SendWithoutRight(batch_.Seal());
  if (!answers.has_value()) GTEST_SKIP() << "no right to change user";
  const std::vector<Reply> replies = ReadAll(*answers);
  EXPECT_THAT(replies, SizeIs(batch_.count()));
  for (const Reply& reply : replies) {
    EXPECT_EQ(reply.error, std::errc::operation_not_permitted) << reply.sequence;
  }
  batch_.Clear(1);
  batch_.DumpSas();
  const std::vector<Reply> dump = ReadAll(kernel_->SendWithoutRight(batch_.Seal()).value());
  ASSERT_THAT(dump, SizeIs(1));
  EXPECT_EQ(dump[0].error, std::errc::operation_not_permitted);
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
  const std::vector<SaInfo> sas = Sas();
  EXPECT_THAT(sas, SizeIs(2 * std::size(kLegalAlgorithms)));
  for (const SaInfo& sa : sas) EXPECT_EQ(sa.algorithms, kLegalAlgorithms[sa.id.spi - 1000]);
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
  EXPECT_EQ(sas[0].algorithms, keys_.algorithms());
  EXPECT_TRUE(sas[0].is_exact);
  EXPECT_EQ(sas[0].hard_seconds, 60u);
  EXPECT_EQ(sas[0].replay_window, 32);
  EXPECT_GE(sas[0].added_at, before);
  EXPECT_LE(sas[0].added_at, kernel_->Now());
  EXPECT_EQ(sas[0].used_at, 0u);
  EXPECT_EQ(sas[0].bytes, 0u);
  EXPECT_EQ(sas[0].packets, 0u);
}

// A set that is replaced: the kernel works in order, so no gap shows.
TEST_P(XfrmConformanceSa, ReplacesAnSaByDeletingAndAddingInOneBatch) {
  Sa sa = SampleSa(&keys_);
  EXPECT_EQ(Add(sa), kOk);
  sa.selector.source_port = 37999;
  batch_.Clear(1);
  batch_.DeleteSa(sa.id());
  batch_.AddSa(sa);
  EXPECT_THAT(Run(&batch_), ElementsAre(kOk, kOk));
  const std::vector<SaInfo> sas = Sas();
  ASSERT_THAT(sas, SizeIs(1));
  EXPECT_EQ(sas[0].selector.source_port, 37999);
}

TEST_P(XfrmConformanceSa, RefusesAFamilyWithinAFamily) {
  batch_.Clear(1);
  batch_.AddSa(SampleSa(&keys_));
  const Reply reply = RunPatched(offsetof(xfrm_usersa_info, family), {AF_INET6});
  EXPECT_EQ(reply.error, std::errc::protocol_not_supported);
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

TEST_P(XfrmConformanceSa, TakesTheLargestReplayWindowAndNoneBeyond) {
  Sa sa = SampleSa(&keys_);
  sa.replay_window = kReplayWindowMax;
  EXPECT_EQ(Add(sa), kOk);
  ASSERT_THAT(Sas(), SizeIs(1));
  EXPECT_EQ(Sas()[0].replay_window, kReplayWindowMax);
  sa.spi += 1;
  batch_.Clear(1);
  batch_.AddSa(sa);
  const std::span<const std::byte> sealed = batch_.Seal();
  const size_t words_at =
      sealed.size() - sizeof(nlmsghdr) - sizeof(xfrm_replay_state_esn);  // The last attribute.
  EXPECT_EQ(RunPatched(words_at, {129}).error, kInvalid);
  EXPECT_THAT(Sas(), SizeIs(1));
}

TEST_P(XfrmConformanceSa, KeepsTheMarkForPackets) {
  Sa sa = SampleSa(&keys_);
  sa.mark = {0x14, 0x1c};
  EXPECT_EQ(Add(sa), kOk);
  ASSERT_THAT(Sas(), SizeIs(1));
  EXPECT_EQ(Sas()[0].mark, sa.mark);
  sa.mark = {};
  sa.hard_seconds = 3600;
  EXPECT_EQ(Update(sa), kOk);
  EXPECT_EQ(Sas()[0].mark, (PacketMark{0x14, 0x1c})) << "an update is of lifetimes";
}

TEST_P(XfrmConformanceSa, AValueAloneIsAMarkOfAllBits) {
  Sa sa = SampleSa(&keys_);
  sa.mark = {0x14, 0x1c};
  batch_.Clear(1);
  batch_.AddSa(sa);
  const size_t size = batch_.Seal().size() - sizeof(nlmsghdr);
  const size_t mask_type_at = size - sizeof(uint32_t) - sizeof(uint16_t);  // The last attribute.
  EXPECT_EQ(RunPatched(mask_type_at, {XFRMA_UNSPEC}).error, kOk);
  ASSERT_THAT(Sas(), SizeIs(1));
  EXPECT_EQ(Sas()[0].mark, (PacketMark{0x14, UINT32_MAX}));
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

}  // namespace
}  // namespace xfrm
