#include <gtest/gtest.h>
#include <linux/xfrm.h>

#include <algorithm>
#include <set>
#include <vector>

#include "edge/limits.h"
#include "edge/restart.h"
#include "edge/sa_set.h"
#include "xfrm/fake_kernel.h"

namespace edge {
namespace {

constexpr uint32_t kReqid = 7;
constexpr uint64_t kSeed = 3;
constexpr uint64_t kNow = 1'700'000'000;

Agreement AgreementOf(uint32_t number) {
  Agreement agreement;
  EXPECT_TRUE(reactor::ParseAddress("198.51.100.77", 0, &agreement.ue));
  EXPECT_TRUE(reactor::ParseAddress("192.0.2.10", 0, &agreement.pcscf));
  agreement.port_uc = 37001;
  agreement.port_us = 37002;
  agreement.port_pc = 6102;
  agreement.port_ps = 6101;
  agreement.spi_uc = 1000 + number * 10;
  agreement.spi_us = 1001 + number * 10;
  agreement.spis = {.client = 1002 + number * 10, .server = 1003 + number * 10};
  return agreement;
}

SaArray SasOf(const Agreement& agreement, uint32_t reqid = kReqid) {
  static const xfrm::EspKeys keys({xfrm::Integrity::kHmacSha1_96, xfrm::Encryption::kAesCbc},
                                  xfrm::Key(), xfrm::Key());
  return MakeSas(agreement, keys, reqid, 60, 32);
}

xfrm::Policy PolicyOf(uint16_t port, xfrm::Direction direction, uint32_t reqid = kReqid) {
  return {.direction = direction,
          .local = ToXfrm(AgreementOf(0).pcscf),
          .local_port = port,
          .reqid = reqid};
}

class EdgeRestart : public testing::Test {
 protected:
  std::errc Transact(xfrm::Batch* batch, xfrm::BatchVerdict* verdict,
                     const std::function<void(const xfrm::Reply&)>& look) {
    requests_max_ = std::max(requests_max_, batch->count());
    verdict->Start(batch->first(), batch->count());
    std::vector<std::vector<std::byte>> answers;
    kernel_.Send(batch->Seal(), kNow, &answers);
    for (const std::vector<std::byte>& answer : answers) {
      xfrm::ReplyReader reader(answer);
      xfrm::Reply reply;
      while (reader.Next(&reply)) {
        if (verdict->Apply(reply)) look(reply);
      }
    }
    return verdict->complete() ? std::errc{} : std::errc::timed_out;
  }
  bool PutRight(std::span<const xfrm::Sa> sas = {}, std::span<const xfrm::Policy> policies = {}) {
    const Transaction transact = [this](auto... arguments) { return Transact(arguments...); };
    return edge::PutRight(transact, {sas, policies, {kNow}}, kReqid, kSeed, &counts_, &error_);
  }
  template <typename Filler>
  void Fill(Filler fill) {
    xfrm::Batch batch;
    xfrm::BatchVerdict verdict;
    batch.Clear(1);
    fill(&batch);
    ASSERT_EQ(Transact(&batch, &verdict, [](const xfrm::Reply&) {}), std::errc{});
    ASSERT_TRUE(verdict.all_ok());
    requests_max_ = 0;
  }
  void Add(const SaArray& sas) {
    Fill([&](xfrm::Batch* batch) {
      for (const xfrm::Sa& sa : sas) batch->AddSa(sa);
    });
  }
  void Add(const xfrm::Policy& policy) {
    Fill([&](xfrm::Batch* batch) { batch->AddPolicy(policy); });
  }
  std::set<uint32_t> Reqids() const {
    std::set<uint32_t> reqids;
    for (const xfrm::SaInfo& sa : kernel_.Sas()) reqids.insert(sa.reqid);
    return reqids;
  }

