// SUBSCRIBE: when it is sent, what it says, how it is repeated and how it ends.

#include "tests/edge_reg_events.h"

#include "edge/reg_events.h"
#include "tests/edge_vectors.h"

namespace edge {
namespace {

class EdgeRegEvents : public EdgeRegEventSteps {};

TEST_F(EdgeRegEvents, TheFirstRegistrationSubscribesOnce) {
  const std::string subscribe = Subscribe(&phone_);
  EXPECT_TRUE(subscribe.starts_with("SUBSCRIBE sip:" + phone_.Impi() + " SIP/2.0\r\n"))
      << subscribe;
  EXPECT_EQ(ValueOf(subscribe, "To"), "<sip:" + phone_.Impi() + ">");
  EXPECT_TRUE(ValueOf(subscribe, "From").starts_with("<sip:pcscf.example.org>;tag="));
  EXPECT_EQ(ValueOf(subscribe, "Event"), "reg");
  EXPECT_EQ(ValueOf(subscribe, "Accept"), "application/reginfo+xml");
  EXPECT_EQ(ValueOf(subscribe, "Expires"), "7200") << "longer than the registration";
  EXPECT_EQ(ValueOf(subscribe, "Contact"), "<sip:10.0.0.10:5060>");
  EXPECT_TRUE(
      ValueOf(subscribe, "P-Asserted-Identity").ends_with("@pcscf.example.org:5060;lr;ob>"));
  EXPECT_NE(ValueOf(subscribe, "P-Charging-Vector").find("orig-ioi=ioi.example.org"),
            std::string::npos);
  Grant(subscribe);
  EXPECT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
  EXPECT_TRUE(world_.sent().empty()) << "a refresh needs no other";
  EXPECT_EQ(stats().subscribes, 1u);
}

TEST_F(EdgeRegEvents, GoesToTheFirstSipIdentityOfTheCoresList) {
  Challenge(&phone_, Initial(&phone_), "n");
  const std::string forwarded = OnSet(phone_.set, phone_.Protected());
  FromCore(forwarded, 200,
           LinesOf(forwarded, "Contact") +
               "Expires: 600\r\nP-Associated-URI: <tel:+1555>, "
               "<sip:+1555@x;user=phone>, <sip:b@x>\r\n");
  EXPECT_TRUE(Next().starts_with("SUBSCRIBE sip:+1555@x;user=phone SIP/2.0\r\n"));
}

TEST_F(EdgeRegEvents, IsNotSentWhereTheSettingsForbidIt) {
  world_.settings().core.reg_event = false;
  EXPECT_EQ(Subscribe(&phone_), "");
  EXPECT_EQ(Subscriptions(), 0u);
}

TEST_F(EdgeRegEvents, IsNotSentForAnEmergencyRegistration) {
  const std::string at = phone_.At(phone_.port_us);
  const auto sos = [&](const std::string& text) {
    return Replaced(text,
                    "@" + phone_.At(text.find(at + ">") != text.npos ? phone_.port_us : 5060) + ">",
                    "@" + at + ";sos>");
  };
  const std::string first = Deliver(phone_.Clear(), phone_.Gm(), sos(phone_.Initial())).text;
  Challenge(&phone_, first, "n");
  EXPECT_EQ(StatusOf(Accept(OnSet(phone_.set, sos(phone_.Protected()))).text), 200);
  EXPECT_TRUE(world_.sent().empty());
  EXPECT_EQ(Registered(), 1u);
}

TEST_F(EdgeRegEvents, IsRepeatedUntilItIsAnsweredAndThenTriedAgain) {
  const std::string first = Subscribe(&phone_);
  std::vector<uint64_t> times;
  for (uint64_t ms = 0; ms < 31'900; ms += 100) {
    world_.Advance(100);
    for (; !world_.sent().empty(); times.push_back(ms + 100)) EXPECT_EQ(Next(), first);
  }
  EXPECT_EQ(times, (std::vector<uint64_t>{500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500,
                                          31500}));
  world_.Advance(100);
  EXPECT_EQ(stats().subscribes_failed, 1u);
  world_.Advance(29'999);
  EXPECT_TRUE(world_.sent().empty());
  world_.Advance(1);
  const std::string second = Next();
  EXPECT_TRUE(second.starts_with("SUBSCRIBE"));
  EXPECT_NE(ValueOf(second, "Call-ID"), ValueOf(first, "Call-ID")) << "that one may be dead";
  Grant(first);
  EXPECT_EQ(Subscriptions(), 1u) << "too late";
}

TEST_F(EdgeRegEvents, OverTcpItIsNotRepeated) {
  world_.settings().core.transport = Transport::kTcp;
  EXPECT_NE(Subscribe(&phone_).find("Via: SIP/2.0/TCP "), std::string::npos);
  world_.Advance(31'999);
  EXPECT_TRUE(world_.sent().empty());
}

TEST_F(EdgeRegEvents, ARefusalIsTriedAgainLessAndLessOften) {
  std::string subscribe = Subscribe(&phone_, 600'000);
  uint64_t wait_ms = 30'000;
  for (int i = 0; i < 9; ++i) {
    FromCore(subscribe, 403);
    world_.Advance(wait_ms - 1);
    EXPECT_TRUE(world_.sent().empty()) << i;
    world_.Advance(1);
    subscribe = Next();
    ASSERT_TRUE(subscribe.starts_with("SUBSCRIBE")) << i;
    wait_ms = std::min<uint64_t>(2 * wait_ms, 3'600'000);
  }
  EXPECT_EQ(stats().subscribes_failed, 9u);
}

TEST_F(EdgeRegEvents, ARefusalWithRetryAfterIsHeeded) {
  FromCore(Subscribe(&phone_), 503, "Retry-After: 100\r\n");
  world_.Advance(99'999);
  EXPECT_TRUE(world_.sent().empty());
  world_.Advance(1);
  EXPECT_TRUE(Next().starts_with("SUBSCRIBE"));
}

TEST_F(EdgeRegEvents, AnAcceptanceWithoutADialogIsNone) {
  const std::string subscribe = Subscribe(&phone_);
  FromCore(subscribe, 200, "Expires: 7200\r\n");
  EXPECT_EQ(stats().subscribes_failed, 1u) << "no Contact";
}

TEST_F(EdgeRegEvents, IsRefreshed600SecondsBeforeItsEnd) {
  const std::string first = Subscribe(&phone_, 7200);
  EXPECT_EQ(ValueOf(first, "Expires"), "14400");
  FromCore(first, 200,
           "Expires: 7200\r\nContact: <sip:10.0.0.30:6060>\r\n"
           "Record-Route: <sip:10.0.0.41:5060;lr>\r\nRecord-Route: <sip:10.0.0.42:5060;lr>\r\n");
  world_.Advance(6'599'999);
  EXPECT_TRUE(world_.sent().empty());
  world_.Advance(1);
  const Sent sent = world_.Pop();
  EXPECT_TRUE(sent.text.starts_with("SUBSCRIBE sip:10.0.0.30:6060 SIP/2.0\r\n")) << sent.text;
  EXPECT_EQ(sent.to, "10.0.0.42:5060");
  EXPECT_EQ(ValueOf(sent.text, "Route"), "<sip:10.0.0.42:5060;lr>, <sip:10.0.0.41:5060;lr>");
  EXPECT_EQ(ValueOf(sent.text, "To"), ValueOf(first, "To") + ";tag=core");
  EXPECT_EQ(ValueOf(sent.text, "From"), ValueOf(first, "From"));
  EXPECT_EQ(ValueOf(sent.text, "Call-ID"), ValueOf(first, "Call-ID"));
  EXPECT_EQ(ValueOf(sent.text, "CSeq"), "2 SUBSCRIBE");
  EXPECT_NE(LinesOf(sent.text, "Via"), LinesOf(first, "Via"));
}

TEST_F(EdgeRegEvents, AShortOneIsRefreshedAtHalfOfItsTime) {
  Grant(Subscribe(&phone_), "1200");
  world_.Advance(599'999);
  EXPECT_TRUE(world_.sent().empty());
  world_.Advance(1);
  const std::string second = Next();
  EXPECT_EQ(ValueOf(second, "CSeq"), "2 SUBSCRIBE");
  Grant(second, "1201");
  world_.Advance(600'999);
  EXPECT_TRUE(world_.sent().empty());
  world_.Advance(1);
  EXPECT_EQ(ValueOf(Next(), "CSeq"), "3 SUBSCRIBE");
}

TEST_F(EdgeRegEvents, ACoreThatLostItIsAskedAnewAtOnce) {
  const std::string first = Begin(&phone_, 7200);
  world_.Advance(13'800'000 - 7'200'000 - 1);
  FromCore(OnSet(phone_.set, phone_.Protected()), 200, "Expires: 36000\r\n");
  world_.Advance(7'200'001);
  const std::string refresh = Next();
  ASSERT_EQ(ValueOf(refresh, "CSeq"), "2 SUBSCRIBE");
  const std::string again = FromCore(refresh, 481).text;
  EXPECT_TRUE(again.starts_with("SUBSCRIBE sip:" + phone_.Impi())) << again;
  EXPECT_NE(ValueOf(again, "Call-ID"), ValueOf(first, "Call-ID"));
  EXPECT_EQ(ValueOf(again, "CSeq"), "1 SUBSCRIBE");
  EXPECT_EQ(Subscriptions(), 1u);
}

TEST_F(EdgeRegEvents, EndsWithTheRegistration) {
  const std::string first = Begin(&phone_);
  const std::string zero = Replaced(phone_.Protected(), "Expires: 600000", "Expires: 0");
  EXPECT_EQ(StatusOf(FromCore(OnSet(phone_.set, zero), 200).text), 200);
  const std::string last = Next();
  EXPECT_EQ(ValueOf(last, "Expires"), "0");
  EXPECT_EQ(ValueOf(last, "Call-ID"), ValueOf(first, "Call-ID"));
  Grant(last, "0");
  world_.Advance(128'000);
  EXPECT_EQ(Subscriptions(), 0u);
  ExpectNothingIsLeft();
}

TEST_F(EdgeRegEvents, EndsWhenTheRegistrationRunsOut) {
  Begin(&phone_, 60);
  world_.Advance(60'000);
  std::string last = Next();
  while (ValueOf(last, "Expires") != "0" && !last.empty()) last = Next();
  EXPECT_EQ(ValueOf(last, "Expires"), "0");
  world_.Advance(32'000);
  EXPECT_EQ(Subscriptions(), 0u) << "nobody answered";
}

TEST_F(EdgeRegEvents, WhatWasNeverAnsweredIsForgottenWithTheRegistration) {
  Subscribe(&phone_);
  const std::string zero = Replaced(phone_.Protected(), "Expires: 600000", "Expires: 0");
  EXPECT_EQ(StatusOf(FromCore(OnSet(phone_.set, zero), 200).text), 200);
  EXPECT_TRUE(world_.sent().empty());
  EXPECT_EQ(Subscriptions(), 0u);
}

TEST_F(EdgeRegEvents, EndsWhenThePhoneRegistersAtAnotherWorker) {
  const std::string first = Begin(&phone_);
  uint64_t token = 0;
  world_.core().registrar().bindings().ForEach([&](Binding* one) { token = one->token; });
  world_.Hear({.kind = Letter::Kind::kRegistered, .phone = token, .installed_ms = UINT64_MAX});
  EXPECT_EQ(Registered(), 0u);
  EXPECT_EQ(ValueOf(Next(), "Expires"), "0");
}

TEST_F(EdgeRegEvents, IsOneForAPrivateIdentityAtTwoAddresses) {
  Begin(&phone_);
  TestPhone second;
  second.address = "198.51.100.99";
  EXPECT_EQ(Subscribe(&second), "");
  EXPECT_EQ(Subscriptions(), 1u);
  const auto leave = [&](TestPhone* phone) {
    return StatusOf(
        FromCore(OnSet(phone->set, Replaced(phone->Protected(), "Expires: 600000", "Expires: 0")),
                 200)
            .text);
  };
  EXPECT_EQ(leave(&phone_), 200);
  EXPECT_TRUE(world_.sent().empty()) << "the other is registered still";
  EXPECT_EQ(leave(&second), 200);
  EXPECT_EQ(ValueOf(Next(), "Expires"), "0");
}

TEST_F(EdgeRegEvents, APhoneInClearHasOneToo) {
  world_.settings().gm.sec_agree = SecAgree::kOff;
  EXPECT_EQ(StatusOf(Accept(Initial(&phone_)).text), 200);
  const std::string subscribe = Next();
  EXPECT_TRUE(subscribe.starts_with("SUBSCRIBE"));
  Grant(subscribe);
  const std::string zero = Replaced(phone_.Initial(), "Expires: 600000", "Expires: 0");
  FromCore(Deliver(phone_.Clear(), phone_.Gm(), zero).text, 200);
  EXPECT_EQ(ValueOf(Next(), "Expires"), "0");
}

TEST_F(EdgeRegEvents, AnswersOfOthersMakingAreNobodys) {
  const std::string subscribe = Subscribe(&phone_);
  std::string forged = Answer(subscribe, 200, "Contact: <sip:evil@x>\r\n");
  const size_t at = forged.find("branch=z9hG4bK") + 14 + 20;
  forged[at] = forged[at] == '0' ? '1' : '0';
  world_.Deliver(kIcscf, kCore, forged);
  EXPECT_EQ(stats().drop_unknown_response, 1u);
  EXPECT_EQ(reg_events().subscriptions().in_use(), 1u);
}

TEST_F(EdgeRegEvents, TheStateOfAPhoneIsSmall) {
  EXPECT_LE(sizeof(Subscription), 192u);
}

TEST(EdgeContactKey, IsUserHostAndPort) {
  CountingRandom random;
  const KeyedHash hash(&random);
  const auto same = [&](const char* a, const char* b) {
    return ContactKey(hash, a) == ContactKey(hash, b);
  };
  EXPECT_TRUE(same("sip:a@192.0.2.1:5062", "sip:a@192.0.2.1:5062;transport=tcp"));
  EXPECT_TRUE(same("sip:a@192.0.2.1", "sip:a@192.0.2.1:5060"));
  EXPECT_TRUE(same("sip:a@Host.example", "sip:a@hOST.EXAMPLE"));
  EXPECT_TRUE(same("sip:a@[2001:db8::1]:1", "sip:a@[2001:0DB8:0::0001]:1"));
  EXPECT_FALSE(same("sip:a@192.0.2.1:5062", "sip:a@192.0.2.1:5063"));
  EXPECT_FALSE(same("sip:a@192.0.2.1", "sip:A@192.0.2.1"));
  EXPECT_FALSE(same("sip:a@192.0.2.1", "sip:a@192.0.2.2"));
  for (const char* none : {"", "*", "tel:+1", "mailto:a@b"}) EXPECT_EQ(ContactKey(hash, none), 0u);
}

// Messages 10 to 12 of the specification's flow.
class EdgeRegEventVector : public EdgeVectors {
 protected:
  void Subscribe() {
    world_.settings().core.reg_event = true;
    Challenge();
    Step("06_register_protected.sip", kUeClient, kServer);
    Expect("07_register_protected_to_icscf.sip", kCore, kIcscf, {kBranch, kIcid});
    world_.Deliver(kIcscf, kCore, names_.ToOurs(Vector("08_200_from_core.sip")));
    EXPECT_EQ(StatusOf(world_.Pop().text), 200);
    // The flow names the next hop; here it has an address.
    Expect("10_subscribe_reg_by_pcscf.sip", kCore, kIcscf,
           {kBranch, kIcid, "Call-ID: ([^\r]*)", "From: <[^>]*>;tag=([^\r]*)",
            "Route: <sip:([^;]*);lr>"});
  }
  // The NOTIFY of the flow is answered with 200.
  void Notify(const char* vector) {
    Step(vector, kScscf, kCore);
    const Sent answer = world_.Pop();
    EXPECT_EQ(StatusOf(answer.text), 200) << answer.text;
    EXPECT_EQ(answer.to, kScscf);
    EXPECT_TRUE(world_.sent().empty());
  }
  size_t Registered() { return world_.core().registrar().registered(); }
};

TEST_F(EdgeRegEventVector, SubscribesAsTheFlowDoes) {
  Subscribe();
}

TEST_F(EdgeRegEventVector, TheNotifiesOfTheFlowLeaveTheRegistrationAndEndIt) {
  Subscribe();
  Notify("11_notify_reg_active.sip");
  EXPECT_EQ(Registered(), 1u);
  Notify("12_notify_reg_network_dereg.sip");
  EXPECT_EQ(Registered(), 0u);
  EXPECT_EQ(world_.core().stats().network_deregistrations, 1u);
  EXPECT_EQ(world_.kernel().sa_count(), 4u) << "they drain";
  world_.Advance(128'000);
  EXPECT_EQ(world_.kernel().sa_count(), 0u);
}

}  // namespace
}  // namespace edge
