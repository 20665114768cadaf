// Spec sheet 5.7 and 5.8: requests to a phone, and its responses. A test a row.

#include "edge/limits.h"
#include "tests/edge_spec.h"

namespace edge {
namespace {

constexpr const char* kCalled = "P-Called-Party-ID: <sip:alice@ims.example.org>\r\n";
constexpr const char* kVector =
    "P-Charging-Vector: icid-value=AA17;orig-ioi=home;term-ioi=theirs\r\n";

class Spec5_7 : public SpecTable {
 protected:
  void SetUp() override { Go(); }
};

TEST_F(Spec5_7, Row1ARouteToAPhoneWorksFromTheCoresSideOnly) {
  const std::string request = Mt("INVITE");
  TestPhone other;
  other.imsi = "001010000000009";
  other.address = "198.51.100.79";
  Go(&other);
  const std::string one = Replaced(request, "Via: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bK-o\r\n", "");
  EXPECT_EQ(StatusOf(Deliver(other.Clear(), other.Gm(), one).text), 403);
  // Over its own SAs it goes where the phone's Service-Route leads, and not to another phone.
  EXPECT_EQ(Deliver(other.set.client, other.set.server, one).to, kScscf);
}

TEST_F(Spec5_7, Row2OurPathLeadsToThePhoneAndIsRemoved) {
  const Sent sent = FromScscf(Mt("INVITE"));
  EXPECT_EQ(sent.from, phone_.set.from);
  EXPECT_EQ(sent.to, phone_.set.to);
  EXPECT_EQ(LinesOf(sent.text, "Route"), "");
}

TEST_F(Spec5_7, Row2ATokenOfNobodyIs480) {
  const std::string text =
      Replaced(Mt("INVITE"), path_, "Route: <sip:0123456789abcdef@10.0.0.10;lr>\r\n");
  EXPECT_EQ(StatusOf(FromScscf(text).text), 480);
}

TEST_F(Spec5_7, Row2AFlowOfNobodyIs430) {  // RFC 5626 5.3.1.
  const std::string text =
      Replaced(Mt("INVITE"), path_, "Route: <sip:o0123456789abcdef@10.0.0.10;lr;ob>\r\n");
  EXPECT_EQ(StatusOf(FromScscf(text).text), 430);
}

TEST_F(Spec5_7, Row2AFlowThatLivesIsAsAnyOther) {
  const std::string text = Replaced(Mt("INVITE"), "Route: <sip:", "Route: <sip:o");
  EXPECT_EQ(FromScscf(text).to, phone_.set.to);
}

TEST_F(Spec5_7, Row3TheRequestUriIsUntouchedAndNotLookedUp) {
  const std::string text = Replaced(Mt("INVITE"), phone_.At(phone_.port_us), "203.0.113.250:1");
  const Sent sent = FromScscf(text);
  EXPECT_TRUE(sent.text.starts_with("INVITE sip:" + phone_.imsi + "@203.0.113.250:1 SIP/2.0\r\n"));
  EXPECT_EQ(sent.to, phone_.set.to);
}

TEST_F(Spec5_7, Row4ChargingIsRemoved) {
  const std::string text = ToPhone(
      Mt("INVITE", std::string(kVector) + "P-Charging-Function-Addresses: ccf=1.2.3.4\r\n"));
  EXPECT_EQ(text.find("P-Charging"), std::string::npos);
  EXPECT_EQ(text.find("AA17"), std::string::npos) << "nor can it be read in the Via";
}

TEST_F(Spec5_7, Row5WhoWasCalledIsRelayed) {
  EXPECT_EQ(LinesOf(ToPhone(Mt("INVITE", kCalled)), "P-Called-Party-ID"), kCalled);
}

TEST_F(Spec5_7, Row6AnAssertedIdentityIsShownUnlessItsOwnerAsksForPrivacy) {  // RFC 3325 7.
  const std::string asserted = "P-Asserted-Identity: \"Bob\" <sip:bob@x>, <tel:+1>\r\n";
  EXPECT_EQ(LinesOf(ToPhone(Mt("INVITE", asserted)), "P-Asserted-Identity"), asserted);
  for (const char* privacy : {"Privacy: id\r\n", "Privacy: header;id\r\n"}) {
    EXPECT_EQ(LinesOf(ToPhone(Mt("INVITE", asserted + privacy)), "P-Asserted-Identity"), "");
  }
}

TEST_F(Spec5_7, Row7BothOurSidesAreRecordedThePhonesOnTop) {
  const std::string lines = LinesOf(
      ToPhone(Mt("INVITE", "Record-Route: <sip:term@10.0.0.30:6060;lr>\r\n")), "Record-Route");
  const std::string user = lines.substr(lines.find("sip:") + 4, 33);
  EXPECT_EQ(lines, "Record-Route: <sip:" + user + "@" + phone_.set.server +
                       ";lr;ue>\r\nRecord-Route: <sip:" + user +
                       "@10.0.0.10:5060;lr>\r\nRecord-Route: <sip:term@10.0.0.30:6060;lr>\r\n");
}

TEST_F(Spec5_7, Row8OurViaHasThePortThePhoneMayAnswerTo) {
  EXPECT_TRUE(LinesOf(ToPhone(Mt("INVITE")), "Via")
                  .starts_with("Via: SIP/2.0/UDP " + phone_.set.server + ";branch=z9hG4bK"));
}

TEST_F(Spec5_7, Row9OverUdpItGoesFromPortPcToPortUs) {
  const Sent sent = FromScscf(Mt("INVITE"));
  EXPECT_EQ(sent.over, Transport::kUdp);
  EXPECT_EQ(sent.from, phone_.set.from);
  EXPECT_EQ(sent.to, phone_.set.to);
}

TEST_F(Spec5_7, Row9OverAConnectionWhereThereIsOneAndLargeOnesTryTcp) {
  const std::string large = "Subject: " + std::string(1300, 'x') + "\r\n";
  const Sent tried = FromScscf(Mt("INVITE", large));
  EXPECT_EQ(tried.over, Transport::kTcp);
  EXPECT_TRUE(tried.or_udp);
  ASSERT_TRUE(world_.Connect(phone_.set.client, phone_.set.server));
  const Sent sent = FromScscf(Mt("INVITE"));
  EXPECT_EQ(sent.over, Transport::kTcp);
  EXPECT_EQ(sent.from, phone_.set.server);
  EXPECT_EQ(sent.to, phone_.set.client);
  EXPECT_TRUE(LinesOf(sent.text, "Via").starts_with("Via: SIP/2.0/TCP " + phone_.set.server));
}

class Spec5_8 : public Spec5_7 {
 protected:
  static std::string WithoutVia(const std::string& answer, const std::string& via) {
    return Replaced(answer, "Via: " + via + "\r\n", "");
  }
};

TEST_F(Spec5_8, Bullet1TheViasComeBackAsTheyWent) {
  const std::string request = ToPhone(Mt("INVITE"));
  const std::string answer = Answer(request, 180);
  const std::string lower = "SIP/2.0/UDP 10.9.9.9;branch=z9hG4bK-o";
  EXPECT_EQ(LinesOf(FromPhone(answer).text, "Via"),
            "Via: SIP/2.0/UDP 10.0.0.30:6060;branch=z9hG4bK-s-INVITE\r\nVia: " + lower + "\r\n");
  EXPECT_EQ(FromPhone(WithoutVia(answer, lower)).text, "") << "one is missing";
  EXPECT_EQ(FromPhone(Replaced(answer, "From:", "Via: " + lower + "\r\nFrom:")).text, "")
      << "one is new";
  EXPECT_EQ(FromPhone(Replaced(answer, "z9hG4bK-s-INVITE", "z9hG4bK-other")).text, "")
      << "another transaction's";
  EXPECT_EQ(FromPhone(Replaced(answer, ";cookie=", ";cookie=A")).text, "");
  EXPECT_EQ(stats().drop_unknown_response, 4u);
  // The Vias say nothing of where it goes: it goes back where the request came from.
  EXPECT_EQ(FromPhone(Replaced(answer, "10.0.0.30:6060;branch", "203.0.113.9:6060;branch")).to,
            kScscf);
}

TEST_F(Spec5_8, Bullet2WhoWasCalledIsAssertedWhereADialogBegins) {
  const std::string prefers =
      "P-Preferred-Identity: <tel:+1>\r\nP-Asserted-Identity: <sip:forged@x>\r\n";
  const std::string asserted = "P-Asserted-Identity: <sip:alice@ims.example.org>\r\n";
  for (const char* method : {"INVITE", "SUBSCRIBE", "REFER"}) {
    const std::string request = ToPhone(Mt(method, kCalled));
    for (const int status : {180, 183, 200}) {
      const std::string text = Answered(request, status, prefers);
      EXPECT_EQ(LinesOf(text, "P-Asserted-Identity"), asserted) << method << " " << status;
      EXPECT_EQ(LinesOf(text, "P-Preferred-Identity"), "");
    }
    for (const int status : {100, 302, 486, 603}) {
      EXPECT_EQ(LinesOf(Answered(request, status, prefers), "P-Asserted-Identity"), "") << status;
    }
  }
}

TEST_F(Spec5_8, Bullet2AndInEveryAnswerToWhatStandsAlone) {
  const std::string request = ToPhone(Mt("MESSAGE", kCalled));
  for (const int status : {200, 404, 600}) {
    EXPECT_EQ(ValueOf(Answered(request, status), "P-Asserted-Identity"),
              "<sip:alice@ims.example.org>");
  }
}

TEST_F(Spec5_8, Bullet2TheDefaultIdentityWhereTheCoreNamesNone) {
  const std::string wanted = "<" + std::string(kDefaultUri) + ">";
  EXPECT_EQ(ValueOf(Answered(ToPhone(Mt("INVITE")), 200), "P-Asserted-Identity"), wanted);
  const std::string other = "P-Called-Party-ID: <sip:stranger@x>\r\n";
  EXPECT_EQ(ValueOf(Answered(ToPhone(Mt("INVITE", other)), 200), "P-Asserted-Identity"), wanted);
}

TEST_F(Spec5_8, Bullet2NobodyWithinADialog) {
  for (const char* method : {"BYE", "INVITE", "NOTIFY"}) {
    const std::string request =
        Replaced(Mt(method, kCalled), "To: <sip:alice@x>", "To: <sip:alice@x>;tag=2");
    EXPECT_EQ(LinesOf(Answered(ToPhone(request), 200), "P-Asserted-Identity"), "") << method;
  }
}

TEST_F(Spec5_8, Bullet3TheChargingVectorIsTheRequestsWithOurEnd) {
  EXPECT_EQ(ValueOf(Answered(ToPhone(Mt("INVITE", kVector)), 180,
                             "P-Charging-Vector: icid-value=forged\r\n"),
                    "P-Charging-Vector"),
            "icid-value=AA17;orig-ioi=home;term-ioi=ioi.example.org");
  EXPECT_EQ(LinesOf(Answered(ToPhone(Mt("INVITE")), 180), "P-Charging-Vector"), "");
}

TEST_F(Spec5_8, Bullet3TheNetworksAccessInformationStandsBesideThePhones) {
  EXPECT_EQ(LinesOf(Answered(ToPhone(Mt("INVITE")), 180, "P-Access-Network-Info: A\r\n"),
                    "P-Access-Network-Info"),
            "P-Access-Network-Info: A\r\n"
            "P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=001;network-provided\r\n");
}

TEST_F(Spec5_8, Bullet3OfThePhonesPortOnlyTheSetIsAsked) {
  const std::string answer = Answer(ToPhone(Mt("INVITE")), 180);
  EXPECT_EQ(Deliver(phone_.set.to, phone_.set.from, answer).to, kScscf) << "from port_us";
  EXPECT_EQ(Deliver("198.51.100.77:39999", phone_.set.server, answer).text, "") << "no set";
}

TEST_F(Spec5_8, Bullet4ANotifyIsAnOrdinaryRequestAndRecorded) {  // RFC 6665 4.3.
  const std::string text =
      ToPhone(Replaced(Mt("NOTIFY"), "To: <sip:alice@x>", "To: <sip:alice@x>;tag=2"));
  EXPECT_TRUE(ValueOf(text, "Record-Route").ends_with("@" + phone_.set.server + ";lr;ue>"));
}

}  // namespace
}  // namespace edge
