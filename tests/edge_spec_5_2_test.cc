// Spec sheet 5.2 and 5.3: what the phone gets of the core's 401 and 200 to a REGISTER. A test a
// row.

#include "tests/edge_spec.h"

namespace edge {
namespace {

class Spec5_2 : public SpecTable {
 protected:
  Sent Challenged(const std::string& lines = "") {
    return FromCore(Initial(&phone_), 401, ChallengeLine("n") + lines);
  }
};

TEST_F(Spec5_2, Row1TheChallengeLosesItsKeysAndNothingElse) {
  EXPECT_EQ(LinesOf(Challenged().text, "WWW-Authenticate"),
            "WWW-Authenticate: Digest realm=\"" + std::string(kRealm) +
                "\",nonce=\"n\",algorithm=AKAv1-MD5,qop=\"auth\"\r\n");
}

TEST_F(Spec5_2, Row2SecurityServerIsAdded) {
  const std::string text = Challenged("Security-Server: tls;q=0.1\r\n").text;
  const std::string lines = LinesOf(text, "Security-Server");
  EXPECT_TRUE(lines.starts_with("Security-Server: ipsec-3gpp;q="));
  EXPECT_EQ(lines.find("tls"), std::string::npos) << "only we may say it";
}

TEST_F(Spec5_2, Row3ChargingIsRemoved) {
  EXPECT_EQ(Challenged("P-Charging-Vector: icid-value=1\r\n"
                       "P-Charging-Function-Addresses: ccf=1.2.3.4\r\n")
                .text.find("P-Charging"),
            std::string::npos);
}

TEST_F(Spec5_2, Row4OurViaIsGone) {
  EXPECT_EQ(LinesOf(Challenged().text, "Via"),
            "Via: SIP/2.0/UDP 198.51.100.77:5060;branch=z9hG4bK-" + phone_.imsi + "-1\r\n");
}

TEST_F(Spec5_2, Row5ItLeavesInClearWhereSm1CameInClear) {
  const Sent sent = Challenged();
  EXPECT_EQ(sent.from, phone_.Gm());
  EXPECT_EQ(sent.to, phone_.Clear());
}

TEST_F(Spec5_2, Row5ItLeavesThroughTheSetThatSm1CameOn) {
  Go();
  const TestSet set = phone_.set;
  phone_.OfferAnew();
  const Sent sent = FromCore(OnSet(set, phone_.Protected()), 401, ChallengeLine("m"));
  EXPECT_EQ(StatusOf(sent.text), 401);
  EXPECT_EQ(sent.from, set.from);
  EXPECT_EQ(sent.to, set.to);
}

class Spec5_3 : public SpecTable {
 protected:
  // The phone answers the challenge, the core accepts with these lines.
  Sent Accept200(const std::string& lines) {
    EXPECT_EQ(StatusOf(Challenge(&phone_, Initial(&phone_), "n").text), 401);
    return FromCore(OnSet(phone_.set, phone_.Protected()), 200, lines);
  }
  std::string Asserted(const std::string& preferred = "") {
    return ValueOf(Forwarded(Mo("MESSAGE", preferred)), "P-Asserted-Identity");
  }
};

TEST_F(Spec5_3, Row1TheFirstAssociatedIdentityIsTheDefault) {
  const Sent sent = Accept200(Accepted());
  EXPECT_EQ(LinesOf(sent.text, "P-Associated-URI"),
            LinesOf("\r\n" + Accepted(), "P-Associated-URI"));
  EXPECT_EQ(Asserted(), "<" + std::string(kDefaultUri) + ">");
}

TEST_F(Spec5_3, Row1AnIdentityThatIsNotInTheListIsBarred) {
  Accept200("Expires: 600\r\nP-Associated-URI: <sip:only@x>\r\n");
  EXPECT_EQ(Asserted("P-Preferred-Identity: <sip:" + phone_.Impi() + ">\r\n"), "<sip:only@x>");
}

TEST_F(Spec5_3, Row2TheServiceRouteReplacesTheOneBefore) {
  const Sent sent = Accept200(Accepted());
  EXPECT_EQ(LinesOf(sent.text, "Service-Route"), LinesOf("\r\n" + Accepted(), "Service-Route"));
  EXPECT_EQ(ValueOf(Forwarded(Mo("MESSAGE")), "Route"), "<sip:orig@10.0.0.30:6060;lr>");
  FromCore(
      OnSet(phone_.set, phone_.Protected()), 200,
      "Expires: 600\r\nService-Route: <sip:new@10.0.0.31;lr>\r\nService-Route: <sip:b;lr>\r\n");
  EXPECT_EQ(ValueOf(FromPhone(Mo("MESSAGE")).text, "Route"), "<sip:new@10.0.0.31;lr>, <sip:b;lr>");
}

TEST_F(Spec5_3, Row3ChargingIsRemoved) {
  EXPECT_EQ(Accept200(Accepted("P-Charging-Vector: icid-value=1;term-ioi=home\r\n"
                               "P-Charging-Function-Addresses: ccf=1.2.3.4\r\n"))
                .text.find("P-Charging"),
            std::string::npos);
}

TEST_F(Spec5_3, Row4TheTimeIsThatOfThePhonesOwnContact) {
  const std::string own = "<sip:" + phone_.imsi + "@" + phone_.At(phone_.port_us) + ">";
  Accept200("Expires: 9000\r\nContact: <sip:other@x>;expires=8000, " + own + ";expires=100\r\n");
  EXPECT_EQ(Registered(), 1u);
  world_.Advance(99'000);
  EXPECT_EQ(Registered(), 1u);
  world_.Advance(1'000);
  EXPECT_EQ(Registered(), 0u);
}

TEST_F(Spec5_3, Row4ElseThatOfExpires) {
  Accept200("Expires: 100\r\n");
  world_.Advance(99'000);
  EXPECT_EQ(Registered(), 1u);
  world_.Advance(1'000);
  EXPECT_EQ(Registered(), 0u);
}

TEST_F(Spec5_3, Row5PathAndOutboundAndFeatureCapsAreRelayed) {
  const std::string lines =
      "Path: <sip:t@pcscf.example.org;lr>\r\nRequire: outbound\r\nFeature-Caps: *;+g.x\r\n";
  const Sent sent = Accept200(Accepted(lines));
  for (const char* name : {"Path", "Require", "Feature-Caps"}) {
    EXPECT_EQ(LinesOf(sent.text, name), LinesOf("\r\n" + lines, name));
  }
}

TEST_F(Spec5_3, Row6NoSecurityServer) {
  EXPECT_EQ(LinesOf(Accept200(Accepted("Security-Server: tls\r\n")).text, "Security-Server"), "");
}

TEST_F(Spec5_3, Row7TheSetIsTakenIntoUse) {
  const Sent sent = Accept200(Accepted());
  EXPECT_EQ(sent.from, phone_.set.from);
  EXPECT_EQ(sent.to, phone_.set.to);
  EXPECT_EQ(States(), "Current");
}

}  // namespace
}  // namespace edge
