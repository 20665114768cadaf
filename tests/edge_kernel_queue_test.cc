#include <gtest/gtest.h>
#include <linux/xfrm.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "edge/kernel_queue.h"
#include "edge/limits.h"
#include "xfrm/fake_kernel.h"

namespace edge {
namespace {

constexpr std::errc kOk{};

// A queue between the fake kernel and a list of what was told.
class EdgeKernelQueue : public testing::Test, protected KernelLink, protected KernelSink {
 protected:
  // The set `number`: its SPIs are its own, but for the phone's where said otherwise.
  static Agreement AgreementOf(SetId number, uint32_t spi_uc = 0) {
    Agreement agreement;
    EXPECT_TRUE(reactor::ParseAddress("198.51.100.77", 0, &agreement.ue));
    EXPECT_TRUE(reactor::ParseAddress("192.0.2.10", 0, &agreement.pcscf));
    const uint32_t base = 1000 + static_cast<uint32_t>(number) * 10;
    agreement.port_uc = 37001;
    agreement.port_us = 37002;
    agreement.port_pc = 6102;
    agreement.port_ps = 6101;
    agreement.spi_uc = spi_uc != 0 ? spi_uc : base;
    agreement.spi_us = base + 1;
    agreement.spis = {.client = base + 2, .server = base + 3};
    return agreement;
  }
  static SaArray Sas(const Agreement& agreement, uint32_t hard_seconds = 60) {
    static const xfrm::EspKeys keys({xfrm::Integrity::kHmacSha1_96, xfrm::Encryption::kAesCbc},
                                    xfrm::Key(), xfrm::Key());
    return MakeSas(agreement, keys, 7, hard_seconds, 32);
  }
  void Install(SetId set) { queue_.Install(set, Sas(AgreementOf(set))); }
  void Delete(SetId set) { queue_.Delete(set, MakeSaIds(AgreementOf(set))); }

  // One turn: sends, and hands over what the kernel says.
  void Turn() {
    queue_.Flush(now_ms_);
    HandOver();
  }
  void HandOver() {
    const std::vector<std::vector<std::byte>> answers = std::move(answers_);
    answers_.clear();
    for (const std::vector<std::byte>& answer : answers) queue_.OnReply(answer);
  }
  void Pass(uint64_t ms) {
    now_ms_ += ms;
    queue_.OnTime(now_ms_);
  }
  // The next request of that type whose ordinal among them is `ordinal` fails so.
  void FailOne(uint16_t type, int ordinal, std::errc error) {
    auto seen = std::make_shared<int>(0);
    kernel_.SetFault([=](uint16_t requested, int) {
      return requested == type && (*seen)++ == ordinal ? error : kOk;
    });
  }
  std::set<uint32_t> SpisInKernel() const {
    std::set<uint32_t> spis;
    for (const xfrm::SaInfo& sa : kernel_.Sas()) spis.insert(sa.id.spi);
    return spis;
  }
  static std::set<uint32_t> SpisOf(SetId number) {
    const uint32_t base = 1000 + static_cast<uint32_t>(number) * 10;
    return {base, base + 1, base + 2, base + 3};
  }
  using Lines = std::vector<std::string>;
  Lines Told() { return std::exchange(told_, {}); }

  bool Send(std::span<const std::byte> batch) override {
    if (!link_takes_) return false;
    ++batches_;
    kernel_.Send(batch, now_ms_ / 1000, &answers_);
    return true;
  }
  void OnInstalled(SetId set, std::errc error, std::string_view words) override {
    Note("installed", set, error, words);
  }
  void OnExtended(SetId set, std::errc error, std::string_view words) override {
    Note("extended", set, error, words);
  }
  void OnDeleted(SetId set) override { Note("deleted", set, kOk, ""); }
  void Note(const char* what, SetId set, std::errc error, std::string_view words) {
    std::string line = std::string(what) + " " + std::to_string(set);
    if (error != kOk) line += " " + std::string(xfrm::Name(error));
    words_.emplace_back(words);
    told_.push_back(line);
  }

