// What a phone under a [[rule]] gets, from its first REGISTER on, and that nobody else gets it.
#include "tests/edge_steps.h"

namespace edge {
namespace {

AlgorithmList Algos(std::string_view text) {
  AlgorithmList list;
  std::string error;
  std::string warning;
  EXPECT_TRUE(ParseAlgorithmList(text, &list, &error, &warning)) << error;
  return list;
}

Rule ForOldPhones() {
  Rule rule;
  rule.user_agent = Glob::Parse("Old*");
  return rule;
}

Settings With(const Rule& rule, SecAgree common = SecAgree::kRequire) {
  Settings settings = StepSettings(4);
  settings.gm.sec_agree = common;
  settings.rules = {rule};
  return settings;
}

class EdgeRules : public EdgeSteps {
 protected:
  explicit EdgeRules(const Settings& settings) : EdgeSteps(settings) {
    old_.algorithms = other_.algorithms = "alg=hmac-sha-1-96;ealg=null";
    other_.imsi = "001010000000002";
    other_.address = "198.51.100.78";
  }

  static std::string OldText(const std::string& text) {
    return Replaced(text, "Max-Forwards", "User-Agent: Old/1.0\r\nMax-Forwards");
  }
  // What the core gets of the old phone's SM1.
  std::string InitialOfOld() {
    return Deliver(old_.Clear(), old_.Gm(), OldText(old_.Initial())).text;
  }
  std::string WithoutOffer(TestPhone* phone) {
    return phone->Request("REGISTER", "sip:" + std::string(kRealm), 5060,
                          "Contact: <sip:a@" + phone->Clear() +
                              ">\r\nAuthorization: Digest username=\"" + phone->Impi() + "\"\r\n");
  }
  // What comes of a REGISTER without an offer: the status of our answer, 0: it was passed on.
  int ClearStatus(TestPhone* phone, bool is_old) {
    const std::string text = WithoutOffer(phone);
    return StatusOf(Deliver(phone->Clear(), phone->Gm(), is_old ? OldText(text) : text).text);
  }

