// Phones registered without a security agreement (gm.sec_agree = "prefer" or "off"): their requests
// and those to them pass in clear; nobody else's do, and never those of a phone that has SAs.
#include "edge/limits.h"
#include "tests/edge_steps.h"

namespace edge {
namespace {

constexpr Transport kTcp = Transport::kTcp;
constexpr std::string_view kScscf = "10.0.0.30:6060";

Settings With(SecAgree policy) {
  Settings settings = StepSettings();
  settings.gm.sec_agree = policy;
  return settings;
}

class EdgeInClear : public EdgeSteps {
 protected:
  explicit EdgeInClear(SecAgree policy = SecAgree::kPrefer) : EdgeSteps(With(policy)) {
    other_.imsi = "001010000000002";
  }

  static std::string ClearRegister(TestPhone* phone, uint16_t port = 5060, int expires = 3600,
                                   const std::string& lines = "") {
    return phone->Request("REGISTER", "sip:" + std::string(kRealm), port,
                          "Contact: <sip:" + phone->imsi + "@" + phone->At(port) +
                              ">\r\nAuthorization: Digest username=\"" + phone->Impi() +
                              "\",realm=\"" + std::string(kRealm) +
                              "\",nonce=\"n\",response=\"f00d\"\r\nExpires: " +
                              std::to_string(expires) + "\r\n" + lines);
  }
  Sent RegisterInClear(TestPhone* phone, uint16_t port = 5060, int expires = 3600) {
    const Sent sent = Deliver(phone->At(port), phone->Gm(), ClearRegister(phone, port, expires));
    path_ = ValueOf(sent.text, "Path");
    return Accept(sent.text, expires);
  }
  std::string OptionsOf(TestPhone* phone, uint16_t port = 5060) {
    return phone->Request("OPTIONS", "sip:bob@example.net", port, "");
  }
  Sent Clear(const std::string& text, uint16_t port = 5060, Transport over = Transport::kUdp) {
    world_.Deliver(phone_.At(port), phone_.Gm(), text, over);
    return world_.Pop();
  }
  // A request of the core to whom the last Path named.
  std::string ToPhone(const std::string& method = "INVITE") const {
    return method + " sip:001@198.51.100.77:5060 SIP/2.0\r\nVia: SIP/2.0/UDP " +
           std::string(kScscf) + ";branch=z9hG4bK-mt\r\nMax-Forwards: 70\r\nRoute: " +
           path_.substr(0, path_.find('>') + 1) +
           "\r\nFrom: <sip:bob@x>;tag=1\r\nTo: <sip:a@x>\r\nCall-ID: mt\r\nCSeq: 1 " + method +
           "\r\nP-Charging-Vector: icid-value=AA17;orig-ioi=home\r\nContent-Length: 0\r\n\r\n";
  }
  Sent FromScscf(const std::string& text) {
    return Deliver(std::string(kScscf), std::string(kCore), text);
  }
  static std::string FlowOf(const Sent& sent) {
    return std::string(Name(sent.over)) + " " + sent.from + ">" + sent.to;
  }
  void ExpectForbidden(const Sent& sent) {
    EXPECT_EQ(StatusOf(sent.text), 403) << sent.text;
    EXPECT_TRUE(world_.sent().empty());
  }

