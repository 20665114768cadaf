// Spec sheet 5.4 and 5.5: an initial request of a phone, and its responses. A test a row.

#include "tests/edge_spec.h"

namespace edge {
namespace {

class Spec5_4 : public SpecTable {
 protected:
  void SetUp() override { Go(); }
  std::string Asserted(const std::string& lines) {
    return LinesOf(Forwarded(Mo("INVITE", lines)), "P-Asserted-Identity");
  }
  static std::string Asserts(std::string_view uris) {
    return "P-Asserted-Identity: " + std::string(uris) + "\r\n";
  }
};

TEST_F(Spec5_4, Row1ItComesOverASetInUse) {
  EXPECT_EQ(FromPhone(Mo("INVITE")).to, kScscf);
  EXPECT_EQ(Deliver("198.51.100.77:39999", phone_.set.server, Mo("INVITE")).text, "");
  EXPECT_EQ(StatusOf(Deliver(phone_.Clear(), phone_.Gm(), Mo("INVITE")).text), 403);
}

TEST_F(Spec5_4, Row2OurOwnRouteIsRemovedAndTheServiceRouteStays) {
  EXPECT_EQ(LinesOf(Forwarded(Mo("INVITE")), "Route"), "Route: <sip:orig@10.0.0.30:6060;lr>\r\n");
}

TEST_F(Spec5_4, Row2AnyOtherRouteIsReplacedByTheServiceRoute) {
  const std::string wanted = "Route: <sip:orig@10.0.0.30:6060;lr>\r\n";
  for (const char* route :
       {"", "Route: <sip:elsewhere@10.0.0.99;lr>\r\n", "Route: <sip:192.0.2.10:6101;lr>\r\n",
        "Route: <sip:orig@10.0.0.30:6060;lr>, <sip:more@10.0.0.99;lr>\r\n"}) {
    const Sent sent = FromPhone(Replaced(Mo("INVITE"), Preloaded(), route));
    EXPECT_EQ(LinesOf(sent.text, "Route"), wanted) << route;
    EXPECT_EQ(sent.to, kScscf);
  }
}

class Spec5_4Reject : public Spec5_4 {
 protected:
  void SetUp() override {
    world_.settings().gm.service_route = ServiceRoute::kReject;
    Go();
  }
};

TEST_F(Spec5_4Reject, Row2AnyOtherRouteIs400WithAWarning) {
  for (const char* route : {"", "Route: <sip:elsewhere@10.0.0.99;lr>\r\n",
                            "Route: <sip:orig@10.0.0.30:6060;lr>, <sip:more@10.0.0.99;lr>\r\n"}) {
    const std::string text = FromPhone(Replaced(Mo("INVITE"), Preloaded(), route)).text;
    EXPECT_EQ(StatusOf(text), 400) << route;
    EXPECT_EQ(ValueOf(text, "Warning"),
              "399 pcscf.example.org \"Route is not the Service-Route of the registration\"");
  }
  EXPECT_EQ(stats().refused_routes, 3u);
}

TEST_F(Spec5_4Reject, Row2TheSameRouteIsTheSameInOtherWords) {  // RFC 3261 19.1.4.
  for (const char* route : {"Route: <sip:orig@10.0.0.30:6060;lr>\r\n",
                            "Route: \"S\" <SIP:%6frig@10.0.0.30:6060;LR>\r\n"}) {
    EXPECT_EQ(FromPhone(Replaced(Mo("INVITE"), Preloaded(), route)).to, kScscf) << route;
  }
}

TEST_F(Spec5_4, Row3WithoutPreferenceTheDefaultIdentityIsAsserted) {
  EXPECT_EQ(Asserted(""), Asserts("<" + std::string(kDefaultUri) + ">"));
  EXPECT_EQ(Asserted("P-Preferred-Identity: <sip:stranger@x>\r\n"),
            Asserts("<" + std::string(kDefaultUri) + ">"));
}

TEST_F(Spec5_4, Row3APreferredIdentityThatIsRegisteredIsAsserted) {
  const std::string text =
      Forwarded(Mo("INVITE", "P-Preferred-Identity: \"A\" <" + std::string(kSecondUri) + ">\r\n"));
  EXPECT_EQ(LinesOf(text, "P-Asserted-Identity"), Asserts("<" + std::string(kSecondUri) + ">"));
  EXPECT_EQ(LinesOf(text, "P-Preferred-Identity"), "");
}

TEST_F(Spec5_4, Row3UpToOneSipAndOneTelIdentity) {  // RFC 3325 9.1.
  const std::string sip(kSecondUri);
  const std::string tel(kTelUri);
  const std::string other(kDefaultUri);
  const std::string prefers = "P-Preferred-Identity: ";
  EXPECT_EQ(Asserted(prefers + "<" + sip + ">, <" + tel + ">\r\n"),
            Asserts("<" + sip + ">, <" + tel + ">"));
  EXPECT_EQ(Asserted(prefers + "<" + tel + ">\r\n" + prefers + "<" + sip + ">\r\n"),
            Asserts("<" + tel + ">, <" + sip + ">"));
  EXPECT_EQ(Asserted(prefers + "<" + sip + ">, <" + other + ">\r\n"), Asserts("<" + sip + ">"));
  EXPECT_EQ(Asserted(prefers + "<" + sip + ">, <tel:+1999>\r\n"), Asserts("<" + sip + ">"));
}

TEST_F(Spec5_4, Row3FromTakesNoPart) {
  const std::string text =
      Replaced(Mo("INVITE"), "From: <sip:" + phone_.Impi(), "From: <" + std::string(kSecondUri));
  EXPECT_EQ(LinesOf(Forwarded(text), "P-Asserted-Identity"),
            Asserts("<" + std::string(kDefaultUri) + ">"));
}

TEST_F(Spec5_4, Row4TheAgreementStaysHere) {
  const std::string text =
      Forwarded(Mo("INVITE", "Security-Verify: " + phone_.set.security_server +
                                 "\r\nRequire: sec-agree\r\nProxy-Require: sec-agree\r\n"));
  EXPECT_EQ(text.find("Security-"), std::string::npos);
  EXPECT_EQ(text.find("sec-agree"), std::string::npos);
}

TEST_F(Spec5_4, Row5BothOurSidesAreRecordedTheCoresOnTop) {
  for (const char* method : {"INVITE", "SUBSCRIBE", "REFER"}) {
    const std::string lines = LinesOf(Forwarded(Mo(method)), "Record-Route");
    const std::string user = lines.substr(lines.find("sip:") + 4, 33);
    EXPECT_EQ(lines, "Record-Route: <sip:" + user + "@10.0.0.10:5060;lr>\r\nRecord-Route: <sip:" +
                         user + "@" + phone_.set.server + ";lr;ue>\r\n");
  }
  EXPECT_EQ(LinesOf(Forwarded(Mo("MESSAGE")), "Record-Route"), "") << "it makes no dialog";
}

TEST_F(Spec5_4, Row6OurViaIsOfTheCoresSide) {
  const std::string vias = LinesOf(Forwarded(Mo("INVITE")), "Via");
  EXPECT_TRUE(vias.starts_with("Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK"));
}

TEST_F(Spec5_4, Row7AChargingVectorOfOurOwn) {
  const std::string first = ValueOf(Forwarded(Mo("INVITE")), "P-Charging-Vector");
  EXPECT_EQ(ParamOf(first, "icid-value").size(), 16u);
  EXPECT_EQ(ParamOf(first, "icid-generated-at"), "10.0.0.10");
  EXPECT_EQ(ParamOf(first, "orig-ioi"), "ioi.example.org");
  const std::string other = Forwarded(Replaced(Mo("INVITE"), "Call-ID: ", "Call-ID: another"));
  EXPECT_NE(ParamOf(ValueOf(other, "P-Charging-Vector"), "icid-value"),
            ParamOf(first, "icid-value"));
  // What stands alone is charged alone, whatever its Call-ID.
  EXPECT_NE(ParamOf(ValueOf(Forwarded(Mo("MESSAGE")), "P-Charging-Vector"), "icid-value"),
            ParamOf(ValueOf(Forwarded(Mo("MESSAGE")), "P-Charging-Vector"), "icid-value"));
}

TEST_F(Spec5_4, Row8TheNetworksAccessInformationStandsBesideThePhones) {
  EXPECT_EQ(
      LinesOf(Forwarded(Mo("INVITE", "P-Access-Network-Info: A\r\n")), "P-Access-Network-Info"),
      "P-Access-Network-Info: A\r\n"
      "P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=001;network-provided\r\n");
}

TEST_F(Spec5_4, Row9OfEarlyMediaAPhoneMaySaySupportedOnly) {  // RFC 5009 6.
  const auto early = [&](const std::string& value) {
    return LinesOf(Forwarded(Mo("INVITE", "P-Early-Media: " + value + "\r\n")), "P-Early-Media");
  };
  EXPECT_EQ(early("supported"), "P-Early-Media: supported\r\n");
  EXPECT_EQ(early("supported, sendrecv"), "P-Early-Media: supported\r\n");
  EXPECT_EQ(early("sendonly, gated"), "");
}

TEST_F(Spec5_4, Row10TheRestPasses) {
  const std::string lines =
      "Privacy: id\r\nP-Preferred-Service: urn:urn-7:x\r\nAccept-Contact: *;+g.x\r\n";
  const std::string body = "v=0\r\ns=-\r\n";
  const std::string text =
      Forwarded(Replaced(Mo("INVITE", lines), "Content-Length: 0\r\n\r\n",
                         "Content-Type: application/sdp\r\nContent-Length: 10\r\n\r\n" + body));
  EXPECT_NE(text.find(lines), std::string::npos);
  EXPECT_TRUE(text.ends_with("\r\n\r\n" + body));
}

class Spec5_5 : public Spec5_4 {};

TEST_F(Spec5_5, ChargingIsRemovedAndThePhoneIsNotToldWhereOthersAre) {
  const std::string answer =
      FromCore(
          Forwarded(Mo("INVITE")), 183,
          "P-Charging-Vector: icid-value=1\r\nP-Charging-Function-Addresses: ccf=1.2.3.4\r\n"
          "P-Access-Network-Info: A\r\nP-Served-User: <sip:a@x>\r\nP-Profile-Key: <sip:a@x>\r\n")
          .text;
  EXPECT_EQ(StatusOf(answer), 183);
  for (const char* name : {"P-Charging", "P-Access", "P-Served", "P-Profile"}) {
    EXPECT_EQ(answer.find(name), std::string::npos) << name;
  }
}

TEST_F(Spec5_5, TheRecordedRouteComesBackAsItWas) {
  const std::string forwarded = Forwarded(Mo("INVITE"));
  const std::string lines =
      "Record-Route: <sip:term@10.0.0.30:6060;lr>\r\n" + LinesOf(forwarded, "Record-Route");
  EXPECT_EQ(LinesOf(FromCore(forwarded, 200, lines).text, "Record-Route"), lines);
}

TEST_F(Spec5_5, AnAssertedIdentityIsShownUnlessItsOwnerAsksForPrivacy) {
  const std::string asserted = "P-Asserted-Identity: <sip:bob@x>\r\n";
  EXPECT_EQ(LinesOf(FromCore(Forwarded(Mo("INVITE")), 200, asserted).text, "P-Asserted-Identity"),
            asserted);
  EXPECT_EQ(LinesOf(FromCore(Forwarded(Mo("INVITE")), 200, asserted + "Privacy: id\r\n").text,
                    "P-Asserted-Identity"),
            "");
}

TEST_F(Spec5_5, ItGoesToPortUsOnTheSetOfItsRequest) {
  const std::string forwarded = Forwarded(Mo("INVITE"));
  const TestSet before = phone_.set;
  // The phone authenticates anew and uses the new set.
  BeginAgain(&phone_, "again");
  ASSERT_EQ(StatusOf(FromCore(OnSet(phone_.set, phone_.Protected()), 200, Accepted()).text), 200);
  Forwarded(Mo("MESSAGE"));
  ASSERT_EQ(States(), "Current Old");
  const Sent answer = FromCore(forwarded, 180);
  EXPECT_EQ(answer.from, before.from);
  EXPECT_EQ(answer.to, before.to);
}

}  // namespace
}  // namespace edge
