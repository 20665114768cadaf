// Spec sheet 4.5, row by row: phones that lost their SAs and register in clear, and addresses that
// another subscriber has been given (TS 33.203 7.4, 7.5).

#include "tests/edge_reg_events.h"

namespace edge {
namespace {

class Spec4_5 : public EdgeSteps {
 protected:
  std::string Message(TestPhone* phone) {
    return phone->Request("MESSAGE", "sip:bob@" + std::string(kRealm), phone->port_us, "");
  }
  // Another subscriber with the phone's address and ports, and SPIs of its own.
  TestPhone Stranger() {
    TestPhone stranger = phone_;
    stranger.imsi = "001010000000002";
    stranger.spi_uc += 1000;
    stranger.spi_us += 1000;
    return stranger;
  }
  TestPhone phone_;
};

TEST_F(Spec4_5, RegistrationInClearIsAllowedAtAnyTimeAndMarkedNo) {
  Register(&phone_);
  const TestSet old = phone_.set;
  TestPhone rebooted = phone_;
  rebooted.OfferAnew();
  const std::string forwarded = Initial(&rebooted);
  EXPECT_EQ(ParamOf(forwarded, "integrity-protected"), "no");
  Challenge(&rebooted, forwarded, "second");
  EXPECT_NE(OnSet(old, Message(&phone_)), "") << "the old set is kept until SM12";
  EXPECT_EQ(StatusOf(Accept(OnSet(rebooted.set, rebooted.Protected())).text), 200);
  EXPECT_EQ(OnSet(old, Message(&phone_)), "");
  EXPECT_EQ(States(), "Current");
}

TEST_F(Spec4_5, SamePortsAndOtherSpisLiveSideBySideUntilSm12) {
  Register(&phone_);
  phone_.spi_uc += 10;
  phone_.spi_us += 10;
  EXPECT_EQ(StatusOf(Challenge(&phone_, Initial(&phone_), "second").text), 401);
  EXPECT_EQ(States(), "Current Temporary");
  EXPECT_EQ(Sas(), 8u);
  EXPECT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
  EXPECT_EQ(States(), "Current");
  EXPECT_EQ(Sas(), 4u);
}

TEST_F(Spec4_5, SamePortsAndSpisReplaceTheCollidingSetAtTheChallenge) {
  Register(&phone_);
  EXPECT_EQ(StatusOf(Challenge(&phone_, Initial(&phone_), "second").text), 401);
  EXPECT_EQ(States(), "Temporary");
  EXPECT_EQ(Sas(), 4u);
}

TEST_F(Spec4_5, TakingOverIsASetting) {
  Register(&phone_);
  world_.settings().gm.take_over = false;
  EXPECT_EQ(StatusOf(Initial(&phone_)), 403) << "of itself, too";
  TestPhone stranger = Stranger();
  EXPECT_EQ(StatusOf(Initial(&stranger)), 403);
  EXPECT_EQ(world_.attempts().back().result, "its address and port are in use");
  phone_.OfferAnew();
  EXPECT_NE(StatusOf(Initial(&phone_)), 403) << "from another port";
  EXPECT_EQ(States(), "Current");
}

TEST_F(Spec4_5, AnAddressGivenToAnotherSubscriberIsHisWhenHeHasAuthenticated) {
  Register(&phone_);
  const TestSet old = phone_.set;
  TestPhone stranger = Stranger();
  EXPECT_EQ(StatusOf(Challenge(&stranger, Initial(&stranger), "theirs").text), 401);
  EXPECT_EQ(Registered(), 1u) << "he may be an impostor still";
  EXPECT_EQ(States(), "Current Temporary");
  EXPECT_EQ(StatusOf(Accept(OnSet(stranger.set, stranger.Protected())).text), 200);
  EXPECT_EQ(Registered(), 1u);
  EXPECT_EQ(States(), "Current");
  EXPECT_EQ(Sas(), 4u);
  EXPECT_EQ(stats().superseded_at_address, 1u);
  bool is_told = false;
  for (const AttemptLine& line : world_.attempts()) {
    is_told = is_told || (line.impi == phone_.Impi() &&
                          line.result == "its address and port are another subscriber's now");
  }
  EXPECT_TRUE(is_told);
  EXPECT_TRUE(OnSet(stranger.set, Message(&stranger)).starts_with("MESSAGE"));
}

TEST_F(Spec4_5, AnImpostorWhoCannotAuthenticateLeavesTheRegistrationAsItWas) {
  Register(&phone_);
  TestPhone stranger = Stranger();
  Challenge(&stranger, Initial(&stranger), "theirs");
  world_.Advance(30'000);
  EXPECT_EQ(Registered(), 1u);
  EXPECT_EQ(States(), "Current");
  EXPECT_TRUE(OnSet(phone_.set, Message(&phone_)).starts_with("MESSAGE"));
}

// Nobody's SA is deleted for somebody who has not authenticated.
TEST_F(Spec4_5, ASubscriberWithTheSpisOfAnotherIsRefusedByTheKernel) {
  Register(&phone_);
  TestPhone stranger = Stranger();
  stranger.spi_uc = phone_.spi_uc;
  stranger.spi_us = phone_.spi_us;
  EXPECT_EQ(StatusOf(Challenge(&stranger, Initial(&stranger), "theirs").text), 500);
  EXPECT_EQ(States(), "Current");
  EXPECT_EQ(Sas(), 4u);
}

TEST_F(Spec4_5, FromANewAddressTheOldSetsDieByTheirLifetime) {
  Register(&phone_);
  TestPhone moved = phone_;
  moved.address = "198.51.100.99";
  Register(&moved);
  EXPECT_EQ(States(), "Current Current");
  EXPECT_EQ(Registered(), 2u);
  world_.Advance(1'000'000);
  Accept(OnSet(moved.set, moved.Protected()), 36000);
  world_.Advance(2'630'000);
  EXPECT_EQ(States(), "Current");
  EXPECT_EQ(Registered(), 1u);
}

class Spec4_5RegEvent : public EdgeRegEventSteps {};

TEST_F(Spec4_5RegEvent, FromANewAddressTheOldSetsDieByNotify) {
  const std::string subscribe = Begin(&phone_);
  TestPhone moved = phone_;
  moved.address = "198.51.100.99";
  EXPECT_EQ(Subscribe(&moved), "") << "one for both";
  EXPECT_EQ(Notify(subscribe,
                   Reginfo(0, Element(Aor(phone_), "active", ContactOf(phone_), "deactivated") +
                                  Element(Aor(phone_), "active", ContactOf(moved), "registered",
                                          "3600"))),
            200);
  EXPECT_EQ(Registered(), 1u);
  EXPECT_EQ(States(), "Current Old");
  world_.Advance(128'000);
  EXPECT_EQ(States(), "Current");
  EXPECT_NE(OnSet(moved.set, moved.Protected()), "");
}

}  // namespace
}  // namespace edge
