// A phone that registered here comes to another worker: that one's letters, and what they end here.
#include <gtest/gtest.h>

#include "edge/letter.h"
#include "tests/edge_steps.h"

namespace edge {
namespace {

class EdgeLetter : public EdgeSteps {
 protected:
  void Hear(const Letter& letter) { world_.Hear(letter); }
  // The worlds of these tests draw the same key, as workers share one.
  Letter RegisteredThere(uint64_t installed_ms) {
    Letter letter = told_by_another_[1];
    letter.installed_ms = installed_ms;
    return letter;
  }
  void SetUp() override {
    World other(StepSettings());
    TestPhone phone;
    other.Deliver(phone.Clear(), phone.Gm(), phone.Initial());
    const std::string forwarded = other.Pop().text;
    ASSERT_EQ(other.letters().size(), 1u);
    other.Deliver(kIcscf, kCore, Answer(forwarded, 401, ChallengeLine("n")));
    phone.TakeChallenge(other.Pop().text);
    ASSERT_EQ(other.letters().size(), 1u) << "a 401 is no registration";
    other.Deliver(phone.set.client, phone.set.server, phone.Protected());
    const std::string protected_one = other.Pop().text;
    other.Deliver(
        kIcscf, kCore,
        Answer(protected_one, 200, LinesOf(protected_one, "Contact") + "Expires: 60\r\n"));
    ASSERT_EQ(StatusOf(other.Pop().text), 200);
    told_by_another_ = other.letters();
    ASSERT_EQ(told_by_another_.size(), 2u);
  }

  TestPhone phone_;
  std::vector<Letter> told_by_another_;
};

TEST_F(EdgeLetter, APhoneThatComesInClearIsToldOfWithItsSpisAndAgainWhenItHasRegistered) {
  const Letter& comes = told_by_another_[0];
  EXPECT_EQ(comes.kind, Letter::Kind::kComes);
  EXPECT_EQ(comes.spi_uc, phone_.spi_uc);
  EXPECT_EQ(comes.spi_us, phone_.spi_us);
  const Letter& registered = told_by_another_[1];
  EXPECT_EQ(registered.kind, Letter::Kind::kRegistered);
  EXPECT_EQ(registered.phone, comes.phone);
  EXPECT_EQ(registered.installed_ms, world_.now_ms());
}

TEST_F(EdgeLetter, ARefreshAndANewAuthenticationAreNobodysBusiness) {
  Register(&phone_);
  const size_t before = world_.letters().size();
  const TestSet old = BeginAgain(&phone_, "again");
  ASSERT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
  ASSERT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
  EXPECT_EQ(world_.letters().size(), before);
}

TEST_F(EdgeLetter, WhatAnotherWorkerRegisteredLaterIsVoidHere) {
  Register(&phone_);
  Hear(RegisteredThere(world_.now_ms() + 1));
  world_.Settle();
  EXPECT_EQ(stats().superseded, 1u);
  EXPECT_EQ(Registered(), 0u);
  EXPECT_EQ(world_.Pop().text, "") << "nobody is told";
  ExpectNothingIsLeft();
}

TEST_F(EdgeLetter, WithEverySetOfIt) {
  Register(&phone_);
  BeginAgain(&phone_, "again");
  ASSERT_EQ(States(), "Current Temporary");
  Hear(RegisteredThere(world_.now_ms() + 1));
  world_.Settle();
  ExpectNothingIsLeft();
}

TEST_F(EdgeLetter, AnOlderRegistrationThanOursEndsNothing) {
  Register(&phone_);
  Hear(RegisteredThere(world_.now_ms() - 1));
  world_.Settle();
  EXPECT_EQ(stats().superseded, 0u);
  EXPECT_EQ(States(), "Current");
  EXPECT_EQ(Registered(), 1u);
}

// As fast as a clock of milliseconds cannot tell.
TEST_F(EdgeLetter, OneAsOldAsOursEndsIt) {
  Register(&phone_);
  Hear(RegisteredThere(world_.now_ms()));
  world_.Settle();
  ExpectNothingIsLeft();
}

// It came back before the letter did: what it is about to answer stays.
TEST_F(EdgeLetter, AChallengeNewerThanTheOtherRegistrationStays) {
  Register(&phone_);
  const uint64_t before = world_.now_ms();
  world_.Advance(1000);
  phone_.OfferAnew();
  ASSERT_EQ(StatusOf(Challenge(&phone_, Initial(&phone_), "again").text), 401);
  Hear(RegisteredThere(before + 500));
  world_.Settle();
  EXPECT_EQ(States(), "Temporary");
  EXPECT_EQ(stats().superseded, 1u);
  ASSERT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
  EXPECT_EQ(States(), "Current");
}

TEST_F(EdgeLetter, OfAPhoneThatOnlyComesOnlyASetWithItsSpisGoes) {
  Register(&phone_);
  Letter letter = told_by_another_[0];
  letter.spi_uc += 1000;
  letter.spi_us += 1000;
  Hear(letter);
  world_.Settle();
  EXPECT_EQ(States(), "Current");
  letter.spi_us = phone_.spi_uc;  // Wherever it stands: the kernel has one table.
  Hear(letter);
  world_.Settle();
  EXPECT_EQ(States(), "");
  EXPECT_EQ(Sas(), 0u);
  EXPECT_EQ(stats().superseded, 0u) << "it has not registered yet";
}

TEST_F(EdgeLetter, OfAnotherPhoneItIsNotObeyed) {
  Register(&phone_);
  Letter letter = RegisteredThere(world_.now_ms() + 1);
  letter.phone ^= 1;
  Hear(letter);
  letter = told_by_another_[0];
  letter.phone ^= 1;
  Hear(letter);
  world_.Settle();
  EXPECT_EQ(States(), "Current");
}

// The same subscriber at another address is another registration (spec sheet 4.5).
TEST_F(EdgeLetter, AtAnotherAddressItIsAnotherPhone) {
  phone_.address = "198.51.100.78";
  Register(&phone_);
  Hear(RegisteredThere(world_.now_ms() + 1));
  world_.Settle();
  EXPECT_EQ(States(), "Current");
}

TEST_F(EdgeLetter, ARequestUnderWayKeepsTheBindingUntilItsAnswer) {
  const std::string forwarded = Initial(&phone_);
  Hear(RegisteredThere(world_.now_ms() + 1));
  EXPECT_EQ(StatusOf(FromCore(forwarded, 403).text), 403);
  ExpectNothingIsLeft();
}

}  // namespace
}  // namespace edge
