// Spec sheet 5.9: calls for help.

#include "edge/emergency_limits.h"
#include "edge/limits.h"
#include "tests/edge_spec.h"

namespace edge {
namespace {

constexpr std::string_view kEcscf = "10.0.0.40:5060";

class Spec5_9 : public SpecTable {
 protected:
  static Settings Make() {
    Settings settings = SpecSettings();
    settings.core.emergency_next_hop = At(kEcscf);
    return settings;
  }
  Spec5_9() : SpecTable(Make()) {}

  static std::string Sos(const std::string& text) {
    return Replaced(text, ">\r\nAuthorization", ";sos>\r\nAuthorization");
  }
  std::string Help(const std::string& method, const std::string& urn = "urn:service:sos") {
    return Replaced(Mo(method), "sip:bob@ims.example.org SIP", urn + " SIP");
  }
};

TEST_F(Spec5_9, TheEmergencyContactIsABindingWithSetsOfItsOwn) {
  Go();
  TestPhone help = phone_;
  help.OfferAnew();
  help.port_us = 37092;
  const std::string forwarded = Deliver(help.Clear(), help.Gm(), Sos(help.Initial())).text;
  ASSERT_EQ(StatusOf(Challenge(&help, forwarded, "sos").text), 401);
  const std::string answered = OnSet(help.set, Sos(help.Protected()));
  ASSERT_EQ(StatusOf(FromCore(answered, 200, Accepted()).text), 200);
  EXPECT_EQ(Registered(), 2u);
  EXPECT_EQ(States(), "Current Current") << "event 9 leaves the other contact alone";
  EXPECT_NE(ValueOf(answered, "Path"), ValueOf(OnSet(phone_.set, phone_.Protected()), "Path"));
  EXPECT_EQ(FromPhone(Mo("MESSAGE")).to, kScscf);
  // Nor does the end of the one end the other.
  const std::string end = Replaced(phone_.Protected(), "Expires: 600000", "Expires: 0");
  ASSERT_EQ(StatusOf(FromCore(OnSet(phone_.set, end), 200, "").text), 200);
  EXPECT_EQ(Registered(), 1u);
  EXPECT_EQ(OnSet(help.set, Sos(help.Protected())).find("REGISTER"), 0u);
}

TEST_F(Spec5_9, OverTheSetsOfOneContactTheOtherIsNotRegistered) {
  Go();
  EXPECT_EQ(StatusOf(OnSet(phone_.set, Sos(phone_.Protected()))), 403);
  TestPhone help;
  help.imsi = "001010000000009";
  help.address = "198.51.100.79";
  const std::string forwarded = Deliver(help.Clear(), help.Gm(), Sos(help.Initial())).text;
  ASSERT_EQ(StatusOf(Challenge(&help, forwarded, "sos").text), 401);
  EXPECT_EQ(StatusOf(OnSet(help.set, help.Protected())), 403);
}

TEST_F(Spec5_9, ACallForHelpGoesToTheEcscfAndAlongNoRoute) {
  Go();
  for (const char* urn : {"urn:service:sos", "URN:service:SOS.police", "urn:service:sos.x.y"}) {
    const Sent sent = FromPhone(Help("INVITE", urn));
    EXPECT_EQ(sent.to, kEcscf) << urn;
    EXPECT_EQ(LinesOf(sent.text, "Route"), "");
    EXPECT_NE(LinesOf(sent.text, "P-Asserted-Identity"), "");
  }
  EXPECT_EQ(FromPhone(Help("INVITE", "urn:service:counseling")).to, kScscf);
}

TEST_F(Spec5_9, WhatBelongsToTheCallTakesItsWay) {
  Go();
  const std::string invite = Help("INVITE");
  const std::string forwarded = FromPhone(invite).text;
  const std::string cancel =
      Replaced(Replaced(invite, "INVITE", "CANCEL"), " INVITE\r\n", " CANCEL\r\n");
  const Sent cancelled = FromPhone(cancel);
  EXPECT_EQ(cancelled.to, kEcscf);
  EXPECT_EQ(BranchOf(cancelled.text), BranchOf(forwarded));
  EXPECT_EQ(FromPhone(InDialog(Help("BYE"), RouteOf(forwarded))).to, kScscf) << "as recorded";
}

TEST_F(Spec5_9, WithoutAnEcscfItTakesTheServiceRoute) {
  world_.settings().core.emergency_next_hop.reset();
  Go();
  const Sent sent = FromPhone(Help("INVITE"));
  EXPECT_EQ(sent.to, kScscf);
  EXPECT_EQ(ValueOf(sent.text, "Route"), "<sip:orig@10.0.0.30:6060;lr>");
}

TEST_F(Spec5_9, WhoIsNotRegisteredIsRefused) {
  const std::string text =
      Replaced(phone_.Request("INVITE", "urn:service:sos", 5060, ""), "INVITE ", "INVITE ");
  EXPECT_EQ(StatusOf(Deliver(phone_.Clear(), phone_.Gm(), text).text), 403);
}

// A number that this network knows as one for help, dialled by a phone that does not.
class Spec5_9Numbers : public Spec5_9 {
 protected:
  Spec5_9Numbers() { world_.settings().gm.emergency_numbers = {"112", "911"}; }
  std::string Dialled(const std::string& uri, const std::string& method = "INVITE") {
    return Replaced(Mo(method), "sip:bob@ims.example.org SIP", uri + " SIP");
  }
};

TEST_F(Spec5_9Numbers, OneThatOnlyTheNetworkKnowsIsAnswered380) {
  Go();
  const std::string path = ValueOf(OnSet(phone_.set, phone_.Protected()), "Path");
  for (const char* uri : {"tel:112", "sip:911@ims.example.org;user=phone"}) {
    const std::string invite = Dialled(uri);
    const Sent sent = FromPhone(invite);
    EXPECT_TRUE(sent.text.starts_with("SIP/2.0 380 Alternative Service\r\n")) << sent.text;
    EXPECT_EQ(sent.to, phone_.set.to);
    EXPECT_EQ(ValueOf(sent.text, "Content-Type"), "application/3gpp-ims+xml");
    EXPECT_EQ(ValueOf(sent.text, "P-Asserted-Identity"), path) << "as in Path";
    const size_t body = sent.text.find("\r\n\r\n") + 4;
    EXPECT_EQ(ValueOf(sent.text, "Content-Length"), std::to_string(sent.text.size() - body));
    EXPECT_NE(sent.text.find("<action>emergency-registration</action>", body), std::string::npos);
    EXPECT_TRUE(world_.sent().empty()) << "the core hears nothing of it";
    // Its ACK ends here, too.
    const std::string ack = Replaced(Replaced(invite, "INVITE ", "ACK "), " INVITE", " ACK");
    EXPECT_EQ(StatusOf(FromPhone(ack).text), 0);
  }
  EXPECT_EQ(stats().emergency_numbers, 2u);
  EXPECT_EQ(FromPhone(Dialled("tel:1123")).to, kScscf);
  EXPECT_EQ(FromPhone(Dialled("tel:112", "MESSAGE")).to, kScscf);
}

TEST_F(Spec5_9Numbers, OverAnEmergencyRegistrationItIsACallForHelp) {
  const std::string forwarded = Deliver(phone_.Clear(), phone_.Gm(), Sos(phone_.Initial())).text;
  ASSERT_EQ(StatusOf(Challenge(&phone_, forwarded, "sos").text), 401);
  const std::string answered = OnSet(phone_.set, Sos(phone_.Protected()));
  ASSERT_EQ(StatusOf(FromCore(answered, 200, Accepted()).text), 200);
  const Sent sent = FromPhone(Dialled("tel:112"));
  EXPECT_EQ(sent.to, kEcscf);
  EXPECT_EQ(LinesOf(sent.text, "Route"), "");
}

// gm.anonymous_emergency: who is not registered at all.
class Spec5_9Anonymous : public Spec5_9 {
 protected:
  static constexpr std::string_view kFrom = "198.51.100.77:5061";