  xfrm::FakeKernel kernel_;
  RestartCounts counts_;
  std::string error_;
  int requests_max_ = 0;
};

TEST_F(EdgeRestart, OnACleanKernelNothingIsDone) {
  EXPECT_TRUE(PutRight());
  EXPECT_EQ(counts_.batches, 0u);
  EXPECT_EQ(Describe(counts_),
            "SAs: 0 kept, 0 of them extended, 0 installed, 0 removed, 0 blocked by foreign ones, "
            "0 foreign left alone; "
            "policies: 0 removed, 0 foreign left alone; 0 batches");
}

TEST_F(EdgeRestart, WhatNobodyKnowsGoesInBoundedBatchesAndWhatIsForeignStays) {
  for (uint32_t i = 0; i < 100; ++i) Add(SasOf(AgreementOf(i)));
  for (uint32_t i = 100; i < 110; ++i) Add(SasOf(AgreementOf(i), kReqid + 1));
  EXPECT_TRUE(PutRight());
  EXPECT_EQ(counts_.sas_removed, 400u);
  EXPECT_EQ(counts_.sas_foreign, 40u);
  EXPECT_EQ(counts_.batches, 4u);
  EXPECT_LE(requests_max_, kKernelRequestsPerTurn);
  EXPECT_EQ(kernel_.sa_count(), 40u);
  EXPECT_EQ(Reqids(), (std::set<uint32_t>{kReqid + 1}));
}

// What a store of sets will hand in.
TEST_F(EdgeRestart, Pitfall10WhatIsKnownIsKeptAndWhatIsMissingInstalled) {
  std::vector<xfrm::Sa> known;
  for (uint32_t i = 0; i < 3; ++i) {
    const SaArray sas = SasOf(AgreementOf(i));
    known.insert(known.end(), sas.begin(), sas.end());
  }
  Add(SasOf(AgreementOf(0)));
  Add(SasOf(AgreementOf(9)));
  Agreement older = AgreementOf(1);  // An earlier set of the phone under the same SPIs of its own.
  older.spis = {.client = 5000, .server = 5001};
  Add(SasOf(older));
  Agreement foreign = AgreementOf(2);
  foreign.spis = {.client = 6000, .server = 6001};
  foreign.spi_us = 6002;
  Add(SasOf(foreign, kReqid + 1));
  const std::vector<xfrm::SaInfo> before = kernel_.Sas();

  EXPECT_TRUE(PutRight(known));
  EXPECT_EQ(counts_.sas_kept, 4u);
  EXPECT_EQ(counts_.sas_blocked, 1u) << "the SPI that a foreign SA has";
  EXPECT_EQ(counts_.sas_foreign, 4u);
  EXPECT_EQ(counts_.sas_installed, 2u + 2u + 3u) << "two in place of the older set's";
  EXPECT_EQ(counts_.sas_removed, 4u + 4u);
  EXPECT_EQ(kernel_.sa_count(), 4u + 4u + 3u + 4u);
  for (const xfrm::SaInfo& sa : kernel_.Sas()) {
    EXPECT_NE(sa.hard_packets, LabelOf(older.spis));
    EXPECT_NE(sa.hard_packets, LabelOf(AgreementOf(9).spis));
  }
  EXPECT_TRUE(PutRight(known));
  EXPECT_EQ(counts_.sas_kept, 11u);
  EXPECT_EQ(counts_.batches, 0u);
}

TEST_F(EdgeRestart, PoliciesOfPortsNotServedAnyMoreGoOthersStay) {
  using enum xfrm::Direction;
  const std::vector<xfrm::Policy> wanted = {PolicyOf(6101, kIn), PolicyOf(6101, kOut)};
  for (const xfrm::Policy& policy : wanted) Add(policy);
  Add(PolicyOf(6102, kIn));
  Add(PolicyOf(6102, kOut));
  Add(PolicyOf(6103, kIn, kReqid + 1));
  EXPECT_TRUE(PutRight({}, wanted));
  EXPECT_EQ(counts_.policies_removed, 2u);
  EXPECT_EQ(counts_.policies_foreign, 1u);
  std::set<std::pair<uint16_t, uint32_t>> left;
  for (const xfrm::PolicyInfo& policy : kernel_.Policies()) {
    left.insert({policy.local_port, policy.reqid});
  }
  EXPECT_EQ(left, (std::set<std::pair<uint16_t, uint32_t>>{{6101, kReqid}, {6103, kReqid + 1}}));
  EXPECT_EQ(kernel_.policy_count(), 3u);
}

// Of phones behind a NAT: each SA with a policy of its own flow. The port that the kernel has
// learnt since is no reason to make an SA anew, and a set that is over takes its policies with it.
TEST_F(EdgeRestart, SasInUdpStayAtThePortTheKernelKnowsAndPoliciesOfFlowsThatAreOverGo) {
  Agreement known = AgreementOf(0);
  known.port_uenc = 61000;
  Agreement over = AgreementOf(1);
  over.port_uenc = 61001;
  over.port_uc = 37011;
  over.port_us = 37012;
  for (const Agreement& agreement : {known, over}) {
    Add(SasOf(agreement));
    for (const xfrm::Policy& policy : MakeFlowPolicies(agreement, kReqid)) Add(policy);
  }
  Add(PolicyOf(6101, xfrm::Direction::kIn));
  known.port_uenc = 4500;  // As it stands in the journal.
  const SaArray sas = SasOf(known);
  std::vector<xfrm::Policy> wanted = {PolicyOf(6101, xfrm::Direction::kIn)};
  for (const xfrm::Policy& policy : MakeFlowPolicies(known, kReqid)) wanted.push_back(policy);
  EXPECT_TRUE(PutRight(sas, wanted));
  EXPECT_EQ(counts_.sas_kept, 4u);
  EXPECT_EQ(counts_.sas_removed, 4u);
  EXPECT_EQ(counts_.policies_removed, 4u);
  EXPECT_EQ(kernel_.policy_count(), 5u);
  for (const xfrm::SaInfo& sa : kernel_.Sas()) {
    EXPECT_EQ(std::max(sa.tunnel.source_port, sa.tunnel.destination_port), 61000);
  }
  // But never one in transport mode for one in UDP.
  known.port_uenc = 0;
  EXPECT_TRUE(PutRight(SasOf(known), wanted));
  EXPECT_EQ(counts_.sas_installed, 4u);
  for (const xfrm::SaInfo& sa : kernel_.Sas()) EXPECT_FALSE(sa.tunnel);
}

TEST_F(EdgeRestart, WhatIsUnknownIsLookedAtAgain) {
  for (const bool dump_is_torn : {false, true}) {
    for (uint32_t i = 0; i < 40; ++i) Add(SasOf(AgreementOf(i)));
    if (dump_is_torn) kernel_.InterruptNextDump();
    bool is_lost = false;
    const Transaction transact = [&](xfrm::Batch* batch, xfrm::BatchVerdict* verdict,
                                     const std::function<void(const xfrm::Reply&)>& look) {
      if (batch->count() > 1 && !std::exchange(is_lost, true)) kernel_.DropNextAnswers(1);
      return Transact(batch, verdict, look);
    };
    EXPECT_TRUE(edge::PutRight(transact, {}, kReqid, kSeed, &counts_, &error_)) << error_;
    EXPECT_TRUE(is_lost);
    EXPECT_EQ(kernel_.sa_count(), 0u);
    EXPECT_EQ(counts_.sas_removed, 160u - kKernelRequestsPerTurn) << "by a word of the kernel";
  }
}

TEST_F(EdgeRestart, AKernelThatRefusesIsNotServedOn) {
  Add(SasOf(AgreementOf(1)));
  kernel_.SetFault([](uint16_t type, int) {
    return type == XFRM_MSG_DELSA ? std::errc::operation_not_permitted : std::errc{};
  });
  EXPECT_FALSE(PutRight());
  EXPECT_EQ(error_,
            "cannot clear SAs and policies of an earlier run: EPERM: no right to change SAs and "
            "policies (needs CAP_NET_ADMIN)");
  kernel_.SetFault([](uint16_t type, int) {
    return type == XFRM_MSG_DELPOLICY ? std::errc::not_enough_memory : std::errc{};
  });
  Add(PolicyOf(6102, xfrm::Direction::kIn));
  EXPECT_FALSE(PutRight());
  EXPECT_NE(error_.find("ENOMEM"), std::string::npos) << error_;
  EXPECT_EQ(kernel_.sa_count(), 0u);
  kernel_.DropNextAnswers(1000);
  EXPECT_FALSE(PutRight());
  EXPECT_NE(error_.find("ETIMEDOUT"), std::string::npos) << error_;
}

}  // namespace
}  // namespace edge
