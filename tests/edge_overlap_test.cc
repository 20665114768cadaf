// Sets that overlap: of one phone over time, of phones that come back without their state, of
// phones at one address; and the ports and SPIs that keep them apart (TS 33.203 7.1).

#include "tests/edge_steps.h"

namespace edge {
namespace {

class EdgeOverlap : public EdgeSteps {
 protected:
  TestPhone phone_;
};

TEST_F(EdgeOverlap, ThreeSetsOfAPhoneLiveSideBySide) {
  Register(&phone_);
  BeginAgain(&phone_, "second");
  Accept(OnSet(phone_.set, phone_.Protected()));
  OnSet(phone_.set, phone_.Protected());
  BeginAgain(&phone_, "third");
  EXPECT_EQ(States(), "Current Old Temporary");
  EXPECT_EQ(Sas(), 11u) << "of the third, SA3 waits: its port_pc is the first set's";
}

TEST_F(EdgeOverlap, AFourthSetIsRefusedWith403) {
  Register(&phone_);
  BeginAgain(&phone_, "second");
  Accept(OnSet(phone_.set, phone_.Protected()));
  OnSet(phone_.set, phone_.Protected());
  BeginAgain(&phone_, "third");
  // Every new challenge makes room for itself, so that a fourth takes a defect: here it is.
  world_.core().registrar().sets().ForEach([](SaSet* set) {
    if (set->state == SetState::kTemporary) set->state = SetState::kOld;
  });
  phone_.OfferAnew();
  const Sent sent = Challenge(&phone_, Initial(&phone_), "fourth");
  EXPECT_EQ(StatusOf(sent.text), 403);
  EXPECT_EQ(Sas(), 11u) << "of the third, SA3 waits: its port_pc is the first set's";
  EXPECT_EQ(world_.attempts().back().result, "more than three SA sets");
}

// Found by gmsim, as the next: the second 200 went out at once.
TEST_F(EdgeOverlap, Of200sToTwoAnswersOfOneChallengeTheSecondDoesNotOvertakeTheKernel) {
  Challenge(&phone_, Initial(&phone_), "n");
  const std::string first = OnSet(phone_.set, phone_.Protected());
  const std::string second = OnSet(phone_.set, phone_.Protected());
  world_.kernel().HoldAnswers(true);
  EXPECT_EQ(Accept(first).text, "");
  EXPECT_EQ(StatusOf(Accept(second).text), 500);
  EXPECT_EQ(world_.attempts().back().result, "accepted, but overtaken by another REGISTER");
  world_.ReleaseAnswers();
  EXPECT_EQ(StatusOf(world_.Pop().text), 200);
  EXPECT_EQ(States(), "Current");
}

TEST_F(EdgeOverlap, A200ToAnAnswerWhoseChallengeHasFailedMeanwhileIsA500) {
  Challenge(&phone_, Initial(&phone_), "n");
  const std::string first = OnSet(phone_.set, phone_.Protected());
  const std::string wrong = Replaced(phone_.Protected(), "Security-Verify: ", "Security-Verify: x");
  EXPECT_EQ(StatusOf(OnSet(phone_.set, wrong)), 494);
  EXPECT_EQ(StatusOf(Accept(first).text), 500);
  EXPECT_EQ(Registered(), 0u);
  EXPECT_EQ(States(), "Failed");
}

TEST_F(EdgeOverlap, APhoneThatRebootsWithOtherSpisKeepsTheOldSetUntilItsAnswerIsAccepted) {
  Register(&phone_);
  const TestSet before = phone_.set;
  phone_.spi_uc += 10;
  phone_.spi_us += 10;
  Challenge(&phone_, Initial(&phone_), "second");
  EXPECT_EQ(States(), "Current Temporary");
  EXPECT_EQ(Sas(), 8u);
  EXPECT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
  EXPECT_EQ(States(), "Current");
  EXPECT_EQ(Sas(), 4u);
  EXPECT_NE(before.security_server, phone_.set.security_server);
}

TEST_F(EdgeOverlap, APhoneThatRebootsWithTheSameSpisReplacesTheOldSetAtTheChallenge) {
  Register(&phone_);
  const Sent challenge = Challenge(&phone_, Initial(&phone_), "second");
  EXPECT_EQ(StatusOf(challenge.text), 401) << "EEXIST would be a 500";
  EXPECT_EQ(stats().sets_refused, 0u);
  EXPECT_EQ(States(), "Temporary");
  EXPECT_EQ(Sas(), 4u);
  EXPECT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
}

TEST_F(EdgeOverlap, APhoneThatRebootsWithItsSpisSwappedReplacesTheOldSetToo) {
  Register(&phone_);
  std::swap(phone_.spi_uc, phone_.spi_us);
  EXPECT_EQ(StatusOf(Challenge(&phone_, Initial(&phone_), "second").text), 401);
  EXPECT_EQ(Sas(), 4u);
}

// Found by gmsim. No new set can have SPIs of the one that its 401 is to come over: a phone that
// says it again, not having heard the 200, or that does not choose anew (TS 33.203 7.2) keeps what
// it has.
TEST_F(EdgeOverlap, AChallengeToAnOfferWithTheSpisOfItsOwnSetIsA400AndTheSetStays) {
  Register(&phone_);
  for (const bool is_swapped : {false, true}) {
    if (is_swapped) std::swap(phone_.spi_uc, phone_.spi_us);
    const std::string forwarded = OnSet(phone_.set, phone_.Protected());
    const Sent answer = FromCore(forwarded, 401, ChallengeLine("again"));
    EXPECT_EQ(StatusOf(answer.text), 400);
    EXPECT_EQ(answer.to, phone_.set.to);
    EXPECT_EQ(States(), "Current");
    EXPECT_EQ(Registered(), 1u);
    EXPECT_EQ(Sas(), 4u);
  }
  EXPECT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
}

// Found by gmsim: a 401 that had taken 18 s took away what the phone had registered meanwhile.
TEST_F(EdgeOverlap, AChallengeThatANewerOneHasOvertakenIsA500AndEndsNothing) {
  const std::string late = Initial(&phone_);
  world_.Advance(1'000);
  ASSERT_EQ(StatusOf(Challenge(&phone_, Initial(&phone_), "second").text), 401);
  EXPECT_EQ(StatusOf(FromCore(late, 401, ChallengeLine("first")).text), 500);
  EXPECT_EQ(States(), "Temporary");
  const std::string later = Initial(&phone_);
  EXPECT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
  EXPECT_EQ(world_.attempts().back().result, "registered");
  EXPECT_EQ(States(), "Current");
  EXPECT_EQ(StatusOf(FromCore(later, 401, ChallengeLine("third")).text), 401)
      << "this one is newer than the challenge: the phone lost its state";
}

TEST_F(EdgeOverlap, AnAddressGivenBackMayBeTakenAtOnceWithTheSamePortsAndSpis) {
  Register(&phone_);
  FromCore(OnSet(phone_.set, Replaced(phone_.Protected(), "Expires: 600000", "Expires: 0")), 200);
  ASSERT_EQ(States(), "Old");
  TestPhone next = TestPhone();
  next.imsi = "001010000000002";
  Register(&next);
  EXPECT_EQ(States(), "Current");
  EXPECT_EQ(Sas(), 4u);
}

TEST_F(EdgeOverlap, TwoPhonesBehindOneAddressAreToldApartByTheirPorts) {
  TestPhone other;
  other.imsi = "001010000000002";
  other.port_uc = 41001;
  other.port_us = 41002;
  other.spi_uc += 1000;
  other.spi_us += 1000;
  Register(&phone_);
  Register(&other);
  EXPECT_EQ(States(), "Current Current");
  const std::string uri = "sip:bob@" + std::string(kRealm);
  const std::string mine = OnSet(phone_.set, phone_.Request("MESSAGE", uri, phone_.port_us, ""));
  const std::string theirs = OnSet(other.set, other.Request("MESSAGE", uri, other.port_us, ""));
  EXPECT_EQ(ValueOf(mine, "P-Asserted-Identity"), "<sip:" + phone_.Impi() + ">");
  EXPECT_EQ(ValueOf(theirs, "P-Asserted-Identity"), "<sip:" + other.Impi() + ">");
  EXPECT_EQ(FromCore(mine, 200).to, phone_.set.to);
  EXPECT_EQ(FromCore(theirs, 200).to, other.set.to);
}

TEST_F(EdgeOverlap, ReauthenticationTakesThePortPcThatIsNotInUse) {
  Register(&phone_);
  std::string last = phone_.set.from;
  const std::string server = phone_.set.server;
  for (int i = 0; i < 6; ++i) {
    BeginAgain(&phone_, "n" + std::to_string(i));
    Accept(OnSet(phone_.set, phone_.Protected()));
    EXPECT_EQ(phone_.set.server, server);
    EXPECT_NE(phone_.set.from, last);
    EXPECT_NE(phone_.set.from, server);
    last = phone_.set.from;
    OnSet(phone_.set, phone_.Protected());
  }
}

TEST_F(EdgeOverlap, Ipv6PhonesHaveSetsLikeAnyOther) {
  phone_.address = "[2001:db8:45::77]";
  phone_.pcscf = "[2001:db8:10::10]";
  Register(&phone_);
  EXPECT_EQ(States(), "Current");
  for (const xfrm::SaInfo& sa : world_.kernel().Sas()) {
    EXPECT_EQ(sa.selector.source.family, AF_INET6);
    EXPECT_EQ(sa.selector.destination.family, AF_INET6);
  }
  TestPhone v4;
  v4.imsi = "001010000000002";
  Register(&v4);
  BeginAgain(&phone_, "second");
  Accept(OnSet(phone_.set, phone_.Protected()));
  OnSet(phone_.set, phone_.Protected());
  const std::string forwarded = OnSet(
      phone_.set, phone_.Request("OPTIONS", "sip:b@" + std::string(kRealm), phone_.port_us, ""));
  const Sent answer = FromCore(forwarded, 200);
  EXPECT_EQ(answer.from, phone_.set.from);
  EXPECT_EQ(answer.to, "[2001:db8:45::77]:37002");
  FromCore(OnSet(phone_.set, Replaced(phone_.Protected(), "Expires: 600000", "Expires: 0")), 200);
  world_.Advance(128'000);
  EXPECT_EQ(States(), "Current");
  EXPECT_EQ(Sas(), 4u);
}

TEST_F(EdgeOverlap, DefaultPortsAreTakenWhereTheyMayBe) {
  world_.settings().ipsec.default_server_port = 6103;
  world_.settings().ipsec.default_client_port = 6101;
  for (int i = 0; i < 20; ++i) {
    TestPhone phone;
    phone.imsi = "0010100000001" + std::to_string(10 + i);
    phone.address = "198.51.100." + std::to_string(100 + i);
    Register(&phone);
    EXPECT_EQ(phone.set.server, "192.0.2.10:6103");
    EXPECT_EQ(phone.set.from, "192.0.2.10:6101");
    BeginAgain(&phone, "second");
    EXPECT_EQ(phone.set.from, "192.0.2.10:6102") << "the default is taken";
  }
}

TEST_F(EdgeOverlap, WithoutDefaultPortsChanceSpreadsThePhones) {
  std::vector<std::string> servers;
  for (int i = 0; i < 30; ++i) {
    TestPhone phone;
    phone.imsi = "0010100000001" + std::to_string(10 + i);
    phone.address = "198.51.100." + std::to_string(100 + i);
    Register(&phone);
    EXPECT_NE(phone.set.server, phone.set.from);
    servers.push_back(phone.set.server);
  }
  std::sort(servers.begin(), servers.end());
  servers.erase(std::unique(servers.begin(), servers.end()), servers.end());
  EXPECT_EQ(servers.size(), 3u);
}

// Pitfall 17: the documented minimum.
class EdgeTwoSockets : public EdgeSteps {
 protected:
  EdgeTwoSockets() : EdgeSteps(StepSettings(2)) {}
  TestPhone phone_;
};

TEST_F(EdgeTwoSockets, Pitfall17ReauthenticationWorksWithTwoSockets) {
  Register(&phone_);
  for (int i = 0; i < 5; ++i) {
    const TestSet old = BeginAgain(&phone_, "n" + std::to_string(i));
    EXPECT_EQ(phone_.set.from, old.from) << "there is no other";
    EXPECT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
    EXPECT_NE(OnSet(phone_.set, phone_.Protected()), "");
    EXPECT_EQ(States(), "Current Old");
  }
}

// The kernel sends through the newest SA whose selector fits: with SA3 of both sets under one
// selector the 401 would leave under keys that the phone makes from that 401.
TEST_F(EdgeTwoSockets, Pitfall17Sa3OfTheNewSetComesWithThe200) {
  Register(&phone_);
  const auto sas_to_port_us = [this] {
    std::vector<uint32_t> spis;
    for (const xfrm::SaInfo& sa : world_.kernel().Sas()) {
      if (sa.selector.destination_port == 37002) spis.push_back(sa.id.spi);
    }
    return spis;
  };
  ASSERT_EQ(sas_to_port_us().size(), 1u);
  const std::vector<uint32_t> old = sas_to_port_us();
  BeginAgain(&phone_, "second");
  EXPECT_EQ(sas_to_port_us(), old) << "the 401 had the old SA3 only";
  EXPECT_EQ(Sas(), 7u);
  EXPECT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
  EXPECT_EQ(sas_to_port_us().size(), 2u);
  EXPECT_EQ(Sas(), 8u);
}

class EdgeOneSocket : public EdgeSteps {
 protected:
  EdgeOneSocket() : EdgeSteps(StepSettings(1)) {}
};

TEST_F(EdgeOneSocket, IsTooFewAndTheChallengeFailsWith500) {
  TestPhone phone;
  EXPECT_EQ(StatusOf(Challenge(&phone, Initial(&phone), "n").text), 500);
  EXPECT_EQ(world_.attempts().back().result, "no protected ports at this address");
  EXPECT_EQ(Sas(), 0u);
}

// Four pairs: 256+260, 257+261, 258+262, 259+263.
class EdgeSpis : public EdgeSteps {
 protected:
  EdgeSpis() : EdgeSteps(StepSettings(), 256, 263) {}
  TestPhone phone_;
};

TEST_F(EdgeSpis, AreNeverThePhonesOwn) {
  phone_.spi_uc = 256;
  phone_.spi_us = 261;
  for (int i = 0; i < 8; ++i) {
    ASSERT_EQ(StatusOf(Challenge(&phone_, Initial(&phone_), "n").text), 401);
    for (const char* name : {"spi-c", "spi-s"}) {
      const std::string spi = ParamOf(phone_.set.security_server, name);
      EXPECT_NE(spi, "256");
      EXPECT_NE(spi, "261");
    }
    world_.Advance(40'000);
  }
}

TEST_F(EdgeSpis, ThatRunOutAreA500AndComeBack) {
  for (int i = 0; i < 4; ++i) {
    TestPhone phone;
    phone.address = "198.51.100." + std::to_string(100 + i);
    EXPECT_EQ(StatusOf(Challenge(&phone, Initial(&phone), "n").text), 401);
  }
  EXPECT_EQ(world_.spis().counts().free, 0u);
  const Sent sent = Challenge(&phone_, Initial(&phone_), "n");
  EXPECT_EQ(StatusOf(sent.text), 500);
  EXPECT_EQ(world_.attempts().back().result, "no SPI is free");
  EXPECT_EQ(stats().no_spi, 1u);
  EXPECT_EQ(Sas(), 16u);
  world_.Advance(30'000);
  world_.Advance(2'000);
  EXPECT_EQ(StatusOf(Challenge(&phone_, Initial(&phone_), "n").text), 401);
}

TEST_F(EdgeSpis, ThatRunOutAtASecondChallengeAreA500WhereSm1CameFrom) {
  for (int i = 0; i < 3; ++i) {
    TestPhone phone;
    phone.address = "198.51.100." + std::to_string(100 + i);
    Challenge(&phone, Initial(&phone), "n");
  }
  Challenge(&phone_, Initial(&phone_), "first");
  const std::string answer = OnSet(phone_.set, phone_.Protected());
  const Sent sent = FromCore(answer, 401, ChallengeLine("second"));
  EXPECT_EQ(StatusOf(sent.text), 500);
  EXPECT_EQ(sent.to, phone_.Clear()) << "the first set is being deleted";
}

TEST_F(EdgeSpis, AreNotUsedAgainWhileTheyRest) {
  Challenge(&phone_, Initial(&phone_), "n");
  const std::string first = ParamOf(phone_.set.security_server, "spi-c");
  world_.Advance(30'000);
  EXPECT_EQ(world_.spis().counts().quarantined, 1u);
  for (int i = 0; i < 3; ++i) {
    TestPhone phone;
    phone.address = "198.51.100." + std::to_string(100 + i);
    ASSERT_EQ(StatusOf(Challenge(&phone, Initial(&phone), "n").text), 401);
    EXPECT_NE(ParamOf(phone.set.security_server, "spi-c"), first);
  }
}

}  // namespace
}  // namespace edge
