// Repeated REGISTERs and repeated answers (RFC 3261 16.11, 17.2.2): no second set, no second
// Security-Server, and the core sees the same branch.

#include "tests/edge_steps.h"

namespace edge {
namespace {

class EdgeRetransmission : public EdgeSteps {
 protected:
  TestPhone phone_;
};

TEST_F(EdgeRetransmission, OfSm1ReachesTheCoreWithTheSameBranch) {
  const std::string sm1 = phone_.Initial();
  const std::string first = Deliver(phone_.Clear(), phone_.Gm(), sm1).text;
  const std::string second = Deliver(phone_.Clear(), phone_.Gm(), sm1).text;
  EXPECT_NE(first, "");
  EXPECT_EQ(first, second);
  EXPECT_EQ(world_.core().transactions(), 1u);
  Challenge(&phone_, first, "n");
  EXPECT_EQ(Deliver(phone_.Clear(), phone_.Gm(), sm1).text, first);
  EXPECT_EQ(world_.core().transactions(), 1u);
}

TEST_F(EdgeRetransmission, OfTheCoresChallengeHasTheSameSecurityServer) {
  const std::string forwarded = Initial(&phone_);
  const Sent first = Challenge(&phone_, forwarded, "n");
  const Sent second = Challenge(&phone_, forwarded, "n");
  EXPECT_EQ(StatusOf(first.text), 401);
  EXPECT_EQ(first.text, second.text);
  EXPECT_EQ(first.to, second.to);
  EXPECT_EQ(first.from, second.from);
  EXPECT_EQ(Sas(), 4u);
  EXPECT_EQ(stats().sets_installed, 1u);
  EXPECT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
}

TEST_F(EdgeRetransmission, WhileTheKernelIsAskedIsAbsorbed) {
  const std::string sm1 = phone_.Initial();
  const std::string forwarded = Deliver(phone_.Clear(), phone_.Gm(), sm1).text;
  world_.kernel().HoldAnswers(true);
  EXPECT_EQ(FromCore(forwarded, 401, ChallengeLine("n")).text, "");
  EXPECT_EQ(FromCore(forwarded, 401, ChallengeLine("n")).text, "");
  EXPECT_EQ(Deliver(phone_.Clear(), phone_.Gm(), sm1).text, "");
  world_.ReleaseAnswers();
  EXPECT_EQ(StatusOf(world_.Pop().text), 401);
  EXPECT_TRUE(world_.sent().empty());
  EXPECT_EQ(Sas(), 4u);
}

TEST_F(EdgeRetransmission, OfSm7AndIts200TakesTheNewSet) {
  Register(&phone_);
  BeginAgain(&phone_, "second");
  const std::string sm7 = phone_.Protected();
  const std::string forwarded = OnSet(phone_.set, sm7);
  const Sent accepted = Accept(forwarded);
  EXPECT_EQ(OnSet(phone_.set, sm7), forwarded);
  const Sent again = Accept(forwarded);
  EXPECT_EQ(again.text, accepted.text);
  EXPECT_EQ(again.from, phone_.set.from);
  EXPECT_EQ(again.to, phone_.set.to);
  EXPECT_EQ(stats().registrations, 2u);
  EXPECT_EQ(Sas(), 8u);
}

TEST_F(EdgeRetransmission, OfARefusedSm7IsAnsweredOnTheFailedSet) {
  Challenge(&phone_, Initial(&phone_), "n");
  const std::string sm7 = phone_.Protected();
  const std::string forwarded = OnSet(phone_.set, sm7);
  const Sent refused = FromCore(forwarded, 403);
  EXPECT_EQ(OnSet(phone_.set, sm7), forwarded);
  const Sent again = FromCore(forwarded, 403);
  EXPECT_EQ(again.text, refused.text);
  EXPECT_EQ(again.from, phone_.set.from);
  ASSERT_EQ(world_.attempts().size(), 1u) << "one attempt, one line";
}

TEST_F(EdgeRetransmission, OfWhatWeAnsweredOurselvesGetsTheSameStatus) {
  const std::string sm1 = phone_.Initial();
  Deliver(phone_.Clear(), phone_.Gm(), sm1);
  world_.Advance(32'000);
  const Sent first = world_.Pop();
  const Sent second = Deliver(phone_.Clear(), phone_.Gm(), sm1);
  EXPECT_EQ(StatusOf(first.text), 504);
  EXPECT_EQ(first.text, second.text);
  EXPECT_EQ(first.to, second.to);
}

TEST_F(EdgeRetransmission, OfAnAnswerWeRefusedIsRefusedAgainAndNothingElsePasses) {
  Challenge(&phone_, Initial(&phone_), "n");
  const std::string good = phone_.Protected();
  const std::string bad = Replaced(good, "Security-Verify: ipsec", "Security-Verify: tls");
  const Sent first = Deliver(phone_.set.client, phone_.set.server, bad);
  const Sent second = Deliver(phone_.set.client, phone_.set.server, bad);
  EXPECT_EQ(StatusOf(first.text), 494);
  EXPECT_EQ(first.text, second.text);
  EXPECT_EQ(first.from, second.from);
  EXPECT_EQ(world_.attempts().size(), 1u) << "one attempt, one line";
  EXPECT_EQ(OnSet(phone_.set, good), "");
}

TEST_F(EdgeRetransmission, OfAnAnswerTheCoreWasSilentToTakesTheOldSetToo) {
  Register(&phone_);
  const TestSet old = BeginAgain(&phone_, "second");
  const std::string sm7 = phone_.Protected();
  OnSet(phone_.set, sm7);
  world_.Advance(32'000);
  const Sent first = world_.Pop();
  const Sent second = Deliver(phone_.set.client, phone_.set.server, sm7);
  EXPECT_EQ(StatusOf(first.text), 504);
  EXPECT_EQ(first.from, old.from);
  EXPECT_EQ(first.text, second.text);
  EXPECT_EQ(second.from, old.from);
}

TEST_F(EdgeRetransmission, OfSm1OnceItsSetIsGoneDoesNotBringTheChallengeBack) {
  const std::string forwarded = Initial(&phone_);
  Challenge(&phone_, forwarded, "n");
  world_.Advance(30'000);
  EXPECT_EQ(States(), "");
  EXPECT_EQ(FromCore(forwarded, 401, ChallengeLine("n")).text, "");
  EXPECT_EQ(Sas(), 0u);
}

TEST_F(EdgeRetransmission, OfTheCoresChallengeOnceItsSetIsConfirmedGoesNowhere) {
  const std::string forwarded = Initial(&phone_);
  Challenge(&phone_, forwarded, "n");
  const Sent accepted = Accept(OnSet(phone_.set, phone_.Protected()));
  ASSERT_EQ(StatusOf(accepted.text), 200);
  EXPECT_EQ(FromCore(forwarded, 401, ChallengeLine("n")).text, "");
  EXPECT_EQ(States(), "Current");
}

TEST_F(EdgeRetransmission, IsForgottenAfter32Seconds) {
  Register(&phone_);
  EXPECT_EQ(world_.core().transactions(), 2u);
  world_.Advance(32'000);
  EXPECT_EQ(world_.core().transactions(), 0u);
}

TEST_F(EdgeRetransmission, WithAnythingChangedIsAMessageOfItsOwn) {
  Challenge(&phone_, Initial(&phone_), "n");
  const std::string sm7 = phone_.Protected();
  OnSet(phone_.set, sm7);
  // The same branch, Call-ID and CSeq, but no answer: it must not borrow the first one's "yes".
  const std::string other = OnSet(phone_.set, Replaced(sm7, "\"f00d\"", "\"\""));
  EXPECT_NE(ParamOf(other, "integrity-protected"), "yes") << other;
}

}  // namespace
}  // namespace edge