  TestPhone old_;
  TestPhone other_;
};

class EdgeRuleOfIpsecCreate : public EdgeRules {
 protected:
  static Settings Make() {
    Rule rule = ForOldPhones();
    rule.port_server = 6103;
    rule.port_client = 6101;
    rule.algos = Algos("hmac-sha-1-96=null");
    rule.temporary_timeout_s = 5;
    Settings settings = With(rule);
    settings.ipsec.default_server_port = 6102;
    settings.ipsec.default_client_port = 6104;
    return settings;
  }
  EdgeRuleOfIpsecCreate() : EdgeRules(Make()) {}
};

TEST_F(EdgeRuleOfIpsecCreate, NamesPortsAndAlgorithms) {
  ASSERT_EQ(StatusOf(Challenge(&old_, InitialOfOld(), "n").text), 401);
  EXPECT_EQ(old_.set.server, "192.0.2.10:6103");
  EXPECT_EQ(old_.set.from, "192.0.2.10:6101");
  EXPECT_EQ(old_.set.security_server.find("ealg="), old_.set.security_server.rfind("ealg="));
  EXPECT_NE(old_.set.security_server.find("alg=hmac-sha-1-96;ealg=null"), std::string::npos);
}

TEST_F(EdgeRuleOfIpsecCreate, IsNotForOthers) {
  ASSERT_EQ(StatusOf(Challenge(&other_, Initial(&other_), "n").text), 401);
  EXPECT_EQ(other_.set.server, "192.0.2.10:6102");
  EXPECT_EQ(other_.set.from, "192.0.2.10:6104");
  EXPECT_NE(other_.set.security_server.find("aes-gcm"), std::string::npos);
}

TEST_F(EdgeRuleOfIpsecCreate, OffersItsListInARefusal) {
  old_.algorithms = "alg=null;ealg=aes-gcm";
  const Sent sent = Deliver(old_.Clear(), old_.Gm(), OldText(old_.Initial()));
  EXPECT_EQ(StatusOf(sent.text), 494);
  EXPECT_EQ(ValueOf(sent.text, "Security-Server"),
            "ipsec-3gpp;q=0.9;alg=hmac-sha-1-96;ealg=null;prot=esp;mod=trans");
  other_.algorithms = old_.algorithms;
  EXPECT_EQ(StatusOf(Challenge(&other_, Initial(&other_), "n").text), 401);
}

// A phone that goes on over its SAs stays under its rule, whatever it says of itself there.
TEST_F(EdgeRuleOfIpsecCreate, HoldsForWhatFollowsOverTheSas) {
  ASSERT_EQ(StatusOf(Challenge(&old_, InitialOfOld(), "n").text), 401);
  ASSERT_EQ(StatusOf(Accept(OnSet(old_.set, old_.Protected())).text), 200);
  BeginAgain(&old_, "n2");
  EXPECT_EQ(old_.set.server, "192.0.2.10:6103");
  EXPECT_EQ(old_.set.security_server.find("aes-gcm"), std::string::npos);
  // So does a second challenge to the answer of the first.
  ASSERT_EQ(StatusOf(Challenge(&old_, OnSet(old_.set, old_.Protected()), "n3").text), 401);
  EXPECT_EQ(old_.set.security_server.find("aes-gcm"), std::string::npos);
}

TEST_F(EdgeRuleOfIpsecCreate, EndsAnUnansweredSetAtItsTemporaryTimeout) {
  ASSERT_EQ(StatusOf(Challenge(&old_, InitialOfOld(), "n").text), 401);
  ASSERT_EQ(StatusOf(Challenge(&other_, Initial(&other_), "n").text), 401);
  world_.Advance(4'999);
  EXPECT_EQ(States(), "Temporary Temporary");
  world_.Advance(1);
  EXPECT_EQ(States(), "Temporary");
  world_.Advance(24'999);
  EXPECT_EQ(States(), "Temporary");
  world_.Advance(1);
  EXPECT_EQ(States(), "");
}

class EdgeRuleOfSelected : public EdgeRules {
 protected:
  static Settings Make() {
    Rule rule = ForOldPhones();
    rule.security_server = SecurityServer::kSelected;
    return With(rule);
  }
  EdgeRuleOfSelected() : EdgeRules(Make()) {}
};

TEST_F(EdgeRuleOfSelected, NamesTheChosenPairAlone) {
  ASSERT_EQ(StatusOf(Challenge(&old_, InitialOfOld(), "n").text), 401);
  EXPECT_EQ(old_.set.security_server.find(','), std::string::npos);
  ASSERT_EQ(StatusOf(Challenge(&other_, Initial(&other_), "n").text), 401);
  EXPECT_NE(other_.set.security_server.find(','), std::string::npos);
  // And is held to it.
  EXPECT_EQ(StatusOf(Accept(OnSet(old_.set, old_.Protected())).text), 200);
}

class EdgeRuleOfSize : public EdgeRules {
 protected:
  static Settings Make() {
    Rule rule = ForOldPhones();
    rule.udp_request_size_max = 0;
    return With(rule);
  }
  EdgeRuleOfSize() : EdgeRules(Make()) {}

  Transport TransportTo(TestPhone* phone) {
    const std::string path = ValueOf(OnSet(phone->set, phone->Protected()), "Path");
    return Deliver("10.0.0.30:6060", std::string(kCore),
                   "OPTIONS sip:001@" + phone->At(phone->port_us) +
                       " SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.30:6060;branch=z9hG4bK-mt\r\n"
                       "Max-Forwards: 70\r\nRoute: " +
                       path.substr(0, path.find('>') + 1) +
                       "\r\nFrom: <sip:bob@x>;tag=1\r\nTo: <sip:a@x>\r\nCall-ID: mt\r\n"
                       "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")
        .over;
  }
};

TEST_F(EdgeRuleOfSize, IsOfRequestsToThePhone) {
  ASSERT_EQ(StatusOf(Challenge(&old_, InitialOfOld(), "n").text), 401);
  ASSERT_EQ(StatusOf(Accept(OnSet(old_.set, old_.Protected())).text), 200);
  Register(&other_);
  EXPECT_EQ(TransportTo(&old_), Transport::kTcp);
  EXPECT_EQ(TransportTo(&other_), Transport::kUdp);
}

// Its timeout has grown, and another stands before it.
TEST_F(EdgeRuleOfIpsecCreate, GoesWithItsPhonesWhenTheRulesAreReadAgain) {
  ASSERT_EQ(StatusOf(Challenge(&old_, InitialOfOld(), "n").text), 401);
  ASSERT_EQ(StatusOf(Accept(OnSet(old_.set, old_.Protected())).text), 200);
  Settings settings = world_.settings();
  settings.rules[0].algos = Algos("null=aes-gcm,hmac-sha-1-96=null");
  Rule first;
  first.impi = Glob::Parse("nobody");
  settings.rules.insert(settings.rules.begin(), first);
  world_.Reload(settings);

  // The next set of the phone is under the rule as it is now.
  const TestSet before = old_.set;
  old_.OfferAnew();
  const std::string again = OnSet(before, old_.Protected());
  ASSERT_EQ(StatusOf(Challenge(&old_, again, "n2").text), 401);
  EXPECT_EQ(old_.set.server, "192.0.2.10:6103");
  EXPECT_NE(old_.set.security_server.find("ealg=aes-gcm"), std::string::npos);
}

TEST_F(EdgeRuleOfIpsecCreate, IsForgottenWhenItIsGoneFromTheFile) {
  ASSERT_EQ(StatusOf(Challenge(&old_, InitialOfOld(), "n").text), 401);
  Settings settings = world_.settings();
  settings.rules.clear();
  world_.Reload(settings);
  ASSERT_EQ(StatusOf(Accept(OnSet(old_.set, old_.Protected())).text), 200);
  // What is offered, and refused, is as the settings now say.
  ASSERT_EQ(StatusOf(Challenge(&other_, Initial(&other_), "n").text), 401);
  EXPECT_EQ(other_.set.server, "192.0.2.10:6102");
}

class EdgeRuleOfPrefer : public EdgeRules {
 protected:
  static Settings Make(SecAgree common, SecAgree own) {
    Rule rule = ForOldPhones();
    rule.sec_agree = own;
    return With(rule, common);
  }
  EdgeRuleOfPrefer() : EdgeRules(Make(SecAgree::kRequire, SecAgree::kPrefer)) {}
  EdgeRuleOfPrefer(SecAgree common, SecAgree own) : EdgeRules(Make(common, own)) {}
};

TEST_F(EdgeRuleOfPrefer, LetsItsPhonesRegisterInClear) {
  const std::string forwarded = Deliver(old_.Clear(), old_.Gm(), OldText(WithoutOffer(&old_))).text;
  EXPECT_EQ(StatusOf(Accept(forwarded).text), 200);
  EXPECT_EQ(stats().registrations_in_clear, 1u);
  const std::string options = old_.Request("OPTIONS", "sip:b@x", 5060, "");
  EXPECT_EQ(Deliver(old_.Clear(), old_.Gm(), options).from, kCore);
}

TEST_F(EdgeRuleOfPrefer, RefusesOthers) {
  EXPECT_EQ(ClearStatus(&other_, false), 421);
}

// The core's 200 without a challenge is no way around the agreement.
TEST_F(EdgeRuleOfPrefer, OthersAreNotAcceptedWithoutAChallenge) {
  EXPECT_EQ(StatusOf(Accept(Initial(&other_)).text), 500);
  EXPECT_EQ(stats().registrations_in_clear, 0u);
}

class EdgeRuleOfOff : public EdgeRuleOfPrefer {
 protected:
  EdgeRuleOfOff() : EdgeRuleOfPrefer(SecAgree::kRequire, SecAgree::kOff) {}
};

TEST_F(EdgeRuleOfOff, TakesNoOfferOfItsPhones) {
  EXPECT_EQ(StatusOf(Accept(InitialOfOld()).text), 200);
  EXPECT_EQ(stats().registrations_in_clear, 1u);
  ASSERT_EQ(StatusOf(Challenge(&other_, Initial(&other_), "n").text), 401);
  EXPECT_FALSE(other_.set.security_server.empty());
}

class EdgeRuleOfRequire : public EdgeRuleOfPrefer {
 protected:
  EdgeRuleOfRequire() : EdgeRuleOfPrefer(SecAgree::kPrefer, SecAgree::kRequire) {}
};

TEST_F(EdgeRuleOfRequire, RefusesItsPhonesInClear) {
  EXPECT_EQ(ClearStatus(&old_, true), 421);
  EXPECT_EQ(ClearStatus(&other_, false), 0);
  EXPECT_EQ(StatusOf(Accept(InitialOfOld()).text), 500);
}

class EdgeRuleOfQuirks : public EdgeRules {
 protected:
  static Settings Make() {
    Rule rule = ForOldPhones();
    rule.quirks.Add(Quirk::kAnswerToPortUc);
    return With(rule);
  }
  EdgeRuleOfQuirks() : EdgeRules(Make()) {}
  std::string Options(TestPhone* phone, const std::string& via_end) {
    return Replaced(phone->Request("OPTIONS", "sip:b@x", phone->port_us, ""), ";branch",
                    via_end + ";branch");
  }
};

// Pitfalls 24 the other way round: a phone that never reads port_us for answers.
TEST_F(EdgeRuleOfQuirks, AnswersGoWhereTheRequestCameFromAndRequestsAsEver) {
  ASSERT_EQ(StatusOf(Challenge(&old_, InitialOfOld(), "n").text), 401);
  const Sent accepted = Accept(OnSet(old_.set, old_.Protected()));
  EXPECT_EQ(accepted.from, old_.set.server);
  EXPECT_EQ(accepted.to, old_.set.client);
  const std::string forwarded = OnSet(old_.set, Options(&old_, ";rport"));
  EXPECT_NE(forwarded.find(";rport=" + std::to_string(old_.port_uc)), std::string::npos);
  const Sent answer = FromCore(forwarded, 200);
  EXPECT_EQ(answer.from, old_.set.server);
  EXPECT_EQ(answer.to, old_.set.client);
  const Sent own = Deliver(old_.set.client, old_.set.server,
                           Replaced(Options(&old_, ""), "Max-Forwards: 70", "Max-Forwards: 0"));
  EXPECT_EQ(StatusOf(own.text), 483);
  EXPECT_EQ(own.to, old_.set.client);

  const std::string path = ValueOf(OnSet(old_.set, old_.Protected()), "Path");
  const std::string route = "Route: " + path.substr(0, path.find('>') + 1) + "\r\n";
  const Sent request =
      Deliver("10.0.0.30:6060", std::string(kCore),
              Replaced(Options(&other_, ""), "Max-Forwards", route + "Max-Forwards"));
  EXPECT_EQ(request.from, old_.set.from);
  EXPECT_EQ(request.to, old_.set.to);
}

TEST_F(EdgeRuleOfQuirks, OtherPhonesAreAnsweredAtPortUs) {
  Register(&other_);
  const Sent answer = FromCore(OnSet(other_.set, Options(&other_, "")), 200);
  EXPECT_EQ(answer.from, other_.set.from);
  EXPECT_EQ(answer.to, other_.set.to);
}

}  // namespace
}  // namespace edge
