// NOTIFY: whose it is, what it is answered with, and what becomes of the registration.

#include "edge/identity.h"
#include "edge/reg_event_limits.h"
#include "tests/edge_reg_events.h"

namespace edge {
namespace {

class EdgeNotify : public EdgeRegEventSteps {
 protected:
  void SetUp() override { subscribe_ = Begin(&phone_); }
  Binding* Phone() {
    Binding* found = nullptr;
    world_.core().registrar().bindings().ForEach([&](Binding* one) { found = one; });
    return found;
  }
  std::string Mine(const std::string& event, const std::string& expires = "") {
    return Element(Aor(phone_), "active", ContactOf(phone_), event, expires);
  }
  std::string Gone() {
    return Element(Aor(phone_), "terminated", ContactOf(phone_), "deactivated");
  }
  uint64_t SecondsLeft() { return (Phone()->registered_until_ms - world_.now_ms()) / 1000; }
  std::string subscribe_;
};

TEST_F(EdgeNotify, OfAnActiveRegistrationChangesNothing) {
  EXPECT_EQ(Notify(subscribe_, Reginfo(0, Mine("registered", "3600"))), 200);
  EXPECT_EQ(Registered(), 1u);
  EXPECT_EQ(States(), "Current");
  EXPECT_EQ(stats().notifies, 1u);
}

TEST_F(EdgeNotify, OfAnotherDialogIs481) {
  const std::string text = NotifyText(subscribe_, Reginfo(0, Gone()));
  const std::string tag = ParamOf(ValueOf(text, "To"), "tag");
  EXPECT_EQ(Notify(Replaced(text, "Call-ID: 0", "Call-ID: 1")), 481);
  EXPECT_EQ(Notify(Replaced(text, ";tag=" + tag, ";tag=other")), 481);
  EXPECT_EQ(Notify(Replaced(text, ";tag=" + tag, "")), 481);
  EXPECT_EQ(Notify(Replaced(text, ";tag=core", ";tag=fork")), 481);
  EXPECT_EQ(Registered(), 1u);
  EXPECT_EQ(stats().notifies, 0u);
}

TEST_F(EdgeNotify, OfAnotherPackageIs489) {
  const std::string text = NotifyText(subscribe_, Reginfo(0, Gone()));
  const auto answer = [&](const std::string& event) {
    return Deliver("10.0.0.30:6060", std::string(kCore), Replaced(text, "Event: reg\r\n", event))
        .text;
  };
  for (const char* event : {"Event: presence\r\n", "Event: reg.winfo\r\n", ""}) {
    const std::string refused = answer(event);
    EXPECT_EQ(StatusOf(refused), 489) << event;
    EXPECT_EQ(ValueOf(refused, "Allow-Events"), "reg");
  }
}

TEST_F(EdgeNotify, OfAnotherTypeIs415AndSaysWhatIsTaken) {
  const std::string text = NotifyText(subscribe_, Reginfo(0, Gone()));
  for (const char* type :
       {"Content-Type: text/plain\r\n", "Content-Type: application/xml\r\n", ""}) {
    const std::string refused =
        Deliver("10.0.0.30:6060", std::string(kCore),
                Replaced(text, "Content-Type: application/reginfo+xml\r\n", type))
            .text;
    EXPECT_EQ(StatusOf(refused), 415) << type;
    EXPECT_EQ(ValueOf(refused, "Accept"), "application/reginfo+xml");
  }
  EXPECT_EQ(Registered(), 1u);
  EXPECT_EQ(stats().notifies_refused, 3u);
}

TEST_F(EdgeNotify, OfBadXmlIs400AndOfTooMuch413) {
  EXPECT_EQ(Notify(subscribe_, "<reginfo"), 400);
  EXPECT_EQ(Notify(subscribe_, "<reginfo version=\"0\" state=\"all\"/>"), 400);
  std::string large = Reginfo(0, "");
  large.insert(large.find("</reginfo>"), kReginfoSizeMax, ' ');
  EXPECT_EQ(Notify(subscribe_, large), 413);
  EXPECT_EQ(Notify(Replaced(NotifyText(subscribe_, Reginfo(0, "")), "Subscription-State: active",
                            "Subscription-State: ;")),
            400);
}

TEST_F(EdgeNotify, WithoutABodyIs200) {
  EXPECT_EQ(
      Notify(Replaced(NotifyText(subscribe_, ""), "Content-Type: application/reginfo+xml\r\n", "")),
      200);
}

class Spec4_3 : public EdgeNotify {};

TEST_F(Spec4_3, Event23OfARegistrationThatIsTerminatedEndsItAndDrainsItsSets) {
  EXPECT_EQ(Notify(subscribe_, Reginfo(0, Gone()), "terminated;reason=noresource"), 200);
  EXPECT_EQ(Registered(), 0u);
  EXPECT_EQ(States(), "Old");
  EXPECT_EQ(stats().network_deregistrations, 1u);
  EXPECT_EQ(stats().deregistrations, 0u);
  EXPECT_EQ(world_.attempts().back().result, "ended by the core");
  EXPECT_TRUE(world_.sent().empty()) << "the core has ended the subscription itself";
  world_.Advance(127'999);
  EXPECT_EQ(Sas(), 4u);
  world_.Advance(1);
  ExpectNothingIsLeft();
  EXPECT_EQ(Subscriptions(), 0u);
}

// The phone has a subscription of its own and must hear of its end (spec sheet 4.6).
TEST_F(EdgeNotify, ThePhonesOwnNotifyStillReachesItAndItsAnswerTheCore) {
  const std::string forwarded = OnSet(phone_.set, phone_.Protected());
  Accept(forwarded);
  const std::string path = ValueOf(forwarded, "Path");
  ASSERT_EQ(Notify(subscribe_, Reginfo(0, Gone()), "terminated;reason=noresource"), 200);
  ASSERT_EQ(Registered(), 0u);
  world_.Advance(100'000);
  const Sent sent = Deliver(
      "10.0.0.30:6060", std::string(kCore),
      "NOTIFY " + ContactOf(phone_) +
          " SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.30:6060;branch=z9hG4bK-own\r\nMax-Forwards: 70\r\n"
          "Route: " +
          path.substr(0, path.find('>') + 1) +
          "\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:a@x>;tag=2\r\nCall-ID: own\r\nCSeq: 1 NOTIFY\r\n"
          "Event: reg\r\nSubscription-State: terminated\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(sent.text.starts_with("NOTIFY"));
  EXPECT_EQ(sent.from, phone_.set.from);
  EXPECT_EQ(sent.to, phone_.set.to);
  EXPECT_EQ(StatusOf(OnSet(phone_.set, Answer(sent.text, 200))), 200);
}

TEST_F(EdgeNotify, ThatEndsARegistrationOnlyUnsubscribesByItself) {
  EXPECT_EQ(Notify(subscribe_, Reginfo(0, Gone())), 200);
  const std::string last = Next();
  EXPECT_EQ(ValueOf(last, "Expires"), "0");
  EXPECT_EQ(ValueOf(last, "Call-ID"), ValueOf(subscribe_, "Call-ID"));
}

TEST_F(EdgeNotify, ThatIsRepeatedAfterTheEndGetsItsAnswerStill) {
  const std::string text =
      NotifyText(subscribe_, Reginfo(0, Gone()), "terminated;reason=noresource");
  EXPECT_EQ(Notify(text), 200);
  EXPECT_EQ(Notify(text), 200);
  EXPECT_EQ(stats().network_deregistrations, 1u);
  world_.Advance(32'000);
  EXPECT_EQ(Notify(text), 481);
}

TEST_F(EdgeNotify, EveryWayAContactCanEndEndsIt) {
  int version = 0;
  for (const char* event : {"expired", "deactivated", "probation", "unregistered", "rejected"}) {
    EXPECT_EQ(Notify(subscribe_, Reginfo(version++, Mine(event))), 200) << event;
    EXPECT_EQ(Registered(), 0u) << event;
    Grant(Next(), "0");
    world_.Advance(128'000);
    subscribe_ = Begin(&phone_);
    version = 0;
  }
  EXPECT_EQ(stats().network_deregistrations, 5u);
}

TEST_F(EdgeNotify, OfAnotherContactIsNotOfThisPhone) {
  EXPECT_EQ(Notify(subscribe_, Reginfo(0, Element(Aor(phone_), "active", "sip:x@192.0.2.77:5060",
                                                  "deactivated"))),
            200);
  EXPECT_EQ(Registered(), 1u);
}

TEST_F(EdgeNotify, OneOfSeveralIdentitiesGoesAndTheRegistrationStays) {
  FromCore(OnSet(phone_.set, phone_.Protected()), 200,
           "Expires: 3600\r\nP-Associated-URI: <" + Aor(phone_) + ">, <sip:+1@x>, <tel:+1>\r\n");
  EXPECT_EQ(Notify(subscribe_,
                   Reginfo(0, Element("sip:+1@x", "terminated", ContactOf(phone_), "deactivated"))),
            200);
  EXPECT_EQ(Registered(), 1u);
  EXPECT_EQ(FindIdentity(*Phone(), "sip:+1@x"), -1);
  EXPECT_EQ(FindIdentity(*Phone(), "tel:+1"), 1);
  EXPECT_EQ(Notify(subscribe_,
                   Reginfo(1, Gone() + Element("tel:+1", "active", ContactOf(phone_), "rejected"))),
            200);
  EXPECT_EQ(Registered(), 0u);
}

TEST_F(EdgeNotify, AnIdentityThatIsCreatedMayBeAssertedFromThenOn) {
  const auto asserted = [&] {
    return ValueOf(OnSet(phone_.set, phone_.Request("MESSAGE", "sip:b@x", phone_.port_us,
                                                    "P-Preferred-Identity: <sip:new@x>\r\n")),
                   "P-Asserted-Identity");
  };
  EXPECT_EQ(asserted(), "<" + Aor(phone_) + ">");
  EXPECT_EQ(Notify(subscribe_,
                   Reginfo(0, Mine("registered") + Element("sip:new@x", "active", ContactOf(phone_),
                                                           "created", "3600"))),
            200);
  EXPECT_EQ(asserted(), "<sip:new@x>");
}

TEST_F(EdgeNotify, ShortenedLowersTheRegistrationAndNotTheSas) {
  EXPECT_EQ(Notify(subscribe_, Reginfo(0, Mine("shortened", "60"))), 200);
  EXPECT_EQ(SecondsLeft(), 60u);
  for (const xfrm::SaInfo& sa : world_.kernel().Sas()) EXPECT_EQ(sa.hard_seconds, 3660u);
  EXPECT_EQ(Notify(subscribe_, Reginfo(1, Mine("shortened", "600"))), 200);
  EXPECT_EQ(SecondsLeft(), 60u) << "never longer";
  world_.Advance(60'000);
  EXPECT_EQ(Registered(), 0u);
  EXPECT_EQ(States(), "Current");
  world_.Advance(3'570'000);
  EXPECT_EQ(States(), "");
}

TEST_F(EdgeNotify, TheExpiryOfARefreshIsTakenUpToTheEndOfTheSas) {
  EXPECT_EQ(Notify(subscribe_, Reginfo(0, Mine("shortened", "60"))), 200);
  EXPECT_EQ(Notify(subscribe_, Reginfo(1, Mine("refreshed", "1800"))), 200);
  EXPECT_EQ(SecondsLeft(), 1800u);
  EXPECT_EQ(Notify(subscribe_, Reginfo(2, Mine("refreshed", "100000"))), 200);
  EXPECT_EQ(SecondsLeft(), 3630u);
}

TEST_F(EdgeNotify, AnOldVersionIsIgnored) {
  EXPECT_EQ(Notify(subscribe_, Reginfo(5, Mine("registered"))), 200);
  EXPECT_EQ(Notify(subscribe_, Reginfo(5, Gone())), 200);
  EXPECT_EQ(Notify(subscribe_, Reginfo(4, Gone())), 200);
  EXPECT_EQ(Registered(), 1u);
  EXPECT_EQ(stats().notifies_stale, 2u);
  EXPECT_EQ(Notify(subscribe_, Reginfo(6, Gone(), "partial")), 200);
  EXPECT_EQ(Registered(), 0u);
}

TEST_F(EdgeNotify, AGapBeforeAPartialOneAsksForAllOfIt) {
  EXPECT_EQ(Notify(subscribe_, Reginfo(0, Mine("registered"))), 200);
  EXPECT_EQ(Notify(subscribe_, Reginfo(2, Gone(), "partial")), 200);
  EXPECT_EQ(Registered(), 1u);
  EXPECT_EQ(stats().notifies_lost, 1u);
  const std::string again = Next();
  EXPECT_EQ(ValueOf(again, "CSeq"), "2 SUBSCRIBE");
  EXPECT_EQ(ValueOf(again, "Call-ID"), ValueOf(subscribe_, "Call-ID"));
  EXPECT_EQ(Notify(subscribe_, Reginfo(3, Mine("registered"))), 200);
  EXPECT_EQ(Notify(subscribe_, Reginfo(7, Mine("registered"))), 200) << "full: nothing is missing";
  Grant(again);
  EXPECT_TRUE(world_.sent().empty());
}

TEST_F(EdgeNotify, TheEndOfTheSubscriptionAloneLeadsToAnotherOne) {
  TestPhone other;
  other.imsi = "001010000000002";
  other.address = "198.51.100.78";
  const std::string theirs = Begin(&other);
  for (const auto& [subscribe, reason] :
       {std::pair(subscribe_, "deactivated"), {theirs, "timeout"}}) {
    EXPECT_EQ(Notify(subscribe, Reginfo(0, ""), std::string("terminated;reason=") + reason), 200);
    const std::string next = Next();
    ASSERT_TRUE(next.starts_with("SUBSCRIBE")) << reason;
    EXPECT_NE(ValueOf(next, "Call-ID"), ValueOf(subscribe, "Call-ID"));
    EXPECT_EQ(Registered(), 2u);
  }
}

TEST_F(EdgeNotify, ACoreThatEndsItAtOnceIsAskedLater) {
  EXPECT_EQ(Notify(subscribe_, Reginfo(0, ""), "terminated;reason=deactivated"), 200);
  const std::string next = Next();
  EXPECT_EQ(Notify(next, Reginfo(0, ""), "terminated;reason=deactivated"), 200);
  EXPECT_TRUE(world_.sent().empty());
  world_.Advance(60'000);
  EXPECT_TRUE(Next().starts_with("SUBSCRIBE"));
}

TEST_F(EdgeNotify, ProbationWaitsAndARejectionIsForGood) {
  EXPECT_EQ(Notify(subscribe_, Reginfo(0, ""), "terminated;reason=probation;retry-after=90"), 200);
  world_.Advance(89'999);
  EXPECT_TRUE(world_.sent().empty());
  world_.Advance(1);
  const std::string next = Next();
  ASSERT_TRUE(next.starts_with("SUBSCRIBE"));
  Grant(next);
  EXPECT_EQ(Notify(next, Reginfo(0, ""), "terminated;reason=rejected"), 200);
  world_.Advance(1'000'000);
  EXPECT_TRUE(world_.sent().empty());
  EXPECT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
  EXPECT_TRUE(Next().starts_with("SUBSCRIBE")) << "until the phone registers again";
}

class EdgeEarlyNotify : public EdgeRegEventSteps {};

TEST_F(EdgeEarlyNotify, FasterThanTheAnswerToItsSubscribeMakesTheDialog) {
  const std::string subscribe = Subscribe(&phone_);
  EXPECT_EQ(Notify(subscribe, Reginfo(0, Element(Aor(phone_), "active", ContactOf(phone_),
                                                 "shortened", "60"))),
            200);
  EXPECT_EQ(Notify(Replaced(NotifyText(subscribe, Reginfo(1, "")), ";tag=core", ";tag=fork")), 481);
  Grant(subscribe);
  world_.Advance(60'000);
  const std::string last = Next();
  EXPECT_EQ(ValueOf(last, "Expires"), "0");
  EXPECT_TRUE(last.starts_with("SUBSCRIBE sip:10.0.0.30:6060 "));
}

Settings KeptSettings() {
  Settings settings = RegEventSettings();
  settings.journal.file = "memory";  // World has a store of its own.
  return settings;
}

class EdgeKeptNotify : public EdgeRegEventSteps {
 protected:
  EdgeKeptNotify() : EdgeRegEventSteps(KeptSettings()) {}
};

TEST_F(EdgeKeptNotify, ARestartFindsWhatTheCoreHasSaid) {
  const std::string subscribe = Begin(&phone_);
  const auto record = [&] { return world_.store().Contents().registrations.at(0); };
  EXPECT_EQ(record().until_ms, world_.now_ms() + 3'600'000);
  const std::string mine = Element(Aor(phone_), "active", ContactOf(phone_), "shortened", "60");
  const std::string created = Element("sip:new@x", "active", ContactOf(phone_), "created", "3600");
  EXPECT_EQ(Notify(subscribe, Reginfo(0, mine + created)), 200);
  EXPECT_NE(record().associated.find("sip:new@x"), std::string::npos);
  EXPECT_EQ(Notify(subscribe, Reginfo(1, mine)), 200);
  EXPECT_EQ(record().until_ms, world_.now_ms() + 60'000);
  EXPECT_EQ(Notify(subscribe, Reginfo(2, Element("sip:new@x", "terminated", ContactOf(phone_),
                                                 "deactivated"))),
            200);
  EXPECT_EQ(record().associated.find("sip:new@x"), std::string::npos);
  EXPECT_EQ(Notify(subscribe, Reginfo(3, Element(Aor(phone_), "terminated", ContactOf(phone_),
                                                 "deactivated"))),
            200);
  EXPECT_EQ(record().until_ms, 0u);
}

}  // namespace
}  // namespace edge
