// Several next hops: which one requests take, what ends one, what brings it back.
#include <gmock/gmock.h>

#include "edge/next_hop_limits.h"
#include "tests/edge_steps.h"

namespace edge {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kFirst = "10.0.0.20:5060";
constexpr std::string_view kSecond = "10.0.0.21:5060";
constexpr std::string_view kThird = "10.0.0.22:5070";

Settings HopSettings(uint32_t probe_interval_s, Transport transport = Transport::kUdp) {
  Settings settings = StepSettings();
  settings.core.next_hops = {At(kFirst), At(kSecond), At(kThird)};
  settings.core.probe_interval_s = probe_interval_s;
  settings.core.transport = transport;
  return settings;
}

class EdgeNextHops : public EdgeSteps {
 protected:
  EdgeNextHops() : EdgeNextHops(HopSettings(10)) {}
  explicit EdgeNextHops(const Settings& settings) : EdgeSteps(settings) { world_.Advance(0); }

  // The OPTIONS that went out.
  std::vector<Sent> TakeProbes() {
    std::vector<Sent> probes;
    for (Sent sent = world_.Pop(); !sent.text.empty(); sent = world_.Pop()) {
      if (sent.text.starts_with("OPTIONS ")) probes.push_back(sent);
    }
    return probes;
  }
  void Reply(const Sent& probe, int status) {
    world_.Deliver(probe.to, kCore, Answer(probe.text, status), probe.over);
  }
  // So long, every 100 ms, while only these answer.
  void Live(uint64_t ms, const std::vector<std::string_view>& alive, int status = 200) {
    for (uint64_t done = 0; done < ms; done += 100) {
      world_.Advance(100);
      for (const Sent& probe : TakeProbes()) {
        if (std::find(alive.begin(), alive.end(), probe.to) != alive.end()) Reply(probe, status);
      }
    }
  }
  void AnswerAll() {
    for (const Sent& probe : TakeProbes()) Reply(probe, 200);
  }
  // Where a REGISTER of a new phone goes.
  std::string WhereTo() {
    TestPhone phone;
    phone.imsi = std::to_string(1'010'000'000'000 + ++phones_);
    phone.address = "198.51.100." + std::to_string(phones_ % 250 + 1);
    TakeProbes();
    world_.Deliver(phone.Clear(), phone.Gm(), phone.Initial());
    return world_.Pop().to;
  }
  int phones_ = 0;
};

TEST_F(EdgeNextHops, EachIsProbedAtTheStartAndThenEveryInterval) {
  std::vector<Sent> probes = TakeProbes();
  ASSERT_EQ(probes.size(), 3u);
  EXPECT_EQ(probes[2].to, kThird);
  EXPECT_EQ(probes[2].from, kCore);
  for (const Sent& probe : probes) Reply(probe, 200);
  world_.Advance(9'999);
  EXPECT_THAT(TakeProbes(), IsEmpty());
  world_.Advance(1);
  EXPECT_EQ(TakeProbes().size(), 3u);
  EXPECT_EQ(stats().probes, 6u);
  EXPECT_EQ(stats().probes_unanswered, 0u);
  EXPECT_THAT(world_.next_hops(), IsEmpty());
}

TEST_F(EdgeNextHops, AProbeIsAnOptionsForTheHopItselfThatNobodyForwards) {
  const std::string probe = TakeProbes()[0].text;
  const std::string branch = ParamOf(ValueOf(probe, "Via"), "branch");
  const std::string key = branch.substr(7);
  EXPECT_EQ(probe, "OPTIONS sip:10.0.0.20:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.10:5060;branch=" +
                       branch + "\r\nMax-Forwards: 0\r\nFrom: <sip:pcscf.example.org>;tag=" + key +
                       "\r\nTo: <sip:10.0.0.20:5060>\r\nCall-ID: " + key +
                       "\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n");
}

TEST_F(EdgeNextHops, TheFirstThatServesIsTaken) {
  AnswerAll();
  EXPECT_EQ(WhereTo(), kFirst);
  Live(20'000, {kSecond, kThird});
  EXPECT_EQ(WhereTo(), kSecond);
  Live(20'000, {kThird});
  EXPECT_EQ(WhereTo(), kThird);
  Live(20'000, {kFirst, kThird});
  EXPECT_EQ(WhereTo(), kFirst);
  EXPECT_THAT(
      world_.next_hops(),
      ElementsAre("next hop 10.0.0.20:5060 is dead: OPTIONS had no answer; requests go to "
                  "10.0.0.21:5060",
                  "next hop 10.0.0.21:5060 is dead: OPTIONS had no answer; requests go to "
                  "10.0.0.22:5070",
                  "next hop 10.0.0.20:5060 is back: it answers; requests go to 10.0.0.20:5060"));
  EXPECT_EQ(stats().next_hops_lost, 2u);
  EXPECT_EQ(stats().failovers, 3u);
}

TEST_F(EdgeNextHops, WhenNoneServesTheFirstIsTriedAllTheSame) {
  Live(10'000, {});
  EXPECT_EQ(stats().next_hops_lost, 3u);
  EXPECT_EQ(WhereTo(), kFirst);
  EXPECT_EQ(world_.next_hops().back(),
            "next hop 10.0.0.22:5070 is dead: OPTIONS had no answer; requests go to 10.0.0.20:5060 "
            "all the same, none is left");
}

TEST_F(EdgeNextHops, AProbeIsSentFourTimesInFourSecondsBeforeItsHopIsDead) {
  size_t sends = TakeProbes().size();
  for (uint64_t ms = 0; ms < kProbeMs - 1; ++ms) {
    world_.Advance(1);
    sends += TakeProbes().size();
  }
  EXPECT_EQ(sends, 12u);
  EXPECT_EQ(stats().probes, 3u);
  EXPECT_THAT(world_.next_hops(), IsEmpty());
  world_.Advance(1);
  EXPECT_EQ(world_.next_hops().size(), 3u);
  EXPECT_EQ(stats().probes_unanswered, 3u);
}

TEST_F(EdgeNextHops, OneThatAnswers503DoesNotServeAnythingElseSaysThatItDoes) {
  const std::vector<Sent> probes = TakeProbes();
  Reply(probes[0], 503);
  Reply(probes[1], 483);
  EXPECT_EQ(WhereTo(), kSecond);
  EXPECT_EQ(world_.next_hops()[0],
            "next hop 10.0.0.20:5060 is dead: it answered 503; requests go to 10.0.0.21:5060");
}

TEST_F(EdgeNextHops, A100EndsNoProbe) {
  const std::vector<Sent> probes = TakeProbes();
  Reply(probes[0], 100);
  world_.Advance(kProbeMs);
  EXPECT_THAT(world_.next_hops()[0], HasSubstr("10.0.0.20:5060 is dead"));
}

TEST_F(EdgeNextHops, WhoDoesNotKnowTheBranchAnswersNothing) {
  Live(5'000, {kSecond, kThird});
  Sent forged = {std::string(kCore), std::string(kFirst),
                 "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.10:5060;"
                 "branch=z9hG4bK0000000000000001\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\n"
                 "Call-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n"};
  Reply(forged, 200);
  forged.text = Replaced(forged.text, "0000000000000001", "0000000000000000");
  Reply(forged, 200);
  EXPECT_EQ(WhereTo(), kSecond);
  EXPECT_EQ(stats().drop_unknown_response, 2u);
}

TEST_F(EdgeNextHops, AnUnreachableOneIsLeftAtOnceAndAsked) {
  AnswerAll();
  world_.Unreachable(kFirst);
  const std::vector<Sent> probes = TakeProbes();
  ASSERT_EQ(probes.size(), 1u);
  EXPECT_EQ(probes[0].to, kFirst);
  EXPECT_EQ(WhereTo(), kSecond);
  world_.Unreachable(kFirst);
  EXPECT_THAT(TakeProbes(), IsEmpty()) << "it is being asked already";
  // Somebody else had sent that ICMP message.
  Reply(probes[0], 200);
  EXPECT_EQ(WhereTo(), kFirst);
}

TEST_F(EdgeNextHops, WhatIsUnreachableOverTheOtherTransportOrIsNoHopChangesNothing) {
  AnswerAll();
  world_.Unreachable(kFirst, Transport::kTcp);
  world_.Unreachable("10.0.0.99:5060");
  EXPECT_EQ(WhereTo(), kFirst);
  EXPECT_EQ(stats().next_hops_lost, 0u);
}

TEST_F(EdgeNextHops, ARetransmissionThatNobodyAnsweredAsksTheHop) {
  AnswerAll();
  TestPhone phone;
  const std::string request = phone.Initial();
  world_.Advance(1'000);
  world_.Deliver(phone.Clear(), phone.Gm(), request);
  world_.Pop();
  world_.Advance(2'000);
  world_.Deliver(phone.Clear(), phone.Gm(), request);
  Sent probe = world_.Pop();
  EXPECT_TRUE(probe.text.starts_with("OPTIONS "));
  EXPECT_EQ(world_.Pop().to, kFirst);
  world_.Advance(kProbeMs);
  while (!world_.Pop().text.empty()) {
  }
  // And the next one goes to the next hop, under the same branch.
  world_.Deliver(phone.Clear(), phone.Gm(), request);
  const Sent again = world_.Pop();
  EXPECT_EQ(again.to, kSecond);
  world_.Deliver(kSecond, kCore, Answer(again.text, 401, ChallengeLine("nonce")));
  EXPECT_EQ(StatusOf(world_.Pop().text), 401);
}

TEST_F(EdgeNextHops, AHopThatAnsweredTheRegisterIsNotAskedForItsRetransmission) {
  AnswerAll();
  world_.Advance(1'000);
  TestPhone phone;
  const std::string request = phone.Initial();
  world_.Deliver(phone.Clear(), phone.Gm(), request);
  const Sent forwarded = world_.Pop();
  world_.Deliver(kFirst, kCore, Answer(forwarded.text, 100));
  world_.Deliver(phone.Clear(), phone.Gm(), request);
  EXPECT_EQ(world_.Pop().text, forwarded.text);
  EXPECT_THAT(TakeProbes(), IsEmpty());
}

TEST_F(EdgeNextHops, WhatOneHasAnsweredGoesThereAgainAfterItsDeath) {
  AnswerAll();
  TestPhone phone;
  const std::string request = phone.Initial();
  const std::string forwarded = Deliver(phone.Clear(), phone.Gm(), request).text;
  ASSERT_EQ(StatusOf(Challenge(&phone, forwarded, "nonce").text), 401);
  world_.Unreachable(kFirst);
  TakeProbes();
  world_.Deliver(phone.Clear(), phone.Gm(), request);
  EXPECT_EQ(world_.Pop().to, kFirst) << "only there it can be answered again";
}

TEST_F(EdgeNextHops, OneThatAnswersRegistersButNoOptionsIsNotDead) {
  for (int i = 0; i < 10; ++i) {
    const std::string to = WhereTo();
    EXPECT_EQ(to, kFirst);
    TestPhone phone;
    phone.imsi = std::to_string(2'010'000'000'000 + i);
    phone.address = "198.51.101." + std::to_string(i + 1);
    Live(2'000, {});
    world_.Deliver(phone.Clear(), phone.Gm(), phone.Initial());
    world_.Deliver(kFirst, kCore, Answer(world_.Pop().text, 403));
    world_.Pop();
  }
  EXPECT_EQ(stats().next_hops_lost, 2u);
}

// RFC 3261 21.5.4.
TEST_F(EdgeNextHops, ARegisterAnswered503GoesToTheNextAndItsHopIsAsked) {
  AnswerAll();
  world_.Advance(1'000);
  TestPhone phone;
  const std::string request = phone.Initial();
  const std::string first = Deliver(phone.Clear(), phone.Gm(), request).text;
  const std::string branch = ParamOf(first, "branch");
  world_.Deliver(kFirst, kCore, Answer(first, 503));
  const Sent probe = world_.Pop();
  EXPECT_TRUE(probe.text.starts_with("OPTIONS "));
  EXPECT_EQ(probe.to, kFirst);
  Reply(probe, 200);
  const Sent second = world_.Pop();
  EXPECT_EQ(second.to, kSecond);
  EXPECT_EQ(second.text, Replaced(first, branch, branch + "-1"));
  EXPECT_TRUE(world_.sent().empty()) << "the phone hears nothing of it";

  // Whatever the first one says now is too late; the phone's REGISTER again goes to the second.
  for (const int status : {503, 200}) {
    world_.Deliver(kFirst, kCore, Answer(first, status));
    EXPECT_TRUE(world_.sent().empty());
  }
  world_.Deliver(phone.Clear(), phone.Gm(), request);
  EXPECT_TRUE(world_.Pop().text.starts_with("OPTIONS ")) << "nobody has said anything there yet";
  const Sent again = world_.Pop();
  EXPECT_EQ(again.to, kSecond);
  EXPECT_EQ(again.text, second.text);
  world_.Deliver(kSecond, kCore, Answer(second.text, 401, ChallengeLine("nonce")));
  EXPECT_EQ(StatusOf(world_.Pop().text), 401);
  EXPECT_EQ(stats().registers_moved, 1u);
  EXPECT_EQ(stats().next_hops_lost, 0u) << "it answers OPTIONS";
}

TEST_F(EdgeNextHops, WhenEachHopAnswers503ThePhoneHearsIt) {
  AnswerAll();
  world_.Unreachable(kSecond);
  TakeProbes();
  TestPhone phone;
  std::string sent = Deliver(phone.Clear(), phone.Gm(), phone.Initial()).text;
  world_.Deliver(kFirst, kCore, Answer(sent, 503));
  EXPECT_TRUE(world_.Pop().text.starts_with("OPTIONS "));
  const Sent last = world_.Pop();
  EXPECT_EQ(last.to, kThird) << "the second is dead";
  world_.Deliver(kThird, kCore, Answer(last.text, 503, "Retry-After: 9\r\n"));
  std::string answer;
  while (!world_.sent().empty()) answer = world_.Pop().text;
  EXPECT_EQ(StatusOf(answer), 503);
  EXPECT_EQ(ValueOf(answer, "Retry-After"), "9");
  EXPECT_EQ(stats().registers_moved, 1u);
}

TEST_F(EdgeNextHops, ABranchThatSaysMoreThanItsKeyIsNobodys) {
  AnswerAll();
  TestPhone phone;
  const std::string first = Deliver(phone.Clear(), phone.Gm(), phone.Initial()).text;
  const std::string branch = ParamOf(first, "branch");
  for (const char* more : {"-", "-0", "-1", "-9", "-10", "x", "--", "0"}) {
    const std::string theirs = Replaced(first, branch, branch + more);
    world_.Deliver(kFirst, kCore, Answer(theirs, 200));
    EXPECT_TRUE(world_.sent().empty()) << more;
  }
  EXPECT_EQ(StatusOf(FromCore(first, 403).text), 403);
}

TEST_F(EdgeNextHops, WhatNamesNoAddressOfItsOwnGoesWhereRegistersGo) {
  AnswerAll();
  TestPhone phone;
  const std::string forwarded = Initial(&phone);
  ASSERT_EQ(StatusOf(Challenge(&phone, forwarded, "nonce").text), 401);
  const std::string second = OnSet(phone.set, phone.Protected());
  ASSERT_EQ(StatusOf(FromCore(second, 200, "Expires: 600\r\n").text), 200);
  const auto where = [&] {
    world_.Deliver(phone.set.client, phone.set.server,
                   phone.Request("MESSAGE", "sip:bob@x.example", phone.port_us, ""));
    return world_.Pop().to;
  };
  EXPECT_EQ(where(), kFirst);
  world_.Unreachable(kFirst);
  TakeProbes();
  EXPECT_EQ(where(), kSecond);
}

class EdgeNextHopsWithoutProbes : public EdgeNextHops {
 protected:
  EdgeNextHopsWithoutProbes() : EdgeNextHops(HopSettings(0)) {}
};

TEST_F(EdgeNextHopsWithoutProbes, NobodyIsAskedAndADeadOneIsTriedAgainAfterItsRest) {
  world_.Advance(100'000);
  EXPECT_THAT(TakeProbes(), IsEmpty());
  EXPECT_EQ(WhereTo(), kFirst);
  world_.Unreachable(kFirst);
  EXPECT_EQ(WhereTo(), kSecond);
  world_.Advance(kNextHopRestMs - 1);
  EXPECT_EQ(WhereTo(), kSecond);
  world_.Advance(1);
  EXPECT_EQ(WhereTo(), kFirst);
  EXPECT_EQ(world_.next_hops().back(),
            "next hop 10.0.0.20:5060 is back: nothing is known of it any more; requests go to "
            "10.0.0.20:5060");
}

TEST_F(EdgeNextHopsWithoutProbes, ARegisterThatHadNoAnswerEndsItsHop) {
  EXPECT_EQ(WhereTo(), kFirst);
  world_.Advance(31'999);
  EXPECT_EQ(WhereTo(), kFirst);
  world_.Advance(1);
  EXPECT_EQ(StatusOf(world_.Pop().text), 504);
  EXPECT_EQ(WhereTo(), kSecond);
  EXPECT_EQ(world_.next_hops().back(),
            "next hop 10.0.0.20:5060 is dead: a REGISTER had no answer; requests go to "
            "10.0.0.21:5060");
}

class EdgeNextHopsOverTcp : public EdgeNextHops {
 protected:
  EdgeNextHopsOverTcp() : EdgeNextHops(HopSettings(10, Transport::kTcp)) {}
};

TEST_F(EdgeNextHopsOverTcp, AProbeIsSentOnceAndNotOverUdpInstead) {
  std::vector<Sent> probes = TakeProbes();
  ASSERT_EQ(probes.size(), 3u);
  EXPECT_EQ(probes[0].over, Transport::kTcp);
  EXPECT_FALSE(probes[0].or_udp);
  EXPECT_THAT(probes[0].text, HasSubstr("Via: SIP/2.0/TCP 10.0.0.10:5060;branch="));
  Reply(probes[1], 200);
  world_.Advance(kProbeMs - 1);
  EXPECT_THAT(TakeProbes(), IsEmpty());
  world_.Advance(1);
  EXPECT_EQ(WhereTo(), kSecond);
}

TEST_F(EdgeNextHopsOverTcp, ARefusedConnectEndsIt) {
  AnswerAll();
  world_.Unreachable(kFirst, Transport::kUdp);
  EXPECT_EQ(WhereTo(), kFirst);
  world_.Unreachable(kFirst, Transport::kTcp);
  EXPECT_THAT(TakeProbes(), IsEmpty()) << "that is certain";
  EXPECT_EQ(WhereTo(), kSecond);
  EXPECT_THAT(world_.next_hops()[0], HasSubstr("is dead: no connection; "));
}

TEST_F(EdgeNextHopsOverTcp, ARefusedConnectEndsTheProbeThatAskedForIt) {
  AnswerAll();
  world_.Advance(10'000);
  TakeProbes();
  world_.Unreachable(kFirst, Transport::kTcp);
  EXPECT_EQ(stats().probes_unanswered, 1u);
  world_.Advance(9'000);  // The two others had no answer meanwhile.
  EXPECT_EQ(stats().probes_unanswered, 3u);
  TakeProbes();
  world_.Advance(1'000);
  const std::vector<Sent> again = TakeProbes();
  ASSERT_EQ(again.size(), 1u);
  Reply(again[0], 200);
  EXPECT_EQ(WhereTo(), kFirst);
}

}  // namespace
}  // namespace edge
