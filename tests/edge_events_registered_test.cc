// Events 10 to 12, 14, 15 and 19 to 27 of TS 33.203 7.4 and TS 24.229 5.2.2 as the design
// numbers them: a registered phone refreshes, is challenged again, leaves, or runs out.

#include "tests/edge_steps.h"

namespace edge {
namespace {

class Spec4_3 : public EdgeSteps {
 protected:
  // A phone with a current set, and a new one it has not used.
  void MakeNewSet() {
    Register(&phone_);
    old_ = BeginAgain(&phone_, "second");
    ASSERT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
    ASSERT_EQ(States(), "Current New");
  }
  std::string Message(uint16_t port) {
    return phone_.Request("MESSAGE", "sip:bob@" + std::string(kRealm), port, "");
  }
  // The set that a request of the core goes to: the phone's end of it.
  Sent FromCoreToPhone() {
    const std::string path = ValueOf(forwarded_, "Path");
    const std::string route = path.substr(0, path.find('>') + 1);
    return Deliver("10.0.0.30:6060", std::string(kCore),
                   "MESSAGE sip:001@198.51.100.77:37002 SIP/2.0\r\n"
                   "Via: SIP/2.0/UDP 10.0.0.30:6060;branch=z9hG4bK-mt\r\nMax-Forwards: 70\r\n"
                   "Route: " +
                       route +
                       "\r\nFrom: <sip:bob@x>;tag=1\r\nTo: <sip:a@x>\r\n"
                       "Call-ID: mt\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n");
  }

