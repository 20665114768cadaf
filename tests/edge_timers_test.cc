// Spec sheet 4.2, row by row (TS 24.229 table 7.8): when each timer starts, how long it is, and
// what its end does.

#include "tests/edge_reg_events.h"

namespace edge {
namespace {

class Spec4_2 : public EdgeSteps {
 protected:
  // A phone that was challenged again and has not used its new set, granted so long.
  TestSet MakeNewSet(int first_seconds, int second_seconds) {
    EXPECT_EQ(StatusOf(Challenge(&phone_, Initial(&phone_), "first").text), 401);
    EXPECT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected()), first_seconds).text), 200);
    const TestSet old = BeginAgain(&phone_, "second");
    EXPECT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected()), second_seconds).text), 200);
    EXPECT_EQ(States(), "Current New");
    return old;
  }
  std::string Message() {
    return phone_.Request("MESSAGE", "sip:bob@" + std::string(kRealm), phone_.port_us, "");
  }
  TestPhone phone_;
};

TEST_F(Spec4_2, RegAwaitAuthStartsWithThe401AndDeletesTheTemporarySet) {
  const std::string forwarded = Initial(&phone_);
  world_.Advance(20'000);
  Challenge(&phone_, forwarded, "n");
  world_.Advance(29'999);
  EXPECT_EQ(States(), "Temporary");
  world_.Advance(1);
  EXPECT_EQ(OnSet(phone_.set, phone_.Protected()), "");
  ExpectNothingIsLeft();
}

TEST_F(Spec4_2, TheNewSetLivesAsLongAsThePreviousOneOrTheRegistrationAnd30Seconds) {
  MakeNewSet(3600, 60);
  world_.Advance(3'630'000 - 1);
  EXPECT_EQ(States(), "Current Old") << "of the previous set: 3630 s";
  world_.Advance(1);
  EXPECT_EQ(States(), "");
}

TEST_F(Spec4_2, TheNewSetLivesForTheGrantedTimeAnd30SecondsWhereThatIsLonger) {
  MakeNewSet(600, 3600);
  OnSet(phone_.set, Message());
  world_.Advance(3'630'000 - 1);
  EXPECT_EQ(States(), "Current");
  world_.Advance(1);
  EXPECT_EQ(States(), "");
}

TEST_F(Spec4_2, TheOldSetLives128SecondsFromTheFirstUseOfTheNewOne) {
  MakeNewSet(3600, 3600);
  world_.Advance(1'000'000);
  OnSet(phone_.set, Message());
  world_.Advance(127'999);
  EXPECT_EQ(States(), "Current Old");
  world_.Advance(1);
  EXPECT_EQ(States(), "Current");
}

TEST_F(Spec4_2, TheOldSetDoesNotLiveLongerThanItWouldHave) {
  MakeNewSet(60, 3600);
  OnSet(phone_.set, Message());
  world_.Advance(89'999);
  EXPECT_EQ(States(), "Current Old");
  world_.Advance(1);
  EXPECT_EQ(States(), "Current");
}

// The phone does not use its new set, and hears nothing on one that is about to end.
TEST_F(Spec4_2, AnUnusedNewSetIsTakenIntoUseWhenTheCurrentOneHas128SecondsLeft) {
  const TestSet old = MakeNewSet(600, 3600);
  world_.Advance(630'000 - 128'000 - 1);
  EXPECT_EQ(States(), "Current New");
  world_.Advance(1);
  EXPECT_EQ(States(), "Current Old");
  EXPECT_NE(OnSet(old, Message()), "") << "what is under way ends there";
  const std::string forwarded = OnSet(phone_.set, phone_.Protected());
  EXPECT_EQ(Accept(forwarded).from, phone_.set.from);
  world_.Advance(128'000);
  EXPECT_EQ(States(), "Current");
}

TEST_F(Spec4_2, AnUnusedNewSetWaitsLongerWhenTheCurrentOneIsExtended) {
  const TestSet old = MakeNewSet(600, 3600);
  EXPECT_EQ(StatusOf(Accept(OnSet(old, phone_.Protected()), 1200).text), 200);
  world_.Advance(1'230'000 - 128'000 - 1);
  EXPECT_EQ(States(), "Current New");
  world_.Advance(1);
  EXPECT_EQ(States(), "Current Old");
}

TEST_F(Spec4_2, DeregistrationLeavesTheSets128Seconds) {
  MakeNewSet(3600, 3600);
  const std::string zero = Replaced(phone_.Protected(), "Expires: 600000", "Expires: 0");
  EXPECT_EQ(StatusOf(FromCore(OnSet(phone_.set, zero), 200).text), 200);
  world_.Advance(127'999);
  EXPECT_EQ(Sas(), 8u);
  world_.Advance(1);
  ExpectNothingIsLeft();
}

TEST_F(Spec4_2, TheRegistrationEndsWhenItWasGrantedToAndItsSas30SecondsLater) {
  Register(&phone_);
  world_.Advance(3'600'000 - 1);
  EXPECT_EQ(Registered(), 1u);
  world_.Advance(1);
  EXPECT_EQ(Registered(), 0u);
  world_.Advance(29'999);
  EXPECT_EQ(Sas(), 4u);
  world_.Advance(1);
  EXPECT_EQ(Sas(), 0u);
}

class Spec4_2RegEvent : public EdgeRegEventSteps {};

TEST_F(Spec4_2RegEvent,
       TheSubscriptionIsLongerThanTheRegistrationAndRefreshed600SecondsBeforeItsEnd) {
  const std::string subscribe = Begin(&phone_, 3600);
  EXPECT_EQ(ValueOf(subscribe, "Expires"), "7200");
  Accept(OnSet(phone_.set, phone_.Protected()), 36000);
  world_.Advance(6'599'999);
  EXPECT_TRUE(world_.sent().empty());
  world_.Advance(1);
  EXPECT_EQ(ValueOf(Next(), "CSeq"), "2 SUBSCRIBE");
}

}  // namespace
}  // namespace edge
