// Names as next hops, seen from the core: what is asked, what waits, where it goes, for how long.
#include <gmock/gmock.h>

#include <set>

#include "edge/names.h"
#include "edge/next_hop_limits.h"
#include "tests/edge_steps.h"

namespace edge {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Settings NameSettings(bool with_next_hop) {
  Settings settings = StepSettings();
  if (!with_next_hop) settings.core.next_hops.clear();
  settings.limits.half_open_per_source_max = 100'000;
  return settings;
}

Target To(std::string_view endpoint, uint16_t group = 0, uint16_t weight = 0,
          Transport transport = Transport::kUdp) {
  return {At(endpoint), transport, group, weight};
}

// core.next_hop is not set.
class EdgeNames : public EdgeSteps {
 protected:
  EdgeNames() : EdgeNames(NameSettings(false)) {}
  explicit EdgeNames(const Settings& settings) : EdgeSteps(settings) {
    world_.set_answers_dns(true);
  }

  // A REGISTER of a new phone; what left at once.
  Sent RegisterAnother(const std::string& domain = "") {
    TestPhone phone;
    phone.imsi = std::to_string(1'010'000'000'000 + ++phones_);
    phone.address = "198.51.100." + std::to_string(phones_ % 250 + 1);
    std::string text = phone.Initial();
    if (!domain.empty())
      text = Replaced(text, "REGISTER sip:" + std::string(kRealm), "REGISTER sip:" + domain);
    world_.Deliver(phone.Clear(), phone.Gm(), text);
    return world_.Pop();
  }
  // Registers, by a core that says this Service-Route.
  void RegisterWith(TestPhone* phone, const std::string& service_route) {
    const std::string first = Initial(phone);
    ASSERT_EQ(StatusOf(Challenge(phone, first, "nonce").text), 401);
    const std::string second = OnSet(phone->set, phone->Protected());
    ASSERT_EQ(StatusOf(FromCore(second, 200,
                                "Expires: 600000\r\nService-Route: " + service_route + "\r\n")
                           .text),
              200);
  }
  Sent Speak(TestPhone* phone, const std::string& method = "MESSAGE") {
    world_.Deliver(phone->set.client, phone->set.server,
                   phone->Request(method, "sip:bob@x.example", phone->port_us, ""));
    return world_.Pop();
  }
  int phones_ = 0;
};

TEST_F(EdgeNames, ARegisterWaitsForTheNameOfItsRequestUriAndThenGoesThere) {
  EXPECT_EQ(RegisterAnother().text, "");
  ASSERT_EQ(world_.lookups().size(), 1u);
  EXPECT_EQ(world_.lookups()[0].host, kRealm);
  EXPECT_EQ(world_.lookups()[0].port, 0);
  EXPECT_EQ(world_.lookups()[0].transport, "");
  world_.Resolved({To("10.0.0.40:5070")});
  const Sent sent = world_.Pop();
  EXPECT_EQ(sent.to, "10.0.0.40:5070");
  EXPECT_TRUE(sent.text.starts_with("REGISTER ")) << sent.text;
  EXPECT_EQ(LinesOf(sent.text, "Via").substr(0, 17), "Via: SIP/2.0/UDP ");
  // The answer finds its way, and the next one does not wait.
  world_.Deliver("10.0.0.40:5070", kCore, Answer(sent.text, 403));
  EXPECT_EQ(StatusOf(world_.Pop().text), 403);
  EXPECT_EQ(RegisterAnother().to, "10.0.0.40:5070");
  EXPECT_EQ(stats().dns_lookups, 1u);
}

TEST_F(EdgeNames, TheTransportThatDnsNamesIsTakenAndTheViaSaysSo) {
  RegisterAnother();
  world_.Resolved({To("10.0.0.40:5070", 0, 0, Transport::kTcp)});
  const Sent sent = world_.Pop();
  EXPECT_EQ(sent.over, Transport::kTcp);
  EXPECT_TRUE(sent.or_udp);
  EXPECT_EQ(LinesOf(sent.text, "Via").substr(0, 17), "Via: SIP/2.0/TCP ");
}

TEST_F(EdgeNames, ARetransmissionDoesNotWaitBesideItsFirst) {
  TestPhone phone;
  const std::string request = phone.Initial();
  for (int i = 0; i < 3; ++i) world_.Deliver(phone.Clear(), phone.Gm(), request);
  world_.Resolved({To("10.0.0.40:5060")});
  EXPECT_EQ(world_.sent().size(), 1u);
}

TEST_F(EdgeNames, WithoutAnAnswerOfDnsItIs504AndTheNameIsNotAskedForAgainForAWhile) {
  RegisterAnother();
  world_.Resolved({});
  world_.Advance(0);
  EXPECT_EQ(StatusOf(world_.Pop().text), 504);
  EXPECT_EQ(world_.attempts().back().result, "DNS knows no way to the core");
  EXPECT_EQ(RegisterAnother().text, "");
  world_.Advance(1);
  EXPECT_EQ(StatusOf(world_.Pop().text), 504);
  EXPECT_THAT(world_.lookups(), IsEmpty());
  world_.Advance(kNoNameMs);
  RegisterAnother();
  EXPECT_EQ(world_.lookups().size(), 1u);
  EXPECT_EQ(stats().dns_failures, 1u);
  world_.Resolved({To("10.0.0.40:5060")});
  EXPECT_EQ(world_.Pop().to, "10.0.0.40:5060");
}

TEST_F(EdgeNames, ALiteralAddressIsNotAskedFor) {
  EXPECT_EQ(RegisterAnother("10.0.0.50:5099").to, "10.0.0.50:5099");
  EXPECT_THAT(world_.lookups(), IsEmpty());
}

TEST_F(EdgeNames, WhatRunsOutIsAskedForAnewAndUsedUntilTheAnswer) {
  RegisterAnother();
  world_.Resolved({To("10.0.0.40:5060")}, 5);
  world_.Pop();
  world_.Advance(4'999);
  EXPECT_EQ(RegisterAnother().to, "10.0.0.40:5060");
  EXPECT_THAT(world_.lookups(), IsEmpty());
  world_.Advance(1);
  EXPECT_EQ(RegisterAnother().to, "10.0.0.40:5060");
  EXPECT_EQ(RegisterAnother().to, "10.0.0.40:5060");
  ASSERT_EQ(world_.lookups().size(), 1u);
  world_.Resolved({To("10.0.0.41:5060")});
  EXPECT_EQ(RegisterAnother().to, "10.0.0.41:5060");
}

TEST_F(EdgeNames, SilentServersLeaveWhatWasKnownForAnHourAndNoNameEndsItAtOnce) {
  RegisterAnother();
  world_.Resolved({To("10.0.0.40:5060")}, 5);
  world_.Pop();
  world_.Advance(5'000);
  RegisterAnother();
  world_.Resolved({}, 0, true);
  EXPECT_EQ(RegisterAnother().to, "10.0.0.40:5060");
  world_.Advance(kStaleMs - 1);
  while (!world_.Pop().text.empty()) {
  }
  EXPECT_EQ(RegisterAnother().to, "10.0.0.40:5060");
  world_.Resolved({}, 0, false);
  EXPECT_EQ(RegisterAnother().text, "");
}

TEST_F(EdgeNames, ATtlHasBounds) {
  RegisterAnother();
  world_.Resolved({To("10.0.0.40:5060")}, 0);
  world_.Advance(kTtlMinMs - 1);
  RegisterAnother();
  EXPECT_THAT(world_.lookups(), IsEmpty());
  world_.Advance(1);
  RegisterAnother();
  EXPECT_EQ(world_.lookups().size(), 1u);
  world_.Resolved({To("10.0.0.40:5060")}, UINT32_MAX);
  world_.Advance(kTtlMaxMs - 1);
  RegisterAnother();
  EXPECT_THAT(world_.lookups(), IsEmpty());
  world_.Advance(1);
  RegisterAnother();
  EXPECT_EQ(world_.lookups().size(), 1u);
}

TEST_F(EdgeNames, OneThatCannotBeReachedIsLeftOutAndTheOthersShareByWeight) {
  RegisterAnother();
  world_.Resolved({To("10.0.0.1:5060", 1), To("10.0.0.2:5060", 2, 90), To("10.0.0.3:5060", 2, 10)},
                  3600);
  EXPECT_EQ(world_.Pop().to, "10.0.0.1:5060");
  EXPECT_EQ(RegisterAnother().to, "10.0.0.1:5060");
  world_.Unreachable("10.0.0.1:5060");
  std::map<std::string, int> count;
  for (int i = 0; i < 500; ++i) ++count[RegisterAnother().to];
  EXPECT_EQ(count.size(), 2u);
  EXPECT_GT(count["10.0.0.2:5060"], 400);
  EXPECT_GT(count["10.0.0.3:5060"], 10);
  // When none is left all are tried; after its rest the first is.
  world_.Unreachable("10.0.0.2:5060");
  EXPECT_EQ(RegisterAnother().to, "10.0.0.3:5060");
  world_.Unreachable("10.0.0.3:5060");
  EXPECT_EQ(RegisterAnother().to, "10.0.0.1:5060");
}

TEST_F(EdgeNames, ASilentTargetIsLeftForTheNextByARetransmission) {
  TestPhone phone;
  const std::string request = phone.Initial();
  world_.Deliver(phone.Clear(), phone.Gm(), request);
  world_.Resolved({To("10.0.0.1:5060", 1), To("10.0.0.2:5060", 2)});
  EXPECT_EQ(world_.Pop().to, "10.0.0.1:5060");
  world_.Advance(kProbeMs - 1);
  world_.Deliver(phone.Clear(), phone.Gm(), request);
  EXPECT_EQ(world_.Pop().to, "10.0.0.1:5060");
  world_.Advance(1);
  world_.Deliver(phone.Clear(), phone.Gm(), request);
  EXPECT_EQ(world_.Pop().to, "10.0.0.2:5060");
}

// RFC 3263 4.3.
TEST_F(EdgeNames, ATargetThatAnswers503IsLeftForTheNextSoManyTimes) {
  std::vector<Target> targets;
  for (int i = 0; i < kRegisterMovesMax + 2; ++i) {
    targets.push_back(To("10.0.0." + std::to_string(50 + i) + ":5060", static_cast<uint16_t>(i), 0,
                         i == 1 ? Transport::kTcp : Transport::kUdp));
  }
  RegisterAnother();
  world_.Resolved(targets);
  for (int i = 0; i < kRegisterMovesMax; ++i) {
    const Sent sent = world_.Pop();
    EXPECT_EQ(sent.to, "10.0.0." + std::to_string(50 + i) + ":5060");
    EXPECT_TRUE(
        LinesOf(sent.text, "Via")
            .starts_with(i == 1 ? "Via: SIP/2.0/TCP 10.0.0.10" : "Via: SIP/2.0/UDP 10.0.0.10"));
    world_.Deliver(sent.to, kCore, Answer(sent.text, 503), sent.over);
  }
  const Sent last = world_.Pop();
  world_.Deliver(last.to, kCore, Answer(last.text, 503));
  EXPECT_EQ(StatusOf(world_.Pop().text), 503);
  EXPECT_EQ(stats().registers_moved, kRegisterMovesMax);
}

TEST_F(EdgeNames, TheOnlyTargetsWordIsForThePhone) {
  RegisterAnother();
  world_.Resolved({To("10.0.0.40:5070")});
  world_.Deliver("10.0.0.40:5070", kCore, Answer(world_.Pop().text, 503));
  EXPECT_EQ(StatusOf(world_.Pop().text), 503);
}

// Spec sheet 4.6, without core.next_hop.
TEST_F(EdgeNames, ASubscribeGoesWhereDnsSaysThatTheIdentitysDomainIs) {
  world_.settings().core.reg_event = true;
  TestPhone phone;
  const std::string request = phone.Initial();
  world_.Deliver(phone.Clear(), phone.Gm(), request);
  world_.Resolved({To("10.0.0.40:5070", 0, 0, Transport::kTcp)}, 3600);
  ASSERT_EQ(StatusOf(Challenge(&phone, world_.Pop().text, "nonce").text), 401);
  const auto accept = [&](const std::string& identity) {
    const std::string forwarded = OnSet(phone.set, phone.Protected());
    return FromCore(forwarded, 200,
                    LinesOf(forwarded, "Contact") +
                        "Expires: 600000\r\nP-Associated-URI: <sip:" + identity + ">\r\n");
  };
  ASSERT_EQ(StatusOf(accept("bob@" + std::string(kRealm)).text), 200);
  const Sent sent = world_.Pop();
  EXPECT_TRUE(sent.text.starts_with("SUBSCRIBE sip:bob@")) << sent.text;
  EXPECT_EQ(sent.to, "10.0.0.40:5070");
  EXPECT_EQ(sent.over, Transport::kTcp);
  EXPECT_TRUE(sent.or_udp);
  EXPECT_TRUE(LinesOf(sent.text, "Via").starts_with("Via: SIP/2.0/TCP "));
  world_.Advance(20'000);
  EXPECT_TRUE(world_.sent().empty()) << "over TCP it is sent once";
}

TEST_F(EdgeNames, ASubscribeThatDnsIsAskedForGoesWithItsNextRepetition) {
  world_.settings().core.reg_event = true;
  TestPhone phone;
  world_.Deliver(phone.Clear(), phone.Gm(), phone.Initial());
  world_.Resolved({To(kIcscf)}, 3600);
  ASSERT_EQ(StatusOf(Challenge(&phone, world_.Pop().text, "nonce").text), 401);
  const std::string forwarded = OnSet(phone.set, phone.Protected());
  FromCore(forwarded, 200,
           LinesOf(forwarded, "Contact") +
               "Expires: 600000\r\nP-Associated-URI: <sip:bob@other.example>\r\n");
  ASSERT_EQ(world_.lookups().size(), 1u);
  EXPECT_EQ(world_.lookups()[0].host, "other.example");
  world_.Advance(500);
  EXPECT_TRUE(world_.sent().empty());
  world_.Resolved({To("10.0.0.41:5060")}, 3600);
  world_.Advance(1'000);
  const Sent sent = world_.Pop();
  EXPECT_TRUE(sent.text.starts_with("SUBSCRIBE sip:bob@other.example ")) << sent.text;
  EXPECT_EQ(sent.to, "10.0.0.41:5060");
  world_.Advance(2'000);
  EXPECT_EQ(world_.Pop().text, sent.text) << "over UDP it is repeated";
}

TEST_F(EdgeNames, WhatWaitsIsBounded) {
  for (size_t i = 0; i < kHeldMax; ++i) EXPECT_EQ(RegisterAnother().text, "");
  world_.Advance(0);
  EXPECT_EQ(world_.Pop().text, "");
  RegisterAnother();
  world_.Advance(0);
  EXPECT_EQ(StatusOf(world_.Pop().text), 504);
  world_.Resolved({To("10.0.0.40:5060")});
  EXPECT_EQ(world_.sent().size(), kHeldMax);
}

TEST_F(EdgeNames, SoManyNamesMayBeAskedForAtOnce) {
  for (size_t i = 0; i < kNamesAskedMax; ++i) RegisterAnother("d" + std::to_string(i) + ".example");
  EXPECT_EQ(world_.lookups().size(), kNamesAskedMax);
  RegisterAnother("one-more.example");
  EXPECT_EQ(world_.lookups().size(), kNamesAskedMax);
  world_.Advance(0);
  EXPECT_EQ(StatusOf(world_.Pop().text), 504);
  EXPECT_EQ(RegisterAnother("d0.example").text, "") << "one that is asked for already may wait";
}

TEST_F(EdgeNames, TheNameWhoseTimeIsOverFirstGoesForANewOne) {
  for (size_t i = 0; i < kNamesMax; ++i) {
    RegisterAnother("d" + std::to_string(i) + ".example");
    world_.Resolved({To("10.0.0.40:5060")}, i == 7 ? 60 : 3600);
    world_.Pop();
  }
  EXPECT_EQ(RegisterAnother("d8.example").to, "10.0.0.40:5060");
  RegisterAnother("new.example");
  world_.Resolved({To("10.0.0.41:5060")}, 3600);
  EXPECT_EQ(world_.Pop().to, "10.0.0.41:5060");
  EXPECT_EQ(RegisterAnother("d8.example").to, "10.0.0.40:5060");
  EXPECT_EQ(RegisterAnother("d7.example").text, "");
  EXPECT_EQ(world_.lookups().size(), 1u);
}

// core.next_hop is set.
class EdgeRouteNames : public EdgeNames {
 protected:
  EdgeRouteNames() : EdgeNames(NameSettings(true)) {}
};

TEST_F(EdgeRouteNames, ANameInServiceRouteIsAskedForBeforeItIsNeeded) {
  TestPhone phone;
  RegisterWith(&phone, "<sip:orig@scscf.example:6060;lr;transport=tcp>");
  ASSERT_EQ(world_.lookups().size(), 1u);
  EXPECT_EQ(world_.lookups()[0].host, "scscf.example");
  EXPECT_EQ(world_.lookups()[0].port, 6060);
  EXPECT_EQ(world_.lookups()[0].transport, "TCP");
  world_.Resolved({To("10.0.0.60:6060", 0, 0, Transport::kTcp)});
  const Sent sent = Speak(&phone);
  EXPECT_EQ(sent.to, "10.0.0.60:6060");
  EXPECT_EQ(sent.over, Transport::kTcp);
  EXPECT_EQ(RegisterAnother().to, kIcscf) << "REGISTERs go to the next hop as ever";
}

TEST_F(EdgeRouteNames, ARequestWaitsForTheNameInItsRouteAndNotForTheOneInItsUri) {
  TestPhone phone;
  RegisterWith(&phone, "<sip:orig@scscf.example;lr>");
  EXPECT_EQ(Speak(&phone).text, "");
  EXPECT_EQ(Speak(&phone, "INVITE").text, "");
  world_.Resolved({To("10.0.0.60:5060")});
  EXPECT_TRUE(world_.sent()[0].text.starts_with("MESSAGE "));
  EXPECT_TRUE(world_.sent()[1].text.starts_with("INVITE "));
  EXPECT_EQ(world_.sent()[1].to, "10.0.0.60:5060");
  const Sent message = world_.Pop();
  world_.Deliver("10.0.0.60:5060", kCore, Answer(message.text, 200));
  world_.Pop();  // The INVITE.
  const Sent answer = world_.Pop();
  EXPECT_EQ(StatusOf(answer.text), 200);
  EXPECT_EQ(answer.to, phone.set.to);
}

TEST_F(EdgeRouteNames, ANameThatIsNowhereLeavesTheNextHop) {
  TestPhone phone;
  RegisterWith(&phone, "<sip:orig@scscf.example;lr>");
  EXPECT_EQ(Speak(&phone).text, "");
  world_.Resolved({});
  EXPECT_EQ(world_.Pop().to, kIcscf);
  EXPECT_EQ(Speak(&phone).to, kIcscf);
}

TEST_F(EdgeNames, ARequestWithoutAWayIsAnswered504ToThePhone) {
  world_.settings().core.next_hops.clear();
  TestPhone phone;
  const std::string request = phone.Initial();
  world_.Deliver(phone.Clear(), phone.Gm(), request);
  world_.Resolved({To(kIcscf)}, 3600);
  ASSERT_EQ(StatusOf(Challenge(&phone, world_.Pop().text, "nonce").text), 401);
  ASSERT_EQ(StatusOf(FromCore(OnSet(phone.set, phone.Protected()), 200,
                              "Expires: 600000\r\nService-Route: <sip:o@scscf.example;lr>\r\n")
                         .text),
            200);
  EXPECT_EQ(Speak(&phone).text, "");
  world_.Resolved({});
  const Sent refusal = world_.Pop();
  EXPECT_EQ(StatusOf(refusal.text), 504);
  EXPECT_EQ(refusal.to, phone.set.to);
  EXPECT_EQ(StatusOf(Speak(&phone).text), 504);
  EXPECT_EQ(Speak(&phone, "ACK").text, "") << "never answered";
  EXPECT_EQ(stats().dns_refused, 3u);
}

// RFC 3263 4.4: a stateless proxy sends a CANCEL where its INVITE went.
TEST_F(EdgeRouteNames, RequestsOfOneCallGoToOneTarget) {
  TestPhone phone;
  RegisterWith(&phone, "<sip:orig@scscf.example;lr>");
  world_.Resolved({To("10.0.0.60:5060"), To("10.0.0.61:5060"), To("10.0.0.62:5060")});
  std::set<std::string> targets;
  for (int i = 0; i < 10; ++i) targets.insert(Speak(&phone, "INVITE").to);
  EXPECT_EQ(targets.size(), 1u);
}

}  // namespace
}  // namespace edge
