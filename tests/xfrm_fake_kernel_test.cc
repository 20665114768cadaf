// What the fake kernel has beyond the real one: faults, a clock that is handed in, and a view
// inside. What it has in common with it, xfrm_conformance_test holds fast.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>

#include "tests/xfrm_samples.h"
#include "xfrm/fake_kernel.h"

namespace xfrm {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr std::errc kOk{};
constexpr std::errc kDenied = std::errc::operation_not_permitted;
constexpr uint64_t kNow = 1'700'000'000;

class XfrmFakeKernel : public ::testing::Test {
 protected:
  // Sends a batch that adds SAs with these SPIs, and takes the answers in.
  Datagrams AddSpis(std::initializer_list<uint32_t> spis, uint64_t now = kNow) {
    batch_.Clear(next_);
    for (const uint32_t spi : spis) batch_.AddSa(SampleSa(&keys_, spi));
    return Send(now);
  }
  Datagrams Send(uint64_t now = kNow) {
    verdict_.Start(batch_.first(), batch_.count());
    next_ += static_cast<uint32_t>(batch_.count());
    Datagrams answers;
    kernel_.Send(batch_.Seal(), now, &answers);
    Take(answers);
    return answers;
  }
  void Take(const Datagrams& answers) {
    for (const Reply& reply : ReadAll(answers)) verdict_.Apply(reply);
  }
  std::vector<uint32_t> Spis() const {
    std::vector<uint32_t> spis;
    for (const SaInfo& sa : kernel_.Sas()) spis.push_back(sa.id.spi);
    return spis;
  }
  static SaId Id(uint32_t spi) { return {SampleSelector().destination, spi}; }

