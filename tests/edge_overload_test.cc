// Who is refused when a worker cannot keep up: the levels at their limits, what each of them lets
// through, and the rates.

#include <set>

#include "edge/limits.h"
#include "edge/overload.h"
#include "edge/stranger_queue.h"
#include "edge/token_bucket.h"
#include "tests/edge_steps.h"

namespace edge {
namespace {

using Level = Overload::Level;

TEST(EdgeOverload, ABurstThatIsGoneInTimeIsNoFlood) {
  Overload overload;
  EXPECT_FALSE(overload.OnTurn(1000, kStrangersDeep, 0));
  EXPECT_FALSE(overload.OnTurn(1000 + kStandingMs - 1, kStrangersDeep * 2, 0));
  EXPECT_FALSE(overload.OnTurn(1000 + kStandingMs, kStrangersShallow, 0));
  EXPECT_FALSE(overload.OnTurn(1001 + kStandingMs, kStrangersDeep, 0));
  EXPECT_FALSE(overload.OnTurn(1000 + 2 * kStandingMs, kStrangersDeep, 0));
  EXPECT_EQ(overload.level(), Level::kNone);
  EXPECT_EQ(overload.NextExpiry(), UINT64_MAX);
}

TEST(EdgeOverload, AQueueThatStaysDeepRefusesNewOnesThenAllThatIsUnprotected) {
  Overload overload;
  overload.OnTurn(1000, kStrangersDeep, 0);
  EXPECT_TRUE(overload.OnTurn(1000 + kStandingMs, kStrangersDeep, 0));
  EXPECT_EQ(overload.level(), Level::kRefuseNew);
  EXPECT_FALSE(overload.OnTurn(1000 + 2 * kStandingMs - 1, kStrangersDeep, 0));
  EXPECT_TRUE(overload.OnTurn(1000 + 2 * kStandingMs, kStrangersDeep, 0));
  EXPECT_EQ(overload.level(), Level::kRefuseUnprotected);
  EXPECT_FALSE(overload.OnTurn(1000 + 3 * kStandingMs, kStrangersDeep, 0)) << "the last there is";
  EXPECT_EQ(overload.level(), Level::kRefuseUnprotected);
}

TEST(EdgeOverload, OneFewerThanDeepNeverRefuses) {
  Overload overload;
  for (uint64_t now = 0; now < 10'000; ++now) {
    EXPECT_FALSE(overload.OnTurn(now, kStrangersDeep - 1, kKernelWaitingDeep - 1));
  }
  EXPECT_EQ(overload.level(), Level::kNone);
}

TEST(EdgeOverload, SetsThatWaitForTheKernelCountToo) {
  Overload overload;
  overload.OnTurn(0, 0, kKernelWaitingDeep);
  EXPECT_TRUE(overload.OnTurn(kStandingMs, 0, kKernelWaitingDeep));
  EXPECT_EQ(overload.level(), Level::kRefuseNew);
  // Only both shallow is calm.
  overload.OnTurn(1000, kStrangersShallow, kKernelWaitingShallow + 1);
  EXPECT_FALSE(overload.OnTurn(1000 + kCalmMs, kStrangersShallow, kKernelWaitingShallow + 1));
  EXPECT_EQ(overload.level(), Level::kRefuseNew);
}

TEST(EdgeOverload, FallsALevelAtATimeAndOnlyWhenItStaysShallow) {
  Overload overload;
  for (uint64_t now = 0; now <= 2 * kStandingMs; now += kStandingMs) {
    overload.OnTurn(now, kStrangersDeep, 0);
  }
  ASSERT_EQ(overload.level(), Level::kRefuseUnprotected);
  overload.OnTurn(1000, kStrangersShallow, kKernelWaitingShallow);
  EXPECT_EQ(overload.NextExpiry(), 1000 + kCalmMs);
  EXPECT_FALSE(overload.OnTurn(999 + kCalmMs, kStrangersShallow, 0));
  EXPECT_TRUE(overload.OnTurn(1000 + kCalmMs, kStrangersShallow, 0));
  EXPECT_EQ(overload.level(), Level::kRefuseNew);
  // One turn between shallow and deep: the calm begins anew.
  EXPECT_FALSE(overload.OnTurn(1001 + kCalmMs, kStrangersShallow + 1, 0));
  EXPECT_EQ(overload.NextExpiry(), UINT64_MAX);
  EXPECT_FALSE(overload.OnTurn(1002 + kCalmMs, kStrangersShallow, 0));
  EXPECT_FALSE(overload.OnTurn(1001 + 2 * kCalmMs, kStrangersShallow, 0));
  EXPECT_TRUE(overload.OnTurn(1002 + 2 * kCalmMs, kStrangersShallow, 0));
  EXPECT_EQ(overload.level(), Level::kNone);
  EXPECT_EQ(overload.NextExpiry(), UINT64_MAX);
}

TEST(EdgeOverload, BetweenTheMarksALevelStaysAsItIs) {
  Overload overload;
  overload.OnTurn(0, kStrangersDeep, 0);
  overload.OnTurn(kStandingMs, kStrangersDeep, 0);
  for (uint64_t now = kStandingMs; now < 5'000; ++now) {
    EXPECT_FALSE(overload.OnTurn(now, kStrangersDeep - 1, 0));
    EXPECT_FALSE(overload.OnTurn(now, kStrangersShallow + 1, 0));
  }
  EXPECT_EQ(overload.level(), Level::kRefuseNew);
}

TEST(EdgeOverload, LevelsHaveNames) {
  std::set<std::string_view> names;
  for (const Level level : {Level::kNone, Level::kRefuseNew, Level::kRefuseUnprotected}) {
    EXPECT_TRUE(names.insert(Name(level)).second);
  }
  EXPECT_FALSE(names.contains(""));
}

TEST(EdgeOverload, ABucketGivesItsRateAndATenthOfItAtOnce) {
  TokenBucket bucket;
  int taken = 0;
  for (uint64_t now = 5'000; now <= 15'000; ++now) {
    while (bucket.Take(now, 200)) ++taken;
  }
  EXPECT_EQ(taken, 20 + 10 * 200);
  EXPECT_TRUE(bucket.Has(1'000'000, 200)) << "asking takes none";
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(bucket.Take(1'000'000, 200)) << i;
  EXPECT_FALSE(bucket.Take(1'000'000, 200)) << "nor does idleness save more";
  EXPECT_FALSE(bucket.Has(1'000'004, 200));
  EXPECT_FALSE(bucket.Has(1, 200)) << "time that goes back brings none";
  EXPECT_TRUE(bucket.Has(1'000'005, 200));
}

TEST(EdgeOverload, ASlowBucketGivesOneAtATimeAndOneOfNothingNone) {
  TokenBucket slow;
  EXPECT_TRUE(slow.Take(1, 1));
  EXPECT_FALSE(slow.Take(1'000, 1));
  EXPECT_TRUE(slow.Take(1'001, 1));
  EXPECT_FALSE(TokenBucket().Take(5'000, 0));
  EXPECT_FALSE(TokenBucket().Has(5'000, 0));
}

TEST(EdgeOverload, StrangersComeOutInOrderAndNoMoreThanThereAreBuffersGoIn) {
  StrangerQueue queue(3);
  PortIndex next_in = 0;
  PortIndex next_out = 0;
  for (int round = 0; round < 5; ++round) {
    while (queue.Push({Flow{next_in, {}}, {}, {}})) ++next_in;
    EXPECT_EQ(queue.size(), 3u);
    for (int i = 0; i < 2; ++i) EXPECT_EQ(queue.Pop().flow.port, next_out++);
  }
  queue.Clear();
  EXPECT_TRUE(queue.empty());
  EXPECT_DEATH(queue.Pop(), "size_ > 0");
}

// --- What a level lets through -------------------------------------------------------------------

class EdgeOverloadCore : public EdgeSteps {
 protected:
  static TestPhone PhoneAt(int number) {
    TestPhone phone;
    phone.imsi = "0010100000001" + std::to_string(10 + number);
    phone.address = "198.51.100." + std::to_string(100 + number);
    return phone;
  }
  void SetLevel(Level level) { world_.core().SetOverload(level); }
  // What a REGISTER of this phone in clear comes to: a status, or 0 when the core gets it.
  int Try(TestPhone phone) {
    const Sent sent = Deliver(phone.Clear(), phone.Gm(), phone.Initial());
    if (sent.text.empty()) return -1;
    return sent.to == kIcscf ? 0 : StatusOf(sent.text);
  }
  std::string Request(const std::string& method) {
    return phone_.Request(method, "sip:bob@" + std::string(kRealm), phone_.port_us, "");
  }
  TestPhone phone_;
};

TEST_F(EdgeOverloadCore, NewOnesAreRefusedFirstWith503AndRetryAfter) {
  SetLevel(Level::kRefuseNew);
  const Sent sent = Deliver(phone_.Clear(), phone_.Gm(), phone_.Initial());
  EXPECT_EQ(StatusOf(sent.text), 503);
  EXPECT_EQ(sent.to, phone_.Clear());
  const int seconds = std::stoi(ValueOf(sent.text, "Retry-After"));
  EXPECT_GE(seconds, 10);
  EXPECT_LE(seconds, 20);
  EXPECT_EQ(stats().refused_overload, 1u);
  EXPECT_EQ(world_.core().transactions(), 0u) << "nothing is remembered of it";
  EXPECT_EQ(world_.core().registrar().bindings().in_use(), 0u);
  SetLevel(Level::kNone);
  EXPECT_EQ(Try(phone_), 0);
}

TEST_F(EdgeOverloadCore, RetryAfterScattersPhonesAndRepeatsItselfForOne) {
  SetLevel(Level::kRefuseNew);
  world_.settings().limits.retry_after_s = 30;
  std::set<int> seen;
  for (int i = 0; i < 50; ++i) {
    const TestPhone phone = PhoneAt(i);
    TestPhone first = phone;
    TestPhone again = phone;
    const Sent sent = Deliver(first.Clear(), first.Gm(), first.Initial());
    EXPECT_EQ(Deliver(again.Clear(), again.Gm(), again.Initial()).text, sent.text);
    seen.insert(std::stoi(ValueOf(sent.text, "Retry-After")));
  }
  EXPECT_GE(*seen.begin(), 30);
  EXPECT_LE(*seen.rbegin(), 60);
  EXPECT_GT(seen.size(), 15u);
}

TEST_F(EdgeOverloadCore, BeyondTheRateOfRefusalsThereIsSilence) {
  SetLevel(Level::kRefuseNew);
  world_.settings().limits.refusals_per_second_max = 50;
  int refused = 0;
  for (int i = 0; i < 20; ++i) refused += Try(PhoneAt(i)) == 503 ? 1 : 0;
  EXPECT_EQ(refused, 5);
  EXPECT_EQ(stats().refused_overload, 5u);
  EXPECT_EQ(stats().drop_overload, 15u);
  world_.Advance(20);
  EXPECT_EQ(Try(phone_), 503);
  world_.settings().limits.refusals_per_second_max = 0;
  world_.Advance(10'000);
  EXPECT_EQ(Try(phone_), -1);
}

TEST_F(EdgeOverloadCore, WhatIsUnderWayOrRegisteredIsNotNew) {
  Register(&phone_);
  TestPhone begun = PhoneAt(1);
  const std::string first = begun.Initial();
  EXPECT_EQ(Deliver(begun.Clear(), begun.Gm(), first).to, kIcscf);
  SetLevel(Level::kRefuseNew);
  EXPECT_EQ(Deliver(begun.Clear(), begun.Gm(), first).to, kIcscf) << "a retransmission";
  EXPECT_EQ(Try(phone_), 0) << "it is registered at this address and has lost its state";
  TestPhone elsewhere = phone_;
  elsewhere.address = "198.51.100.88";
  EXPECT_EQ(Try(elsewhere), 503) << "its name alone says nothing";
  EXPECT_EQ(Deliver(phone_.Clear(), phone_.Gm(), Request("MESSAGE")).text.substr(0, 11),
            "SIP/2.0 403")
      << "anything else as ever";
}

TEST_F(EdgeOverloadCore, ThenAllThatIsUnprotectedAndNeverWhatIsProtectedOrTheCores) {
  TestPhone begun = PhoneAt(1);
  const std::string first = Initial(&begun);
  Register(&phone_);
  SetLevel(Level::kRefuseUnprotected);
  EXPECT_EQ(Try(PhoneAt(2)), 503);
  EXPECT_EQ(Try(phone_), 503);
  EXPECT_EQ(StatusOf(Deliver(phone_.Clear(), phone_.Gm(), Request("MESSAGE")).text), 503);
  EXPECT_EQ(Deliver(phone_.Clear(), phone_.Gm(), Request("ACK")).text, "") << "never answered";
  // The core's answer to who was admitted before, and the rest of that registration.
  EXPECT_EQ(StatusOf(Challenge(&begun, first, "n").text), 401);
  EXPECT_EQ(StatusOf(Accept(OnSet(begun.set, begun.Protected())).text), 200);
  EXPECT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200) << "a refresh";
  EXPECT_EQ(StatusOf(FromCore(OnSet(phone_.set, Request("MESSAGE")), 200).text), 200);
}

TEST_F(EdgeOverloadCore, WithoutRefusalsLeftNothingUnprotectedIsLookedAt) {
  SetLevel(Level::kRefuseUnprotected);
  world_.settings().limits.refusals_per_second_max = 0;
  EXPECT_EQ(Deliver(phone_.Clear(), phone_.Gm(), "rubbish").text, "");
  EXPECT_EQ(Try(phone_), -1);
  EXPECT_EQ(stats().drop_overload, 2u);
  EXPECT_EQ(stats().drop_malformed, 0u);
}

TEST_F(EdgeOverloadCore, ARateOfNewRegistersIsKeptToAndRegisteredPhonesDoNotCount) {
  Register(&phone_);
  world_.settings().limits.registers_per_second_max = 40;
  int admitted = 0;
  for (int i = 0; i < 20; ++i) admitted += Try(PhoneAt(i)) == 0 ? 1 : 0;
  EXPECT_EQ(admitted, 4);
  EXPECT_EQ(stats().refused_rate, 16u);
  EXPECT_EQ(Try(phone_), 0);
  world_.settings().limits.refusals_per_second_max = 0;
  EXPECT_EQ(Try(PhoneAt(21)), -1);
  EXPECT_EQ(stats().drop_rate, 1u);
  world_.Advance(25);
  EXPECT_EQ(Try(PhoneAt(22)), 0);
}

TEST_F(EdgeOverloadCore, OfOnePhoneOnlySoManyRegistersAreUnderWay) {
  for (int i = 0; i < kRegistersPerBindingMax; ++i) EXPECT_NE(Initial(&phone_), "") << i;
  EXPECT_EQ(StatusOf(Initial(&phone_)), 503);
  EXPECT_EQ(stats().refused_full, 1u);
  world_.Advance(world_.settings().core.register_timeout_ms);
  while (!world_.Pop().text.empty()) continue;
  EXPECT_NE(Initial(&phone_), "") << "the core has had its time";
}

TEST_F(EdgeOverloadCore, NorOfARegisteredOne) {
  Register(&phone_);
  for (int i = 0; i < kRegistersPerBindingMax; ++i) {
    EXPECT_TRUE(OnSet(phone_.set, phone_.Protected()).starts_with("REGISTER")) << i;
  }
  EXPECT_EQ(StatusOf(OnSet(phone_.set, phone_.Protected())), 503);
  EXPECT_EQ(States(), "Current") << "it stays registered";
}

}  // namespace
}  // namespace edge
