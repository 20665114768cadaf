// What a phone or the core may not do, and what each gets for it (RFC 3261 16.3, RFC 3329 2.3,
// TS 33.203 7.1 and 7.2).

#include "edge/limits.h"
#include "tests/edge_steps.h"

namespace edge {
namespace {

class EdgeViolations : public EdgeSteps {
 protected:
  // A REGISTER in clear that was changed; what the phone gets.
  Sent Changed(const std::string& from, const std::string& to) {
    return Clear(Replaced(phone_.Initial(), from, to));
  }
  Sent Without(const std::string& header) {
    const std::string text = phone_.Initial();
    return Clear(Replaced(text, LinesOf(text, header), ""));
  }
  Sent Clear(const std::string& text) {
    const Sent sent = Deliver(phone_.Clear(), phone_.Gm(), text);
    EXPECT_TRUE(world_.sent().empty());
    if (!sent.text.empty()) {
      EXPECT_EQ(sent.from, phone_.Gm());
      EXPECT_EQ(sent.to, phone_.Clear());
    }
    return sent;
  }
  std::string Request(const std::string& method) {
    return phone_.Request(method, "sip:bob@" + std::string(kRealm), phone_.port_us, "");
  }
  // A phone like ours at another address.
  static TestPhone PhoneAt(int last) {
    TestPhone phone;
    phone.address = "198.51.100." + std::to_string(last);
    return phone;
  }
  TestPhone phone_;
};

TEST_F(EdgeViolations, Pitfall30NoSecurityAgreementAtAllIs421WithOurList) {
  std::string text = phone_.Initial();
  for (const char* name : {"Security-Client", "Require", "Proxy-Require", "Supported"}) {
    text = Replaced(text, LinesOf(text, name), "");
  }
  const Sent sent = Clear(text);
  EXPECT_EQ(StatusOf(sent.text), 421);
  EXPECT_TRUE(ValueOf(sent.text, "Security-Server").starts_with("ipsec-3gpp;q=0.9;alg=null;"));
  EXPECT_EQ(ValueOf(sent.text, "Require"), "sec-agree");
  EXPECT_EQ(world_.attempts().back().result, "no security agreement");
}

TEST_F(EdgeViolations, NoAgreementIsForwardedWherePolicyPrefersOrIsOff) {
  world_.settings().gm.sec_agree = SecAgree::kPrefer;
  std::string text = phone_.Initial();
  for (const char* name : {"Security-Client", "Require", "Proxy-Require", "Supported"}) {
    text = Replaced(text, LinesOf(text, name), "");
  }
  EXPECT_EQ(Deliver(phone_.Clear(), phone_.Gm(), text).to, kIcscf);
  world_.settings().gm.sec_agree = SecAgree::kOff;
  const std::string forwarded = Initial(&phone_);
  EXPECT_EQ(LinesOf(forwarded, "Security-Client"), "");
  const Sent challenge = FromCore(forwarded, 401, ChallengeLine("n"));
  EXPECT_EQ(LinesOf(challenge.text, "Security-Server"), "");
  EXPECT_EQ(challenge.text.find("ik="), std::string::npos);
  EXPECT_EQ(Sas(), 0u);
}

TEST_F(EdgeViolations, Pitfall30SecAgreeInAnyOneHeaderButNoOfferIs494) {
  for (const char* left : {"Require", "Proxy-Require", "Supported"}) {
    std::string text = phone_.Initial();
    for (const char* name : {"Security-Client", "Require", "Proxy-Require", "Supported"}) {
      if (std::string(name) != left) text = Replaced(text, LinesOf(text, name), "");
    }
    EXPECT_EQ(StatusOf(Clear(text).text), 494) << left;
  }
}

TEST_F(EdgeViolations, NoCommonAlgorithmIs494) {
  AlgorithmList strong;
  strong.Add({xfrm::Integrity::kNull, xfrm::Encryption::kAesGcm});
  world_.settings().ipsec.allowed_algorithms = strong;
  EXPECT_EQ(StatusOf(Clear(phone_.Initial()).text), 494);
  EXPECT_EQ(world_.attempts().back().result, "no common algorithm");
}

TEST_F(EdgeViolations, BrokenSyntaxOfTheOfferIs400) {
  EXPECT_EQ(StatusOf(Changed("ipsec-3gpp;", "ipsec-3gpp;;=").text), 400);
  EXPECT_EQ(StatusOf(Changed("Security-Client: ", "Security-Client: \"").text), 400);
  EXPECT_EQ(Registered(), 0u);
  EXPECT_EQ(world_.core().registrar().bindings().in_use(), 0u);
}

TEST_F(EdgeViolations, TwoViasOfAPhoneAre502) {
  const std::string extra = "Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK-2\r\n";
  EXPECT_EQ(StatusOf(Changed("Max-Forwards", extra + "Max-Forwards").text), 502);
  EXPECT_EQ(StatusOf(Changed("\r\nMax-Forwards",
                             ", SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK-2\r\nMax-Forwards")
                         .text),
            502);
  Register(&phone_);
  EXPECT_EQ(StatusOf(OnSet(phone_.set,
                           Replaced(Request("MESSAGE"), "Max-Forwards", extra + "Max-Forwards"))),
            502);
}

TEST_F(EdgeViolations, AnythingButRegisterInClearIs403AndAnAckNothing) {
  for (const char* method : {"INVITE", "MESSAGE", "OPTIONS", "SUBSCRIBE", "BYE", "FOO"}) {
    EXPECT_EQ(StatusOf(Clear(phone_.Request(method, "sip:b@x", 5060, "")).text), 403) << method;
  }
  EXPECT_EQ(Clear(phone_.Request("ACK", "sip:b@x", 5060, "")).text, "");
  EXPECT_EQ(stats().drop_unprotected, 7u);
  Register(&phone_);
  EXPECT_EQ(StatusOf(Clear(phone_.Request("INVITE", "sip:b@x", 5060, "")).text), 403);
}

TEST_F(EdgeViolations, AnUnknownProxyRequireIs420AndNamed) {
  const Sent sent = Changed("Proxy-Require: sec-agree", "Proxy-Require: foo, sec-agree, bar");
  EXPECT_EQ(StatusOf(sent.text), 420);
  EXPECT_EQ(ValueOf(sent.text, "Unsupported"), "foo, bar");
}

TEST_F(EdgeViolations, MaxForwards0Is483) {
  EXPECT_EQ(StatusOf(Changed("Max-Forwards: 70", "Max-Forwards: 0").text), 483);
  Register(&phone_);
  EXPECT_EQ(StatusOf(OnSet(phone_.set,
                           Replaced(Request("OPTIONS"), "Max-Forwards: 70", "Max-Forwards: 0"))),
            483);
}

TEST_F(EdgeViolations, WhatIsMalformedIs400And416And505) {
  EXPECT_EQ(StatusOf(Changed("Expires: 600000", "Expires: 600000\r\nMax-Forwards: x").text), 400);
  EXPECT_EQ(StatusOf(Changed("To: <sip:", "To: <").text), 400);
  EXPECT_EQ(StatusOf(Changed(" REGISTER\r\nContact", " INVITE\r\nContact").text), 400);
  EXPECT_EQ(StatusOf(Changed("REGISTER sip:", "REGISTER http:").text), 416);
  EXPECT_EQ(StatusOf(Changed(" SIP/2.0\r\n", " SIP/3.0\r\n").text), 505);
  EXPECT_EQ(StatusOf(Without("CSeq").text), 0) << "no answer can be written without it";
}

TEST_F(EdgeViolations, HalfOpenRegistrationsInAllAreLimitedWith503) {
  world_.settings().limits.half_open_max = 3;
  for (int i = 0; i < 3; ++i) {
    TestPhone phone = PhoneAt(100 + i);
    EXPECT_NE(Initial(&phone), "");
  }
  const Sent sent = Clear(phone_.Initial());
  EXPECT_EQ(StatusOf(sent.text), 503);
  EXPECT_GE(std::stoi(ValueOf(sent.text, "Retry-After")), 10);
  EXPECT_EQ(stats().refused_full, 1u);
}

TEST_F(EdgeViolations, HalfOpenRegistrationsOfOneAddressAreLimitedWith503) {
  world_.settings().limits.half_open_per_source_max = 2;
  for (int i = 0; i < 2; ++i) {
    TestPhone phone;
    phone.imsi = "00101000000010" + std::to_string(i);
    EXPECT_NE(Initial(&phone), "");
  }
  EXPECT_EQ(StatusOf(Clear(phone_.Initial()).text), 503);
  TestPhone elsewhere = PhoneAt(99);
  EXPECT_EQ(Deliver(elsewhere.Clear(), elsewhere.Gm(), elsewhere.Initial()).to, kIcscf);
}

TEST_F(EdgeViolations, AtTheLimitARegisteredPhoneIsNoStranger) {
  Register(&phone_);
  world_.settings().limits.half_open_max = 0;
  world_.settings().limits.half_open_per_source_max = 0;
  world_.settings().limits.registrations_max = 1;
  EXPECT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
  phone_.OfferAnew();
  EXPECT_NE(Initial(&phone_), "") << "nor after a reboot";
}

TEST_F(EdgeViolations, RegistrationsInAllAreLimitedWith503) {
  world_.settings().limits.registrations_max = 1;
  TestPhone first = PhoneAt(99);
  Register(&first);
  EXPECT_EQ(StatusOf(Clear(phone_.Initial()).text), 503);
}

TEST_F(EdgeViolations, ARegisterFromBehindANatGetsNoAnswer) {
  EXPECT_EQ(Changed("198.51.100.77:5060;branch", "10.9.9.9:5060;branch").text, "");
  EXPECT_EQ(stats().drop_nat, 1u);
}

TEST_F(EdgeViolations, AnotherSubscribersIdentityOnAnEstablishedSetIs403) {
  Register(&phone_);
  const std::string text = Replaced(phone_.Protected(), "username=\"00101", "username=\"00199");
  EXPECT_EQ(StatusOf(OnSet(phone_.set, text)), 403);
  EXPECT_EQ(States(), "Current");
}

TEST_F(EdgeViolations, TooLongTextsAreRefusedNotCut) {
  const std::string longest(253 - phone_.Impi().size() + phone_.imsi.size(), '7');
  TestPhone fits;
  fits.imsi = longest;
  EXPECT_NE(Initial(&fits), "");
  EXPECT_EQ(StatusOf(Changed("username=\"", "username=\"" + std::string(256, 'x')).text), 400);
  EXPECT_EQ(StatusOf(FromCore(Initial(&phone_), 401, ChallengeLine(std::string(257, 'n'))).text),
            500);
  Challenge(&phone_, Initial(&phone_), "n");
  const std::string route = "Service-Route: <sip:" + std::string(2100, 'r') + ";lr>\r\n";
  const Sent sent = FromCore(OnSet(phone_.set, phone_.Protected()), 200, route);
  EXPECT_EQ(StatusOf(sent.text), 500);
  EXPECT_EQ(sent.from, phone_.set.from);
  EXPECT_EQ(States(), "Failed");
  EXPECT_EQ(world_.attempts().back().result, "the core's 200 is too large");
}

TEST_F(EdgeViolations, ALongOfferIsTakenWholeAndOneThatIsTooLongRefused) {
  const std::string value = ValueOf(phone_.Initial(), "Security-Client");
  const auto offer = [&](size_t size) {
    return Replaced(phone_.Initial(), value,
                    value + ";x=" + std::string(size - value.size() - 3, 'a'));
  };
  EXPECT_EQ(StatusOf(Clear(offer(kAgreementSizeMax + 1)).text), 400);
  EXPECT_EQ(Deliver(phone_.Clear(), phone_.Gm(), offer(kAgreementSizeMax)).to, kIcscf);
}

class EdgeCoreSide : public EdgeViolations {
 protected:
  Sent FromScscf(const std::string& method, const std::string& route) {
    return Deliver("10.0.0.30:6060", std::string(kCore),
                   method +
                       " sip:x@198.51.100.77 SIP/2.0\r\n"
                       "Via: SIP/2.0/UDP 10.0.0.30:6060;branch=z9hG4bK-9\r\nMax-Forwards: 9\r\n" +
                       route + "From: <sip:b@x>;tag=1\r\nTo: <sip:a@x>\r\nCall-ID: c\r\nCSeq: 1 " +
                       method + "\r\nContent-Length: 0\r\n\r\n");
  }
};

TEST_F(EdgeCoreSide, RegisterFromTheCoreIs403) {
  const Sent sent = FromScscf("REGISTER", "");
  EXPECT_EQ(StatusOf(sent.text), 403);
  EXPECT_EQ(sent.to, "10.0.0.30:6060");
}

TEST_F(EdgeCoreSide, AnUnknownTokenIs480) {
  EXPECT_EQ(
      StatusOf(FromScscf("INVITE", "Route: <sip:0123456789abcdef@10.0.0.10:5060;lr>\r\n").text),
      480);
  EXPECT_EQ(StatusOf(FromScscf("INVITE", "Route: <sip:nobody@10.0.0.10:5060;lr>\r\n").text), 480);
}

TEST_F(EdgeCoreSide, ARegisteredPhoneWithoutALiveSetIs480) {
  Register(&phone_);
  const std::string path = ValueOf(OnSet(phone_.set, phone_.Protected()), "Path");
  const std::string route = "Route: " + path.substr(0, path.find('>') + 1) + "\r\n";
  EXPECT_EQ(FromScscf("MESSAGE", route).to, phone_.set.to);
  world_.core().DeleteAll(world_.now_ms(), &world_);
  world_.Settle();
  EXPECT_EQ(StatusOf(FromScscf("MESSAGE", route).text), 480);
}

TEST_F(EdgeCoreSide, WhatIsMeantForUsIsAnsweredByUs) {
  EXPECT_EQ(StatusOf(FromScscf("OPTIONS", "").text), 200);
  EXPECT_EQ(StatusOf(FromScscf("NOTIFY", "").text), 481);
  EXPECT_EQ(StatusOf(FromScscf("INVITE", "").text), 404);
  EXPECT_EQ(FromScscf("ACK", "").text, "");
}

TEST_F(EdgeCoreSide, AResponseToNothingIsDroppedAndCounted) {
  const std::string forwarded = Initial(&phone_);
  EXPECT_EQ(FromCore(Replaced(forwarded, "branch=z9hG4bK", "branch=z9hG4bKx"), 200).text, "");
  EXPECT_EQ(FromCore(Replaced(forwarded, "10.0.0.10:5060", "10.0.0.11:5060"), 200).text, "");
  EXPECT_EQ(stats().drop_unknown_response, 2u);
  EXPECT_EQ(Clear(Answer(forwarded, 200)).text, "");
  EXPECT_EQ(stats().drop_unprotected, 1u);
}

TEST_F(EdgeCoreSide, AProvisionalAnswerToRegisterStaysHere) {
  const std::string forwarded = Initial(&phone_);
  EXPECT_EQ(FromCore(forwarded, 100).text, "");
  EXPECT_EQ(FromCore(forwarded, 183).text, "");
  EXPECT_EQ(StatusOf(Challenge(&phone_, forwarded, "n").text), 401);
}

TEST_F(EdgeCoreSide, WhatNeedsTooManyChangesIsDroppedAndCounted) {
  std::string forged;
  for (int i = 0; i < 70; ++i) forged += "P-Asserted-Identity: <sip:admin@x>\r\n";
  EXPECT_EQ(Changed("Expires:", forged + "Expires:").text, "");
  EXPECT_EQ(stats().drop_edit, 1u);
}

}  // namespace
}  // namespace edge
