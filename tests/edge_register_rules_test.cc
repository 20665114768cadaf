#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "edge/limits.h"
#include "edge/register_rules.h"
#include "tests/edge_edit.h"
#include "tests/edge_steps.h"

namespace edge {
namespace {

using gmedge_test::Parsed;
using gmedge_test::RequestWith;
using gmedge_test::WithCrlf;
using sip::Editor;
using sip::Message;

std::string RegisterWith(std::string_view lines) {
  return RequestWith(WithCrlf(lines), "REGISTER");
}

// What ReadRegister makes of a REGISTER with these lines.
std::string Read(std::string_view lines) {
  const Parsed parsed(RegisterWith(lines));
  RegisterRequest request;
  if (!ReadRegister(parsed.message, &request)) return "refused";
  return std::string(request.impi) + "|" + std::string(request.nonce) + "|" +
         std::string(request.contact) + (request.has_response ? "|response" : "") +
         (request.has_auts ? "|auts" : "") + (request.asks_zero ? "|zero" : "");
}

TEST(EdgeRegisterRules, ReadsWhoRegistersWhat) {
  EXPECT_EQ(Read("Authorization: Digest username=\"u@r\",nonce=\"n\",response=\"abc\"\n"
                 "Contact: <sip:a@192.0.2.1>;expires=60\n"),
            "u@r|n|sip:a@192.0.2.1|response");
  EXPECT_EQ(Read("Authorization: digest USERNAME=u, nonce=\"\", response=\"\"\n"), "u||");
  EXPECT_EQ(Read("Authorization: Digest username=\"u\",nonce=\"n\",response=\"x\",auts=\"y\"\n"),
            "u|n||response|auts");
  EXPECT_EQ(Read(""), "||");
  const Parsed parsed(RegisterWith(""));
  RegisterRequest request;
  ASSERT_TRUE(ReadRegister(parsed.message, &request));
  EXPECT_EQ(request.identity, "sip:b@example.net");
}

TEST(EdgeRegisterRules, TheFirstDigestCredentialsName) {
  EXPECT_EQ(Read("Authorization: Basic dXNlcg\nAuthorization: Digest username=\"a\",nonce=\"1\"\n"
                 "Authorization: Digest username=\"b\",nonce=\"2\",response=\"x\"\n"),
            "a|1|");
}

TEST(EdgeRegisterRules, BrokenSyntaxIsRefused) {
  for (const std::string_view lines :
       {"Authorization: Digest username=\"u\n", "Authorization: Digest\n", "Authorization: ,\n",
        "Authorization: Digest username=\"u\",username=\"v\"\n",
        "Authorization: Digest "
        "username=\"u\",integrity-protected=\"no\",integrity-protected=\"yes\""
        "\n",
        "Authorization: Digest username=\"u\"\nAuthorization: Digest username=\"v\n",
        "Contact: <sip:a@192.0.2.1\n"}) {
    EXPECT_EQ(Read(lines), "refused") << lines;
  }
}

TEST(EdgeRegisterRules, ZeroIsAskedByContactOrByExpires) {
  EXPECT_EQ(Read("Contact: *\nExpires: 0\n"), "||*|zero");
  EXPECT_EQ(Read("Contact: <sip:a>;expires=0\nExpires: 60\n"), "||sip:a|zero");
  EXPECT_EQ(Read("Contact: <sip:a>;expires=60\nExpires: 0\n"), "||sip:a");
  EXPECT_EQ(Read("Contact: <sip:a>\nExpires: 0\n"), "||sip:a|zero");
  EXPECT_EQ(Read("Contact: <sip:a>\nExpires: 00\n"), "||sip:a|zero");
  EXPECT_EQ(Read("Contact: <sip:a>\n"), "||sip:a");
  EXPECT_EQ(Read("Contact: <sip:a>;expires=soon\nExpires: later\n"), "||sip:a");
}

class EdgeRegisterRulesEdit : public testing::Test {
 protected:
  EdgeRegisterRulesEdit() : settings_(StepSettings()) {
    binding_.token = 0x1234;
    settings_.core.access_network_info = "3GPP;x=1";
  }

