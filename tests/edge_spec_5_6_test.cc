// Spec sheet 5.6: requests of a phone within a dialog, as far as an edge can tell that keeps none
// (design D7). A test a row.

#include "tests/edge_spec.h"

namespace edge {
namespace {

class Spec5_6 : public SpecTable {
 protected:
  void SetUp() override {
    Go();
    invite_ = Forwarded(Mo("INVITE"));
    route_ = RouteOf(invite_);
  }
  std::string InCall(const std::string& method, const std::string& lines = "") {
    return InDialog(Mo(method, lines), route_);
  }
  std::string invite_;
  std::string route_;
};

TEST_F(Spec5_6, Row1APartyOfTheDialogMaySpeakInIt) {
  for (const char* method : {"BYE", "INVITE", "UPDATE", "PRACK", "INFO", "ACK", "MESSAGE"}) {
    const Sent sent = FromPhone(InCall(method));
    EXPECT_EQ(sent.to, kScscf) << method;
    EXPECT_EQ(LinesOf(sent.text, "Route"), "Route: <sip:term@10.0.0.30:6060;lr>\r\n") << method;
  }
}

TEST_F(Spec5_6, Row1TheCalledPhoneIsAPartyToo) {
  const std::string invite = ToPhone(Mt("INVITE"));
  const std::string lines = LinesOf(invite, "Record-Route");
  std::string uris = lines.substr(0, lines.find("\r\nRecord-Route: ", lines.find("\r\n") + 1));
  uris = Replaced(uris, "\r\nRecord-Route: ", ", ");
  const std::string bye = Replaced(InDialog(Mo("BYE"), Replaced(uris, "Record-", "")),
                                   LinesOf(Mo("BYE"), "Call-ID"), LinesOf(invite, "Call-ID"));
  EXPECT_EQ(FromPhone(bye).from, kCore);
}

TEST_F(Spec5_6, Row1InADialogOfNobodyItIs403) {
  const std::string preloaded = Preloaded();
  for (const char* method : {"BYE", "INVITE", "UPDATE", "CANCEL"}) {
    EXPECT_EQ(StatusOf(FromPhone(InDialog(Mo(method), preloaded)).text), 403) << method;
  }
  EXPECT_EQ(stats().refused_dialogs, 4u);
}

TEST_F(Spec5_6, Row1InADialogOfAnotherCallIdItIs403) {
  const std::string bye = Replaced(InCall("BYE"), "Call-ID: ", "Call-ID: other-");
  EXPECT_EQ(StatusOf(FromPhone(bye).text), 403);
}

TEST_F(Spec5_6, Row1InADialogOfAnotherPhoneItIs403) {
  TestPhone other;
  other.imsi = "001010000000009";
  other.address = "198.51.100.79";
  Go(&other);
  std::string bye = InDialog(other.Request("BYE", "sip:bob@x", other.port_us, Preloaded()), route_);
  EXPECT_EQ(StatusOf(OnSet(other.set, bye)), 403);
  // Nor by the Call-ID of that dialog.
  bye = Replaced(bye, LinesOf(bye, "Call-ID"), LinesOf(invite_, "Call-ID"));
  EXPECT_EQ(StatusOf(OnSet(other.set, bye)), 403);
  EXPECT_EQ(FromPhone(InCall("BYE")).to, kScscf) << "which goes on";
}

TEST_F(Spec5_6, Row1AnAckInADialogOfNobodyIsDropped) {
  const std::string route = Replaced(route_, "-", "-f");
  EXPECT_EQ(FromPhone(InDialog(Mo("ACK"), Replaced(route, "-f", "-"))).to, kScscf);
  const size_t tag = route_.find('-') + 1;
  std::string forged = route_;
  forged[tag] = forged[tag] == '0' ? '1' : '0';
  EXPECT_EQ(FromPhone(InDialog(Mo("ACK"), forged)).text, "");
}

TEST_F(Spec5_6, Row2TheRestOfTheRouteIsThePhones) {
  const std::string more = Replaced(route_, "<sip:term@", "<sip:a@10.0.0.31;lr>, <sip:term@");
  const Sent sent = FromPhone(InDialog(Mo("BYE"), more));
  EXPECT_EQ(sent.to, "10.0.0.31:5060");
  EXPECT_EQ(ValueOf(sent.text, "Route"), "<sip:a@10.0.0.31;lr>, <sip:term@10.0.0.30:6060;lr>");
}

TEST_F(Spec5_6, Row3TheIcidIsThatOfTheInitialRequest) {
  const std::string vector = LinesOf(invite_, "P-Charging-Vector");
  EXPECT_NE(vector, "");
  for (const char* method : {"BYE", "UPDATE", "INVITE", "PRACK"}) {
    EXPECT_EQ(LinesOf(FromPhone(InCall(method)).text, "P-Charging-Vector"), vector) << method;
  }
}

TEST_F(Spec5_6, Row4NoIdentityIsAsserted) {
  const std::string text =
      FromPhone(InCall("INVITE", "P-Preferred-Identity: <" + std::string(kSecondUri) +
                                     ">\r\nP-Asserted-Identity: <sip:forged@x>\r\n"))
          .text;
  EXPECT_EQ(LinesOf(text, "P-Preferred-Identity"), "");
  EXPECT_EQ(LinesOf(text, "P-Asserted-Identity"), "");
}

TEST_F(Spec5_6, Row5TheAgreementStaysHere) {
  const std::string text =
      FromPhone(InCall("BYE", "Security-Verify: " + phone_.set.security_server +
                                  "\r\nRequire: sec-agree\r\nProxy-Require: sec-agree\r\n"))
          .text;
  EXPECT_EQ(text.find("ec-agree"), std::string::npos);
  EXPECT_EQ(text.find("Security-"), std::string::npos);
}

TEST_F(Spec5_6, Row6WhatMovesTheTargetIsRecordedAgain) {
  const std::string recorded = LinesOf(invite_, "Record-Route");
  for (const char* method : {"INVITE", "UPDATE"}) {
    EXPECT_EQ(LinesOf(FromPhone(InCall(method)).text, "Record-Route"), recorded) << method;
  }
  EXPECT_EQ(LinesOf(FromPhone(InCall("BYE")).text, "Record-Route"), "");
}

}  // namespace
}  // namespace edge
