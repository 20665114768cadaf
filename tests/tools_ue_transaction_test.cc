#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools_texts.h"
#include "tools/ue_transaction.h"

namespace tools {
namespace {

using testing::ElementsAre;

class UeTransactionTest : public testing::Test {
 protected:
  void Start(sip::Method method) {
    transaction_.NextBranch(7);
    flow_.local = At("198.51.100.77:37001");
    flow_.peer = At("192.0.2.10:6101");
    transaction_.Start(method, flow_, "text", 0, &outbox_);
  }
  // Milliseconds at which something was sent, until the end.
  std::vector<uint64_t> Times() {
    std::vector<uint64_t> times;
    size_t sent = 0;
    for (uint64_t now_us = 0; transaction_.active(); now_us = transaction_.next_us()) {
      transaction_.Advance(now_us, &outbox_);
      if (outbox_.datagrams().size() > sent) times.push_back(now_us / 1000);
      sent = outbox_.datagrams().size();
      end_ms_ = now_us / 1000;
    }
    return times;
  }
  PhoneOptions options_;
  UeTransaction transaction_{&options_};
  UeFlow flow_;
  Outbox outbox_;
  uint64_t end_ms_ = 0;
};

// RFC 3261 17.1.2.2, timers E and F.
TEST_F(UeTransactionTest, RequestsAreSentAgainUpToT2) {
  Start(sip::Method::kMessage);
  EXPECT_THAT(Times(),
              ElementsAre(0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500));
  EXPECT_EQ(end_ms_, 32000u);
}

// RFC 3261 17.1.1.2, timers A and B.
TEST_F(UeTransactionTest, InvitesAreSentAgainEverMoreSlowly) {
  Start(sip::Method::kInvite);
  EXPECT_THAT(Times(), ElementsAre(0, 500, 1500, 3500, 7500, 15500, 31500));
}

TEST_F(UeTransactionTest, AProvisionalResponseStopsAnInvite) {
  Start(sip::Method::kInvite);
  transaction_.OnProvisional();
  EXPECT_THAT(Times(), ElementsAre(0));
  EXPECT_EQ(end_ms_, 32000u);
}

TEST_F(UeTransactionTest, NothingIsSentAgainWhenNotWanted) {
  options_.retransmit = false;
  options_.timeout_ms = 1234;
  Start(sip::Method::kMessage);
  EXPECT_THAT(Times(), ElementsAre(0));
  EXPECT_EQ(end_ms_, 1234u);
}

TEST_F(UeTransactionTest, OnlyTheNewestBranchMatches) {
  const UeBranch old = transaction_.NextBranch(7);
  Start(sip::Method::kMessage);
  EXPECT_FALSE(transaction_.Matches(old));
  EXPECT_TRUE(transaction_.Matches(transaction_.branch(7)));
  transaction_.End();
  EXPECT_FALSE(transaction_.Matches(transaction_.branch(7)));
  EXPECT_EQ(transaction_.next_us(), kNeverUs);
}

TEST(UeBranchTest, IsReadAsItWasWritten) {
  const UeBranch branch{0xdeadbeef, 99999, 12};
  EXPECT_EQ(Text(branch), "z9hG4bK-deadbeef-1869f-c");
  const std::optional<UeBranch> read = ParseBranch(Text(branch));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->boot_id, branch.boot_id);
  EXPECT_EQ(read->phone, branch.phone);
  EXPECT_EQ(read->counter, branch.counter);
}

TEST(UeBranchTest, OthersAreNotOurs) {
  for (const char* text : {"", "z9hG4bK", "z9hG4bK-1-2", "z9hG4bK-1-2-3-4", "z9hG4bK-1-2-x",
                           "z9hG4bKmt1.1", "z9hG4bK-1--3", "z9hG4bK-100000000-1-1"}) {
    EXPECT_EQ(ParseBranch(text).has_value(), false) << text;
  }
}

}  // namespace
}  // namespace tools
