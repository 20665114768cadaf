// Each rule the core holds the edge to, broken once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools_core_fixture.h"
#include "tools/core_checks.h"

namespace tools {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string Replaced(std::string text, std::string_view what, std::string_view with) {
  const size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), with);
}

class CoreChecks : public CoreFixture {
 protected:
  // The reasons that the changed text is counted for.
  std::vector<std::string> Reasons(const std::string& text) {
    Restart();
    Give(text);
    return Violated();
  }
  std::vector<std::string> RegisterWith(std::string_view what, std::string_view with) {
    return Reasons(Replaced(RegisterText({}), what, with));
  }
  std::vector<std::string> MessageWith(std::string_view what, std::string_view with) {
    return Reasons(Replaced(RequestText("MESSAGE", "Hello"), what, with));
  }
};

TEST_F(CoreChecks, FindNothingInWhatACorrectEdgeSends) {
  EXPECT_THAT(Reasons(RegisterText({})), IsEmpty());
  EXPECT_THAT(Reasons(RequestText("MESSAGE", "Hello")), IsEmpty());
  EXPECT_THAT(Reasons(RequestText("INVITE")), IsEmpty());
  EXPECT_EQ(node().violations()->total(), 0u);
}

TEST_F(CoreChecks, AnOptionsThatAsksWhetherTheCoreServesIsAnswered) {
  const std::string probe =
      "OPTIONS sip:10.0.0.20:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK1\r\n"
      "Max-Forwards: 0\r\nFrom: <sip:edge>;tag=1\r\nTo: <sip:10.0.0.20:5060>\r\nCall-ID: 1\r\n"
      "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
  const auto answers = Give(probe);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].message.status(), 200);
  EXPECT_THAT(Violated(), IsEmpty());
  // One that is to go on is a phone's.
  EXPECT_FALSE(Reasons(Replaced(probe, "Max-Forwards: 0", "Max-Forwards: 9")).empty());
}

TEST_F(CoreChecks, SecurityHeadersMustNotLeak) {
  for (const std::string name : {"Security-Client", "Security-Server", "Security-Verify"}) {
    EXPECT_THAT(RegisterWith("Max-Forwards", name + ": ipsec-3gpp;alg=null\r\nMax-Forwards"),
                ElementsAre("REGISTER: " + name + " leaks to the core"));
  }
  EXPECT_THAT(RegisterWith("Require: path", "Require: path, sec-agree"),
              ElementsAre("REGISTER: Require: sec-agree leaks to the core"));
  EXPECT_THAT(MessageWith("Max-Forwards", "Proxy-Require: sec-agree\r\nMax-Forwards"),
              ElementsAre("MESSAGE: Proxy-Require: sec-agree leaks to the core"));
}

TEST_F(CoreChecks, RegisterNeedsPathAndCharging) {
  EXPECT_THAT(RegisterWith("Path: <", "X-Path: <"), ElementsAre("REGISTER: Path is missing"));
  EXPECT_THAT(RegisterWith("Require: path\r\n", ""),
              ElementsAre("REGISTER: Require: path is missing"));
  EXPECT_THAT(RegisterWith("P-Charging-Vector", "X-Charging-Vector"),
              ElementsAre("REGISTER: P-Charging-Vector is missing"));
  EXPECT_THAT(RegisterWith("icid-value=1", "icid-value=1;term-ioi=x"),
              ElementsAre("REGISTER: P-Charging-Vector has a term-ioi in a request"));
}

TEST_F(CoreChecks, IntegrityProtectedMustSayYesOrNo) {
  EXPECT_THAT(RegisterWith(",integrity-protected=\"no\"", ""),
              ElementsAre("REGISTER: integrity-protected is missing"));
  EXPECT_THAT(RegisterWith("protected=\"no\"", "protected=\"maybe\""),
              ElementsAre("REGISTER: integrity-protected is neither \"yes\" nor \"no\""));
  EXPECT_THAT(RegisterWith("integrity-protected=\"no\"",
                           "integrity-protected=\"yes\",integrity-protected=\"no\""),
              ElementsAre("REGISTER: Authorization is broken or has a parameter twice"));
}

