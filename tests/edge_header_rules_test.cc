#include <gtest/gtest.h>

#include <string>

#include "edge/header_rules.h"
#include "tests/edge_edit.h"
#include "tests/edge_world.h"

namespace edge {
namespace {

using gmedge_test::Parsed;
using gmedge_test::RequestWith;
using gmedge_test::WithCrlf;
using sip::Editor;
using sip::Message;

std::string Untrusted(std::string_view lines) {
  return EditedLines(lines, RemoveUntrusted);
}
std::string ForPhone(std::string_view lines) {
  return EditedLines(lines, RemoveForPhone);
}
std::string NoKeys(std::string_view lines) {
  return EditedLines(lines, RemoveChallengeKeys);
}
std::string NoAgreement(std::string_view lines) {
  return EditedLines(lines,
                     [](const Message&, Editor* editor) { RemoveSecurityAgreement(editor); });
}

TEST(EdgeHeaderRules, WhatAPhoneMayNotAssertIsCut) {
  EXPECT_EQ(Untrusted("P-Charging-Vector: icid-value=1\n"
                      "P-Charging-Function-Addresses: ccf=1.2.3.4\n"
                      "Subject: one\n"
                      "P-Asserted-Identity: <sip:boss@example.net>\n"
                      "p-asserted-identity: <tel:+1>\n"
                      "P-Visited-Network-ID: \"other\"\n"
                      "P-Served-User: <sip:boss@example.net>\n"
                      "P-Profile-Key: <sip:!.*!@example.net>\n"
                      "P-Asserted-Service: urn:urn-7:x\n"
                      "Feature-Caps: *;+g.3gpp.x\n"
                      "History-Info: <sip:x@example.net>;index=1\n"
                      "P-Preferred-Identity: <sip:a@example.net>\n"
                      "P-Preferred-Service: urn:urn-7:x\n"),
            "Subject: one\n"
            "P-Preferred-Identity: <sip:a@example.net>\n"
            "P-Preferred-Service: urn:urn-7:x\n");
}

TEST(EdgeHeaderRules, AnHonestMessageStaysAsItIs) {
  const std::string lines =
      "Privacy: id\nP-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=1\nSubject: x\n";
  EXPECT_EQ(Untrusted(lines), lines);
}

TEST(EdgeHeaderRules, OnlyTheNetworkMaySayNetworkProvided) {
  EXPECT_EQ(Untrusted("P-Access-Network-Info: 3GPP-E-UTRAN-FDD;network-provided\n"), "");
  EXPECT_EQ(Untrusted("P-Access-Network-Info: A;x=1, B;x=2;Network-Provided, C;x=3\n"),
            "P-Access-Network-Info: A;x=1, C;x=3\n");
  EXPECT_EQ(Untrusted("P-Access-Network-Info: A;network-provided\nSubject: x\n"
                      "P-Access-Network-Info: B;x=\";network-provided\"\n"
                      "P-Access-Network-Info: C;network-provided\n"),
            "Subject: x\nP-Access-Network-Info: B;x=\";network-provided\"\n");
  // The name of an access type is no parameter.
  EXPECT_EQ(Untrusted("P-Access-Network-Info: network-provided\n"),
            "P-Access-Network-Info: network-provided\n");
}

TEST(EdgeHeaderRules, AccessInformationSomebodyMightReadAsNetworkProvidedIsCut) {
  EXPECT_EQ(Untrusted("P-Access-Network-Info: A;;network-provided, B;x=1\n"),
            "P-Access-Network-Info: B;x=1\n");
  EXPECT_EQ(Untrusted("P-Access-Network-Info: A;x y;network-provided\n"), "");
}

TEST(EdgeHeaderRules, WhereALocationComesFromIsNotThePhonesToSay) {  // Spec sheet 5; RFC 8787.
  EXPECT_EQ(Untrusted("Geolocation: <cid:a@b>;loc-src=net.example;x=1, <cid:c@d>;LOC-SRC=e\n"),
            "Geolocation: <cid:a@b>;x=1, <cid:c@d>\n");
  EXPECT_EQ(Untrusted("Geolocation: <cid:a@b>;;loc-src=net.example\n"), "");
}

TEST(EdgeHeaderRules, WhatAPhoneMustNotSeeIsCut) {
  EXPECT_EQ(ForPhone("P-Charging-Vector: icid-value=1\n"
                     "Subject: one\n"
                     "P-Charging-Function-Addresses: ccf=1.2.3.4\n"
                     "P-Access-Network-Info: A\n"
                     "P-Access-Network-Info: B;network-provided\n"
                     "P-Served-User: <sip:a@example.net>\n"
                     "P-Profile-Key: <sip:a@example.net>\n"
                     "P-Asserted-Identity: <sip:caller@example.net>\n"
                     "P-Called-Party-ID: <sip:a@example.net>\n"),
            "Subject: one\n"
            "P-Asserted-Identity: <sip:caller@example.net>\n"
            "P-Called-Party-ID: <sip:a@example.net>\n");
}

TEST(EdgeHeaderRules, PrivacyIdHidesTheCaller) {  // RFC 3325 7.
  const std::string identities =
      "P-Asserted-Identity: <sip:a@example.net>\nP-Asserted-Identity: <tel:+1>\n";
  for (const std::string privacy :
       {"Privacy: id\n", "privacy: ID\n", "Privacy: header;id\n", "Privacy: id;critical\n",
        "Privacy: header ; id\n", "Privacy: header\nPrivacy: id\n", "Privacy: header;;id\n"}) {
    EXPECT_EQ(ForPhone(privacy + identities), privacy);
    EXPECT_EQ(ForPhone(identities + privacy), privacy);
  }
  for (const std::string privacy :
       {"", "Privacy: none\n", "Privacy: header\n", "Privacy: header;user\n", "Privacy: idle\n"}) {
    EXPECT_EQ(ForPhone(privacy + identities), privacy + identities);
  }
}

TEST(EdgeHeaderRules, KeysLeaveNoTraceWhereverTheyStand) {  // Pitfalls 5.
  const std::string ik = "ik=\"f769bcd751044604127672711c6d3441\"";
  const std::string ck = "ck=\"b40ba9a3c58b2a05bbf0d987b21bf8cb\"";
  const struct {
    std::string before;
    std::string after;
  } cases[] = {
      {"realm=\"r\",nonce=\"n\"," + ck + "," + ik, "realm=\"r\",nonce=\"n\""},
      {ik + "," + ck + ",realm=\"r\",nonce=\"n\"", "realm=\"r\",nonce=\"n\""},
      {"realm=\"r\"," + ik + "," + ck + ",nonce=\"n\"", "realm=\"r\",nonce=\"n\""},
      {"realm=\"r\"," + ik + ",nonce=\"n\"," + ck, "realm=\"r\",nonce=\"n\""},
      {ik + ",realm=\"r\"," + ck + ",nonce=\"n\"", "realm=\"r\",nonce=\"n\""},
      {ik + ",realm=\"r\",nonce=\"n\"", "realm=\"r\",nonce=\"n\""},
      {"realm=\"r\"," + ck, "realm=\"r\""},
      {"realm=\"r\" , " + ik + " , " + ck + " , nonce=\"n\"", "realm=\"r\" , nonce=\"n\""},
      {"realm=\"r\", IK=f769bcd751044604127672711c6d3441,Ck=1,nonce=\"n\"",
       "realm=\"r\", nonce=\"n\""},
      {"realm=\"ik=1,ck=2\",nonce=\"ik\",hik=\"1\"", "realm=\"ik=1,ck=2\",nonce=\"ik\",hik=\"1\""},
  };
  for (const auto& [before, after] : cases) {
    EXPECT_EQ(NoKeys("WWW-Authenticate: Digest " + before + "\n"),
              "WWW-Authenticate: Digest " + after + "\n");
  }
}

TEST(EdgeHeaderRules, NothingButKeysLeavesTheSchemeAlone) {
  const std::string line = NoKeys("WWW-Authenticate: Digest ik=\"1\",ck=\"2\"\n");
  EXPECT_TRUE(line.starts_with("WWW-Authenticate: Digest")) << line;
  EXPECT_EQ(line.find('='), line.npos) << line;
}

TEST(EdgeHeaderRules, FoldedKeysAreCutToo) {
  EXPECT_EQ(NoKeys("WWW-Authenticate: Digest realm=\"r\",\n  ik=\"1\",\n\tck = \"2\",\n  a=b\n"),
            "WWW-Authenticate: Digest realm=\"r\",\n  a=b\n");
  EXPECT_EQ(NoKeys("WWW-Authenticate: Digest\n ik=\"1\",realm=\"r\"\n"),
            "WWW-Authenticate: Digest\n realm=\"r\"\n");
}

TEST(EdgeHeaderRules, EveryChallengeOfAMessageIsSearched) {
  EXPECT_EQ(NoKeys("WWW-Authenticate: Digest realm=\"a\",ik=\"1\"\n"
                   "Proxy-Authenticate: Digest realm=\"b\",ck=\"2\"\n"
                   "www-authenticate: Digest ck=\"3\",realm=\"c\"\n"
                   "Proxy-Authenticate: Other ik=4,x=y\n"),
            "WWW-Authenticate: Digest realm=\"a\"\n"
            "Proxy-Authenticate: Digest realm=\"b\"\n"
            "www-authenticate: Digest realm=\"c\"\n"
            "Proxy-Authenticate: Other x=y\n");
}

// A reader that gives up in the middle must not let through what stands behind.
TEST(EdgeHeaderRules, AChallengeThatCannotBeReadGoesAsAWhole) {
  for (const std::string_view value :
       {"Digest realm=\"r\",;,ik=\"1\"", "Digest realm=\"r\" ik=\"1\"",
        "Digest realm=\"a\",nonce=\"n\", Digest realm=\"b\",ik=\"1\"",
        "Digest realm=\"r\",=x,ik=\"1\"", "Digest realm=\"r\"x,ik=\"1\"", "Digest=\"a b\",ik=\"1\"",
        "Digest realm=\"r,ik=\\\"1"}) {
    EXPECT_EQ(NoKeys("WWW-Authenticate: " + std::string(value) + "\nSubject: x\n"), "Subject: x\n");
  }
}

TEST(EdgeHeaderRules, APhoneGetsNoKeysInAnyAnswer) {
  EXPECT_EQ(ForPhone("Proxy-Authenticate: Digest realm=\"b\",ck=\"2\"\n"),
            "Proxy-Authenticate: Digest realm=\"b\"\n");
}

TEST(EdgeHeaderRules, TheAgreementStaysBetweenPhoneAndEdge) {  // RFC 3329 2.3.1; pitfalls 27.
  EXPECT_EQ(NoAgreement("Security-Client: ipsec-3gpp;alg=null\n"
                        "security-verify: ipsec-3gpp;alg=null\n"
                        "Security-Verify: tls\n"
                        "Security-Server: ipsec-3gpp\n"
                        "Require: sec-agree\n"
                        "Proxy-Require: SEC-AGREE\n"
                        "Supported: path, sec-agree\n"),
            "Supported: path, sec-agree\n");
  EXPECT_EQ(NoAgreement("Require: path, sec-agree, 100rel\nProxy-Require: sec-agree,x\n"),
            "Require: path, 100rel\nProxy-Require: x\n");
  EXPECT_EQ(NoAgreement("Require: 100rel,\n sec-agree\nRequire: sec-agree\n"), "Require: 100rel\n");
}

TEST(EdgeHeaderRules, MaxForwardsGoesDownByOne) {  // RFC 3261 16.6 step 3.
  EXPECT_EQ(EditedLines("Max-Forwards: 70\n", DecrementMaxForwards), "Max-Forwards: 69\n");
  EXPECT_EQ(EditedLines("Max-Forwards:  1 \n", DecrementMaxForwards), "Max-Forwards:  0 \n");
  EXPECT_EQ(EditedLines("Max-Forwards: 255\n", DecrementMaxForwards), "Max-Forwards: 254\n");
  EXPECT_EQ(EditedLines("Subject: x\n", DecrementMaxForwards), "Subject: x\nMax-Forwards: 70\n");
}

std::string MarkedVia(const std::string& via, std::string_view source, uint16_t rport) {
  std::string text = RequestWith("");
  const std::string_view plain = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1";
  text.replace(text.find(plain), plain.size(), via);
  const std::string edited = Edited(text, [&](const Message& message, Editor* editor) {
    sip::Via top;
    ASSERT_EQ(sip::DecodeTopVia(message, &top), sip::ParseError::kOk);
    MarkTopVia(top, At(source), rport, editor);
  });
  const size_t begin = edited.find("Via: ") + 5;
  const std::string marked = edited.substr(begin, edited.find("\r\n", begin) - begin);
  // Whoever gets it must be able to read it.
  sip::Via via_out;
  std::string_view rest;
  EXPECT_EQ(sip::DecodeVia(sip::CutMember(marked, &rest), &via_out), sip::ParseError::kOk)
      << marked;
  return marked;
}

TEST(EdgeHeaderRules, AViaThatTellsTheTruthStays) {
  EXPECT_EQ(MarkedVia("SIP/2.0/UDP 192.0.2.1:5062;branch=b", "192.0.2.1:9", 9),
            "SIP/2.0/UDP 192.0.2.1:5062;branch=b");
  EXPECT_EQ(MarkedVia("SIP/2.0/UDP [2001:DB8::1]:5062;branch=b", "[2001:db8::1]:9", 9),
            "SIP/2.0/UDP [2001:DB8::1]:5062;branch=b");
}

TEST(EdgeHeaderRules, AViaOfAnotherAddressGetsReceived) {  // RFC 3261 18.2.1.
  EXPECT_EQ(MarkedVia("SIP/2.0/UDP 10.0.0.1;branch=b", "192.0.2.1:9", 9),
            "SIP/2.0/UDP 10.0.0.1;branch=b;received=192.0.2.1");
  EXPECT_EQ(MarkedVia("SIP/2.0/UDP phone.example.net;branch=b", "192.0.2.1:9", 9),
            "SIP/2.0/UDP phone.example.net;branch=b;received=192.0.2.1");
  EXPECT_EQ(MarkedVia("SIP/2.0/UDP 10.0.0.1;branch=b, SIP/2.0/UDP 10.0.0.2", "192.0.2.1:9", 9),
            "SIP/2.0/UDP 10.0.0.1;branch=b;received=192.0.2.1, SIP/2.0/UDP 10.0.0.2");
}

TEST(EdgeHeaderRules, AnIpv6AddressIsReceivedWithoutBrackets) {  // RFC 5118 4.5.
  EXPECT_EQ(MarkedVia("SIP/2.0/UDP [2001:db8::9];branch=b", "[2001:db8::1]:9", 9),
            "SIP/2.0/UDP [2001:db8::9];branch=b;received=2001:db8::1");
}

TEST(EdgeHeaderRules, RportIsFilledWithReceivedBesideIt) {  // RFC 3581 4.
  EXPECT_EQ(MarkedVia("SIP/2.0/UDP 192.0.2.1:5062;rport;branch=b", "192.0.2.1:9", 37002),
            "SIP/2.0/UDP 192.0.2.1:5062;received=192.0.2.1;rport=37002;branch=b");
  EXPECT_EQ(MarkedVia("SIP/2.0/UDP 192.0.2.1;branch=b;RPORT", "192.0.2.7:9", 9),
            "SIP/2.0/UDP 192.0.2.1;branch=b;received=192.0.2.7;rport=9");
  EXPECT_EQ(MarkedVia("SIP/2.0/UDP 192.0.2.1;rport=4444;branch=b", "192.0.2.1:9", 9),
            "SIP/2.0/UDP 192.0.2.1;received=192.0.2.1;rport=9;branch=b");
}

// Two of one name and the Via could not be read any more, the answer not be brought back.
TEST(EdgeHeaderRules, AReceivedOfTheSendersOwnIsReplaced) {
  EXPECT_EQ(MarkedVia("SIP/2.0/UDP 192.0.2.1;received=10.9.9.9;branch=b", "192.0.2.1:9", 9),
            "SIP/2.0/UDP 192.0.2.1;received=192.0.2.1;branch=b");
  EXPECT_EQ(MarkedVia("SIP/2.0/UDP 10.0.0.1;branch=b;received=10.9.9.9", "192.0.2.1:9", 9),
            "SIP/2.0/UDP 10.0.0.1;branch=b;received=192.0.2.1");
  EXPECT_EQ(MarkedVia("SIP/2.0/UDP 10.0.0.1;rport;received=10.9.9.9;branch=b", "192.0.2.1:9", 9),
            "SIP/2.0/UDP 10.0.0.1;rport=9;received=192.0.2.1;branch=b");
  EXPECT_EQ(MarkedVia("SIP/2.0/UDP 10.0.0.1;received=x;rport=1;branch=b", "[2001:db8::1]:9", 9),
            "SIP/2.0/UDP 10.0.0.1;received=2001:db8::1;rport=9;branch=b");
}

sip::Via DecodedVia(std::string_view text) {
  sip::Via via;
  EXPECT_EQ(sip::DecodeVia(text, &via), sip::ParseError::kOk) << text;
  return via;
}

TEST(EdgeHeaderRules, OnlyALiteralAddressCanDiffer) {
  const reactor::Endpoint source = At("192.0.2.1:9");
  EXPECT_FALSE(ViaDiffers(DecodedVia("SIP/2.0/UDP 192.0.2.1:1;branch=b"), source));
  EXPECT_TRUE(ViaDiffers(DecodedVia("SIP/2.0/UDP 192.0.2.2;branch=b"), source));
  EXPECT_TRUE(ViaDiffers(DecodedVia("SIP/2.0/UDP [2001:db8::1];branch=b"), source));
  EXPECT_FALSE(ViaDiffers(DecodedVia("SIP/2.0/UDP phone.example.net;branch=b"), source));
  EXPECT_FALSE(
      ViaDiffers(DecodedVia("SIP/2.0/UDP [2001:db8:0::1]:1;branch=b"), At("[2001:db8::1]:9")));
}

TEST(EdgeHeaderRules, AnAnswerGoesToTheSourceAddress) {  // RFC 3261 18.2.2, RFC 3581 4.
  const auto to = [](std::string_view via, std::string_view source) {
    return TextOf(AnswerTo(DecodedVia(via), At(source)));
  };
  EXPECT_EQ(to("SIP/2.0/UDP 10.0.0.1:5070;branch=b", "192.0.2.1:9"), "192.0.2.1:5070");
  EXPECT_EQ(to("SIP/2.0/UDP 10.0.0.1;branch=b", "192.0.2.1:9"), "192.0.2.1:5060");
  EXPECT_EQ(to("SIP/2.0/UDP 10.0.0.1:5070;rport;branch=b", "192.0.2.1:9"), "192.0.2.1:9");
  EXPECT_EQ(to("SIP/2.0/UDP [2001:db8::2]:5070;branch=b", "[2001:db8::1]:9"), "[2001:db8::1]:5070");
}

std::string WithAccessInfo(std::string_view info, std::string_view lines) {
  return EditedLines(
      lines, [info](const Message&, Editor* editor) { AddAccessNetworkInfo(info, editor); });
}

TEST(EdgeHeaderRules, NetworkProvidedAccessInformationStandsBehindThePhones) {  // RFC 7315 4.4.
  EXPECT_EQ(WithAccessInfo("3GPP;x=1",
                           "P-Access-Network-Info: A\nP-Access-Network-Info: B\n"
                           "Subject: x\n"),
            "P-Access-Network-Info: A\nP-Access-Network-Info: B\n"
            "P-Access-Network-Info: 3GPP;x=1;network-provided\nSubject: x\n");
  EXPECT_EQ(WithAccessInfo("3GPP;x=1", "Subject: x\n"),
            "Subject: x\nP-Access-Network-Info: 3GPP;x=1;network-provided\n");
  EXPECT_EQ(WithAccessInfo("", "Subject: x\n"), "Subject: x\n");
}

// A phone's forged line goes and ours takes its place: the two edits touch.
TEST(EdgeHeaderRules, OursMayStandWhereAForgedOneWasCut) {
  EXPECT_EQ(EditedLines("P-Access-Network-Info: A;network-provided\nSubject: x\n",
                        [](const Message& message, Editor* editor) {
                          RemoveUntrusted(message, editor);
                          AddAccessNetworkInfo("B", editor);
                        }),
            "P-Access-Network-Info: B;network-provided\nSubject: x\n");
}

TEST(EdgeHeaderRules, ValuesOfSeveralLinesAreJoined) {
  const Parsed parsed(RequestWith(
      WithCrlf("Service-Route: <sip:a>\nSubject: x\nService-Route: <sip:b>,<sip:c>\n")));
  EXPECT_EQ(JoinValues(parsed.message, sip::HeaderId::kServiceRoute), "<sip:a>, <sip:b>,<sip:c>");
  EXPECT_EQ(JoinValues(parsed.message, sip::HeaderId::kPath), "");
}

}  // namespace
}  // namespace edge