  Spec5_9Anonymous() { world_.settings().gm.anonymous_emergency = true; }

  std::string Call(const std::string& method = "INVITE", const std::string& lines = "") {
    return phone_.Request(method, "urn:service:sos", 5061,
                          "Contact: <sip:anonymous@198.51.100.77:5061>\r\n" + lines);
  }
  Sent InClear(const std::string& text, std::string_view from = kFrom) {
    return Deliver(std::string(from), phone_.Gm(), text);
  }
  Sent FromEcscf(const std::string& text) {
    return Deliver(std::string(kEcscf), std::string(kCore), text);
  }
  // A call that is answered; what was forwarded of its INVITE.
  std::string Answered() {
    const Sent sent = InClear(Call());
    EXPECT_EQ(sent.to, kEcscf) << sent.text;
    EXPECT_EQ(StatusOf(FromEcscf(Answer(sent.text, 200, LinesOf(sent.text, "Record-Route"))).text),
              200);
    return sent.text;
  }
  size_t Callers() { return world_.core().registrar().callers(); }
};

TEST_F(Spec5_9Anonymous, TheCallAndItsAnswersPass) {
  const Sent sent =
      InClear(Call("INVITE",
                   "P-Asserted-Identity: <sip:a@x>\r\nP-Preferred-Identity: <sip:a@x>\r\n"
                   "Route: <sip:elsewhere@10.0.0.99;lr>\r\n"));
  EXPECT_EQ(sent.from, kCore);
  EXPECT_EQ(sent.to, kEcscf);
  for (const char* gone : {"Route", "P-Asserted-Identity", "P-Preferred-Identity"}) {
    EXPECT_EQ(LinesOf(sent.text, gone), "") << gone;
  }
  EXPECT_NE(ValueOf(sent.text, "P-Charging-Vector"), "");
  EXPECT_NE(ValueOf(sent.text, "Record-Route").find("sip:"), std::string::npos);
  for (const int status : {180, 200}) {
    const Sent answer = FromEcscf(Answer(sent.text, status));
    EXPECT_EQ(StatusOf(answer.text), status);
    EXPECT_EQ(answer.from, phone_.Gm());
    EXPECT_EQ(answer.to, kFrom);
  }
  EXPECT_EQ(stats().anonymous_calls, 1u);
  EXPECT_EQ(Callers(), 1u);
}

TEST_F(Spec5_9Anonymous, WhatBelongsToTheDialogPassesBothWays) {
  const std::string invite = Answered();
  const std::string route = RouteOf(invite);
  for (const char* method : {"ACK", "UPDATE", "BYE"}) {
    const std::string call = Call(method, "Route: <sip:x>\r\n");
    const Sent sent = InClear(InDialog(call, route));
    EXPECT_EQ(sent.to, kEcscf) << "whatever its Route says";
    EXPECT_TRUE(sent.text.starts_with(std::string(method) + " ")) << sent.text;
  }
  // The other side, along what it was given.
  path_ = "Route: " + ValueOf(invite, "Record-Route") + "\r\n";
  const Sent sent = FromEcscf(Mt("BYE"));
  EXPECT_EQ(sent.from, phone_.Gm());
  EXPECT_EQ(sent.to, kFrom);
  const Sent answer = InClear(Answer(sent.text, 200));
  EXPECT_EQ(StatusOf(answer.text), 200);
  EXPECT_EQ(answer.from, kCore);
}

TEST_F(Spec5_9Anonymous, NothingElsePasses) {
  const std::string route = RouteOf(Answered());
  const auto refused = [&](const std::string& text, std::string_view from = kFrom) {
    return StatusOf(InClear(text, from).text) == 403;
  };
  EXPECT_TRUE(refused(Replaced(Call(), "urn:service:sos", "sip:bob@x")));
  EXPECT_TRUE(refused(Replaced(Call("MESSAGE"), "urn:service:sos", "tel:112")));
  EXPECT_TRUE(refused(InDialog(Call("BYE", "Route: <sip:x>\r\n"), ""))) << "no proof";
  const std::string bye = InDialog(Call("BYE", "Route: <sip:x>\r\n"), route);
  EXPECT_TRUE(refused(Replaced(bye, LinesOf(bye, "Call-ID"), "Call-ID: other\r\n")));
  EXPECT_TRUE(refused(bye, "198.51.100.77:5062")) << "of another phone";
  for (const char* method : {"MESSAGE", "OPTIONS", "SUBSCRIBE"}) {
    EXPECT_TRUE(refused(Call(method), "198.51.100.78:5061")) << "no call makes a stranger known";
  }
  EXPECT_EQ(Callers(), 1u);
}

TEST_F(Spec5_9Anonymous, OneThatNobodyAnswersIsForgottenSoonAndAnAnsweredOneWithItsBye) {
  InClear(Call());
  world_.Advance(kCallerRingMs - 1);
  EXPECT_EQ(Callers(), 1u);
  world_.Advance(1);
  EXPECT_EQ(Callers(), 0u);

  const std::string route = RouteOf(Answered());
  InClear(InDialog(Call("ACK", "Route: <sip:x>\r\n"), route));
  world_.Advance(kCallerTalkMs - 1);
  EXPECT_EQ(Callers(), 1u);
  InClear(InDialog(Call("BYE", "Route: <sip:x>\r\n"), route));
  world_.Advance(kDrainMs - 1);
  EXPECT_EQ(Callers(), 1u);
  world_.Advance(1);
  EXPECT_EQ(Callers(), 0u);
  EXPECT_EQ(stats().expirations, 0u) << "nobody was registered";
  ExpectNothingIsLeft();
}

TEST_F(Spec5_9Anonymous, SoManyOfOneAddressAndInAll) {
  phone_.address = "198.51.100.77";
  for (size_t i = 0; i <= kCallersPerAddressMax; ++i) {
    const Sent sent = InClear(Call(), phone_.At(static_cast<uint16_t>(6000 + i)));
    EXPECT_EQ(sent.text.starts_with("INVITE "), i < kCallersPerAddressMax);
    if (i == kCallersPerAddressMax) {
      EXPECT_EQ(StatusOf(sent.text), 503);
      EXPECT_NE(ValueOf(sent.text, "Retry-After"), "");
    }
  }
  size_t others = 0;
  for (int i = 0; Callers() < kCallersMax; ++i, ++others) {
    const std::string from =
        "198.18." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1) + ":5060";
    ASSERT_EQ(InClear(Call(), from).to, kEcscf) << from;
  }
  EXPECT_EQ(others, kCallersMax - kCallersPerAddressMax);
  EXPECT_EQ(StatusOf(InClear(Call(), "198.19.0.1:5060").text), 503);
}

TEST_F(Spec5_9Anonymous, WithoutTheSettingItIs403) {
  world_.settings().gm.anonymous_emergency = false;
  EXPECT_EQ(StatusOf(InClear(Call()).text), 403);
  EXPECT_EQ(Callers(), 0u);
}

}  // namespace
}  // namespace edge
