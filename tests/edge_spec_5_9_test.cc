// Spec sheet 5.9: calls for help.

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

}  // namespace
}  // namespace edge