TEST_F(CoreChecks, IntegrityProtectedMayBeMissingWherePhonesAreUnprotected) {
  options_.registrar.accept_unprotected = true;
  EXPECT_THAT(RegisterWith(",integrity-protected=\"no\"", ""), IsEmpty());
}

TEST_F(CoreChecks, KeysMustNotComeBack) {
  EXPECT_THAT(RegisterWith(",integrity-protected", ",ik=\"00\",integrity-protected"),
              ElementsAre("REGISTER: Authorization has ik or ck"));
}

TEST_F(CoreChecks, ViaMustBeTheEdgesOverThePhones) {
  EXPECT_THAT(RegisterWith("10.0.0.10:5060;branch", "10.0.0.9:5060;branch"),
              ElementsAre("REGISTER: the topmost Via is not the edge's own address and port"));
  EXPECT_THAT(RegisterWith("Via: SIP/2.0/UDP 198", "X-Via: SIP/2.0/UDP 198"),
              ElementsAre("REGISTER: the Via of the phone is missing"));
}

TEST_F(CoreChecks, RequestsNeedIdentityRouteAndRecordRoute) {
  EXPECT_THAT(MessageWith("P-Asserted-Identity", "P-Preferred-Identity"),
              testing::UnorderedElementsAre("MESSAGE: P-Preferred-Identity leaks to the core",
                                            "MESSAGE: P-Asserted-Identity is missing"));
  EXPECT_THAT(MessageWith("Route: <sip:orig@10.0.0.20:5060;lr>\r\n", ""),
              ElementsAre("MESSAGE: the topmost Route is not the core's"));
  EXPECT_THAT(MessageWith("orig@10.0.0.20", "orig@10.0.0.10"),
              ElementsAre("MESSAGE: the topmost Route is not the core's"));
  const std::string invite = RequestText("INVITE");
  EXPECT_THAT(
      Reasons(Replaced(Replaced(invite, "Record-Route", "X-Record"), "Record-Route", "X-Record")),
      ElementsAre("INVITE: Record-Route is missing"));
}

TEST_F(CoreChecks, InADialogTheRouteMayEndAtTheEdge) {
  const std::string bye = RequestText("BYE", "", ";tag=x", 2);
  EXPECT_THAT(Reasons(Replaced(bye, "Route: <sip:orig@10.0.0.20:5060;lr>\r\n", "")), IsEmpty());
  EXPECT_THAT(Reasons(Replaced(bye, "orig@10.0.0.20", "t1@10.0.0.10")),
              ElementsAre("BYE: the topmost Route is not the core's"));
}

TEST_F(CoreChecks, WhatIsNotSipCounts) {
  EXPECT_THAT(Reasons("What?\r\n\r\n"), ElementsAre("datagram: not SIP: BadStartLine"));
  EXPECT_EQ(node().malformed(), 1u);
  EXPECT_THAT(RegisterWith("CSeq: 1 REGISTER", "CSeq: 1 MESSAGE"),
              ElementsAre("REGISTER: not valid SIP: MethodMismatch"));
  EXPECT_THAT(Reasons("\r\n\r\n"), IsEmpty());  // A keep-alive.
}

TEST_F(CoreChecks, ResponsesMustBeCleanToo) {
  Register();
  Control("mt OPTIONS 001010000000001");
  const auto sent = Sent();
  const std::string leaking = ResponseText(sent.at(0).message, 200,
                                           "Via: SIP/2.0/UDP 192.0.2.10:6101;branch=z9hG4bKx\r\n"
                                           "P-Preferred-Identity: <sip:a@b>\r\n");
  Give(leaking);
  EXPECT_THAT(Violated(),
              testing::UnorderedElementsAre("200: P-Preferred-Identity leaks to the core",
                                            "200: a Via of the edge is left"));
}

}  // namespace
}  // namespace tools