  FakeKernel kernel_;
  const EspKeys keys_{{Integrity::kHmacSha1_96, Encryption::kAesCbc}, SampleIk(), SampleCk()};
  Batch batch_;
  BatchVerdict verdict_;
  uint32_t next_ = 1;
};

TEST_F(XfrmFakeKernel, FaultRefusesOneRequestAndDoesTheOthers) {
  kernel_.SetFault([](uint16_t type, int ordinal) {
    return type == XFRM_MSG_NEWSA && ordinal == 1 ? kDenied : kOk;
  });
  AddSpis({1001, 1002, 1003});
  ASSERT_TRUE(verdict_.complete());
  EXPECT_EQ(verdict_.error(0), kOk);
  EXPECT_EQ(verdict_.error(1), kDenied);
  EXPECT_EQ(verdict_.error(2), kOk);
  EXPECT_THAT(Spis(), UnorderedElementsAre(1001, 1003));
}

TEST_F(XfrmFakeKernel, FaultSeesEveryRequestOnceSinceItWasSet) {
  AddSpis({1001});
  std::vector<std::pair<uint16_t, int>> seen;
  kernel_.SetFault([&seen](uint16_t type, int ordinal) {
    seen.emplace_back(type, ordinal);
    return kOk;
  });
  batch_.Clear(next_);
  batch_.DeleteSa(Id(1001));
  batch_.AddPolicy(SamplePolicy());
  Send();
  batch_.Clear(next_);
  batch_.DumpSas();
  Send();
  EXPECT_THAT(seen, ElementsAre(std::pair(XFRM_MSG_DELSA, 0), std::pair(XFRM_MSG_NEWPOLICY, 1),
                                std::pair(XFRM_MSG_GETSA, 2)));
  kernel_.SetFault(nullptr);
  AddSpis({1002});
  EXPECT_TRUE(verdict_.all_ok());
  EXPECT_THAT(seen, SizeIs(3));
}

TEST_F(XfrmFakeKernel, FaultRefusesADumpToo) {
  kernel_.SetFault([](uint16_t, int) { return kDenied; });
  batch_.Clear(next_);
  batch_.DumpSas();
  Send();
  ASSERT_TRUE(verdict_.complete());
  EXPECT_EQ(verdict_.error(0), kDenied);
}

TEST_F(XfrmFakeKernel, DroppedAnswersBelongToRequestsThatWereDone) {
  kernel_.DropNextAnswers(2);
  EXPECT_THAT(AddSpis({1001}), IsEmpty());
  EXPECT_FALSE(verdict_.complete());
  EXPECT_THAT(AddSpis({1002}), IsEmpty());
  EXPECT_THAT(AddSpis({1003}), SizeIs(1));
  EXPECT_TRUE(verdict_.all_ok());
  EXPECT_THAT(Spis(), UnorderedElementsAre(1001, 1002, 1003));
}

TEST_F(XfrmFakeKernel, HeldAnswersComeLateAndWhole) {
  kernel_.HoldAnswers(true);
  EXPECT_THAT(AddSpis({1001, 1001, 1002}), IsEmpty());
  EXPECT_THAT(Spis(), UnorderedElementsAre(1001, 1002));
  EXPECT_FALSE(verdict_.complete());
  Datagrams late;
  kernel_.ReleaseAnswers(&late);
  Take(late);
  ASSERT_TRUE(verdict_.complete());
  EXPECT_EQ(verdict_.error(1), std::errc::file_exists);

  kernel_.HoldAnswers(false);
  EXPECT_THAT(AddSpis({1003}), SizeIs(1));
  late.clear();
  kernel_.ReleaseAnswers(&late);
  EXPECT_THAT(late, IsEmpty());
}

TEST_F(XfrmFakeKernel, CutAnswersAreThoseThatWouldHaveFitted) {
  kernel_.CutNextAnswers(1);
  EXPECT_THAT(AddSpis({1001, 1001, 1001, 1002}), SizeIs(1));
  EXPECT_FALSE(verdict_.complete());
  EXPECT_THAT(Spis(), UnorderedElementsAre(1001, 1002));
  EXPECT_THAT(AddSpis({1002, 1002}), SizeIs(2)) << "once";
}

TEST_F(XfrmFakeKernel, InterruptedDumpSaysSoOnce) {
  AddSpis({1001});
  kernel_.InterruptNextDump();
  AddSpis({1002});
  EXPECT_TRUE(verdict_.all_ok()) << "that was no dump";
  for (const std::errc expected : {std::errc::interrupted, kOk}) {
    batch_.Clear(next_);
    batch_.DumpSas();
    Send();
    ASSERT_TRUE(verdict_.complete());
    EXPECT_EQ(verdict_.error(0), expected);
  }
}

TEST_F(XfrmFakeKernel, TellsWhichSaCarriesAFlow) {
  EXPECT_EQ(kernel_.CarrierOf(SampleSelector(), 4711), std::nullopt);
  AddSpis({1001, 1003, 1002});
  EXPECT_EQ(kernel_.CarrierOf(SampleSelector(), 4711), Id(1002));
  EXPECT_EQ(kernel_.CarrierOf(SampleSelector(), 1), std::nullopt);
  Selector other = SampleSelector();
  other.source_port = 1;
  EXPECT_EQ(kernel_.CarrierOf(other, 4711), std::nullopt);
}

TEST_F(XfrmFakeKernel, SoftEventComesFirstHoweverFarTimeLeaps) {
  Sa sa = SampleSa(&keys_, 1001);
  sa.soft_seconds = 30;
  batch_.Clear(next_);
  batch_.AddSa(sa);
  Send();
  Datagrams events;
  kernel_.Advance(kNow + 1000, &events);
  const std::vector<Reply> replies = ReadAll(events);
  ASSERT_THAT(replies, SizeIs(2));
  EXPECT_FALSE(replies[0].hard);
  EXPECT_TRUE(replies[1].hard);
}

TEST_F(XfrmFakeKernel, ShowsWhatItHolds) {
  AddSpis({1001, 1002});
  batch_.Clear(next_);
  batch_.AddPolicy(SamplePolicy());
  Send();
  EXPECT_EQ(kernel_.sa_count(), 2u);
  EXPECT_EQ(kernel_.policy_count(), 1u);
  ASSERT_THAT(kernel_.Sas(), SizeIs(2));
  EXPECT_EQ(kernel_.Sas()[0].selector, SampleSelector());
  EXPECT_EQ(kernel_.Sas()[0].added_at, kNow);
  ASSERT_THAT(kernel_.Policies(), SizeIs(1));
  EXPECT_EQ(kernel_.Policies()[0].local_port, 6101);
  EXPECT_EQ(kernel_.Policies()[0].reqid, 4711u);
}

TEST_F(XfrmFakeKernel, CountsPacketsAsEspWould) {
  AddSpis({1001});
  EXPECT_TRUE(kernel_.CountPacket(Id(1001), 500, kNow + 3));
  EXPECT_TRUE(kernel_.CountPacket(Id(1001), 700, kNow + 9));
  EXPECT_FALSE(kernel_.CountPacket(Id(1002), 1, kNow));
  EXPECT_TRUE(kernel_.CountUndecrypted(Id(1001)));
  EXPECT_TRUE(kernel_.CountReplayed(Id(1001)));
  EXPECT_TRUE(kernel_.CountReplayed(Id(1001)));
  EXPECT_FALSE(kernel_.CountUndecrypted(Id(1002)));
  EXPECT_FALSE(kernel_.CountReplayed(Id(1002)));
  EXPECT_EQ(kernel_.Sas()[0].undecrypted, 1u);
  EXPECT_EQ(kernel_.Sas()[0].replayed, 2u);
  const SaInfo sa = kernel_.Sas().at(0);
  EXPECT_EQ(sa.packets, 2u);
  EXPECT_EQ(sa.bytes, 1200u);
  EXPECT_EQ(sa.used_at, kNow + 3);
}

TEST_F(XfrmFakeKernel, TimeEndsLifetimesOnlyWhenItIsLetTo) {
  AddSpis({1001});  // 60 s.
  AddSpis({1002}, kNow + 10);
  AddSpis({1001}, kNow + 100);
  EXPECT_EQ(verdict_.error(0), std::errc::file_exists) << "due, but time has not come";
  kernel_.Advance(kNow + 59);
  EXPECT_EQ(kernel_.sa_count(), 2u);
  Datagrams events;
  kernel_.Advance(kNow + 60, &events);
  EXPECT_THAT(Spis(), ElementsAre(1002));
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(ReadAll(events).at(0).sa.id.spi, 1001u);
  kernel_.Advance(kNow + 70);
  EXPECT_EQ(kernel_.sa_count(), 0u);
}

// The deadline of the SA that was there before must not end its successor.
TEST_F(XfrmFakeKernel, OldDeadlinesDoNotEndNewSas) {
  AddSpis({1001});
  batch_.Clear(next_);
  batch_.DeleteSa(Id(1001));
  Send();
  AddSpis({1001}, kNow + 50);
  Datagrams events;
  kernel_.Advance(kNow + 60, &events);
  EXPECT_THAT(events, IsEmpty());
  EXPECT_EQ(kernel_.sa_count(), 1u);
  kernel_.Advance(kNow + 110, &events);
  EXPECT_THAT(events, SizeIs(1));
  EXPECT_EQ(kernel_.sa_count(), 0u);
}

TEST_F(XfrmFakeKernel, SaysWhatItDoesNotModel) {
  const nlmsghdr header = {sizeof(nlmsghdr), XFRM_MSG_ALLOCSPI, NLM_F_REQUEST, 1, 0};
  Datagrams answers;
  kernel_.Send(std::as_bytes(std::span(&header, 1)), kNow, &answers);
  const std::vector<Reply> replies = ReadAll(answers);
  ASSERT_THAT(replies, SizeIs(1));
  EXPECT_EQ(replies[0].error, std::errc::operation_not_supported);
  EXPECT_THAT(replies[0].explanation, ::testing::HasSubstr("fake kernel"));
}

TEST_F(XfrmFakeKernel, HoldsAHundredThousandSas) {
  Sa sa = SampleSa(&keys_);
  for (uint32_t spi = 1000; spi < 101'000;) {
    batch_.Clear(next_);
    while (!batch_.full() && spi < 101'000) {
      sa.spi = spi++;
      batch_.AddSa(sa);
    }
    Send();
    ASSERT_TRUE(verdict_.all_ok());
  }
  EXPECT_EQ(kernel_.sa_count(), 100'000u);
  Datagrams events;
  kernel_.Advance(kNow + 60, &events);
  EXPECT_THAT(events, SizeIs(100'000));
  EXPECT_EQ(kernel_.sa_count(), 0u);
}

}  // namespace
}  // namespace xfrm
