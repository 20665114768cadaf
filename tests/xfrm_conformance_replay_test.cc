// One suite, two kernels: sequence numbers, use counters, and which SA carries what.
#include "tests/xfrm_conformance.h"

namespace xfrm {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

class XfrmConformanceReplay : public EspKernelTest {
 protected:
  Reply Replay(const SaId& id) {
    EXPECT_EQ(One([&](Batch* batch) { batch->GetReplay(id); }), kOk);
    EXPECT_THAT(replies_, SizeIs(2));
    return replies_.empty() ? Reply() : replies_[0];
  }
  std::errc SetReplay(const SaId& id, const ReplayState& state) {
    return One([&](Batch* batch) { batch->SetReplay(id, state); });
  }
  SaInfo Get(const SaId& id) {
    EXPECT_EQ(One([&](Batch* batch) { batch->GetSa(id); }), kOk);
    return replies_.empty() ? SaInfo() : replies_[0].sa;
  }
};

INSTANTIATE_TEST_SUITE_P(Kernel, XfrmConformanceReplay,
                         ::testing::Values(Which::kFake, Which::kReal), NameOf);

ReplayState Narrow() {
  ReplayState state;
  state.sent = 1000;
  state.received = 2000;
  state.received_bits[0] = 0xf0f0f0f1;
  return state;
}

ReplayState Wide(uint16_t window) {
  ReplayState state = Narrow();
  state.window = window;
  state.received_bits = {1, 2, 3, 4};
  return state;
}

TEST_P(XfrmConformanceReplay, BeginsAtZero) {
  const Sa sa = SampleSa(&keys_);
  EXPECT_EQ(Add(sa), kOk);
  const Reply reply = Replay(sa.id());
  EXPECT_EQ(reply.kind, ReplyKind::kReplay);
  EXPECT_EQ(reply.replay, ReplayState());
  EXPECT_EQ(reply.sa.id, sa.id());
  EXPECT_EQ(reply.sa.source, sa.selector.source);
  EXPECT_EQ(reply.sa.reqid, 4711u);
  EXPECT_EQ(reply.sa.packets, 0u);
  EXPECT_EQ(reply.sa.added_at, Get(sa.id()).added_at);
}

TEST_P(XfrmConformanceReplay, BeginsWhereAnEarlierLifeEnded) {
  Sa sa = SampleSa(&keys_);
  sa.sent = 1u << 26;
  EXPECT_EQ(Add(sa), kOk);
  ReplayState state;
  state.sent = 1u << 26;
  EXPECT_EQ(Replay(sa.id()).replay, state);
  sa.spi += 1;
  sa.replay_window = state.window = 128;
  EXPECT_EQ(Add(sa), kOk);
  EXPECT_EQ(Replay(sa.id()).replay, state);
}

TEST_P(XfrmConformanceReplay, IsAsItWasSet) {
  Sa sa = SampleSa(&keys_);
  for (const Selector& selector : {SampleSelector(), SampleSelector6()}) {
    sa.selector = selector;
    EXPECT_EQ(Add(sa), kOk);
    EXPECT_EQ(SetReplay(sa.id(), Narrow()), kOk);
    EXPECT_EQ(Replay(sa.id()).replay, Narrow());
  }
}

TEST_P(XfrmConformanceReplay, IsAsItWasSetWithAWideWindow) {
  Sa sa = SampleSa(&keys_);
  sa.replay_window = 128;
  EXPECT_EQ(Add(sa), kOk);
  ReplayState fresh;
  fresh.window = 128;
  EXPECT_EQ(Replay(sa.id()).replay, fresh);
  EXPECT_EQ(SetReplay(sa.id(), Wide(128)), kOk);
  EXPECT_EQ(Replay(sa.id()).replay, Wide(128));
}

TEST_P(XfrmConformanceReplay, IsAsItWasSetWithTheLargestWindow) {
  Sa sa = SampleSa(&keys_);
  sa.replay_window = kReplayWindowMax;
  EXPECT_EQ(Add(sa), kOk);
  ReplayState state = Narrow();
  state.window = kReplayWindowMax;
  for (size_t i = 0; i < ReplayState::kWordsMax; ++i) {
    state.received_bits[i] = static_cast<uint32_t>(i * 0x01010101);
  }
  EXPECT_EQ(SetReplay(sa.id(), state), kOk);
  EXPECT_EQ(Replay(sa.id()).replay, state);
}

TEST_P(XfrmConformanceReplay, RefusesAWideWindowOfAnotherSize) {
  Sa sa = SampleSa(&keys_);
  sa.replay_window = 128;
  EXPECT_EQ(Add(sa), kOk);
  EXPECT_EQ(SetReplay(sa.id(), Wide(96)), kInvalid);
  EXPECT_EQ(SetReplay(sa.id(), Wide(255)), kInvalid);
  EXPECT_EQ(SetReplay(sa.id(), Wide(100)), kOk) << "as many words";
  EXPECT_EQ(Replay(sa.id()).replay, Wide(100));
}

TEST_P(XfrmConformanceReplay, AStateOfTheOtherKindChangesNothing) {
  Sa sa = SampleSa(&keys_);
  EXPECT_EQ(Add(sa), kOk);
  EXPECT_EQ(SetReplay(sa.id(), Wide(128)), kOk);
  EXPECT_EQ(Replay(sa.id()).replay, ReplayState());
  sa.spi += 1;
  sa.replay_window = 128;
  EXPECT_EQ(Add(sa), kOk);
  EXPECT_EQ(SetReplay(sa.id(), Narrow()), kOk);
  EXPECT_EQ(Replay(sa.id()).replay.received, 0u);
}

TEST_P(XfrmConformanceReplay, OfAGoneSaIsNone) {
  const SaId id = SampleSa(&keys_).id();
  EXPECT_EQ(One([&](Batch* batch) { batch->GetReplay(id); }), kNoSuchSa);
  EXPECT_EQ(SetReplay(id, Narrow()), kNoSuchSa);
}

TEST_P(XfrmConformanceReplay, RefusesToSetWithoutSayingReplace) {
  EXPECT_EQ(Add(SampleSa(&keys_)), kOk);
  batch_.Clear(1);
  batch_.SetReplay(SampleSa(&keys_).id(), Narrow());
  const std::span<const std::byte> sealed = batch_.Seal();
  std::vector<std::byte> bytes(sealed.begin(), sealed.end());
  const uint16_t flags = NLM_F_REQUEST | NLM_F_ACK;
  std::memcpy(bytes.data() + offsetof(nlmsghdr, nlmsg_flags), &flags, sizeof(flags));
  EXPECT_EQ(RunBytes(bytes).error, kInvalid);
}

TEST_P(XfrmConformanceReplay, RefusesToSetNothing) {
  EXPECT_EQ(Add(SampleSa(&keys_)), kOk);
  batch_.Clear(1);
  batch_.SetReplay(SampleSa(&keys_).id(), Narrow());
  const size_t type_at = sizeof(xfrm_aevent_id) + offsetof(nlattr, nla_type);
  EXPECT_EQ(RunPatched(type_at, {XFRMA_UNSPEC}).error, kInvalid);
}

// A successor is told where its predecessor was, and its lifetime is not touched by that.
TEST_P(XfrmConformanceReplay, SurvivesAnUpdateOfTheLifetime) {
  Sa sa = SampleSa(&keys_);
  EXPECT_EQ(Add(sa), kOk);
  EXPECT_EQ(SetReplay(sa.id(), Narrow()), kOk);
  sa.hard_seconds = 3600;
  EXPECT_EQ(Update(sa), kOk);
  EXPECT_EQ(Replay(sa.id()).replay, Narrow());
  EXPECT_EQ(Get(sa.id()).hard_seconds, 3600u);
}

// --- Traffic ---

class XfrmConformanceTraffic : public XfrmConformanceReplay {
 protected:
  // Towards the phone; its port of ours is protected.
  static Sa Outbound(const EspKeys* keys, const Selector& inbound, uint32_t spi) {
    Sa sa = SampleSa(keys, spi);
    sa.selector = {inbound.destination, inbound.source, inbound.destination_port,
                   inbound.source_port};
    return sa;
  }
  static Policy PolicyFor(const Sa& sa) {
    return {Direction::kOut, sa.selector.source, sa.selector.source_port, sa.reqid, 1000};
  }
};

INSTANTIATE_TEST_SUITE_P(Kernel, XfrmConformanceTraffic,
                         ::testing::Values(Which::kFake, Which::kReal), NameOf);

TEST_P(XfrmConformanceTraffic, CountsWhatItCarries) {
  for (const Selector& selector : {SampleSelector(), SampleSelector6()}) {
    const Sa sa = Outbound(&keys_, selector, 1001);
    EXPECT_EQ(Add(sa), kOk);
    EXPECT_EQ(Add(PolicyFor(sa)), kOk);
    EXPECT_EQ(Get(sa.id()).used_at, 0u);
    const uint64_t before = kernel_->Now();
    ASSERT_TRUE(kernel_->Carry(sa.selector, 100));
    ASSERT_TRUE(kernel_->Carry(sa.selector, 200));
    const SaInfo info = Get(sa.id());
    EXPECT_EQ(info.packets, 2u);
    EXPECT_EQ(info.bytes, 316u) << "with the UDP headers";
    EXPECT_GE(info.used_at, before);
    EXPECT_LE(info.used_at, kernel_->Now());
    const Reply replay = Replay(sa.id());
    EXPECT_EQ(replay.sa.packets, 2u);
    EXPECT_EQ(replay.sa.bytes, 316u);
    EXPECT_EQ(replay.sa.used_at, info.used_at);
  }
}

TEST_P(XfrmConformanceTraffic, CountersSurviveAnUpdate) {
  Sa sa = Outbound(&keys_, SampleSelector(), 1001);
  EXPECT_EQ(Add(sa), kOk);
  EXPECT_EQ(Add(PolicyFor(sa)), kOk);
  ASSERT_TRUE(kernel_->Carry(sa.selector, 100));
  sa.hard_seconds = 3600;
  EXPECT_EQ(Update(sa), kOk);
  EXPECT_EQ(Get(sa.id()).packets, 1u);
}

// Two sets of one phone side by side (re-authentication): the newer carries, the older takes over.
TEST_P(XfrmConformanceTraffic, NewestSaOfASelectorCarriesIt) {
  const Sa older = Outbound(&keys_, SampleSelector(), 2001);
  const Sa newer = Outbound(&keys_, SampleSelector(), 1001);
  EXPECT_EQ(Add(PolicyFor(older)), kOk);
  EXPECT_EQ(Add(older), kOk);
  ASSERT_TRUE(kernel_->Carry(older.selector, 1));
  EXPECT_EQ(Add(newer), kOk);
  ASSERT_TRUE(kernel_->Carry(older.selector, 1));
  EXPECT_EQ(Get(older.id()).packets, 1u);
  EXPECT_EQ(Get(newer.id()).packets, 1u);
  EXPECT_EQ(Delete(newer.id()), kOk);
  ASSERT_TRUE(kernel_->Carry(older.selector, 1));
  EXPECT_EQ(Get(older.id()).packets, 2u);
}

TEST_P(XfrmConformanceTraffic, SelectorAndReqidDecideNotTheAddressAlone) {
  const Sa mine = Outbound(&keys_, SampleSelector(), 1001);
  Sa other_port = mine;
  other_port.spi = 1002;
  other_port.selector.destination_port = 1;
  Sa other_reqid = mine;
  other_reqid.spi = 1003;
  other_reqid.reqid = 1;
  EXPECT_EQ(Add(PolicyFor(mine)), kOk);
  for (const Sa& sa : {mine, other_port, other_reqid}) EXPECT_EQ(Add(sa), kOk);
  ASSERT_TRUE(kernel_->Carry(mine.selector, 1));
  EXPECT_EQ(Get(mine.id()).packets, 1u);
  EXPECT_EQ(Get(other_port.id()).packets, 0u);
  EXPECT_EQ(Get(other_reqid.id()).packets, 0u);
}

// So a soft lifetime on the newer of two would give its traffic back to the older.
TEST_P(XfrmConformanceTraffic, AnSaPastItsSoftEndGivesWayToAnOlderOne) {
  const Sa older = Outbound(&keys_, SampleSelector(), 2001);
  Sa newer = Outbound(&keys_, SampleSelector(), 1001);
  newer.soft_seconds = 1;
  EXPECT_EQ(Add(PolicyFor(older)), kOk);
  EXPECT_EQ(Add(older), kOk);
  EXPECT_EQ(Add(newer), kOk);
  Datagrams events;
  for (int i = 0; i < 4 && events.empty(); ++i) events = kernel_->Wait(1);
  EXPECT_THAT(events, SizeIs(1));
  ASSERT_TRUE(kernel_->Carry(older.selector, 1));
  EXPECT_EQ(Get(older.id()).packets, 1u);
  EXPECT_EQ(Get(newer.id()).packets, 0u);
}

}  // namespace
}  // namespace xfrm
