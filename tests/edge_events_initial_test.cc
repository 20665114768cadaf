// Events 1 to 9 and 13 to 18 of TS 33.203 7.3 and TS 24.229 5.2.2 as the design numbers them (the
// table in edge/set_state.h): a phone that registers for the first time, up to its 200.

#include "tests/edge_steps.h"

namespace edge {
namespace {

class Spec4_3 : public EdgeSteps {
 protected:
  TestPhone phone_;
};

TEST_F(Spec4_3, Event01ForwardsWithoutTheAgreementAndMakesNoSet) {
  const Sent sent = Deliver(phone_.Clear(), phone_.Gm(), phone_.Initial());
  EXPECT_EQ(sent.from, kCore);
  EXPECT_EQ(sent.to, kIcscf);
  EXPECT_EQ(LinesOf(sent.text, "Security-Client"), "");
  EXPECT_EQ(sent.text.find("sec-agree"), sent.text.find("path, sec-agree") + 6);  // Supported.
  EXPECT_EQ(LinesOf(sent.text, "Proxy-Require"), "");
  EXPECT_EQ(ValueOf(sent.text, "Require"), "path");
  EXPECT_EQ(ParamOf(sent.text, "integrity-protected"), "no");
  EXPECT_EQ(Sas(), 0u);
  EXPECT_EQ(States(), "");
}

TEST_F(Spec4_3, Event01LeavesTheSetsOfARegisteredPhoneUntouched) {
  Register(&phone_);
  const TestSet set = phone_.set;
  phone_.OfferAnew();
  EXPECT_NE(Initial(&phone_), "");
  EXPECT_EQ(States(), "Current");
  phone_.set = set;
  EXPECT_NE(OnSet(set, phone_.Protected()), "");
}

TEST_F(Spec4_3, Event02SendsTheChallengeWithoutKeysWhereSm1CameFrom) {
  const std::string forwarded = Initial(&phone_);
  const Sent sent = Challenge(&phone_, forwarded, "n");
  EXPECT_EQ(sent.from, phone_.Gm());
  EXPECT_EQ(sent.to, phone_.Clear());
  EXPECT_EQ(StatusOf(sent.text), 401);
  EXPECT_EQ(sent.text.find("ik="), std::string::npos);
  EXPECT_EQ(sent.text.find("ck="), std::string::npos);
  EXPECT_EQ(ValueOf(sent.text, "WWW-Authenticate"), "Digest realm=\"" + std::string(kRealm) +
                                                        "\",nonce=\"n\",algorithm=AKAv1-MD5,qop="
                                                        "\"auth\"");
  EXPECT_EQ(Sas(), 4u);
  EXPECT_EQ(States(), "Temporary");
}

TEST_F(Spec4_3, Event02HoldsTheChallengeUntilTheKernelHasAnswered) {
  const std::string forwarded = Initial(&phone_);
  world_.kernel().HoldAnswers(true);
  EXPECT_EQ(FromCore(forwarded, 401, ChallengeLine("n")).text, "");
  EXPECT_EQ(States(), "Installing");
  world_.ReleaseAnswers();
  EXPECT_EQ(StatusOf(world_.Pop().text), 401);
  EXPECT_EQ(States(), "Temporary");
}

TEST_F(Spec4_3, Event02DeletesAnUnfinishedTemporarySet) {
  Challenge(&phone_, Initial(&phone_), "first");
  const TestSet first = phone_.set;
  phone_.OfferAnew();
  Challenge(&phone_, Initial(&phone_), "second");
  EXPECT_EQ(Sas(), 4u);
  EXPECT_EQ(States(), "Temporary");
  EXPECT_NE(first.security_server, phone_.set.security_server);
  EXPECT_EQ(OnSet(first, phone_.Protected()), "") << "the first set still carries messages";
  EXPECT_NE(OnSet(phone_.set, phone_.Protected()), "");
}

TEST_F(Spec4_3, Event02MakesTheFourSasOfTheAgreement) {
  Challenge(&phone_, Initial(&phone_), "n");
  const auto port_ps = At(phone_.set.server).port();
  const auto port_pc = At(phone_.set.from).port();
  const auto spi_pc =
      static_cast<uint32_t>(std::stoul(ParamOf(phone_.set.security_server, "spi-c")));
  const auto spi_ps =
      static_cast<uint32_t>(std::stoul(ParamOf(phone_.set.security_server, "spi-s")));
  const xfrm::Address ue = ToXfrm(At(phone_.Clear()));
  const xfrm::Address pcscf = ToXfrm(At(phone_.Gm()));
  const std::pair<xfrm::Selector, uint32_t> expected[] = {
      {{ue, pcscf, phone_.port_uc, port_ps}, spi_ps},
      {{pcscf, ue, port_ps, phone_.port_uc}, phone_.spi_uc},
      {{pcscf, ue, port_pc, phone_.port_us}, phone_.spi_us},
      {{ue, pcscf, phone_.port_us, port_pc}, spi_pc},
  };
  const std::vector<xfrm::SaInfo> sas = world_.kernel().Sas();
  ASSERT_EQ(sas.size(), 4u);
  for (const auto& row : expected) {
    const auto& selector = row.first;
    const uint32_t spi = row.second;
    EXPECT_TRUE(std::any_of(sas.begin(), sas.end(), [&](const xfrm::SaInfo& sa) {
      return sa.selector == selector && sa.id == xfrm::SaId{selector.destination, spi};
    })) << spi;
  }
}

TEST_F(Spec4_3, Event03AnswersAChallengeWithoutUsableKeysWith500) {
  const std::string good = ChallengeLine("n");
  const std::string ck = ",ck=\"" + std::string(kCk) + "\"";
  const std::string ik = ",ik=\"" + std::string(kIk) + "\"";
  for (const std::string& line :
       {Replaced(good, ck, ""), Replaced(good, ik, ""), Replaced(good, ik, ",ik=\"\""),
        Replaced(good, ik, ",ik=\"f769\""), Replaced(good, "f769", "g769"),
        Replaced(good, "Digest", "Basic"), std::string()}) {
    const Sent sent = FromCore(Initial(&phone_), 401, line);
    EXPECT_EQ(StatusOf(sent.text), 500) << line;
    EXPECT_EQ(sent.to, phone_.Clear());
    EXPECT_EQ(Sas(), 0u);
  }
  EXPECT_EQ(world_.attempts().back().result, "the core's 401 has no usable ik and ck");
}

TEST_F(Spec4_3, Event04RelaysOtherAnswersAndMakesNoSet) {
  for (const int status : {300, 403, 404, 480, 500, 503, 600}) {
    const Sent sent = FromCore(Initial(&phone_), status);
    EXPECT_EQ(StatusOf(sent.text), status);
    EXPECT_EQ(sent.from, phone_.Gm());
    EXPECT_EQ(sent.to, phone_.Clear());
  }
  ExpectNothingIsLeft();
}

TEST_F(Spec4_3, Event04LeavesARegisteredPhoneItsSet) {
  Register(&phone_);
  phone_.OfferAnew();
  EXPECT_EQ(StatusOf(FromCore(Initial(&phone_), 403).text), 403);
  EXPECT_EQ(States(), "Current");
  EXPECT_EQ(Sas(), 4u);
  EXPECT_EQ(Registered(), 1u);
}

TEST_F(Spec4_3, Event05DoesNotLetA200WithoutAChallengeThrough) {
  const Sent sent = Accept(Initial(&phone_));
  EXPECT_EQ(StatusOf(sent.text), 500);
  EXPECT_EQ(Registered(), 0u);
  EXPECT_EQ(world_.attempts().back().result, "the core accepted without a challenge");
}

class Spec4_3InClear : public Spec4_3 {
 protected:
  Spec4_3InClear() { settings().gm.sec_agree = SecAgree::kPrefer; }
  Settings& settings() { return world_.settings(); }
};

TEST_F(Spec4_3InClear, Event05RelaysA200WherePolicyAllows) {
  const Sent sent = Accept(Initial(&phone_));
  EXPECT_EQ(StatusOf(sent.text), 200);
  EXPECT_EQ(sent.to, phone_.Clear());
  EXPECT_EQ(Sas(), 0u);
  EXPECT_EQ(Registered(), 1u);
}

TEST_F(Spec4_3, Event06ForwardsTheAnswerAsIntegrityProtected) {
  Challenge(&phone_, Initial(&phone_), "n");
  const std::string forwarded = OnSet(phone_.set, phone_.Protected());
  EXPECT_EQ(ParamOf(forwarded, "integrity-protected"), "yes");
  EXPECT_EQ(LinesOf(forwarded, "Security-Client"), "");
  EXPECT_EQ(LinesOf(forwarded, "Security-Verify"), "");
  EXPECT_EQ(LinesOf(forwarded, "Proxy-Require"), "");
  EXPECT_EQ(ValueOf(forwarded, "Call-ID"), "call-001010000000001@198.51.100.77");
}

TEST_F(Spec4_3, Event06RefusesWhoDoesNotMirrorTheAgreement) {
  const auto attempt = [&](auto change) {
    Challenge(&phone_, Initial(&phone_), "n");
    const Sent sent = Deliver(phone_.set.client, phone_.set.server, change(phone_.Protected()));
    EXPECT_EQ(sent.from, phone_.set.from);
    EXPECT_EQ(sent.to, phone_.set.to);
    EXPECT_EQ(States(), "Failed");
    EXPECT_TRUE(world_.sent().empty());
    return StatusOf(sent.text);
  };
  const auto without = [](const std::string& name) {
    return [name](const std::string& text) { return Replaced(text, LinesOf(text, name), ""); };
  };
  EXPECT_EQ(attempt(without("Security-Verify")), 494);
  EXPECT_EQ(attempt(without("Security-Client")), 494);
  EXPECT_EQ(attempt([](const std::string& text) {
              return Replaced(text, "Security-Verify: ipsec", "Security-Verify: =ipsec");
            }),
            400);
  EXPECT_EQ(attempt([](const std::string& text) {
              return Replaced(text, "198.51.100.77:37002;branch", "198.51.100.99:37002;branch");
            }),
            403)
      << "rule 2 of TS 33.203 7.1: the Via is not the packet's source";
  EXPECT_EQ(attempt([](const std::string& text) {
              return Replaced(text, "username=\"00101", "username=\"00102");
            }),
            403)
      << "another private identity";
}

TEST_F(Spec4_3, Event07DropsAnythingButRegisterOnATemporarySet) {
  Challenge(&phone_, Initial(&phone_), "n");
  const std::string uri = "sip:bob@" + std::string(kRealm);
  for (const char* method : {"INVITE", "MESSAGE", "OPTIONS", "SUBSCRIBE", "ACK", "FOO"}) {
    EXPECT_EQ(OnSet(phone_.set, phone_.Request(method, uri, phone_.port_us, "")), "") << method;
  }
  EXPECT_EQ(stats().drop_not_carried, 6u);
  const std::string malformed =
      Replaced(phone_.Request("MESSAGE", uri, phone_.port_us, ""), "To: <sip:", "To: <");
  EXPECT_EQ(OnSet(phone_.set, malformed), "") << "a 400 would be a sign of life, too";
  EXPECT_EQ(States(), "Temporary");
}

// What fails the integrity check never comes out of the kernel (the lab shows it).
TEST_F(Spec4_3, Event08LeavesASetWhosePacketsFailTheIntegrityCheckToItsTimer) {
  Challenge(&phone_, Initial(&phone_), "n");
  for (const xfrm::SaInfo& sa : world_.kernel().Sas()) world_.kernel().CountUndecrypted(sa.id);
  EXPECT_EQ(States(), "Temporary");
  EXPECT_TRUE(world_.sent().empty());
  world_.Advance(30'000);
  EXPECT_NE(world_.attempts().back().line.find("could not be decrypted"), std::string::npos);
  ExpectNothingIsLeft();
}

TEST_F(Spec4_3, Event09ConfirmsAndDeletesEveryOtherSetOfTheBinding) {
  Register(&phone_);
  const TestSet first = phone_.set;
  BeginAgain(&phone_, "second");
  OnSet(phone_.set, phone_.Protected());  // Nobody answers: a temporary set beside a current one.
  TestPhone rebooted = phone_;
  rebooted.OfferAnew();
  Register(&rebooted);
  EXPECT_EQ(States(), "Current");
  EXPECT_EQ(Sas(), 4u);
  EXPECT_EQ(OnSet(first, phone_.Protected()), "");
  EXPECT_NE(OnSet(rebooted.set, rebooted.Protected()), "");
}

TEST_F(Spec4_3, Event09SendsThe200OnTheNewSetWithoutChargingData) {
  Challenge(&phone_, Initial(&phone_), "n");
  const std::string forwarded = OnSet(phone_.set, phone_.Protected());
  const Sent sent =
      FromCore(forwarded, 200,
               LinesOf(forwarded, "Contact") +
                   "Expires: 600\r\nP-Charging-Vector: icid-value=1\r\n"
                   "P-Charging-Function-Addresses: ccf=10.0.0.9\r\nPath: <sip:x@y>\r\n");
  EXPECT_EQ(StatusOf(sent.text), 200);
  EXPECT_EQ(sent.from, phone_.set.from);
  EXPECT_EQ(sent.to, phone_.set.to);
  EXPECT_EQ(sent.text.find("P-Charging"), std::string::npos);
  EXPECT_EQ(LinesOf(sent.text, "Security-Server"), "");
  EXPECT_EQ(ValueOf(sent.text, "Path"), "<sip:x@y>");
  EXPECT_EQ(Registered(), 1u);
}

TEST_F(Spec4_3, Event09SubscribesOnceForEachPrivateIdentity) {
  world_.settings().core.reg_event = true;
  Register(&phone_);
  EXPECT_TRUE(world_.Pop().text.starts_with("SUBSCRIBE sip:" + phone_.Impi()));
  EXPECT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
  EXPECT_TRUE(world_.sent().empty());
}

TEST_F(Spec4_3, Event13ReplacesTheSetAndSendsTheSecondChallengeWhereSm1CameFrom) {
  Challenge(&phone_, Initial(&phone_), "first");
  const std::string first = phone_.set.security_server;
  const std::string answer = OnSet(phone_.set, phone_.Protected());
  const Sent second = Challenge(&phone_, answer, "second");
  EXPECT_EQ(StatusOf(second.text), 401);
  EXPECT_EQ(second.to, phone_.Clear());
  EXPECT_NE(phone_.set.security_server, first);
  EXPECT_EQ(States(), "Temporary");
  EXPECT_EQ(Sas(), 4u);
  EXPECT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
  EXPECT_EQ(States(), "Current");
}

TEST_F(Spec4_3, Event14RelaysTheFailureOnTheNewSetWhichThenGoes) {
  for (const int status : {403, 404, 500, 600}) {
    Challenge(&phone_, Initial(&phone_), "n");
    const Sent sent = FromCore(OnSet(phone_.set, phone_.Protected()), status);
    EXPECT_EQ(StatusOf(sent.text), status);
    EXPECT_EQ(sent.from, phone_.set.from);
    EXPECT_EQ(sent.to, phone_.set.to);
    EXPECT_EQ(States(), "Failed");  // So that a retransmission can still be answered.
    EXPECT_EQ(Registered(), 0u);
    phone_.OfferAnew();
  }
  EXPECT_EQ(world_.attempts().back().result, "refused by the core");
  world_.Advance(64'000);
  ExpectNothingIsLeft();
}

TEST_F(Spec4_3, Event15AnswersForASilentCoreWith504) {
  Challenge(&phone_, Initial(&phone_), "n");
  OnSet(phone_.set, phone_.Protected());
  world_.Advance(31'999);
  EXPECT_TRUE(world_.sent().empty());
  world_.Advance(1);
  const Sent sent = world_.Pop();
  EXPECT_EQ(StatusOf(sent.text), 504);
  EXPECT_EQ(sent.from, phone_.set.from);
  EXPECT_EQ(sent.to, phone_.set.to);
  EXPECT_EQ(States(), "Failed");
  EXPECT_EQ(world_.attempts().back().result, "the core is silent");
  world_.Advance(64'000);
  ExpectNothingIsLeft();
}

TEST_F(Spec4_3, Event15AnswersSm1OfASilentCoreInClear) {
  Initial(&phone_);
  world_.Advance(32'000);
  const Sent sent = world_.Pop();
  EXPECT_EQ(StatusOf(sent.text), 504);
  EXPECT_EQ(sent.to, phone_.Clear());
  ExpectNothingIsLeft();
}

// auts or an empty response, as the phone says that it could not take the challenge.
class Spec4_3FailedChallenge : public Spec4_3, public testing::WithParamInterface<const char*> {
 protected:
  std::string Failure(const std::string& nonce) {
    return phone_.Register(5060, "nonce=\"" + nonce + "\"," + GetParam(), phone_.SecurityClient());
  }
};

TEST_P(Spec4_3FailedChallenge, Event16And17DeleteTheTemporarySetAndForwardAsUnprotected) {
  Challenge(&phone_, Initial(&phone_), "open");
  phone_.OfferAnew();
  const Sent sent = Deliver(phone_.Clear(), phone_.Gm(), Failure("open"));
  EXPECT_EQ(sent.to, kIcscf);
  EXPECT_EQ(ParamOf(sent.text, "integrity-protected"), "no");
  EXPECT_EQ(Sas(), 0u);
  Challenge(&phone_, sent.text, "next");
  EXPECT_EQ(States(), "Temporary");
}

TEST_P(Spec4_3FailedChallenge, Event16And17NeedTheNonceOfTheOpenChallenge) {
  Challenge(&phone_, Initial(&phone_), "open");
  EXPECT_NE(Deliver(phone_.Clear(), phone_.Gm(), Failure("guess")).text, "");
  EXPECT_NE(Deliver(phone_.Clear(), phone_.Gm(), Failure("")).text, "");
  EXPECT_EQ(States(), "Temporary");
  EXPECT_EQ(Sas(), 4u);
}

INSTANTIATE_TEST_SUITE_P(All, Spec4_3FailedChallenge,
                         testing::Values("response=\"beef\",auts=\"uoU/PBIctV7bggBAq0E=\"",
                                         "response=\"\""));

TEST_F(Spec4_3, Event16OnTheTemporarySetItselfLeadsToANewChallengeForTheSameOffer) {
  Challenge(&phone_, Initial(&phone_), "open");
  const std::string text = Replaced(phone_.Protected(), "response=\"f00d\"",
                                    "response=\"f00d\",auts=\"uoU/PBIctV7bggBAq0E=\"");
  const std::string forwarded = OnSet(phone_.set, text);
  EXPECT_EQ(ParamOf(forwarded, "integrity-protected"), "no");
  EXPECT_EQ(StatusOf(Challenge(&phone_, forwarded, "next").text), 401);
  EXPECT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
}

TEST_F(Spec4_3, Event18DeletesASetNobodyAnsweredOnAndSaysSo) {
  Challenge(&phone_, Initial(&phone_), "n");
  world_.Advance(29'999);
  EXPECT_EQ(States(), "Temporary");
  world_.Advance(1);
  EXPECT_EQ(stats().sets_timed_out, 1u);
  ASSERT_EQ(world_.attempts().size(), 1u);
  EXPECT_EQ(world_.attempts()[0].impi, phone_.Impi());
  EXPECT_EQ(world_.attempts()[0].result, "nobody answered the 401 over the new SAs");
  EXPECT_EQ(OnSet(phone_.set, phone_.Protected()), "");
  ExpectNothingIsLeft();
}

}  // namespace
}  // namespace edge
