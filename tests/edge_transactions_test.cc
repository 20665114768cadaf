// What belongs to one transaction or dialog passes an edge that remembers neither (RFC 3261 16.11):
// CANCEL, ACK, PRACK, UPDATE, forked responses, 6xx, early media; and what goes round is stopped.

#include "tests/edge_spec.h"

namespace edge {
namespace {

class EdgeTransactions : public SpecTable {
 protected:
  void SetUp() override { Go(); }
  // CANCEL and ACK as RFC 3261 9.1 and 17.1.1.3 make them: of the request, no more than these.
  static std::string Bare(const std::string& method, const std::string& invite,
                          const std::string& to_tag = "") {
    const std::string via = LinesOf(invite, "Via");
    const std::string cseq = ValueOf(invite, "CSeq");
    return method + invite.substr(invite.find(' '), invite.find("\r\n") - invite.find(' ') + 2) +
           via.substr(0, via.find("\r\n") + 2) + "Max-Forwards: 70\r\n" + LinesOf(invite, "Route") +
           LinesOf(invite, "From") + "To: " + ValueOf(invite, "To") + to_tag + "\r\n" +
           LinesOf(invite, "Call-ID") + "CSeq: " + cseq.substr(0, cseq.find(' ')) + " " + method +
           "\r\nContent-Length: 0\r\n\r\n";
  }
  // Of what a core sends for a call, which the CANCEL does not repeat.
  std::string Call() {
    return Mt("INVITE",
              "P-Called-Party-ID: <sip:alice@ims.example.org>\r\n"
              "P-Charging-Vector: icid-value=AA17;orig-ioi=home\r\n");
  }
};

TEST_F(EdgeTransactions, ACancelOfThePhoneFollowsItsInvite) {
  for (const std::string& route : {Preloaded(), std::string("Route: <sip:x@10.0.0.99;lr>\r\n")}) {
    const std::string invite = Replaced(Mo("INVITE"), Preloaded(), route);
    const Sent forwarded = FromPhone(invite);
    const Sent cancel = FromPhone(Bare("CANCEL", invite));
    EXPECT_EQ(cancel.to, forwarded.to);
    EXPECT_EQ(BranchOf(cancel.text), BranchOf(forwarded.text));
    EXPECT_EQ(LinesOf(cancel.text, "Route"), LinesOf(forwarded.text, "Route"));
  }
}

TEST_F(EdgeTransactions, SoDoesTheAckOfARefusedInvite) {
  const std::string invite = Replaced(Mo("INVITE"), Preloaded(), "Route: <sip:x@10.0.0.99;lr>\r\n");
  const Sent forwarded = FromPhone(invite);
  const Sent ack = FromPhone(Bare("ACK", invite, ";tag=refused"));
  EXPECT_EQ(ack.to, forwarded.to);
  EXPECT_EQ(BranchOf(ack.text), BranchOf(forwarded.text));
  EXPECT_EQ(LinesOf(ack.text, "Route"), LinesOf(forwarded.text, "Route"));
}

TEST_F(EdgeTransactions, AndTheCancelAndTheAckOfAReInvite) {
  const std::string route = RouteOf(Forwarded(Mo("INVITE")));
  const std::string invite = InDialog(Mo("INVITE"), route);
  const Sent forwarded = FromPhone(invite);
  for (const char* method : {"CANCEL", "ACK"}) {
    const Sent sent = FromPhone(Bare(method, invite));
    EXPECT_EQ(sent.to, forwarded.to);
    EXPECT_EQ(BranchOf(sent.text), BranchOf(forwarded.text));
    EXPECT_EQ(LinesOf(sent.text, "Route"), LinesOf(forwarded.text, "Route"));
  }
}

TEST_F(EdgeTransactions, ACancelToThePhoneHasTheBranchOfItsInvite) {
  const std::string invite = ToPhone(Call());
  const Sent cancel = FromScscf(Bare("CANCEL", Call()));
  EXPECT_EQ(cancel.from, phone_.set.from);
  EXPECT_EQ(cancel.to, phone_.set.to);
  EXPECT_EQ(BranchOf(cancel.text), BranchOf(invite));
  EXPECT_TRUE(LinesOf(cancel.text, "Via").starts_with("Via: SIP/2.0/UDP " + phone_.set.server));
  // Its answer finds back, and asserts nobody.
  const Sent answer = FromPhone(Answer(cancel.text, 200));
  EXPECT_EQ(answer.to, kScscf);
  EXPECT_EQ(LinesOf(answer.text, "P-Asserted-Identity"), "");
}

TEST_F(EdgeTransactions, SoHasTheAckOfAnInviteThePhoneRefused) {
  const std::string invite = ToPhone(Call());
  EXPECT_EQ(StatusOf(Answered(invite, 486)), 486);
  const Sent ack = FromScscf(Bare("ACK", Call(), ";tag=refused"));
  EXPECT_EQ(ack.to, phone_.set.to);
  EXPECT_EQ(BranchOf(ack.text), BranchOf(invite));
}

TEST_F(EdgeTransactions, ACancelWhoseSenderIsNotItsViaIsDropped) {
  const std::string invite = Mo("INVITE");
  Forwarded(invite);
  const std::string cancel =
      Replaced(Bare("CANCEL", invite), "UDP 198.51.100.77", "UDP 192.0.2.99");
  EXPECT_EQ(FromPhone(cancel).text, "");
  EXPECT_EQ(stats().drop_spoofed, 1u);
}

TEST_F(EdgeTransactions, PrackUpdateAndAckGoAlongTheDialog) {
  const std::string route = RouteOf(Forwarded(Mo("INVITE")));
  for (const char* method : {"PRACK", "UPDATE", "ACK", "BYE"}) {
    const Sent sent = FromPhone(InDialog(Mo(method), route));
    EXPECT_EQ(sent.to, kScscf) << method;
    EXPECT_EQ(StatusOf(FromCore(sent.text, 200).text), 200);
    const std::string core_route = "Route: <sip:" + ParamOf(Replaced(route, "sip:", "sip="), "sip");
    const std::string token = core_route.substr(core_route.find("sip:") + 4, 33);
    const std::string request =
        Replaced(Replaced(Mt(method), path_,
                          "Route: <sip:" + token + "@10.0.0.10:5060;lr>, <sip:" + token + "@" +
                              phone_.set.server + ";lr;ue>\r\n"),
                 "To: <sip:alice@x>", "To: <sip:alice@x>;tag=ue");
    const Sent to_phone = FromScscf(request);
    EXPECT_EQ(to_phone.to, phone_.set.to) << method;
    EXPECT_EQ(LinesOf(to_phone.text, "Route"), "") << "both entries are ours";
  }
}

TEST_F(EdgeTransactions, EachForkedResponseAndA6xxGetThrough) {
  const std::string forwarded = Forwarded(Mo("INVITE"));
  for (const char* tag : {"one", "two", "three"}) {
    for (const int status : {180, 183, 200}) {
      const Sent sent =
          Deliver(std::string(kScscf), std::string(kCore),
                  Replaced(Answer(forwarded, status), "tag=core", "tag=" + std::string(tag)));
      EXPECT_EQ(StatusOf(sent.text), status);
      EXPECT_EQ(ParamOf(ValueOf(sent.text, "To"), "tag"), tag);
      EXPECT_EQ(sent.to, phone_.set.to);
    }
  }
  EXPECT_EQ(StatusOf(FromCore(forwarded, 100).text), 100);
  EXPECT_EQ(StatusOf(FromCore(forwarded, 603).text), 603);
  EXPECT_EQ(StatusOf(Answered(ToPhone(Call()), 606)), 606);
}

TEST_F(EdgeTransactions, EarlyMediaIsToldThePhone) {  // RFC 5009, RFC 3262.
  const std::string lines = "P-Early-Media: sendrecv, gated\r\nRequire: 100rel\r\nRSeq: 7\r\n";
  const std::string text = FromCore(Forwarded(Mo("INVITE")), 183, lines).text;
  EXPECT_NE(text.find(lines), std::string::npos) << text;
  EXPECT_EQ(LinesOf(ToPhone(Mt("INVITE", "P-Early-Media: supported\r\n")), "P-Early-Media"),
            "P-Early-Media: supported\r\n");
}

TEST_F(EdgeTransactions, WhatWeSentAndTheCoreSendsBackIs482) {
  for (const std::string& text : {Forwarded(Mo("INVITE")), OnSet(phone_.set, phone_.Protected())}) {
    EXPECT_EQ(StatusOf(FromScscf(Replaced(text, "Max-Forwards: 69", "Max-Forwards: 68")).text),
              482);
  }
}

// A call from one of our phones to another comes by twice, along the other's Path.
TEST_F(EdgeTransactions, ASpiralIsNoLoop) {
  const std::string forwarded = Forwarded(Mo("INVITE"));
  Mt("INVITE");
  const std::string back =
      Replaced(Replaced(forwarded, LinesOf(forwarded, "Route"), path_),
               "Via: ", "Via: SIP/2.0/UDP 10.0.0.30:6060;branch=z9hG4bK-s\r\nVia: ");
  EXPECT_EQ(FromScscf(back).to, phone_.set.to);
}

TEST_F(EdgeTransactions, AFlowIsNotRegisteredOverAnother) {  // Spec sheet 6; RFC 5626 4.2.
  const auto flow = [&](const std::string& text, const char* id) {
    return Replaced(text, ">\r\nAuthorization",
                    ">;reg-id=" + std::string(id) + ";+sip.instance=\"<u>\"\r\nAuthorization");
  };
  ASSERT_EQ(
      StatusOf(FromCore(OnSet(phone_.set, flow(phone_.Protected(), "1")), 200, Accepted()).text),
      200);
  EXPECT_EQ(OnSet(phone_.set, flow(phone_.Protected(), "1")).find("REGISTER"), 0u);
  EXPECT_EQ(StatusOf(OnSet(phone_.set, flow(phone_.Protected(), "2"))), 403);
}

}  // namespace
}  // namespace edge
