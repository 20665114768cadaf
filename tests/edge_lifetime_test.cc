// How long sets, SAs in the kernel and registrations live (TS 24.229 table 7.8, design D3), and
// what the counters say of it.

#include "tests/edge_steps.h"

namespace edge {
namespace {

class EdgeLifetime : public EdgeSteps {
 protected:
  EdgeLifetime() : EdgeSteps(Changed()) {}
  static Settings Changed() {
    Settings settings = StepSettings();
    settings.ipsec.temporary_timeout_s = 10;
    settings.ipsec.lifetime_slack_s = 7;
    return settings;
  }
  void ExpectLifetime(uint64_t seconds) {
    EXPECT_EQ(Sas(), 4u);
    for (const xfrm::SaInfo& sa : world_.kernel().Sas()) EXPECT_EQ(sa.hard_seconds, seconds);
  }
  TestPhone phone_;
};

TEST_F(EdgeLifetime, DefaultsAreThoseOfProtoIpsec) {
  EXPECT_EQ(Settings().ipsec.temporary_timeout_s, 30u);
}

TEST_F(EdgeLifetime, OfTemporarySasInTheKernelIsTheTimeoutAndTheSlack) {
  Challenge(&phone_, Initial(&phone_), "n");
  ExpectLifetime(10 + 7);
}

TEST_F(EdgeLifetime, OfATemporarySetIsTheTimeout) {
  Challenge(&phone_, Initial(&phone_), "n");
  world_.Advance(9'999);
  EXPECT_EQ(States(), "Temporary");
  world_.Advance(1);
  EXPECT_EQ(States(), "");
}

TEST_F(EdgeLifetime, OfConfirmedSasCountsFromWhenTheyWereAdded) {
  Challenge(&phone_, Initial(&phone_), "n");
  world_.Advance(5'000);
  const std::string forwarded = OnSet(phone_.set, phone_.Protected());
  world_.Advance(1'500);
  Accept(forwarded, 600);
  ExpectLifetime(7 + 600 + 30 + 7);  // 6.5 s, rounded up.
}

TEST_F(EdgeLifetime, OfASetThatWasAnsweredOnIsTheCoresTime) {
  Challenge(&phone_, Initial(&phone_), "n");
  world_.Advance(9'000);
  const std::string forwarded = OnSet(phone_.set, phone_.Protected());
  world_.Advance(6'000);
  EXPECT_EQ(States(), "Temporary");
  EXPECT_EQ(StatusOf(Accept(forwarded).text), 200);
}

TEST_F(EdgeLifetime, OfSasWhoseEdgeDiedEndsInTheKernelAlone) {
  Register(&phone_);
  xfrm::FakeKernel& kernel = world_.kernel();
  const uint64_t now = world_.now_ms() / 1000;
  kernel.Advance(now + 3636);
  EXPECT_EQ(kernel.sa_count(), 4u);
  kernel.Advance(now + 3637);
  EXPECT_EQ(kernel.sa_count(), 0u);
  // What is gone already is as good as deleted.
  world_.Advance(3'637'000);
  ExpectNothingIsLeft();
}

TEST_F(EdgeLifetime, OfARegistrationWhose200NamesNoTimeIsOneHour) {
  Challenge(&phone_, Initial(&phone_), "n");
  FromCore(OnSet(phone_.set, phone_.Protected()), 200);
  ExpectLifetime(3600 + 30 + 7);
}

TEST_F(EdgeLifetime, TakesTheContactsOwnExpiresBeforeTheHeader) {
  Challenge(&phone_, Initial(&phone_), "n");
  FromCore(OnSet(phone_.set, phone_.Protected()), 200,
           "Contact: <sip:other@x>;expires=9, <sip:001010000000001@198.51.100.77:37002>;expires=50"
           "\r\nExpires: 7000\r\n");
  ExpectLifetime(50 + 30 + 7);
}

TEST_F(EdgeLifetime, CannotBeMadeToWrapByTheCore) {
  Challenge(&phone_, Initial(&phone_), "n");
  FromCore(OnSet(phone_.set, phone_.Protected()), 200, "Expires: 4294967295\r\n");
  ExpectLifetime(UINT32_MAX);
}

TEST_F(EdgeLifetime, CountersSayWhatHappened) {
  TestPhone other;
  other.imsi = "001010000000002";
  other.address = "198.51.100.78";
  Register(&phone_);
  const Stats& now = stats();
  EXPECT_EQ(now.received, 4u);
  EXPECT_EQ(now.sent, 4u);
  EXPECT_EQ(now.challenges, 1u);
  EXPECT_EQ(now.sets_installed, 1u);
  EXPECT_EQ(now.registrations, 1u);
  EXPECT_EQ(now.responses_made, 0u);
  Accept(OnSet(phone_.set, phone_.Protected()));
  EXPECT_EQ(now.refreshes, 1u);
  Challenge(&other, Initial(&other), "n");
  world_.Advance(10'000);
  EXPECT_EQ(now.sets_timed_out, 1u);
  EXPECT_EQ(now.sets_deleted, 1u);
  FromCore(OnSet(phone_.set, Replaced(phone_.Protected(), "Expires: 600000", "Expires: 0")), 200);
  EXPECT_EQ(now.deregistrations, 1u);
  world_.Advance(128'000);
  EXPECT_EQ(now.sets_deleted, 2u);
  phone_.OfferAnew();
  Register(&phone_);
  world_.Advance(3'600'000);
  EXPECT_EQ(now.expirations, 1u);
  EXPECT_EQ(now.challenges, 3u);
  EXPECT_EQ(now.sets_installed, 3u);
  EXPECT_EQ(now.registrations, 2u);
  world_.core().OnTruncated();
  EXPECT_EQ(now.drop_truncated, 1u);
  EXPECT_EQ(now.sets_refused, 0u);
}

TEST_F(EdgeLifetime, AtTheEndEverySetGoesBackToTheKernel) {
  Register(&phone_);
  TestPhone other;
  other.imsi = "001010000000002";
  other.address = "198.51.100.78";
  Challenge(&other, Initial(&other), "n");
  EXPECT_EQ(Sas(), 8u);
  world_.core().DeleteAll(world_.now_ms(), &world_);
  world_.Settle();
  EXPECT_EQ(Sas(), 0u);
  EXPECT_EQ(States(), "");
}

}  // namespace
}  // namespace edge
