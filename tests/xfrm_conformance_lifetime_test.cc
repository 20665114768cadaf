// One suite, two kernels: how SAs die, and what they say before.
#include "tests/xfrm_conformance.h"

namespace xfrm {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class XfrmConformanceLifetime : public EspKernelTest {
 protected:
  // EXPIRE events, one at least if one comes within some seconds.
  std::vector<Reply> NextEvents() {
    Datagrams events;
    for (int i = 0; i < 4 && events.empty(); ++i) events = kernel_->Wait(1);
    return ReadAll(events);
  }
};

INSTANTIATE_TEST_SUITE_P(Kernel, XfrmConformanceLifetime,
                         ::testing::Values(Which::kFake, Which::kReal), NameOf);

TEST_P(XfrmConformanceLifetime, UpdateChangesTheLifetimeAndNothingElse) {
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

// A limit that is never reached says whose an SA is (edge/sa_set.h): it must come back as it went.
TEST_P(XfrmConformanceLifetime, ThePacketLimitIsShownAndAnUpdateMustRepeatIt) {
  Sa sa = SampleSa(&keys_);
  EXPECT_EQ(Add(sa), kOk);
  EXPECT_EQ(Sas().at(0).hard_packets, 0u);
  sa.spi += 1;
  sa.hard_packets = uint64_t{0xfffffffe} << 32 | 0xffffffff;
  EXPECT_EQ(Add(sa), kOk);
  EXPECT_EQ(Get(sa.id()).at(0).hard_packets, sa.hard_packets);
  sa.keys = nullptr;
  EXPECT_EQ(Update(sa), kOk);
  EXPECT_EQ(Get(sa.id()).at(0).hard_packets, sa.hard_packets);
  sa.hard_packets = 0;
  EXPECT_EQ(Update(sa), kOk);
  EXPECT_EQ(Get(sa.id()).at(0).hard_packets, 0u);
}

TEST_P(XfrmConformanceLifetime, UpdateOfAGoneSaIsRefused) {
  EXPECT_EQ(Update(SampleSa(&keys_)), kNoSuchSa);
  EXPECT_EQ(Update(SampleSa(nullptr)), kNoSuchSa);
  EXPECT_THAT(Sas(), IsEmpty());
}

TEST_P(XfrmConformanceLifetime, SaDiesByItselfAndSaysSo) {
  Sa sa = SampleSa(&keys_);
  sa.hard_seconds = 1;
  EXPECT_EQ(Add(sa), kOk);
  const std::vector<Reply> replies = NextEvents();
  ASSERT_THAT(replies, SizeIs(1));
  EXPECT_EQ(replies[0].kind, ReplyKind::kExpire);
  EXPECT_TRUE(replies[0].hard);
  EXPECT_EQ(replies[0].sa.id, sa.id());
  EXPECT_EQ(replies[0].sa.reqid, 4711u);
  EXPECT_THAT(Sas(), IsEmpty());
}

// The deadline is the add time plus the new value, even if that is over already.
TEST_P(XfrmConformanceLifetime, UpdateMovesTheDeadlineFromTheAddTime) {
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
  const std::vector<Reply> replies = NextEvents();
  ASSERT_THAT(replies, SizeIs(1));
  EXPECT_EQ(replies[0].sa.id.spi, 1002u);
  EXPECT_THAT(kernel_->Wait(1), IsEmpty());
  EXPECT_THAT(Spis(), ElementsAre(1001));
}

TEST_P(XfrmConformanceLifetime, SaWithoutLifetimeStays) {
  Sa sa = SampleSa(&keys_);
  sa.hard_seconds = 0;
  EXPECT_EQ(Add(sa), kOk);
  EXPECT_THAT(kernel_->Wait(2), IsEmpty());
  EXPECT_THAT(Sas(), SizeIs(1));
}

TEST_P(XfrmConformanceLifetime, SoftEndWarnsOnceAndTheHardEndFollows) {
  Sa sa = SampleSa(&keys_);
  sa.soft_seconds = 1;
  sa.hard_seconds = 4;
  EXPECT_EQ(Add(sa), kOk);
  const std::vector<Reply> warnings = NextEvents();
  ASSERT_THAT(warnings, SizeIs(1));
  EXPECT_EQ(warnings[0].kind, ReplyKind::kExpire);
  EXPECT_FALSE(warnings[0].hard);
  EXPECT_EQ(warnings[0].sa.id, sa.id());
  EXPECT_THAT(Sas(), SizeIs(1)) << "it lives on";
  const std::vector<Reply> ends = NextEvents();
  ASSERT_THAT(ends, SizeIs(1));
  EXPECT_TRUE(ends[0].hard);
  EXPECT_THAT(Sas(), IsEmpty());
}

TEST_P(XfrmConformanceLifetime, AnUpdateMakesItWarnAgain) {
  Sa sa = SampleSa(&keys_);
  sa.soft_seconds = 1;
  EXPECT_EQ(Add(sa), kOk);
  EXPECT_THAT(NextEvents(), SizeIs(1));
  sa.soft_seconds = 2;
  EXPECT_EQ(Update(sa), kOk);
  const std::vector<Reply> again = NextEvents();
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_FALSE(again[0].hard);
  EXPECT_THAT(Sas(), SizeIs(1));
}

}  // namespace
}  // namespace xfrm