  TestPhone phone_;
  TestSet old_;
  std::string forwarded_;
};

TEST_F(Spec4_3, Event10KeepsTheOldSetInUseAndSends200OnTheNew) {
  Register(&phone_);
  old_ = BeginAgain(&phone_, "second");
  EXPECT_EQ(States(), "Current Temporary");
  forwarded_ = OnSet(phone_.set, phone_.Protected());
  const Sent accepted = Accept(forwarded_);
  EXPECT_EQ(accepted.from, phone_.set.from);
  EXPECT_EQ(accepted.to, phone_.set.to);
  EXPECT_EQ(States(), "Current New");
  EXPECT_EQ(Sas(), 8u);
  EXPECT_EQ(FromCoreToPhone().from, old_.from);
}

TEST_F(Spec4_3, Event10DeletesAllSetsButTheOneSm1CameOn) {
  MakeNewSet();
  // It goes on using the old one, and is challenged on it again.
  const TestSet unused = phone_.set;
  phone_.OfferAnew();
  Challenge(&phone_, OnSet(old_, phone_.Protected()), "third");
  EXPECT_EQ(States(), "Current New Temporary");
  EXPECT_EQ(Sas(), 11u) << "three ports are two client ports: the third set's SA3 waits";
  Accept(OnSet(phone_.set, phone_.Protected()));
  EXPECT_EQ(States(), "Current New");
  EXPECT_EQ(Sas(), 8u);
  EXPECT_EQ(OnSet(unused, phone_.Protected()), "");
  EXPECT_NE(OnSet(old_, phone_.Protected()), "");
}

TEST_F(Spec4_3, Event10GivesTheNewSetTheLongerOfBothLifetimes) {
  Register(&phone_);
  old_ = BeginAgain(&phone_, "second");
  Accept(OnSet(phone_.set, phone_.Protected()), 60);
  ASSERT_EQ(Sas(), 8u);
  for (const xfrm::SaInfo& sa : world_.kernel().Sas()) EXPECT_EQ(sa.hard_seconds, 3660u);
}

TEST_F(Spec4_3, Event11TakesTheNewSetIntoUseAndTheOldOneDrainsFor128Seconds) {
  MakeNewSet();
  forwarded_ = OnSet(phone_.set, Message(phone_.port_us));
  EXPECT_TRUE(forwarded_.starts_with("MESSAGE"));
  EXPECT_EQ(States(), "Current Old");
  world_.Advance(127'999);
  EXPECT_EQ(States(), "Current Old");
  world_.Advance(1);
  EXPECT_EQ(States(), "Current");
  EXPECT_EQ(Sas(), 4u);
}

TEST_F(Spec4_3, Event11SpeaksToThePhoneOnTheNewSetFromThenOn) {
  MakeNewSet();
  OnSet(phone_.set, Message(phone_.port_us));
  forwarded_ = OnSet(phone_.set, phone_.Protected());
  EXPECT_EQ(FromCoreToPhone().from, phone_.set.from);
}

TEST_F(Spec4_3, Event11ComesWithAResponseOfThePhoneToo) {
  MakeNewSet();
  const std::string request =
      "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP " + phone_.set.server +
      ";branch=z9hG4bK-1\r\nFrom: <sip:bob@x>;tag=1\r\nTo: <sip:a@x>\r\nCall-ID: o\r\n"
      "CSeq: 1 OPTIONS\r\n\r\n";
  OnSet(phone_.set, Answer(request, 200));
  EXPECT_EQ(States(), "Current Old");
}

TEST_F(Spec4_3, Event11LetsTransactionsEndOnTheOldSet) {
  MakeNewSet();
  const std::string pending = OnSet(old_, Message(phone_.port_us));
  OnSet(phone_.set, phone_.Protected());
  ASSERT_EQ(States(), "Current Old");
  const Sent answer = FromCore(pending, 200);
  EXPECT_EQ(StatusOf(answer.text), 200);
  EXPECT_EQ(answer.from, old_.from);
  EXPECT_EQ(answer.to, old_.to);
}

TEST_F(Spec4_3, Event12ChangesNothing) {
  MakeNewSet();
  EXPECT_NE(OnSet(old_, Message(phone_.port_us)), "");
  EXPECT_EQ(States(), "Current New");
}

TEST_F(Spec4_3, Event14OfAReauthenticationAnswersOnTheOldSetAndKeepsIt) {
  Register(&phone_);
  old_ = BeginAgain(&phone_, "second");
  const Sent refused = FromCore(OnSet(phone_.set, phone_.Protected()), 403);
  EXPECT_EQ(StatusOf(refused.text), 403);
  EXPECT_EQ(refused.from, old_.from);
  EXPECT_EQ(States(), "Current Failed");
  EXPECT_EQ(Registered(), 1u);
  world_.Advance(64'000);
  EXPECT_EQ(States(), "Current");
  EXPECT_EQ(Sas(), 4u);
}

TEST_F(Spec4_3, Event14OfAReauthenticationWeRefuseAnswersOnTheOldSetToo) {
  Register(&phone_);
  old_ = BeginAgain(&phone_, "second");
  const std::string bad =
      Replaced(phone_.Protected(), "Security-Verify: ipsec", "Security-Verify: tls");
  const Sent refused = Deliver(phone_.set.client, phone_.set.server, bad);
  EXPECT_EQ(StatusOf(refused.text), 494);
  EXPECT_EQ(refused.from, old_.from);
  EXPECT_EQ(refused.to, old_.to);
  EXPECT_EQ(States(), "Current Failed");
}

TEST_F(Spec4_3, Event15OfAReauthenticationAnswersOnTheOldSet) {
  Register(&phone_);
  old_ = BeginAgain(&phone_, "second");
  OnSet(phone_.set, phone_.Protected());
  world_.Advance(32'000);
  const Sent silent = world_.Pop();
  EXPECT_EQ(StatusOf(silent.text), 504);
  EXPECT_EQ(silent.from, old_.from);
  EXPECT_EQ(States(), "Current Failed");
}

TEST_F(Spec4_3, Event19ExtendsTheSetAndDropsTheNewOffer) {
  Register(&phone_);
  const TestSet set = phone_.set;
  world_.Advance(3'000'000);
  phone_.OfferAnew();
  const Sent accepted = Accept(OnSet(set, phone_.Protected()), 1800);
  EXPECT_EQ(StatusOf(accepted.text), 200);
  EXPECT_EQ(accepted.from, set.from);
  EXPECT_EQ(stats().refreshes, 1u);
  EXPECT_EQ(stats().registrations, 1u);
  ASSERT_EQ(Sas(), 4u);
  for (const xfrm::SaInfo& sa : world_.kernel().Sas()) {
    EXPECT_EQ(sa.hard_seconds, 3000u + 1800 + 30 + 30);
    EXPECT_NE(sa.id.spi, phone_.spi_us);
  }
  world_.Advance(1'830'000 - 1);
  EXPECT_EQ(States(), "Current");
  world_.Advance(1);
  EXPECT_EQ(States(), "");
}

TEST_F(Spec4_3, Event19NeverShortensTheSetButTheRegistration) {
  Register(&phone_);
  Accept(OnSet(phone_.set, phone_.Protected()), 60);
  for (const xfrm::SaInfo& sa : world_.kernel().Sas()) EXPECT_EQ(sa.hard_seconds, 3660u);
  world_.Advance(60'000);
  EXPECT_EQ(Registered(), 0u);
  EXPECT_EQ(States(), "Current");
  world_.Advance(3'570'000 - 1);
  EXPECT_EQ(States(), "Current");
  world_.Advance(1);
  EXPECT_EQ(States(), "");
}

TEST_F(Spec4_3, Event19HoldsThe200UntilTheKernelHasAnswered) {
  Register(&phone_);
  const std::string forwarded = OnSet(phone_.set, phone_.Protected());
  world_.kernel().HoldAnswers(true);
  EXPECT_EQ(Accept(forwarded).text, "");
  world_.ReleaseAnswers();
  EXPECT_EQ(StatusOf(world_.Pop().text), 200);
}

// The set came to its end in between: the one in use lives as long as the 200 promises.
TEST_F(Spec4_3, Event19OfASetThatIsReplacedMeanwhileExtendsTheOneInUse) {
  Register(&phone_);
  const std::string refresh = OnSet(phone_.set, phone_.Protected());
  old_ = BeginAgain(&phone_, "second");
  Accept(OnSet(phone_.set, phone_.Protected()));
  OnSet(phone_.set, Message(phone_.port_us));
  ASSERT_EQ(States(), "Current Old");
  const Sent accepted = Accept(refresh, 7200);
  EXPECT_EQ(StatusOf(accepted.text), 200);
  EXPECT_EQ(accepted.from, old_.from) << "what began on the old set ends on it";
  world_.Advance(7'200'000 - 1);
  EXPECT_EQ(Registered(), 1u);
  EXPECT_EQ(States(), "Current");
  world_.Advance(1);
  EXPECT_EQ(Registered(), 0u);
  world_.Advance(30'000);
  EXPECT_EQ(States(), "");
}

TEST_F(Spec4_3, Event19OfAPhoneThatHasLeftMeanwhileIsA500) {
  Register(&phone_);
  const std::string refresh = OnSet(phone_.set, phone_.Protected());
  const std::string zero = Replaced(phone_.Protected(), "Expires: 600000", "Expires: 0");
  FromCore(OnSet(phone_.set, zero), 200);
  ASSERT_EQ(States(), "Old");
  EXPECT_EQ(StatusOf(Accept(refresh).text), 500);
  EXPECT_EQ(Registered(), 0u);
  EXPECT_EQ(States(), "Old");
}

TEST_F(Spec4_3, Event20SendsTheChallengeOnTheSetSm1CameOnWithNewPortsAndSpis) {
  Register(&phone_);
  const TestSet set = phone_.set;
  phone_.OfferAnew();
  const Sent challenge = Challenge(&phone_, OnSet(set, phone_.Protected()), "second");
  EXPECT_EQ(challenge.from, set.from);
  EXPECT_EQ(challenge.to, set.to);
  EXPECT_EQ(phone_.set.server, set.server) << "port_ps stays";
  EXPECT_NE(phone_.set.from, set.from) << "port_pc changes";
  EXPECT_NE(ParamOf(phone_.set.security_server, "spi-c"), ParamOf(set.security_server, "spi-c"));
}

TEST_F(Spec4_3, Event20WithoutAnOfferRelaysTheChallengeWithoutKeysAndMakesNoSet) {
  Register(&phone_);
  const std::string text = phone_.Protected();
  const std::string forwarded =
      OnSet(phone_.set, Replaced(text, LinesOf(text, "Security-Client"), ""));
  EXPECT_NE(forwarded, "");
  const Sent sent = FromCore(forwarded, 401, ChallengeLine("second"));
  EXPECT_EQ(StatusOf(sent.text), 401);
  EXPECT_EQ(sent.text.find("ik="), std::string::npos);
  EXPECT_EQ(LinesOf(sent.text, "Security-Server"), "");
  EXPECT_EQ(sent.from, phone_.set.from);
  EXPECT_EQ(States(), "Current");
}

// Spec sheet 1.4, ipsec.security_client = "strict".
TEST_F(Spec4_3, Events19And20WantANewOfferWhereTheSettingsSaySo) {
  Register(&phone_);
  world_.settings().ipsec.security_client = SecurityClient::kStrict;
  const TestSet set = phone_.set;
  const std::string text = phone_.Protected();  // Offers what it has already.
  const std::string without = Replaced(text, LinesOf(text, "Security-Client"), "");
  const std::string unusable = Replaced(text, "ipsec-3gpp;alg", "ipsec-3gpp;prot=ah;alg");
  TestPhone other = phone_;
  other.OfferAnew();
  other.port_us = 37092;
  for (const std::string& refused : {text, without, unusable, other.Protected()}) {
    const Sent sent = Deliver(set.client, set.server, refused);
    EXPECT_EQ(StatusOf(sent.text), 494) << refused;
    EXPECT_EQ(sent.from, set.from);
    EXPECT_EQ(ValueOf(sent.text, "Require"), "sec-agree");
    EXPECT_TRUE(ValueOf(sent.text, "Security-Server").starts_with("ipsec-3gpp;q=0.9"));
  }
  EXPECT_EQ(world_.attempts().back().result, "over SAs, without an offer of others");
  EXPECT_EQ(States(), "Current");
  phone_.OfferAnew();
  EXPECT_EQ(StatusOf(Accept(OnSet(set, phone_.Protected())).text), 200);
}

TEST_F(Spec4_3, Event21DrainsAllSetsAndForgetsThePhone) {
  MakeNewSet();
  const std::string zero = Replaced(phone_.Protected(), "Expires: 600000", "Expires: 0");
  const Sent accepted = FromCore(OnSet(phone_.set, zero), 200);
  EXPECT_EQ(StatusOf(accepted.text), 200);
  EXPECT_EQ(accepted.from, phone_.set.from);
  EXPECT_EQ(States(), "Old Old");
  EXPECT_EQ(Registered(), 0u);
  EXPECT_EQ(stats().deregistrations, 1u);
  EXPECT_EQ(OnSet(phone_.set, Message(phone_.port_us)), "") << "not registered";
  EXPECT_EQ(stats().drop_not_registered, 1u);
  world_.Advance(128'000);
  ExpectNothingIsLeft();
}

TEST_F(Spec4_3, Event21IsAlsoAnAnswerThatNoLongerListsTheContact) {
  Register(&phone_);
  const Sent accepted = FromCore(OnSet(phone_.set, phone_.Protected()), 200,
                                 "Contact: <sip:other@192.0.2.99>;expires=600\r\n");
  EXPECT_EQ(StatusOf(accepted.text), 200);
  EXPECT_EQ(Registered(), 0u);
  EXPECT_EQ(States(), "Old");
}

TEST_F(Spec4_3, Event21AfterAChallengeLeavesOnTheSetOfTheAnswer) {
  Register(&phone_);
  BeginAgain(&phone_, "second");
  const std::string zero = Replaced(phone_.Protected(), "Expires: 600000", "Expires: 0");
  const Sent accepted = FromCore(OnSet(phone_.set, zero), 200);
  EXPECT_EQ(accepted.from, phone_.set.from);
  EXPECT_EQ(Registered(), 0u);
  world_.Advance(128'000);
  ExpectNothingIsLeft();
}

TEST_F(Spec4_3, Event22KeepsTheRegistrationWhileTheContactIsListed) {
  Register(&phone_);
  const std::string zero = Replaced(phone_.Protected(), "Expires: 600000", "Expires: 0");
  const std::string forwarded = OnSet(phone_.set, zero);
  FromCore(forwarded, 200, "Contact: <sip:001010000000001@198.51.100.77:37002>;expires=500\r\n");
  EXPECT_EQ(Registered(), 1u);
  EXPECT_EQ(States(), "Current");
}

TEST_F(Spec4_3, Event22RemovesOneOfSeveralContacts) {
  Register(&phone_);
  const std::string other = "sip:other@198.51.100.77:5999";
  const std::string mine = "sip:001010000000001@198.51.100.77:37002";
  const std::string zero = Replaced(phone_.Protected(), "Expires: 600000", "Expires: 0");
  const std::string forwarded =
      OnSet(phone_.set, Replaced(zero, "<" + mine + ">", "<" + other + ">"));
  FromCore(forwarded, 200, "Contact: <" + mine + ">;expires=500\r\n");
  EXPECT_EQ(Registered(), 1u);
  EXPECT_EQ(States(), "Current");
}

TEST_F(Spec4_3, Event22RemovesOneOfSeveralIdentitiesAndTheLastEndsTheRegistration) {
  Register(&phone_);
  const auto as = [&](const std::string& expires) {
    const std::string text = Replaced(phone_.Protected(), "Expires: 600000", "Expires: " + expires);
    return OnSet(phone_.set, Replaced(text, LinesOf(text, "To"), "To: <sip:second@x>\r\n"));
  };
  const auto asserted = [&] {
    const std::string text = Message(phone_.port_us);
    return ValueOf(OnSet(phone_.set, Replaced(text, "Content-Length",
                                              "P-Preferred-Identity: <sip:second@x>\r\n"
                                              "Content-Length")),
                   "P-Asserted-Identity");
  };
  const std::string first = asserted();
  FromCore(as("600"), 200, "Expires: 600\r\nP-Associated-URI: <sip:second@x>, <tel:+2>\r\n");
  EXPECT_EQ(asserted(), "<sip:second@x>");
  FromCore(as("0"), 200);
  EXPECT_EQ(asserted(), first);
  EXPECT_EQ(Registered(), 1u);
  EXPECT_EQ(States(), "Current");
  FromCore(OnSet(phone_.set, Replaced(phone_.Protected(), "Expires: 600000", "Expires: 0")), 200);
  EXPECT_EQ(Registered(), 0u);
  EXPECT_EQ(States(), "Old");
}

TEST_F(Spec4_3, Event27CarriesRequestsOfARegisteredPhoneAndOfNobodyElse) {
  MakeNewSet();
  EXPECT_TRUE(OnSet(old_, Message(phone_.port_us)).starts_with("MESSAGE"));
  EXPECT_TRUE(OnSet(phone_.set, Message(phone_.port_us)).starts_with("MESSAGE"));
  EXPECT_TRUE(OnSet(old_, Message(phone_.port_us)).starts_with("MESSAGE")) << "it drains";
  const std::string zero = Replaced(phone_.Protected(), "Expires: 600000", "Expires: 0");
  FromCore(OnSet(phone_.set, zero), 200);
  EXPECT_EQ(OnSet(phone_.set, Message(phone_.port_us)), "");
  EXPECT_EQ(stats().drop_not_registered, 1u);
}

TEST_F(Spec4_3, Event24ForgetsTheBindingAtItsTimeAndTheSetsGo30SecondsLater) {
  Register(&phone_);
  world_.Advance(3'599'999);
  EXPECT_EQ(Registered(), 1u);
  world_.Advance(1);
  EXPECT_EQ(Registered(), 0u);
  EXPECT_EQ(stats().expirations, 1u);
  EXPECT_EQ(OnSet(phone_.set, Message(phone_.port_us)), "");
  EXPECT_EQ(States(), "Current");
  world_.Advance(30'000);
  ExpectNothingIsLeft();
}

TEST_F(Spec4_3, Event25RelaysAFailureAndDoesNotDeregister) {
  Register(&phone_);
  for (const int status : {403, 404, 423, 500, 504, 600}) {
    const Sent sent = FromCore(OnSet(phone_.set, phone_.Protected()), status);
    EXPECT_EQ(StatusOf(sent.text), status);
    EXPECT_EQ(sent.from, phone_.set.from);
    EXPECT_EQ(sent.to, phone_.set.to);
    EXPECT_EQ(States(), "Current");
    EXPECT_EQ(Registered(), 1u);
  }
}

TEST_F(Spec4_3, Event26ForwardsFromAnOldSetAsUnprotectedAndExtendsNothing) {
  MakeNewSet();
  OnSet(phone_.set, Message(phone_.port_us));
  ASSERT_EQ(States(), "Current Old");
  const std::string forwarded = OnSet(old_, phone_.Protected());
  EXPECT_EQ(ParamOf(forwarded, "integrity-protected"), "no");
  const Sent accepted = Accept(forwarded, 7200);
  EXPECT_EQ(StatusOf(accepted.text), 500) << "the core was to challenge it";
  EXPECT_EQ(accepted.from, old_.from);
  world_.Advance(128'000);
  EXPECT_EQ(States(), "Current");
  world_.Advance(3'600'000 - 128'000);
  EXPECT_EQ(Registered(), 0u);
}

TEST_F(Spec4_3, Event26ChallengesOnTheOldSet) {
  MakeNewSet();
  OnSet(phone_.set, Message(phone_.port_us));
  phone_.OfferAnew();
  const Sent challenge = Challenge(&phone_, OnSet(old_, phone_.Protected()), "third");
  EXPECT_EQ(StatusOf(challenge.text), 401);
  EXPECT_EQ(challenge.from, old_.from);
  EXPECT_EQ(States(), "Current Old Temporary");
}

}  // namespace
}  // namespace edge