  xfrm::FakeKernel kernel_;
  KernelQueue queue_{this, this};
  uint64_t now_ms_ = 10'000;
  bool link_takes_ = true;
  int batches_ = 0;
  std::vector<std::vector<std::byte>> answers_;
  std::vector<std::string> told_;
  Lines words_;  // That came with what was told.
};

TEST_F(EdgeKernelQueue, AllSetsOfATurnTravelInOneSend) {  // Design D2.
  for (SetId set = 1; set <= 20; ++set) Install(set);
  EXPECT_TRUE(Told().empty());  // Nothing from inside the calls.
  EXPECT_EQ(batches_, 0);
  queue_.Flush(now_ms_);
  EXPECT_EQ(batches_, 1);
  EXPECT_EQ(answers_.size(), 1u);  // One ack for all.
  EXPECT_TRUE(Told().empty());
  HandOver();
  const Lines told = Told();
  ASSERT_EQ(told.size(), 20u);
  EXPECT_EQ(told.front(), "installed 1");
  EXPECT_EQ(told.back(), "installed 20");
  EXPECT_EQ(kernel_.sa_count(), 80u);
  EXPECT_TRUE(queue_.idle());
}

TEST_F(EdgeKernelQueue, ARefusedSetIsRolledBackAloneAndTheOthersAreFine) {
  for (int ordinal = 0; ordinal < 4; ++ordinal) {
    FailOne(XFRM_MSG_NEWSA, 4 + ordinal, std::errc::not_enough_memory);
    for (const SetId set : {1u, 2u, 3u}) Install(set);
    Turn();
    EXPECT_EQ(Told(), (Lines{"installed 1", "installed 2 ENOMEM", "installed 3"})) << ordinal;
    EXPECT_EQ(kernel_.sa_count(), 11u);  // The roll-back goes with the next turn...
    EXPECT_FALSE(queue_.idle());
    Turn();
    EXPECT_EQ(Told(), (Lines{"deleted 2"}));  // ...and then the SPIs are free.
    std::set<uint32_t> left = SpisOf(1);
    left.merge(SpisOf(3));
    EXPECT_EQ(SpisInKernel(), left);
    EXPECT_TRUE(queue_.idle());
    for (const SetId set : {1u, 3u}) Delete(set);
    Turn();
    EXPECT_EQ(Told(), (Lines{"deleted 1", "deleted 3"}));
    EXPECT_EQ(kernel_.sa_count(), 0u);
  }
}

TEST_F(EdgeKernelQueue, ASetRefusedAsAWholeNeedsNoRollBack) {
  kernel_.SetFault([](uint16_t, int) { return std::errc::operation_not_permitted; });
  Install(1);
  Turn();
  EXPECT_EQ(Told(), (Lines{"installed 1 EPERM", "deleted 1"}));
  EXPECT_TRUE(queue_.idle());
}

TEST_F(EdgeKernelQueue, AnSaThatWasTakenBelongsToAnotherAndStays) {  // Pitfalls 20.
  Install(1);
  Turn();
  const uint32_t taken = AgreementOf(1).spi_uc;
  queue_.Install(2, Sas(AgreementOf(2, taken)));  // Another phone behind the same address.
  Turn();
  EXPECT_EQ(Told(), (Lines{"installed 1", "installed 2 EEXIST"}));
  Turn();
  EXPECT_EQ(Told(), (Lines{"deleted 2"}));
  EXPECT_EQ(SpisInKernel(), SpisOf(1));
}

TEST_F(EdgeKernelQueue, TwoSetsOfOneBatchMayCollide) {
  Install(1);
  queue_.Install(2, Sas(AgreementOf(2, AgreementOf(1).spi_uc)));
  Turn();
  Turn();
  EXPECT_EQ(Told(), (Lines{"installed 1", "installed 2 EEXIST", "deleted 2"}));
  EXPECT_EQ(SpisInKernel(), SpisOf(1));
}

TEST_F(EdgeKernelQueue, ALostAckIsNoYes) {
  kernel_.DropNextAnswers(1);
  Install(1);
  Install(2);
  Turn();
  EXPECT_EQ(kernel_.sa_count(), 8u);  // The kernel did it, but nobody knows.
  EXPECT_EQ(queue_.NextExpiry(), now_ms_ + kKernelAnswerMs);
  Pass(kKernelAnswerMs - 1);
  EXPECT_TRUE(Told().empty());
  Pass(1);
  EXPECT_EQ(Told(), (Lines{"installed 1 ETIMEDOUT", "installed 2 ETIMEDOUT"}));
  EXPECT_FALSE(words_.back().empty());
  Turn();
  EXPECT_EQ(Told(), (Lines{"deleted 1", "deleted 2"}));
  EXPECT_EQ(kernel_.sa_count(), 0u);
  EXPECT_TRUE(queue_.idle());
}

TEST_F(EdgeKernelQueue, AnAnswerAfterGivingUpIsIgnored) {
  kernel_.HoldAnswers(true);
  Install(1);
  Turn();
  Pass(kKernelAnswerMs);
  EXPECT_EQ(Told(), (Lines{"installed 1 ETIMEDOUT"}));
  kernel_.HoldAnswers(false);
  kernel_.ReleaseAnswers(&answers_);
  ASSERT_EQ(answers_.size(), 1u);
  HandOver();
  EXPECT_TRUE(Told().empty());
  Turn();
  EXPECT_EQ(Told(), (Lines{"deleted 1"}));
}

TEST_F(EdgeKernelQueue, ALateAnswerIsNotTakenForThatOfTheNextBatch) {
  kernel_.HoldAnswers(true);
  Install(1);
  Turn();
  Pass(kKernelAnswerMs);
  Told();
  Install(2);
  queue_.Flush(now_ms_);  // The roll-back of 1 and the installation of 2, both unanswered.
  kernel_.HoldAnswers(false);
  std::vector<std::vector<std::byte>> late;
  kernel_.ReleaseAnswers(&late);
  ASSERT_EQ(late.size(), 2u);
  queue_.OnReply(late[0]);
  EXPECT_TRUE(Told().empty());
  queue_.OnReply(late[1]);
  EXPECT_EQ(std::set<std::string>(told_.begin(), told_.end()),
            (std::set<std::string>{"deleted 1", "installed 2"}));
}

TEST_F(EdgeKernelQueue, LossMakesEverythingUnderWayUnknown) {  // ENOBUFS of the socket.
  kernel_.HoldAnswers(true);
  Install(1);
  Turn();
  Install(2);
  Turn();
  EXPECT_EQ(batches_, 2);
  queue_.OnLoss();
  EXPECT_EQ(Told(), (Lines{"installed 1 ETIMEDOUT", "installed 2 ETIMEDOUT"}));
  kernel_.HoldAnswers(false);
  Turn();
  EXPECT_EQ(Told(), (Lines{"deleted 1", "deleted 2"}));
  EXPECT_EQ(kernel_.sa_count(), 0u);
}

TEST_F(EdgeKernelQueue, WhatHasNotBeenSentIsNotLost) {
  link_takes_ = false;
  Install(1);
  Turn();
  queue_.OnLoss();
  EXPECT_TRUE(Told().empty());
  link_takes_ = true;
  Turn();
  EXPECT_EQ(Told(), (Lines{"installed 1"}));
}

TEST_F(EdgeKernelQueue, ADeletionIsRepeatedUntilTheKernelConfirms) {
  Install(1);
  Turn();
  Told();
  kernel_.SetFault([](uint16_t, int) { return std::errc::not_enough_memory; });
  Delete(1);
  for (int i = 0; i < 3; ++i) {
    Turn();
    EXPECT_TRUE(Told().empty());
    EXPECT_FALSE(queue_.idle());
    EXPECT_EQ(queue_.NextExpiry(), now_ms_ + kKernelAnswerMs);
    Turn();  // Not before its time.
    EXPECT_EQ(batches_, 2 + i);
    Pass(kKernelAnswerMs);
  }
  kernel_.SetFault({});
  Turn();
  EXPECT_EQ(Told(), (Lines{"deleted 1"}));
  EXPECT_EQ(kernel_.sa_count(), 0u);
  EXPECT_TRUE(queue_.idle());
  EXPECT_EQ(queue_.NextExpiry(), UINT64_MAX);
}

TEST_F(EdgeKernelQueue, ADeletionWhoseAckIsLostIsRepeated) {
  Install(1);
  Turn();
  Told();
  kernel_.DropNextAnswers(1);
  Delete(1);
  Turn();
  Pass(kKernelAnswerMs);
  EXPECT_TRUE(Told().empty());  // Unknown is not deleted.
  Pass(kKernelAnswerMs);
  Turn();
  EXPECT_EQ(Told(), (Lines{"deleted 1"}));  // ESRCH now: it had been done.
}

TEST_F(EdgeKernelQueue, WhatTheKernelDroppedByItselfIsDeleted) {  // Lifetimes: design D3.
  Install(1);
  Turn();
  Told();
  kernel_.Advance(now_ms_ / 1000 + 61);
  ASSERT_EQ(kernel_.sa_count(), 0u);
  Delete(1);
  Turn();
  EXPECT_EQ(Told(), (Lines{"deleted 1"}));
}

TEST_F(EdgeKernelQueue, ADeletionNeverOvertakesItsInstallation) {
  Install(1);
  Delete(1);
  Turn();
  EXPECT_EQ(Told(), (Lines{"installed 1", "deleted 1"}));
  EXPECT_EQ(kernel_.sa_count(), 0u);
}

// A phone that comes back with the SPIs it had: the old set goes first, in the same send.
TEST_F(EdgeKernelQueue, AnInstallationMayTakeTheSpisOfWhatIsDeletedBeforeIt) {
  Install(1);
  Turn();
  Delete(1);
  queue_.Install(2, Sas(AgreementOf(2, AgreementOf(1).spi_uc)));
  Turn();
  EXPECT_EQ(Told(), (Lines{"installed 1", "deleted 1", "installed 2"}));
}

TEST_F(EdgeKernelQueue, ExtendingChangesTheLifetime) {
  Install(1);
  Turn();
  queue_.Extend(1, Sas(AgreementOf(1), 3660));
  Turn();
  EXPECT_EQ(Told(), (Lines{"installed 1", "extended 1"}));
  for (const xfrm::SaInfo& sa : kernel_.Sas()) EXPECT_EQ(sa.hard_seconds, 3660u);
}

// An SA may come later than the others of its set.
TEST_F(EdgeKernelQueue, AnExtensionMayBringWhatTheInstallationLeftOut) {
  const SaArray sas = Sas(AgreementOf(1));
  const std::array<xfrm::Sa, 3> first = {sas[0], sas[1], sas[3]};
  queue_.Install(1, first);
  Turn();
  EXPECT_EQ(Told(), (Lines{"installed 1"}));
  EXPECT_EQ(kernel_.sa_count(), 3u);
  queue_.Extend(1, first, {&sas[2], 1});
  Turn();
  EXPECT_EQ(Told(), (Lines{"extended 1"}));
  EXPECT_EQ(SpisInKernel(), SpisOf(1));
}

TEST_F(EdgeKernelQueue, AnAddedSaThatIsRefusedRefusesTheExtension) {
  const SaArray sas = Sas(AgreementOf(1));
  const std::array<xfrm::Sa, 3> first = {sas[0], sas[1], sas[3]};
  queue_.Install(1, first);
  Turn();
  FailOne(XFRM_MSG_NEWSA, 0, std::errc::file_exists);
  queue_.Extend(1, first, {&sas[2], 1});
  Turn();
  EXPECT_EQ(Told(), (Lines{"installed 1", "extended 1 EEXIST"}));
}

TEST_F(EdgeKernelQueue, ARefusedExtensionIsToldAndDeletesNothing) {  // That is for the core to say.
  Install(1);
  Turn();
  FailOne(XFRM_MSG_UPDSA, 2, std::errc::no_such_process);
  queue_.Extend(1, Sas(AgreementOf(1), 3660));
  Turn();
  Turn();
  EXPECT_EQ(Told(), (Lines{"installed 1", "extended 1 ESRCH"}));
  EXPECT_EQ(kernel_.sa_count(), 4u);
  EXPECT_TRUE(queue_.idle());
}

TEST_F(EdgeKernelQueue, AnExtensionWithoutAnAnswerIsUnknown) {
  Install(1);
  Turn();
  kernel_.DropNextAnswers(1);
  queue_.Extend(1, Sas(AgreementOf(1), 3660));
  Turn();
  Pass(kKernelAnswerMs);
  EXPECT_EQ(Told(), (Lines{"installed 1", "extended 1 ETIMEDOUT"}));
}

TEST_F(EdgeKernelQueue, MoreSetsThanOneBatchHoldsTakeSeveral) {
  constexpr SetId kSets = 3 * xfrm::Batch::kRequestsMax / kSasPerSet + 5;
  FailOne(XFRM_MSG_NEWSA, 300, std::errc::not_enough_memory);
  for (SetId set = 1; set <= kSets; ++set) Install(set);
  queue_.Flush(now_ms_);
  EXPECT_EQ(batches_, 4);
  HandOver();
  const Lines told = Told();
  ASSERT_EQ(told.size(), kSets);
  for (SetId set = 1; set <= kSets; ++set) {
    const std::string refused = set == 300 / kSasPerSet + 1 ? " ENOMEM" : "";
    EXPECT_EQ(told[set - 1], "installed " + std::to_string(set) + refused);
  }
  Turn();
  EXPECT_EQ(Told(), (Lines{"deleted 76"}));
  EXPECT_EQ(kernel_.sa_count(), 4 * (kSets - 1));
}

TEST_F(EdgeKernelQueue, ALinkThatSaysNotNowIsAskedAgainInOrder) {
  link_takes_ = false;
  Install(1);
  Turn();
  Install(2);
  Delete(1);
  Turn();
  EXPECT_EQ(batches_, 0);
  EXPECT_EQ(queue_.NextExpiry(), UINT64_MAX);  // No deadline runs for what was not sent.
  Pass(10 * kKernelAnswerMs);
  EXPECT_TRUE(Told().empty());
  link_takes_ = true;
  Turn();
  EXPECT_EQ(Told(), (Lines{"installed 1", "installed 2", "deleted 1"}));
  EXPECT_EQ(SpisInKernel(), SpisOf(2));
}

TEST_F(EdgeKernelQueue, TooManyBatchesRefuseAtTheNextFlushAndNotInsideTheCall) {
  constexpr SetId kFit = KernelQueue::kBatchesMax * xfrm::Batch::kRequestsMax / kSasPerSet;
  link_takes_ = false;
  for (SetId set = 1; set <= kFit + 2; ++set) Install(set);
  queue_.Extend(1, Sas(AgreementOf(1), 3660));
  Delete(5);  // Waits; a deletion is never refused.
  EXPECT_TRUE(Told().empty());
  Turn();
  const std::string n = std::to_string(kFit + 1);
  const std::string m = std::to_string(kFit + 2);
  EXPECT_EQ(Told(), (Lines{"installed " + n + " ENOBUFS", "deleted " + n,
                           "installed " + m + " ENOBUFS", "deleted " + m, "extended 1 ENOBUFS"}));
  EXPECT_FALSE(words_.back().empty());
  link_takes_ = true;
  Turn();
  EXPECT_EQ(Told().size(), kFit);
  EXPECT_EQ(batches_, static_cast<int>(KernelQueue::kBatchesMax));
  Turn();
  EXPECT_EQ(Told(), (Lines{"deleted 5"}));
  EXPECT_EQ(kernel_.sa_count(), 4 * (kFit - 1));
  EXPECT_TRUE(queue_.idle());
}

TEST_F(EdgeKernelQueue, TheKernelsWordsComeWithTheRefusalTheyAreAbout) {
  Install(1);
  SaArray sas = Sas(AgreementOf(2));
  for (xfrm::Sa& sa : sas) sa.selector.source.family = sa.selector.destination.family = 99;
  queue_.Install(2, sas);
  queue_.Install(3, Sas(AgreementOf(3, AgreementOf(1).spi_uc)));
  Turn();
  EXPECT_EQ(Told(),
            (Lines{"installed 1", "installed 2 EINVAL", "deleted 2", "installed 3 EEXIST"}));
  EXPECT_EQ(words_, (Lines{"", "Invalid address family", "", ""}));
}

// What is told may ask for more, as the core does.
class Chatty : public EdgeKernelQueue {
 protected:
  void OnInstalled(SetId set, std::errc error, std::string_view words) override {
    EdgeKernelQueue::OnInstalled(set, error, words);
    if (set < 300) Install(set + 100);
    if (error == kOk) Delete(set);
  }
};

TEST_F(Chatty, AnswersMayLeadToRequests) {
  for (SetId set = 1; set <= 100; ++set) Install(set);
  for (int i = 0; i < 5; ++i) Turn();
  EXPECT_EQ(Told().size(), 2 * 399u);
  EXPECT_EQ(kernel_.sa_count(), 0u);
  EXPECT_TRUE(queue_.idle());
}

}  // namespace
}  // namespace edge
