// Spec sheet 5, "Always", and 5.1: REGISTER, phone to I-CSCF. A test a row.

#include "tests/edge_spec.h"

namespace edge {
namespace {

class Spec5_1 : public SpecTable {
 protected:
  std::string WithLines(const std::string& lines) {
    return Deliver(phone_.Clear(), phone_.Gm(),
                   Replaced(phone_.Initial(), "Expires:", lines + "Expires:"))
        .text;
  }
};

TEST_F(Spec5_1, AlwaysFromThePhoneWhatOnlyTheNetworkMaySayIsRemoved) {
  const std::string forged =
      "P-Charging-Vector: icid-value=forged\r\nP-Charging-Function-Addresses: ccf=forged\r\n"
      "P-Asserted-Identity: <sip:forged@x>\r\nP-Visited-Network-ID: forged\r\n"
      "Path: <sip:forged@x>\r\nP-Access-Network-Info: forged;network-provided\r\n"
      "Feature-Caps: *;forged\r\nHistory-Info: <sip:forged@x>;index=1\r\n"
      "P-Served-User: <sip:forged@x>\r\nP-Profile-Key: <sip:forged@x>\r\n"
      "P-Asserted-Service: forged\r\nGeolocation: <sip:a@x>;loc-src=forged\r\n"
      "p-private-network-indication: forged\r\nRelayed-Charge: forged\r\n"
      "Priority-Verstat: forged\r\nP-Early-Media: forged\r\n";
  const std::string forwarded = WithLines(forged);
  EXPECT_EQ(forwarded.find("forged"), std::string::npos) << forwarded;
  EXPECT_EQ(LinesOf(forwarded, "Geolocation"), "Geolocation: <sip:a@x>\r\n");
  Go();
  // Path is nobody's header outside of REGISTER.
  const std::string others = Replaced(forged, "Path: <sip:forged@x>\r\n", "");
  EXPECT_EQ(Forwarded(Mo("INVITE", others)).find("forged"), std::string::npos);
  const std::string invite = ToPhone(Mt("INVITE"));
  EXPECT_EQ(Answered(invite, 180, others).find("forged"), std::string::npos);
}

TEST_F(Spec5_1, AlwaysMaxForwardsIsOneLess) {
  EXPECT_EQ(ValueOf(Initial(&phone_), "Max-Forwards"), "69");
}

TEST_F(Spec5_1, AlwaysTheTopViaSaysWhereItCameFrom) {
  std::string text =
      Replaced(phone_.Initial(), "198.51.100.77:5060;branch", "198.51.100.77:5060;rport;branch");
  EXPECT_NE(Deliver(phone_.Clear(), phone_.Gm(), text)
                .text.find("198.51.100.77:5060;received=198.51.100.77;rport=5060;branch"),
            std::string::npos);
  TestPhone ipv6;
  ipv6.address = "[2001:db8::77]";
  ipv6.pcscf = "[2001:db8:10::10]";
  text = Replaced(ipv6.Initial(), "[2001:db8::77]:5060;branch", "[2001:db8::77]:5060;rport;branch");
  EXPECT_NE(Deliver(ipv6.Clear(), ipv6.Gm(), text).text.find(";received=2001:db8::77;rport=5060"),
            std::string::npos)
      << "RFC 5118 4.5: without brackets";
}

TEST_F(Spec5_1, Row1SecurityClientAndVerifyStayHere) {
  EXPECT_EQ(Initial(&phone_).find("Security-"), std::string::npos);
  Go();
  EXPECT_EQ(OnSet(phone_.set, phone_.Protected()).find("Security-"), std::string::npos);
}

TEST_F(Spec5_1, Row2SecAgreeIsRemovedAndPathRequired) {
  const std::string forwarded = Initial(&phone_);
  EXPECT_EQ(LinesOf(forwarded, "Require"), "Require: path\r\n");
  EXPECT_EQ(LinesOf(forwarded, "Proxy-Require"), "");
  phone_.cseq = 10;
  const std::string other =
      Deliver(phone_.Clear(), phone_.Gm(),
              Replaced(phone_.Initial(), "Require: sec-agree", "Require: sec-agree, foo"))
          .text;
  EXPECT_NE(LinesOf(other, "Require").find("foo"), std::string::npos);
  EXPECT_EQ(LinesOf(other, "Require").find("sec-agree"), std::string::npos);
}

TEST_F(Spec5_1, Row3AuthorizationSaysHowItCameAndElseAsItWas) {
  const std::string sent = ValueOf(phone_.Initial(), "Authorization");
  EXPECT_EQ(ValueOf(Initial(&phone_), "Authorization"), sent + ",integrity-protected=\"no\"");
}

TEST_F(Spec5_1, Row4OurPathIsOnTop) {
  const std::string path = ValueOf(WithLines("Path: <sip:forged@x>\r\n"), "Path");
  EXPECT_TRUE(path.ends_with("@pcscf.example.org:5060;lr;ob>")) << path;
  EXPECT_EQ(path.find('@') - path.find(':') - 1, 16u) << "the phone's token";
  EXPECT_EQ(ValueOf(WithLines("Path: <sip:again@x>\r\n"), "Path"), path) << "of the binding";
}

TEST_F(Spec5_1, Row4ThePathOfAFlowSaysSo) {  // RFC 5626 4.2.1.
  std::string text = Replaced(phone_.Initial(), "Supported: path", "Supported: outbound, path");
  const std::string with = ";reg-id=1;+sip.instance=\"<urn:uuid:1>\"\r\nAuth";
  text = Replaced(text, ">\r\nAuth", ">" + with);
  const std::string path = ValueOf(Deliver(phone_.Clear(), phone_.Gm(), text).text, "Path");
  EXPECT_TRUE(path.starts_with("<sip:o")) << path;
  EXPECT_EQ(path.find('@') - path.find(':') - 1, 17u);
}

TEST_F(Spec5_1, Row5TheVisitedNetworkIsOurs) {
  EXPECT_EQ(LinesOf(WithLines("P-Visited-Network-ID: other\r\n"), "P-Visited-Network-ID"),
            "P-Visited-Network-ID: \"visited.example.org\"\r\n");
}

TEST_F(Spec5_1, Row6EachRegisterHasAnIcidOfItsOwn) {
  const std::string first = ValueOf(Initial(&phone_), "P-Charging-Vector");
  const std::string second = ValueOf(Initial(&phone_), "P-Charging-Vector");
  EXPECT_NE(ParamOf(first, "icid-value"), ParamOf(second, "icid-value"));
  EXPECT_EQ(ParamOf(first, "icid-generated-at"), "10.0.0.10");
  EXPECT_EQ(ParamOf(first, "orig-ioi"), "ioi.example.org");
  EXPECT_EQ(first.find("term-ioi"), std::string::npos);
}

class Spec5_1TypeOne : public SpecTable {
 protected:
  static Settings Make() {
    Settings settings = SpecSettings();
    settings.core.orig_ioi = "Type 1visited.example.org";
    return settings;
  }
  Spec5_1TypeOne() : SpecTable(Make()) {}
};

TEST_F(Spec5_1TypeOne, Row6AnIoiWithItsTypeStandsInQuotes) {  // RFC 7315 5.6.
  EXPECT_NE(Initial(&phone_).find(";orig-ioi=\"Type 1visited.example.org\"\r\n"),
            std::string::npos);
  Go();
  const std::string invite = ToPhone(Mt("INVITE", "P-Charging-Vector: icid-value=A\r\n"));
  EXPECT_EQ(ValueOf(Answered(invite, 180), "P-Charging-Vector"),
            "icid-value=A;term-ioi=\"Type 1visited.example.org\"");
}

TEST_F(Spec5_1, Row7TheNetworksAccessInformationStandsBesideThePhones) {
  EXPECT_EQ(LinesOf(WithLines("P-Access-Network-Info: A;x=1\r\n"), "P-Access-Network-Info"),
            "P-Access-Network-Info: A;x=1\r\n"
            "P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=001;network-provided\r\n");
}

TEST_F(Spec5_1, Row8OurViaIsOnTop) {
  const std::string vias = LinesOf(Initial(&phone_), "Via");
  EXPECT_TRUE(vias.starts_with("Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK"));
  EXPECT_TRUE(vias.ends_with("\r\nVia: SIP/2.0/UDP 198.51.100.77:5060;branch=z9hG4bK-" +
                             phone_.imsi + "-1\r\n"));
}

TEST_F(Spec5_1, Row9ItGoesToTheEntryPointWhateverItsRouteSays) {
  const Sent sent =
      Deliver(phone_.Clear(), phone_.Gm(),
              Replaced(phone_.Initial(), "Expires:", "Route: <sip:192.0.2.99;lr>\r\nExpires:"));
  EXPECT_EQ(sent.to, kIcscf);
  EXPECT_EQ(LinesOf(sent.text, "Route"), "");
  EXPECT_TRUE(sent.text.starts_with("REGISTER sip:" + std::string(kRealm) + " SIP/2.0\r\n"));
}

TEST_F(Spec5_1, Row10TheRestIsUntouched) {
  std::string sent = Replaced(phone_.Initial(), ";branch", ";keep;branch");
  sent = Replaced(sent, "Content-Length: 0\r\n\r\n",
                  "X-Any: \t thing\r\nContent-Length: 4\r\n\r\nbody");
  const std::string forwarded = Deliver(phone_.Clear(), phone_.Gm(), sent).text;
  for (const char* name : {"Contact", "Expires", "Call-ID", "CSeq", "From", "To", "Supported"}) {
    EXPECT_EQ(LinesOf(forwarded, name), LinesOf(sent, name)) << name;
  }
  EXPECT_NE(forwarded.find("X-Any: \t thing\r\n"), std::string::npos);
  EXPECT_NE(forwarded.find(":5060;keep;branch"), std::string::npos) << "RFC 6223: none offered";
  EXPECT_TRUE(forwarded.ends_with("\r\n\r\nbody"));
}

TEST_F(Spec5_1, Row11MoreThanOneViaOfAPhoneIs502) {
  EXPECT_EQ(StatusOf(WithLines("Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK-2\r\n")), 502);
}

}  // namespace
}  // namespace edge
