// Header lines of [[header]]: on which messages they stand, and that nobody else can write them.

#include "edge/header_lines.h"
#include "edge/limits.h"
#include "tests/edge_steps.h"

namespace edge {
namespace {

HeaderLine Line(std::string name, std::string_view value) {
  HeaderLine line;
  line.name = std::move(name);
  std::string error;
  EXPECT_TRUE(Template::Parse(value, &line.value, &error)) << error;
  return line;
}

class EdgeHeaderLines : public EdgeSteps {
 protected:
  void Have(HeaderLine line) { world_.settings().headers.push_back(std::move(line)); }
  std::string Request(const std::string& method, const std::string& lines = "") {
    return phone_.Request(method, "sip:bob@" + std::string(kRealm), phone_.port_us, lines);
  }
  std::string Options(const std::string& lines = "") {
    return OnSet(phone_.set, Request("OPTIONS", lines));
  }
  // A request of the core, along our Path; what the phone gets.
  std::string ToPhone(const std::string& lines = "") {
    const std::string path = ValueOf(OnSet(phone_.set, phone_.Protected()), "Path");
    return Deliver("10.0.0.30:6060", std::string(kCore),
                   "MESSAGE sip:x@198.51.100.77 SIP/2.0\r\n"
                   "Via: SIP/2.0/UDP 10.0.0.30:6060;branch=z9hG4bK-9\r\nMax-Forwards: 9\r\n"
                   "Route: " +
                       path.substr(0, path.find('>') + 1) +
                       "\r\nFrom: <sip:b@x>;tag=1\r\nTo: <sip:a@x>\r\nCall-ID: c\r\n"
                       "CSeq: 1 MESSAGE\r\n" +
                       lines + "Content-Length: 0\r\n\r\n")
        .text;
  }
  TestPhone phone_;
};

TEST_F(EdgeHeaderLines, StandOnEveryMessageOverATunnelAndOnNoOther) {
  Have(Line("X-IPsec", "$ipsec(alg)/$ipsec(ealg);ue=$ipsec_ue(ip):$ipsec_ue(port-c)"));
  const std::string value = "hmac-sha-1-96/aes-cbc;ue=198.51.100.77:37001";
  const std::string initial = Initial(&phone_);
  EXPECT_EQ(LinesOf(initial, "X-IPsec"), "") << "it came in clear";
  ASSERT_EQ(StatusOf(Challenge(&phone_, initial, "n").text), 401);
  const std::string answered = OnSet(phone_.set, phone_.Protected());
  EXPECT_EQ(ValueOf(answered, "X-IPsec"), value);
  const Sent accepted = Accept(answered);
  ASSERT_EQ(StatusOf(accepted.text), 200);
  EXPECT_EQ(LinesOf(accepted.text, "X-IPsec"), "") << "of what goes to the core";

  const std::string options = Options();
  EXPECT_EQ(ValueOf(options, "X-IPsec"), value);
  EXPECT_EQ(LinesOf(FromCore(options, 200).text, "X-IPsec"), "");
  const std::string to_phone = ToPhone();
  EXPECT_EQ(LinesOf(to_phone, "X-IPsec"), "");
  EXPECT_EQ(ValueOf(OnSet(phone_.set, Answer(to_phone, 200)), "X-IPsec"), value);
}

TEST_F(EdgeHeaderLines, OfWhatGoesToThePhoneStandOnAllThatTakesATunnel) {
  HeaderLine line = Line("X-Tunnel", "$ipsec(spi-c)");
  line.direction = Direction::kToPhone;
  Have(std::move(line));
  const Sent challenge = Challenge(&phone_, Initial(&phone_), "n");
  ASSERT_EQ(StatusOf(challenge.text), 401);
  EXPECT_EQ(LinesOf(challenge.text, "X-Tunnel"), "") << "it left in clear";
  const std::string spi_pc = ParamOf(phone_.set.security_server, "spi-c");
  const std::string answered = OnSet(phone_.set, phone_.Protected());
  EXPECT_EQ(LinesOf(answered, "X-Tunnel"), "");
  EXPECT_EQ(ValueOf(Accept(answered).text, "X-Tunnel"), spi_pc);
  EXPECT_EQ(ValueOf(FromCore(Options(), 200).text, "X-Tunnel"), spi_pc);
  EXPECT_EQ(ValueOf(ToPhone(), "X-Tunnel"), spi_pc);
  EXPECT_EQ(ValueOf(FromCore(OnSet(phone_.set, phone_.Protected()), 403).text, "X-Tunnel"), spi_pc);
  // The 401 of a re-authentication leaves through the set in use.
  phone_.OfferAnew();
  const std::string again = OnSet(phone_.set, phone_.Protected());
  EXPECT_EQ(ValueOf(FromCore(again, 401, ChallengeLine("m")).text, "X-Tunnel"), spi_pc);
}

// In clear too: what the core reads under this name it takes for ours.
TEST_F(EdgeHeaderLines, WhatThePhoneSaysUnderTheNameGoesWhateverTheCondition) {
  HeaderLine line = Line("X-IPsec", "ours");
  line.condition = *Condition::Of("REGISTER");
  Have(std::move(line));
  const std::string forged = "x-ipsec: forged\r\nX-Other: kept\r\nX-IPSEC : forged\r\n";
  const auto forge = [&](const std::string& text) {
    return Replaced(text, "Expires:", forged + "Expires:");
  };
  const std::string initial = Deliver(phone_.Clear(), phone_.Gm(), forge(phone_.Initial())).text;
  EXPECT_EQ(initial.find("forged"), std::string::npos);
  EXPECT_EQ(initial.find("ours"), std::string::npos);
  EXPECT_EQ(ValueOf(initial, "X-Other"), "kept");
  Challenge(&phone_, initial, "n");
  const std::string answered = OnSet(phone_.set, forge(phone_.Protected()));
  EXPECT_EQ(answered.find("forged"), std::string::npos);
  EXPECT_EQ(ValueOf(answered, "X-IPsec"), "ours");
  Accept(answered);
  const std::string options = Options(forged);
  EXPECT_EQ(options.find("forged"), std::string::npos);
  EXPECT_EQ(options.find("ours"), std::string::npos);
  EXPECT_EQ(ValueOf(options, "X-Other"), "kept");
  const std::string answer = OnSet(phone_.set, Answer(ToPhone(), 200, forged));
  EXPECT_EQ(answer.find("forged"), std::string::npos);
  EXPECT_EQ(ValueOf(answer, "X-Other"), "kept");
  EXPECT_EQ(ValueOf(ToPhone(forged), "x-ipsec"), "forged") << "the other way is not ours";
}

TEST_F(EdgeHeaderLines, StandWhereTheirConditionHolds) {
  HeaderLine responses = Line("X-Response", "$rs");
  responses.condition = *Condition::Of("response");
  Have(std::move(responses));
  HeaderLine some = Line("X-Some", "$rm");
  some.condition = *Condition::Of("OPTIONS");
  some.condition.Add(*Condition::Of("INVITE"));
  Have(std::move(some));
  HeaderLine requests = Line("X-Request", "$rm");
  requests.condition = *Condition::Of("request");
  Have(std::move(requests));
  Register(&phone_);
  const std::string options = Options();
  EXPECT_EQ(LinesOf(options, "X-Response"), "");
  EXPECT_EQ(ValueOf(options, "X-Some"), "OPTIONS");
  const std::string message = OnSet(phone_.set, Request("MESSAGE"));
  EXPECT_EQ(LinesOf(message, "X-Some"), "");
  EXPECT_EQ(ValueOf(message, "X-Request"), "MESSAGE");
  EXPECT_EQ(ValueOf(OnSet(phone_.set, Request("FOO")), "X-Request"), "FOO");
  const std::string answer = OnSet(phone_.set, Answer(ToPhone(), 200));
  EXPECT_EQ(ValueOf(answer, "X-Response"), "200");
  EXPECT_EQ(LinesOf(answer, "X-Request"), "");
}

TEST_F(EdgeHeaderLines, OfOneNameStandInTheirOrder) {
  Have(Line("X-A", "1"));
  Have(Line("X-A", "2"));
  Register(&phone_);
  EXPECT_EQ(LinesOf(Options("X-A: 3\r\n"), "X-A"), "X-A: 1\r\nX-A: 2\r\n");
}

TEST_F(EdgeHeaderLines, NothingOfTheMessageCanBreakALine) {
  Have(Line("X-A", "$rm $ci"));
  Register(&phone_);
  const std::string text = Replaced(Request("OPTIONS"), "Call-ID: ", "Call-ID: a\r\n b\tc");
  EXPECT_TRUE(ValueOf(OnSet(phone_.set, text), "X-A").starts_with("OPTIONS a???b?ccall-"));
}

TEST_F(EdgeHeaderLines, KeysGoToTheCoreWhereAskedToAndItIsCounted) {
  HeaderLine line = Line("X-Keys", "$ipsec(ik) $ipsec_ue(ck)");
  line.reveal_keys = true;
  line.condition = *Condition::Of("OPTIONS");
  Have(std::move(line));
  Register(&phone_);
  EXPECT_EQ(stats().keys_revealed, 0u);
  EXPECT_TRUE(world_.reveals().empty());
  EXPECT_EQ(ValueOf(Options(), "X-Keys"), std::string(kIk) + " " + std::string(kCk));
  EXPECT_EQ(stats().keys_revealed, 1u);
  EXPECT_EQ(world_.reveals(), std::vector<std::string>{phone_.Impi() + " X-Keys"});
}

// The settings allow no more, so that no line can cost a message.
TEST_F(EdgeHeaderLines, TheMostThatIsAllowedFitsBesideAllElse) {
  const size_t rest = std::string_view("X-A: \r\n").size();
  Have(Line("X-A", std::string(kTemplateSizeMax, 'a')));
  Have(Line("X-A", std::string(kTemplateSizeMax, 'a')));
  Have(Line("X-A", std::string(kTemplateSizeMax, 'a')));
  Have(Line("X-A", std::string(kHeaderLinesSizeMax - 3 * kTemplateSizeMax - 4 * rest, 'a')));
  ASSERT_EQ(StatusOf(Challenge(&phone_, Initial(&phone_), "n").text), 401);
  std::string route = "Service-Route: <sip:";
  route +=
      std::string(kRouteSetSizeMax - std::string_view("<sip:@10.0.0.30:6060;lr>").size(), 'r') +
      "@10.0.0.30:6060;lr>\r\n";
  ASSERT_EQ(
      StatusOf(
          FromCore(OnSet(phone_.set, phone_.Protected()), 200, "Expires: 600\r\n" + route).text),
      200);
  const std::string invite = OnSet(phone_.set, Request("INVITE"));
  EXPECT_GT(invite.size(), kHeaderLinesSizeMax + kRouteSetSizeMax);
  EXPECT_EQ(stats().drop_edit, 0u);
}

TEST(EdgeCondition, IsAWordOrAMethodAsARequestLineHasIt) {
  for (const char* word : {"request", "response", "REGISTER", "INVITE", "ACK", "UPDATE"}) {
    EXPECT_TRUE(Condition::Of(word)) << word;
  }
  for (const char* word : {"", "Request", "register", "FOO", "*"}) {
    EXPECT_FALSE(Condition::Of(word)) << word;
  }
}

TEST(EdgeHeaderName, IsFreeWhereGmedgeKnowsNoneOfThatName) {
  EXPECT_TRUE(IsFreeHeaderName("X-IPsec"));
  EXPECT_TRUE(IsFreeHeaderName("P-Nobody-Knows"));
  for (const char* name :
       {"", "Via", "v", "p-asserted-identity", "Subject", "X Y", "X:", "X\r\n"}) {
    EXPECT_FALSE(IsFreeHeaderName(name)) << name;
  }
}

}  // namespace
}  // namespace edge