  // The REGISTER as it goes to the core, without the icid, which has no meaning here.
  std::string ToCore(const std::string& text, bool integrity_protected = false) {
    const Context context(settings_, World::PortsOf(settings_), &spis_, &random_, 1000);
    std::string edited = Edited(text, [&](const Message& message, Editor* editor) {
      sip::Via via;
      ASSERT_EQ(sip::DecodeTopVia(message, &via), sip::ParseError::kOk);
      const Arrival arrival{message, via, {0, At("192.0.2.1:5060")}};
      EditRegister(context, arrival, binding_, "z9hG4bKours", settings_.core.transport,
                   integrity_protected, editor);
    });
    const size_t icid = edited.find("icid-value=") + 11;
    return edited.replace(icid, 16, "ICID");
  }
  // Its lines of one name.
  std::string Lines(const std::string& name, std::string_view lines, bool integrity = false) {
    return LinesOf(ToCore(RegisterWith(lines), integrity), name);
  }
  std::string Marked(std::string_view credentials, bool integrity) {
    return Lines("Authorization", "Authorization: " + std::string(credentials) + "\n", integrity);
  }

  Settings settings_;
  xfrm::SpiPool spis_{{}};
  CountingRandom random_;
  Binding binding_;
};

TEST_F(EdgeRegisterRulesEdit, ARegisterGoesToTheCoreAs51Says) {  // Spec sheet 5.1.
  const std::string from_phone = WithCrlf(
      "REGISTER sip:example.net SIP/2.0\n"
      "Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK1\n"
      "Max-Forwards: 70\n"
      "Route: <sip:192.0.2.10;lr>\n"
      "From: <sip:a@example.net>;tag=1\n"
      "To: <sip:a@example.net>\n"
      "Call-ID: 1@192.0.2.1\n"
      "CSeq: 1 REGISTER\n"
      "Contact: <sip:a@192.0.2.1>\n"
      "Authorization: Digest username=\"a\",nonce=\"\",response=\"\"\n"
      "Path: <sip:phone@192.0.2.1;lr>\n"
      "Require: sec-agree\n"
      "Proxy-Require: sec-agree\n"
      "P-Visited-Network-ID: \"mine\"\n"
      "Security-Client: ipsec-3gpp;alg=null\n"
      "P-Access-Network-Info: A;network-provided, B\n"
      "Content-Length: 0\n\n");
  EXPECT_EQ(ToCore(from_phone),
            WithCrlf("REGISTER sip:example.net SIP/2.0\n"
                     "Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bKours\n"
                     "Via: SIP/2.0/UDP 192.0.2.1:5060;received=192.0.2.1;rport=5060;"
                     "branch=z9hG4bK1\n"
                     "Max-Forwards: 69\n"
                     "From: <sip:a@example.net>;tag=1\n"
                     "To: <sip:a@example.net>\n"
                     "Call-ID: 1@192.0.2.1\n"
                     "CSeq: 1 REGISTER\n"
                     "Contact: <sip:a@192.0.2.1>\n"
                     "Authorization: Digest username=\"a\",nonce=\"\",response=\"\","
                     "integrity-protected=\"no\"\n"
                     "Require: path\n"
                     "Path: <sip:0000000000001234@pcscf.example.org:5060;lr;ob>\n"
                     "P-Visited-Network-ID: \"visited.example.org\"\n"
                     "P-Charging-Vector: icid-value=ICID;icid-generated-at=10.0.0.10;"
                     "orig-ioi=ioi.example.org\n"
                     "P-Access-Network-Info: B\n"
                     "P-Access-Network-Info: 3GPP;x=1;network-provided\n"
                     "Content-Length: 0\n\n"));
}

TEST_F(EdgeRegisterRulesEdit, ThePhonesWordOnItsIntegrityIsReplaced) {  // TS 33.203 annex P.3.
  for (const bool integrity : {false, true}) {
    const std::string ours =
        integrity ? "integrity-protected=\"yes\"" : "integrity-protected=\"no\"";
    EXPECT_EQ(Marked("Digest username=\"a\"", integrity),
              "Authorization: Digest username=\"a\"," + ours + "\r\n");
    for (const std::string forged :
         {"integrity-protected=\"yes\"", "integrity-protected=yes", "Integrity-Protected = \"no\"",
          "INTEGRITY-PROTECTED=\"maybe\"", "integrity-protected", "integrity-protected=\"\""}) {
      EXPECT_EQ(Marked("Digest username=\"a\"," + forged + ",nonce=\"n\"", integrity),
                "Authorization: Digest username=\"a\"," + ours + ",nonce=\"n\"\r\n");
      EXPECT_EQ(Marked("Digest " + forged + ",username=\"a\"", integrity),
                "Authorization: Digest " + ours + ",username=\"a\"\r\n");
    }
  }
}

TEST_F(EdgeRegisterRulesEdit, OnlyTheFirstCredentialsAreMarkedYes) {
  EXPECT_EQ(Lines("Authorization",
                  "Authorization: Digest username=\"a\"\n"
                  "Authorization: Digest username=\"b\",integrity-protected=\"yes\"\n"
                  "Authorization: Digest integrity-protected=yes,username=\"c\"\n"
                  "Authorization: Digest username=\"d\"\n",
                  true),
            "Authorization: Digest username=\"a\",integrity-protected=\"yes\"\r\n"
            "Authorization: Digest username=\"b\",integrity-protected=\"no\"\r\n"
            "Authorization: Digest integrity-protected=\"no\",username=\"c\"\r\n"
            "Authorization: Digest username=\"d\"\r\n");
}

TEST_F(EdgeRegisterRulesEdit, CredentialsOfAnotherKindAreNotMarked) {
  EXPECT_EQ(Lines("Authorization",
                  "Authorization: Basic dXNlcg\nAuthorization: Digest username=\"a\"\n", true),
            "Authorization: Basic dXNlcg\r\n"
            "Authorization: Digest username=\"a\",integrity-protected=\"yes\"\r\n");
}

TEST_F(EdgeRegisterRulesEdit, PathIsOursAlone) {
  const std::string ours = "Path: <sip:0000000000001234@pcscf.example.org:5060;lr;ob>\r\n";
  EXPECT_EQ(Lines("Path", ""), ours);
  EXPECT_EQ(Lines("Path", "Path: <sip:evil>\nPath: <sip:x>,<sip:y>\n"), ours);
  EXPECT_EQ(Lines("Route", "Route: <sip:evil>\nRoute: <sip:x>,<sip:y>\n"), "");
}

TEST_F(EdgeRegisterRulesEdit, PathIsRequired) {  // RFC 3327 5.2.
  EXPECT_EQ(Lines("Require", ""), "Require: path\r\n");
  EXPECT_EQ(Lines("Require", "Require: sec-agree\n"), "Require: path\r\n");
  EXPECT_EQ(Lines("Require", "Require: Path\n"), "Require: Path\r\n");
  EXPECT_EQ(Lines("Require", "Require: sec-agree, path\n"), "Require: path\r\n");
  EXPECT_EQ(Lines("Require", "Require: x, sec-agree\n"), "Require: path\r\nRequire: x\r\n");
  EXPECT_EQ(Lines("Require", "Supported: path\n"), "Require: path\r\n");
}

TEST_F(EdgeRegisterRulesEdit, WhatIsNotConfiguredIsLeftOut) {
  settings_.core.visited_network_id.clear();
  settings_.core.orig_ioi.clear();
  settings_.core.access_network_info.clear();
  EXPECT_EQ(Lines("P-Visited-Network-ID", "P-Visited-Network-ID: forged\n"), "");
  EXPECT_EQ(Lines("P-Charging-Vector", "P-Charging-Vector: icid-value=forged\n"),
            "P-Charging-Vector: icid-value=ICID;icid-generated-at=10.0.0.10\r\n");
  EXPECT_EQ(Lines("P-Access-Network-Info", ""), "");
}

TEST_F(EdgeRegisterRulesEdit, AnIpv6EdgeNamesItselfInBrackets) {
  settings_.core.listen = At("[2001:db8::10]:5080");
  const std::string edited = ToCore(RegisterWith(""));
  EXPECT_TRUE(ValueOf(edited, "Via").starts_with("SIP/2.0/UDP [2001:db8::10]:5080;")) << edited;
  EXPECT_EQ(ParamOf(edited, "icid-generated-at"), "[2001:db8::10]");
  EXPECT_EQ(ValueOf(edited, "Path"), "<sip:0000000000001234@pcscf.example.org:5080;lr;ob>");
}

TEST_F(EdgeRegisterRulesEdit, TheIcidIsTheSameForARetransmissionOnly) {
  const Context context(settings_, World::PortsOf(settings_), &spis_, &random_, 1000);
  const auto icid = [&](const std::string& text) {
    return ParamOf(Edited(text,
                          [&](const Message& message, Editor* editor) {
                            sip::Via via;
                            ASSERT_EQ(sip::DecodeTopVia(message, &via), sip::ParseError::kOk);
                            EditRegister(context, {message, via, {0, At("192.0.2.1:5060")}},
                                         binding_, "z9hG4bKours", settings_.core.transport, false,
                                         editor);
                          }),
                   "icid-value");
  };
  const std::string text = RegisterWith("");
  EXPECT_EQ(icid(text), icid(text));
  EXPECT_NE(icid(text), icid(Replaced(text, "CSeq: 1", "CSeq: 2")));
  EXPECT_NE(icid(text), icid(Replaced(text, "branch=z9hG4bK1", "branch=z9hG4bK2")));
}

std::string ResponseWith(int status, std::string_view lines) {
  return "SIP/2.0 " + std::to_string(status) + " Text\r\n" +
         WithCrlf(
             "Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bKours\n"
             "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\n"
             "From: <sip:a@example.net>;tag=1\nTo: <sip:a@example.net>;tag=2\n"
             "Call-ID: 1@192.0.2.1\nCSeq: 1 REGISTER\n") +
         WithCrlf(lines) + "\r\n";
}

TEST(EdgeRegisterRules, AnAnswerLosesOurViaAndWhatIsNotForThePhone) {
  EXPECT_EQ(Edited(ResponseWith(200,
                                "P-Charging-Vector: icid-value=1\nService-Route: <sip:s;lr>\n"
                                "Path: <sip:p;lr>\nSecurity-Server: forged\n"
                                "P-Associated-URI: <sip:a@example.net>\n"
                                "WWW-Authenticate: Digest realm=\"r\",ik=\"1\",ck=\"2\"\n"),
                   EditAnswer),
            Replaced(ResponseWith(200,
                                  "Service-Route: <sip:s;lr>\nPath: <sip:p;lr>\n"
                                  "P-Associated-URI: <sip:a@example.net>\n"
                                  "WWW-Authenticate: Digest realm=\"r\"\n"),
                     "Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bKours\r\n", ""));
}

TEST(EdgeRegisterRules, ViasInOneLineLoseTheFirstOnly) {
  const std::string text = Replaced(ResponseWith(200, ""), "ours\r\nVia: ", "ours, ");
  const std::string edited = Edited(text, EditAnswer);
  EXPECT_EQ(LinesOf(edited, "Via"), "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n");
}

TEST(EdgeRegisterRules, TheChallengeGetsSecurityServerAndLosesTheKeys) {
  const std::string edited =
      Edited(ResponseWith(401,
                          "WWW-Authenticate: Digest realm=\"r\",nonce=\"n\",ck=\"1\",ik=\"2\"\n"
                          "Security-Server: forged\nPath: <sip:p;lr>\nServer: S-CSCF\n"),
             [](const Message& message, Editor* editor) {
               EditChallenge(message, "ipsec-3gpp;q=0.9", editor);
             });
  EXPECT_TRUE(
      edited.ends_with(WithCrlf("WWW-Authenticate: Digest realm=\"r\",nonce=\"n\"\n"
                                "Security-Server: ipsec-3gpp;q=0.9\nServer: S-CSCF\n\n")))
      << edited;
}

std::string Keys(std::string_view lines) {
  const Parsed parsed(ResponseWith(401, lines));
  const std::optional<ChallengeKeys> keys = ReadChallenge(parsed.message);
  if (!keys) return "none";
  std::string text;
  for (const xfrm::Key* key : {&keys->ik, &keys->ck}) {
    for (const uint8_t byte : key->bytes()) {
      text += "0123456789abcdef"[byte >> 4];
      text += "0123456789abcdef"[byte & 15];
    }
    text += ' ';
  }
  return text + std::string(keys->nonce);
}

std::string KeyLine(std::string_view ik, std::string_view ck) {
  return "WWW-Authenticate: Digest nonce=\"n\",ik=" + std::string(ik) + ",ck=" + std::string(ck) +
         "\n";
}

TEST(EdgeRegisterRules, KeysAreReadAsHex) {
  const std::string ik(kIk);
  const std::string ck(kCk);
  const std::string read = ik + " " + ck + " n";
  EXPECT_EQ(Keys(KeyLine("\"" + ik + "\"", "\"" + ck + "\"")), read);
  EXPECT_EQ(Keys(KeyLine(ik, ck)), read);
  EXPECT_EQ(Keys(KeyLine("F769BCD751044604127672711C6D3441", ck)), read);
  EXPECT_EQ(Keys("WWW-Authenticate: Basic realm=\"x\"\n" + KeyLine(ik, ck)), read);
  EXPECT_EQ(Keys("www-authenticate: digest CK=" + ck + ",IK=" + ik + ",nonce=\"n\"\n"), read);
}

TEST(EdgeRegisterRules, AKeyThatIsNotWholeIsNoKey) {  // Pitfalls 5: never a zero-length key.
  const std::string good(kIk);
  std::vector<std::string> bad = {"\"\"",
                                  "",
                                  "\"0\"",
                                  good.substr(1),
                                  good + "0",
                                  good + good,
                                  "\"" + good.substr(2) + "\"",
                                  "\" " + good.substr(1) + "\"",
                                  "\"0x" + good.substr(2) + "\""};
  for (const char c : {'g', 'G', '/', ':', '@', '`', '-', '.'}) {
    bad.push_back(good.substr(1) + c);
    bad.push_back("\"" + (c + good.substr(1)) + "\"");
  }
  for (const std::string& key : bad) {
    EXPECT_EQ(Keys(KeyLine(key, good)), "none") << key;
    EXPECT_EQ(Keys(KeyLine(good, key)), "none") << key;
  }
  EXPECT_EQ(Keys("WWW-Authenticate: Digest nonce=\"n\",ik=" + good + "\n"), "none");
  EXPECT_EQ(Keys("WWW-Authenticate: Digest nonce=\"n\",ck=" + good + "\n"), "none");
  EXPECT_EQ(Keys("WWW-Authenticate: Digest nonce=\"n\"\n"), "none");
}

TEST(EdgeRegisterRules, AChallengeThatCannotBeReadHasNoKeys) {
  const std::string both = ",ik=" + std::string(kIk) + ",ck=" + std::string(kCk);
  EXPECT_EQ(Keys(""), "none");
  EXPECT_EQ(Keys("WWW-Authenticate: Basic realm=\"r\"\n"), "none");
  EXPECT_EQ(Keys("Proxy-Authenticate: Digest nonce=\"n\"" + both + "\n"), "none");
  EXPECT_EQ(Keys("WWW-Authenticate: Digest nonce=\"n\"" + both + both + "\n"), "none");
  EXPECT_EQ(Keys("WWW-Authenticate: Digest nonce=\"n\n" + KeyLine(kIk, kCk)), "none");
  // The keys belong to the first challenge or to none.
  EXPECT_EQ(Keys("WWW-Authenticate: Digest nonce=\"n\"\n" + KeyLine(kIk, kCk)), "none");
}

TEST(EdgeRegisterRules, ANonceTooLongToKeepIsRefused) {
  const auto keys = [](size_t size) {
    return Keys("WWW-Authenticate: Digest nonce=\"" + std::string(size, 'n') +
                "\",ik=" + std::string(kIk) + ",ck=" + std::string(kCk) + "\n");
  };
  EXPECT_NE(keys(kNonceSizeMax), "none");
  EXPECT_EQ(keys(kNonceSizeMax + 1), "none");
}

uint32_t Granted(std::string_view lines, bool asks_zero = false) {
  const Parsed parsed(ResponseWith(200, lines));
  return GrantedSeconds(parsed.message, "sip:a@192.0.2.1", asks_zero);
}

TEST(EdgeRegisterRules, TheOwnContactSaysHowLong) {
  EXPECT_EQ(Granted("Contact: <sip:a@192.0.2.1>;expires=60\nExpires: 3000\n"), 60u);
  EXPECT_EQ(Granted("Contact: <sip:b@192.0.2.1>;expires=10, <sip:a@192.0.2.1>;expires=60\n"), 60u);
  EXPECT_EQ(Granted("Contact: <sip:b@192.0.2.1>;expires=10\n"
                    "Contact: \"A, B\" <SIP:A@192.0.2.1>;q=1;Expires=\"60\"\n"),
            60u);
  EXPECT_EQ(Granted("Contact: <sip:a@192.0.2.1>\nExpires: 3000\n"), 3000u);
  EXPECT_EQ(Granted("Contact: <sip:a@192.0.2.1>\n"), 3600u);  // RFC 3261 10.2.1.1.
  EXPECT_EQ(Granted("Contact: <sip:a@192.0.2.1>;expires=soon\nExpires: 3000\n"), 3000u);
  EXPECT_EQ(Granted("Contact: <sip:a@192.0.2.1>;expires=0\nExpires: 3000\n"), 0u);
  EXPECT_EQ(Granted("Contact: <sip:broken, <sip:x>\nContact: <sip:a@192.0.2.1>;expires=60\n"), 60u);
}

TEST(EdgeRegisterRules, ARegistrarThatListsOthersOnlyHasDroppedOurs) {
  EXPECT_EQ(Granted("Contact: <sip:b@192.0.2.1>;expires=10\n"), 0u);
  EXPECT_EQ(Granted("Contact: <sip:b@192.0.2.1>;expires=10\n", true), 0u);
  EXPECT_EQ(Granted("Contact: <sip:b@192.0.2.1>;expires=10\nExpires: 3000\n", true), 0u);
}

TEST(EdgeRegisterRules, ARegistrarThatListsNothingSaysExpires) {
  EXPECT_EQ(Granted("Expires: 3000\n"), 3000u);
  EXPECT_EQ(Granted(""), 3600u);
  EXPECT_EQ(Granted("Expires: 0\n"), 0u);
  EXPECT_EQ(Granted("Expires: 3000\n", true), 0u);
  EXPECT_EQ(Granted("", true), 0u);
}

TEST(EdgeRegisterRules, ABindingThatStaysIsNotGoneWhateverWasAsked) {
  EXPECT_EQ(Granted("Contact: <sip:a@192.0.2.1>;expires=60\n", true), 60u);
}

}  // namespace
}  // namespace edge