  TestPhone phone_;
  TestPhone other_;
  std::string path_;
};

class EdgeAllInClear : public EdgeInClear {
 protected:
  EdgeAllInClear() : EdgeInClear(SecAgree::kOff) {}
};

TEST_F(EdgeInClear, ARegisteredPhonesRequestAndItsAnswerPass) {
  EXPECT_EQ(StatusOf(RegisterInClear(&phone_).text), 200);
  EXPECT_EQ(Registered(), 1u);
  EXPECT_EQ(Sas(), 0u);
  EXPECT_EQ(stats().registrations_in_clear, 1u);
  EXPECT_EQ(world_.attempts().back().result, "registered in clear");

  const Sent request = Clear(phone_.Request("INVITE", "sip:bob@example.net", 5060,
                                            "P-Asserted-Identity: <sip:boss@x>\r\n"));
  EXPECT_EQ(FlowOf(request), "UDP " + std::string(kCore) + ">" + std::string(kScscf))
      << "Service-Route";
  EXPECT_EQ(ValueOf(request.text, "P-Asserted-Identity"), "<sip:" + phone_.Impi() + ">");
  EXPECT_NE(LinesOf(request.text, "P-Charging-Vector"), "");
  const std::string routes = LinesOf(request.text, "Record-Route");
  EXPECT_NE(routes.find("@" + phone_.Gm() + ";lr;ue>"), std::string::npos) << routes;
  EXPECT_EQ(routes.find(":6101"), std::string::npos) << "no protected port in clear";

  for (const int status : {100, 180, 200}) {
    const Sent answer =
        FromScscf(Answer(request.text, status, "P-Charging-Vector: icid-value=1\r\n"));
    EXPECT_EQ(FlowOf(answer), "UDP " + phone_.Gm() + ">" + phone_.Clear());
    EXPECT_EQ(StatusOf(answer.text), status);
    EXPECT_EQ(LinesOf(answer.text, "P-Charging-Vector"), "");
  }
}

TEST_F(EdgeInClear, EveryMethodPassesAndCancelAndAckHaveTheBranchOfTheirInvite) {
  RegisterInClear(&phone_);
  for (const char* method : {"OPTIONS", "MESSAGE", "SUBSCRIBE", "PRACK", "UPDATE", "BYE", "INFO"}) {
    const Sent sent = Clear(phone_.Request(method, "sip:bob@example.net", 5060, ""));
    EXPECT_TRUE(sent.text.starts_with(method)) << sent.text;
  }
  const std::string invite = phone_.Request("INVITE", "sip:bob@example.net", 5060, "");
  const std::string branch = ParamOf(ValueOf(Clear(invite).text, "Via"), "branch");
  for (const char* method : {"CANCEL", "ACK"}) {
    const std::string number = std::to_string(phone_.cseq);
    const Sent sent =
        Clear(Replaced(Replaced(invite, "INVITE sip", std::string(method) + " sip"),
                       "CSeq: " + number + " INVITE", "CSeq: " + number + " " + method));
    EXPECT_EQ(ParamOf(ValueOf(sent.text, "Via"), "branch"), branch);
  }
}

TEST_F(EdgeInClear, ARequestToThePhoneAndItsAnswerPass) {
  RegisterInClear(&phone_);
  const Sent sent = FromScscf(ToPhone());
  EXPECT_EQ(FlowOf(sent), "UDP " + phone_.Gm() + ">" + phone_.Clear());
  EXPECT_TRUE(ValueOf(sent.text, "Via").starts_with("SIP/2.0/UDP " + phone_.Gm() + ";branch="));
  EXPECT_EQ(LinesOf(sent.text, "Route"), "");
  EXPECT_EQ(LinesOf(sent.text, "P-Charging-Vector"), "");
  EXPECT_TRUE(ValueOf(sent.text, "Record-Route").ends_with("@" + phone_.Gm() + ";lr;ue>"));

  const Sent answer = Clear(Answer(sent.text, 200));
  EXPECT_EQ(FlowOf(answer), "UDP " + std::string(kCore) + ">" + std::string(kScscf));
  EXPECT_EQ(ValueOf(answer.text, "P-Asserted-Identity"), "<sip:" + phone_.Impi() + ">");
  EXPECT_TRUE(
      ValueOf(answer.text, "P-Charging-Vector").starts_with("icid-value=AA17;orig-ioi=home"));
}

TEST_F(EdgeInClear, WithinADialogTheRouteLeadsOn) {
  RegisterInClear(&phone_);
  const std::string token = path_.substr(0, path_.find('@'));
  const std::string bye =
      Replaced(phone_.Request("BYE", "sip:bob@10.0.0.40:7070", 5060,
                              "Route: " + token + "@" + phone_.Gm() + ";lr;ue>, " + token + "@" +
                                  std::string(kCore) + ";lr>\r\n"),
               "To: <sip:" + phone_.Impi() + ">", "To: <sip:bob@example.net>;tag=b");
  const Sent sent = Clear(bye);
  EXPECT_EQ(sent.to, "10.0.0.40:7070");
  EXPECT_EQ(LinesOf(sent.text, "Route"), "");
}

TEST_F(EdgeInClear, NobodyElseIsLetIn) {
  ExpectForbidden(Clear(OptionsOf(&phone_)));
  RegisterInClear(&phone_);
  ExpectForbidden(Clear(OptionsOf(&phone_, 5062), 5062));  // Another port of that address.
  world_.Deliver("198.51.100.99:5060", phone_.Gm(), OptionsOf(&phone_));
  const Sent sent = world_.Pop();
  EXPECT_EQ(StatusOf(sent.text), 403);
  EXPECT_EQ(stats().drop_unprotected, 3u);
  // By its protected ports a phone in clear has no way in at all.
  world_.Deliver(phone_.Clear(), "192.0.2.10:6101", OptionsOf(&phone_));
  EXPECT_TRUE(world_.sent().empty());
  EXPECT_EQ(stats().drop_no_set, 1u);
}

TEST_F(EdgeInClear, RegistrationsEndByTimeAndByThePhone) {
  RegisterInClear(&phone_, 5060, 60);
  world_.Advance(60'000);
  EXPECT_EQ(Registered(), 0u);
  ExpectForbidden(Clear(OptionsOf(&phone_)));
  EXPECT_EQ(StatusOf(FromScscf(ToPhone()).text), 480);

  RegisterInClear(&phone_);
  RegisterInClear(&phone_);
  EXPECT_EQ(stats().refreshes, 1u);
  EXPECT_EQ(StatusOf(RegisterInClear(&phone_, 5060, 0).text), 200);
  EXPECT_EQ(stats().deregistrations, 1u);
  ExpectForbidden(Clear(OptionsOf(&phone_)));
  ExpectNothingIsLeft();
}

TEST_F(EdgeInClear, AnAnswerThatComesAfterTheEndIsDropped) {
  RegisterInClear(&phone_);
  const Sent request = Clear(OptionsOf(&phone_));
  const Sent invite = FromScscf(ToPhone());
  RegisterInClear(&phone_, 5060, 0);
  EXPECT_EQ(FromScscf(Answer(request.text, 200)).text, "");
  EXPECT_EQ(Clear(Answer(invite.text, 200)).text, "");
  EXPECT_EQ(stats().drop_unknown_response, 2u);
}

TEST_F(EdgeInClear, AnswersOfAStrangerOrOfAnotherMakingAreDropped) {
  RegisterInClear(&phone_);
  const Sent invite = FromScscf(ToPhone());
  world_.Deliver("198.51.100.99:5060", phone_.Gm(), Answer(invite.text, 200));
  EXPECT_TRUE(world_.sent().empty()) << "another address";
  EXPECT_EQ(Clear(Replaced(Answer(invite.text, 200), "branch=z9hG4bK", "branch=z9hG4bKx")).text,
            "");
  // What leads to a phone does not lead to the core.
  const Sent request = Clear(OptionsOf(&phone_));
  EXPECT_EQ(Clear(Answer(request.text, 200)).text, "");
  EXPECT_EQ(stats().drop_unknown_response, 3u);
  EXPECT_EQ(StatusOf(Clear(Answer(invite.text, 200), 5099).text), 200)
      << "a phone may answer from another port";
}

// Who has agreed security is not reached in clear, and not from there.
TEST_F(EdgeInClear, APhoneWithSasIsNeitherReachedNorReplacedInClear) {
  Register(&phone_);
  const std::string states = States();
  const size_t sas = Sas();
  ExpectForbidden(Clear(OptionsOf(&phone_)));
  // An attacker at the same address, with the phone's identity: first, again, and to end it.
  for (const int expires : {3600, 3600, 0}) {
    const Sent sent = Clear(ClearRegister(&phone_, 5060, expires));
    EXPECT_EQ(StatusOf(sent.text), 421);
    EXPECT_NE(LinesOf(sent.text, "Security-Server"), "");
    EXPECT_TRUE(world_.sent().empty()) << "nothing goes to the core";
  }
  EXPECT_EQ(world_.attempts().back().result, "in clear, while the phone has SAs");
  EXPECT_EQ(States(), states);
  EXPECT_EQ(Sas(), sas);
  EXPECT_EQ(Registered(), 1u);
  // One with an identity of its own takes nothing of the phone's.
  EXPECT_EQ(StatusOf(RegisterInClear(&other_).text), 200);
  EXPECT_EQ(StatusOf(OnSet(phone_.set, phone_.Request("OPTIONS", "sip:b@x", phone_.port_us, ""))),
            0);
  EXPECT_EQ(Registered(), 2u);
}

TEST_F(EdgeInClear, ARequestToAPhoneWithSasGoesThroughThemOrNowhere) {
  RegisterInClear(&phone_);
  Register(&phone_);  // The same phone, with an agreement now.
  EXPECT_EQ(FlowOf(FromScscf(ToPhone())), "UDP " + phone_.set.from + ">" + phone_.set.to);
  ExpectForbidden(Clear(OptionsOf(&phone_)));
  // Until the last of them is gone, and after.
  world_.Advance(3'600'000);
  EXPECT_EQ(Registered(), 0u);
  while (Sas() > 0) {
    const Sent sent = FromScscf(ToPhone());
    EXPECT_NE(sent.from, phone_.Gm()) << sent.text;
    world_.Advance(5'000);
  }
  EXPECT_EQ(StatusOf(FromScscf(ToPhone()).text), 480);
}

TEST_F(EdgeInClear, WhatIsUnderWayInClearEndsWhenThePhoneHasSas) {
  RegisterInClear(&phone_);
  const Sent request = Clear(OptionsOf(&phone_));
  const Sent invite = FromScscf(ToPhone());
  Register(&phone_);
  EXPECT_EQ(FromScscf(Answer(request.text, 200)).text, "") << "its answer would go in clear";
  EXPECT_EQ(Clear(Answer(invite.text, 200)).text, "");
  EXPECT_EQ(OnSet(phone_.set, Answer(invite.text, 200)), "");
  EXPECT_EQ(stats().drop_unknown_response, 3u);
}

TEST_F(EdgeInClear, ARegistrationInClearThatIsAnsweredTooLateIsRefused) {
  const Sent forwarded = Clear(ClearRegister(&phone_));
  Register(&phone_);
  EXPECT_EQ(StatusOf(Accept(forwarded.text).text), 500);
  EXPECT_EQ(world_.attempts().back().result, "accepted in clear, while the phone has SAs");
  ExpectForbidden(Clear(OptionsOf(&phone_)));
  EXPECT_EQ(FlowOf(FromScscf(Replaced(
                ToPhone(), "Route: ", "Route: " + ValueOf(forwarded.text, "Path") + "\r\nX: "))),
            "UDP " + phone_.set.from + ">" + phone_.set.to);
}

TEST_F(EdgeInClear, APhoneThatLeftItsSasMayComeInClearWhenTheyAreGone) {
  Register(&phone_);
  const std::string leaving = Replaced(phone_.Protected(), "Expires: 600000", "Expires: 0");
  EXPECT_EQ(StatusOf(Accept(OnSet(phone_.set, leaving), 0).text), 200);
  EXPECT_EQ(StatusOf(Clear(ClearRegister(&phone_)).text), 421) << "they drain";
  world_.Advance(kDrainMs);
  EXPECT_EQ(StatusOf(RegisterInClear(&phone_).text), 200);
  EXPECT_EQ(FlowOf(FromScscf(ToPhone())), "UDP " + phone_.Gm() + ">" + phone_.Clear());
}

TEST_F(EdgeInClear, WithRequireNothingPasses) {
  RegisterInClear(&phone_);
  const Sent invite = FromScscf(ToPhone());
  const Sent request = Clear(OptionsOf(&phone_));
  world_.settings().gm.sec_agree = SecAgree::kRequire;
  ExpectForbidden(Clear(OptionsOf(&phone_)));
  EXPECT_EQ(Clear(Answer(invite.text, 200)).text, "");
  EXPECT_EQ(FromScscf(Answer(request.text, 200)).text, "");
  EXPECT_EQ(StatusOf(FromScscf(ToPhone()).text), 480);
  EXPECT_EQ(StatusOf(Clear(ClearRegister(&phone_)).text), 421);
}

TEST_F(EdgeInClear, TheNewestIsAtAFlowAndHasOne) {
  RegisterInClear(&phone_);
  const std::string path = path_;
  RegisterInClear(&other_);  // A subscriber who was given the same address and port.
  EXPECT_EQ(Registered(), 1u);
  const Sent sent = Clear(OptionsOf(&phone_));
  EXPECT_EQ(ValueOf(sent.text, "P-Asserted-Identity"), "<sip:" + other_.Impi() + ">");
  path_ = path;
  EXPECT_EQ(StatusOf(FromScscf(ToPhone()).text), 480);
  // The same phone from another port.
  RegisterInClear(&other_, 5070);
  ExpectForbidden(Clear(OptionsOf(&other_)));
  EXPECT_EQ(FlowOf(FromScscf(ToPhone())), "UDP " + phone_.Gm() + ">" + other_.At(5070));
}

TEST_F(EdgeInClear, ThePortOfTheContactIsWhereRequestsGo) {
  const auto at = [&](const std::string& contact) {
    const std::string text = ClearRegister(&phone_, 40000);
    const std::string own = ValueOf(text, "Contact");
    const Sent sent = Deliver(phone_.At(40000), phone_.Gm(), Replaced(text, own, contact));
    path_ = ValueOf(sent.text, "Path");
    Accept(sent.text);
    return FromScscf(ToPhone()).to;
  };
  EXPECT_EQ(at("<sip:a@198.51.100.77:5062>"), phone_.At(5062));
  EXPECT_EQ(at("<sip:a@198.51.100.77>"), phone_.At(5060));
  EXPECT_EQ(at("<sip:a@198.51.100.99:5062>"), phone_.At(40000)) << "another address: no reflection";
  EXPECT_EQ(at("<sip:a@phone.example.net>"), phone_.At(40000)) << "names are not looked up";
  EXPECT_TRUE(Clear(OptionsOf(&phone_, 40000), 40000).text.starts_with("OPTIONS"));
}

TEST_F(EdgeInClear, OverTcpAllGoesOnItsConnection) {
  ASSERT_TRUE(world_.Connect(phone_.At(41000), phone_.Gm()));
  const Sent forwarded = Clear(ClearRegister(&phone_), 41000, kTcp);
  path_ = ValueOf(forwarded.text, "Path");
  EXPECT_EQ(FlowOf(Accept(forwarded.text)), "TCP " + phone_.Gm() + ">" + phone_.At(41000));
  const Sent request = Clear(OptionsOf(&phone_), 41000, kTcp);
  EXPECT_EQ(FlowOf(FromScscf(Answer(request.text, 200))),
            "TCP " + phone_.Gm() + ">" + phone_.At(41000));
  const Sent invite = FromScscf(ToPhone());
  EXPECT_EQ(FlowOf(invite), "TCP " + phone_.Gm() + ">" + phone_.At(41000));
  EXPECT_TRUE(ValueOf(invite.text, "Via").starts_with("SIP/2.0/TCP "));
  EXPECT_TRUE(invite.or_udp);
  EXPECT_EQ(invite.connect_port, 5060) << "its Contact, over UDP once the connection is gone";
  EXPECT_EQ(StatusOf(Clear(Answer(invite.text, 200), 41000, kTcp).text), 200);

  // A datagram with the address and port of a connection may be anybody's.
  ExpectForbidden(Clear(OptionsOf(&phone_), 41000));
  // And so may the next connection from there.
  world_.Hangup(phone_.At(41000), phone_.Gm());
  ASSERT_TRUE(world_.Connect(phone_.At(41000), phone_.Gm()));
  ExpectForbidden(Clear(OptionsOf(&phone_), 41000, kTcp));
  EXPECT_EQ(Registered(), 1u) << "the end of a connection is not the phone's";
  EXPECT_EQ(FlowOf(FromScscf(ToPhone())), "TCP " + phone_.Gm() + ">" + phone_.At(41000));
  Accept(Clear(ClearRegister(&phone_), 41000, kTcp).text);
  EXPECT_TRUE(Clear(OptionsOf(&phone_), 41000, kTcp).text.starts_with("OPTIONS"));
}

TEST_F(EdgeInClear, ALargeRequestToThePhoneStaysOnItsTransport) {
  RegisterInClear(&phone_);
  const std::string large = Replaced(ToPhone(), "Content-Length: 0\r\n\r\n",
                                     "Content-Length: 5000\r\n\r\n" + std::string(5000, 'b'));
  const Sent sent = FromScscf(large);
  EXPECT_EQ(FlowOf(sent), "UDP " + phone_.Gm() + ">" + phone_.Clear());
  EXPECT_FALSE(sent.or_udp);
}

TEST_F(EdgeInClear, A200WithTooMuchToKeepIsRefused) {
  const Sent sent = Clear(ClearRegister(&phone_));
  const std::string lines =
      "Expires: 60\r\nService-Route: <sip:" + std::string(kRouteSetSizeMax, 'r') + "@x;lr>\r\n";
  EXPECT_EQ(StatusOf(FromCore(sent.text, 200, lines).text), 500);
  EXPECT_EQ(Registered(), 0u);
}

TEST_F(EdgeInClear, AQueryChangesNothing) {
  RegisterInClear(&phone_);
  const std::string text = ClearRegister(&phone_);
  const Sent sent = Clear(Replaced(text, LinesOf(text, "Contact"), ""));
  EXPECT_EQ(StatusOf(FromCore(sent.text, 200, "Expires: 0\r\n").text), 200);
  EXPECT_EQ(Registered(), 1u);
  EXPECT_TRUE(Clear(OptionsOf(&phone_)).text.starts_with("OPTIONS"));
}

TEST_F(EdgeAllInClear, AnOfferIsOverlookedAndThePhoneServedInClear) {
  const Sent forwarded = Clear(phone_.Initial());
  path_ = ValueOf(forwarded.text, "Path");
  EXPECT_EQ(StatusOf(Accept(forwarded.text).text), 200);
  EXPECT_EQ(Sas(), 0u);
  EXPECT_TRUE(Clear(OptionsOf(&phone_)).text.starts_with("OPTIONS"));
  EXPECT_EQ(FlowOf(FromScscf(ToPhone())), "UDP " + phone_.Gm() + ">" + phone_.Clear());
}

TEST_F(EdgeAllInClear, OverIpv6Too) {
  phone_.address = "[2001:db8::77]";
  phone_.pcscf = "[2001:db8:10::10]";
  EXPECT_EQ(StatusOf(RegisterInClear(&phone_).text), 200);
  const Sent request = Clear(OptionsOf(&phone_));
  EXPECT_EQ(FlowOf(FromScscf(Answer(request.text, 200))),
            "UDP " + phone_.Gm() + ">" + phone_.Clear());
  EXPECT_EQ(FlowOf(FromScscf(ToPhone())), "UDP " + phone_.Gm() + ">" + phone_.Clear());
}

}  // namespace
}  // namespace edge
