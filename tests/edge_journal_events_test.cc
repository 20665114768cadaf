// What of a phone's life is written when, what waits for it, and that another core goes on with it.
#include <gmock/gmock.h>

#include "edge/restore.h"
#include "tests/edge_steps.h"
#include "xfrm/reconcile.h"

namespace edge {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

Settings JournalSettings() {
  Settings settings = StepSettings();
  settings.journal.file = "memory";
  return settings;
}

class EdgeJournalEvents : public EdgeSteps {
 protected:
  EdgeJournalEvents() : EdgeSteps(JournalSettings()) {}
  explicit EdgeJournalEvents(const Settings& settings) : EdgeSteps(settings) {}

  // "Current Old": the states of the sets that are written.
  std::string Written() {
    std::vector<std::string> names;
    for (const SetRecord& set : world_.store().Contents().sets) {
      names.emplace_back(Name(set.state));
    }
    std::sort(names.begin(), names.end());
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
    return text;
  }
  size_t WrittenPhones(bool registered = true) {
    size_t count = 0;
    for (const RegistrationRecord& record : world_.store().Contents().registrations) {
      count += (record.until_ms > world_.now_ms()) == registered ? 1 : 0;
    }
    return count;
  }
  // Up to the REGISTER whose 200 is to come; what the core got.
  std::string Answered(TestPhone* phone) {
    EXPECT_EQ(StatusOf(Challenge(phone, Initial(phone), "nonce-" + phone->imsi).text), 401);
    return OnSet(phone->set, phone->Protected());
  }

  // Another process with what the store has; the clocks go on.
  struct Next {
    explicit Next(EdgeJournalEvents* before, uint64_t pause_ms = 0)
        : world(before->world_.settings()) {
      world.Advance(before->world_.now_ms() - world.now_ms() + pause_ms);
      plan = PlanRestore(before->world_.store().Contents(), world.settings(), &world.spis(),
                         world.now_ms());
      keys.reserve(plan.sets);
      for (const RestoredPhone& phone : plan.workers[0]) {
        AppendSas(phone, world.settings(), world.now_ms(), &keys, &sas);
      }
      world.core().Restore(plan.workers[0], world.now_ms(), world.now_ms(), 1000, 1);
    }
    std::string OnSet(const TestSet& set, const std::string& text) {
      world.Deliver(set.client, set.server, text);
      return world.Pop().text;
    }
    size_t Registered() { return world.core().registrar().registered(); }

    World world;
    RestorePlan plan;
    std::vector<xfrm::EspKeys> keys;
    std::vector<xfrm::Sa> sas;
  };
};

TEST_F(EdgeJournalEvents, WithoutAJournalNothingIsWritten) {
  World world(StepSettings());
  TestPhone phone;
  world.Deliver(phone.Clear(), phone.Gm(), phone.Initial());
  EXPECT_TRUE(world.core().records()->empty());
}

TEST_F(EdgeJournalEvents, The200WaitsForTheCommit) {
  TestPhone phone;
  const std::string forwarded = Answered(&phone);
  world_.HoldJournal();
  EXPECT_EQ(Accept(forwarded).text, "") << "the kernel's yes is not enough";
  EXPECT_EQ(Registered(), 0u);
  world_.ReleaseJournal();
  EXPECT_EQ(StatusOf(world_.Pop().text), 200);
  EXPECT_EQ(Registered(), 1u);
  EXPECT_EQ(Written(), "Current");
  EXPECT_EQ(WrittenPhones(), 1u);
}

TEST_F(EdgeJournalEvents, A401DoesNotAndLeavesNothing) {
  world_.HoldJournal();
  TestPhone phone;
  EXPECT_EQ(StatusOf(Challenge(&phone, Initial(&phone), "n").text), 401);
  EXPECT_TRUE(world_.core().records()->empty());
}

TEST_F(EdgeJournalEvents, RelaxedThe200DoesNotWait) {
  world_.settings().journal.durability = Durability::kRelaxed;
  World relaxed(world_.settings());
  relaxed.HoldJournal();
  TestPhone phone;
  relaxed.Deliver(phone.Clear(), phone.Gm(), phone.Initial());
  relaxed.Deliver(std::string(kIcscf), std::string(kCore),
                  Answer(relaxed.Pop().text, 401, ChallengeLine("n")));
  phone.TakeChallenge(relaxed.Pop().text);
  relaxed.Deliver(phone.set.client, phone.set.server, phone.Protected());
  const std::string forwarded = relaxed.Pop().text;
  relaxed.Deliver(std::string(kIcscf), std::string(kCore),
                  Answer(forwarded, 200, LinesOf(forwarded, "Contact") + "Expires: 3600\r\n"));
  EXPECT_EQ(StatusOf(relaxed.Pop().text), 200);
  EXPECT_THAT(relaxed.core().records()->ops, SizeIs(2));
}

TEST_F(EdgeJournalEvents, ARefreshIsWrittenBeforeIts200) {
  TestPhone phone;
  Register(&phone);
  const uint64_t before = world_.store().Contents().registrations[0].until_ms;
  world_.Advance(10'000);
  const std::string forwarded = OnSet(phone.set, phone.Protected());
  world_.HoldJournal();
  EXPECT_EQ(Accept(forwarded).text, "");
  world_.ReleaseJournal();
  EXPECT_EQ(StatusOf(world_.Pop().text), 200);
  EXPECT_EQ(world_.store().Contents().registrations[0].until_ms, before + 10'000);
}

// A phone must not (RFC 3261 10.2), and may.
TEST_F(EdgeJournalEvents, OfTwoRefreshesAtOnceEach200WaitsForItsOwnCommit) {
  TestPhone phone;
  Register(&phone);
  const std::string first = OnSet(phone.set, phone.Protected());
  const std::string again = phone.Protected();
  const std::string second = OnSet(phone.set, again);
  world_.HoldJournal();
  EXPECT_EQ(Accept(first, 600).text, "");
  EXPECT_EQ(Accept(second, 1200).text, "");
  world_.ReleaseJournal();
  const std::string answer = world_.Pop().text;
  EXPECT_EQ(StatusOf(answer), 200);
  EXPECT_EQ(ValueOf(answer, "CSeq"), ValueOf(first, "CSeq"));
  EXPECT_EQ(world_.Pop().text, "") << "the other one is still to be kept";
  EXPECT_EQ(world_.store().Contents().registrations[0].until_ms, world_.now_ms() + 600'000);
  // The phone repeats it, and the core its answer.
  EXPECT_EQ(OnSet(phone.set, again), second);
  EXPECT_EQ(ValueOf(Accept(second, 1200).text, "CSeq"), ValueOf(second, "CSeq"));
  EXPECT_EQ(world_.store().Contents().registrations[0].until_ms, world_.now_ms() + 1'200'000);
}

// Found by gmsim: of a reauthentication the second 200 went out at once, with more time than was
// kept, since the set waited for its first use.
TEST_F(EdgeJournalEvents, OfTwoAnswersToOneReauthenticationEach200WaitsForItsCommitToo) {
  TestPhone phone;
  Register(&phone);
  BeginAgain(&phone, "again");
  const std::string first = OnSet(phone.set, phone.Protected());
  const std::string second = OnSet(phone.set, phone.Protected());
  EXPECT_EQ(StatusOf(Accept(first, 600).text), 200);
  EXPECT_EQ(States(), "Current New");
  world_.HoldJournal();
  EXPECT_EQ(Accept(second, 1200).text, "");
  world_.ReleaseJournal();
  EXPECT_EQ(StatusOf(world_.Pop().text), 200);
  EXPECT_EQ(States(), "Current New");
  EXPECT_EQ(world_.store().Contents().registrations[0].until_ms, world_.now_ms() + 1'200'000);
}

TEST_F(EdgeJournalEvents, FollowsASetThroughItsStates) {
  TestPhone phone;
  Register(&phone);
  const TestSet old = BeginAgain(&phone, "second");
  EXPECT_EQ(Written(), "Current") << "a temporary set is nothing to keep";
  Accept(OnSet(phone.set, phone.Protected()));
  EXPECT_EQ(Written(), "Current New");
  OnSet(phone.set, phone.Protected());
  EXPECT_EQ(Written(), "Current Old");
  world_.Advance(kDrainMs);
  EXPECT_EQ(Written(), "Current");
}

TEST_F(EdgeJournalEvents, ADeregisteredPhoneIsWrittenWhileItsSetDrains) {
  TestPhone phone;
  Register(&phone);
  FromCore(OnSet(phone.set, Replaced(phone.Protected(), "Expires: 600000", "Expires: 0")), 200);
  EXPECT_EQ(WrittenPhones(false), 1u);
  EXPECT_EQ(Written(), "Old");
  world_.Advance(kDrainMs);
  world_.Advance(kTransactionLingerMs);
  EXPECT_THAT(world_.store().Contents().registrations, SizeIs(0));
  EXPECT_EQ(Written(), "");
}

TEST_F(EdgeJournalEvents, ARegistrationThatRunsOutLeavesNothing) {
  TestPhone phone;
  Register(&phone);
  world_.Advance(3'600'000);
  EXPECT_EQ(WrittenPhones(false), 1u);
  world_.Advance(kRegistrationSlackMs);
  world_.Advance(0);
  EXPECT_THAT(world_.store().Contents().registrations, SizeIs(0));
  EXPECT_EQ(Written(), "");
}

// The old set is void with the commit, not a moment later: no restart makes it again.
TEST_F(EdgeJournalEvents, APhoneThatLostItsStateIsWrittenInTheStepThatErasesItsOldSet) {
  TestPhone phone;
  Register(&phone);
  TestPhone again = phone;
  again.OfferAnew();
  const std::string forwarded = Answered(&again);
  world_.HoldJournal();
  EXPECT_EQ(Accept(forwarded).text, "");
  EXPECT_EQ(Written(), "Current");
  EXPECT_EQ(Sas(), 8u) << "the old set lives until the new one is kept";
  world_.ReleaseJournal();
  EXPECT_EQ(Written(), "Current");
  EXPECT_EQ(Sas(), 4u);
  EXPECT_EQ(world_.store().Contents().sets[0].agreement.port_uc, again.port_uc);
}

TEST_F(EdgeJournalEvents, WhenItFailsANewPhoneGets500AndKeepsNothing) {
  TestPhone phone;
  const std::string forwarded = Answered(&phone);
  world_.store().SetFault("disk full");
  EXPECT_EQ(StatusOf(Accept(forwarded).text), 500);
  EXPECT_EQ(Registered(), 0u);
  EXPECT_EQ(Sas(), 0u);
  EXPECT_EQ(stats().refused_journal, 1u);
  EXPECT_EQ(stats().sets_refused, 0u) << "the kernel refused nothing";
  EXPECT_THAT(world_.attempts().back().result, "the journal did not take it");
}

TEST_F(EdgeJournalEvents, WhileItFailsNewPhonesAreRefusedAndRegisteredOnesServed) {
  TestPhone known;
  Register(&known);
  world_.store().SetFault("disk full");
  EXPECT_EQ(StatusOf(Accept(OnSet(known.set, known.Protected())).text), 200);
  TestPhone stranger;
  stranger.imsi = "001010000000099";
  stranger.address = "198.51.100.99";
  const std::string refusal = Initial(&stranger);
  EXPECT_EQ(StatusOf(refusal), 503);
  EXPECT_THAT(refusal, HasSubstr("Retry-After: "));
  EXPECT_EQ(stats().refused_journal, 1u);
  world_.store().SetFault("");
  Accept(OnSet(known.set, known.Protected()));
  EXPECT_TRUE(Initial(&stranger).starts_with("REGISTER ")) << "it is well again";
}

class EdgeJournalCarriesOn : public EdgeJournalEvents {
 protected:
  EdgeJournalCarriesOn() : EdgeJournalEvents(MakeSettings()) {}
  static Settings MakeSettings() {
    Settings settings = JournalSettings();
    settings.journal.on_failure = OnJournalFailure::kCarryOn;
    return settings;
  }
};

TEST_F(EdgeJournalCarriesOn, AndAFailureStopsNobody) {
  world_.store().SetFault("disk full");
  TestPhone phone;
  Register(&phone);
  TestPhone other;
  other.imsi = "001010000000099";
  other.address = "198.51.100.99";
  Register(&other);
  EXPECT_EQ(Registered(), 2u);
  EXPECT_EQ(stats().refused_journal, 0u);
}

// --- Another process goes on ---

TEST_F(EdgeJournalEvents, AnotherCoreServesThePhoneBothWays) {
  TestPhone phone;
  const std::string accepted = Answered(&phone);
  Accept(accepted);
  Next next(this);
  EXPECT_EQ(next.Registered(), 1u);
  EXPECT_EQ(next.world.core().stats().restored_sets, 1u);
  const std::string invite =
      next.OnSet(phone.set, phone.Request("INVITE", "sip:bob@example.org", phone.port_us, ""));
  EXPECT_THAT(invite, testing::StartsWith("INVITE sip:bob@example.org"));
  EXPECT_THAT(invite, HasSubstr("Route: <sip:orig@10.0.0.30:6060;lr>")) << "its Service-Route";
  next.world.Deliver(kIcscf, kCore,
                     "MESSAGE sip:x@" + phone.At(phone.port_us) +
                         " SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.20:5060;branch=z9hG4bK-mt\r\n"
                         "Max-Forwards: 70\r\nRoute: " +
                         ValueOf(accepted, "Path") +
                         "\r\nFrom: <sip:b@x>;tag=1\r\nTo: <sip:a@x>\r\nCall-ID: mt\r\n"
                         "CSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n");
  const Sent at_phone = next.world.Pop();
  EXPECT_EQ(at_phone.to, phone.set.to) << "by the Path that the core has from before";
}

TEST_F(EdgeJournalEvents, AnotherCoreKnowsTheKernelsSasAsTheyAre) {
  TestPhone phone;
  Register(&phone);
  BeginAgain(&phone, "second");
  Accept(OnSet(phone.set, phone.Protected()));
  Next next(this);
  ASSERT_EQ(next.sas.size(), 8u);
  const xfrm::ReconcilePlan plan =
      xfrm::Reconcile(world_.kernel().Sas(), next.sas, {}, world_.settings().ipsec.reqid, 1);
  EXPECT_EQ(plan.kept, 8u);
  EXPECT_THAT(plan.install, SizeIs(0));
  EXPECT_THAT(plan.remove, SizeIs(0));
  EXPECT_EQ(next.world.spis().counts().used, 2u);
}

TEST_F(EdgeJournalEvents, TimeThatPassedMeanwhileCounts) {
  TestPhone phone;
  Register(&phone);
  Next next(this, 3'000'000);
  EXPECT_EQ(next.Registered(), 1u);
  next.world.Advance(599'000);
  EXPECT_EQ(next.Registered(), 1u);
  next.world.Advance(1'000);
  EXPECT_EQ(next.Registered(), 0u);

  Next much_later(this, 3'600'000 + kRegistrationSlackMs);
  EXPECT_EQ(much_later.Registered(), 0u);
  EXPECT_EQ(much_later.plan.expired, 2u) << "the set and its phone";
  EXPECT_THAT(much_later.plan.void_ones, SizeIs(2));
  EXPECT_EQ(much_later.world.spis().counts().used, 0u);
}

TEST_F(EdgeJournalEvents, AnotherCoreRefreshesReauthenticatesAndEnds) {
  TestPhone phone;
  Register(&phone);
  Next next(this);
  world_.Advance(0);
  // The kernel has them still: a fake one is told.
  for (const xfrm::Sa& sa : next.sas) {
    xfrm::Batch batch;
    batch.Clear(1);
    batch.AddSa(sa);
    std::vector<std::vector<std::byte>> answers;
    next.world.kernel().Send(batch.Seal(), next.world.now_ms() / 1000, &answers);
  }
  const auto accept = [&](const std::string& forwarded) {
    next.world.Deliver(kIcscf, kCore,
                       Answer(forwarded, 200, LinesOf(forwarded, "Contact") + "Expires: 7200\r\n"));
    return StatusOf(next.world.Pop().text);
  };
  EXPECT_EQ(accept(next.OnSet(phone.set, phone.Protected())), 200);
  const TestSet old = phone.set;
  phone.OfferAnew();
  next.world.Deliver(kIcscf, kCore,
                     Answer(next.OnSet(old, phone.Protected()), 401, ChallengeLine("again")));
  phone.TakeChallenge(next.world.Pop().text);
  EXPECT_EQ(accept(next.OnSet(phone.set, phone.Protected())), 200);
  next.OnSet(phone.set, phone.Protected());
  EXPECT_EQ(next.world.kernel().sa_count(), 8u);
  next.world.Advance(kDrainMs);
  EXPECT_EQ(next.world.kernel().sa_count(), 4u) << "the restored set is gone";
  next.world.Advance(1000);
  EXPECT_EQ(next.world.spis().counts().used, 1u);
}

TEST_F(EdgeJournalEvents, WhoeverHadA200IsThereAtAnyInstant) {
  TestPhone phone;
  const std::string forwarded = Answered(&phone);
  world_.HoldJournal();
  Accept(forwarded);
  Next before(this);
  EXPECT_EQ(before.Registered(), 0u) << "no 200 was said";
  world_.ReleaseJournal();
  EXPECT_EQ(StatusOf(world_.Pop().text), 200);
  Next after(this);
  EXPECT_EQ(after.Registered(), 1u);
}

class EdgeJournalInClear : public EdgeJournalEvents {
 protected:
  EdgeJournalInClear() : EdgeJournalEvents(MakeSettings()) {}
  static Settings MakeSettings() {
    Settings settings = JournalSettings();
    settings.gm.sec_agree = SecAgree::kOff;
    return settings;
  }
  std::string RegisterText(TestPhone* phone) {
    std::string text = phone->Register(5060, "nonce=\"\",response=\"\"", "");
    for (const char* line : {"Require: sec-agree\r\n", "Proxy-Require: sec-agree\r\n"}) {
      text = Replaced(text, line, "");
    }
    return text;
  }
};

TEST_F(EdgeJournalInClear, APhoneWaitsAndGoesOnToo) {
  TestPhone phone;
  const std::string forwarded = Deliver(phone.Clear(), phone.Gm(), RegisterText(&phone)).text;
  world_.HoldJournal();
  EXPECT_EQ(Accept(forwarded).text, "");
  EXPECT_EQ(Registered(), 0u);
  world_.ReleaseJournal();
  EXPECT_EQ(StatusOf(world_.Pop().text), 200);
  ASSERT_EQ(WrittenPhones(), 1u);
  Next next(this);
  EXPECT_EQ(next.Registered(), 1u);
  next.world.Deliver(phone.Clear(), phone.Gm(),
                     phone.Request("OPTIONS", "sip:bob@example.org", 5060, ""));
  EXPECT_THAT(next.world.Pop().text, testing::StartsWith("OPTIONS "));
}

TEST_F(EdgeJournalInClear, APhoneIsRefusedWhenItFails) {
  TestPhone phone;
  const std::string forwarded = Deliver(phone.Clear(), phone.Gm(), RegisterText(&phone)).text;
  world_.store().SetFault("disk full");
  EXPECT_EQ(StatusOf(Accept(forwarded).text), 500);
  EXPECT_EQ(Registered(), 0u);
  EXPECT_EQ(stats().refused_journal, 1u);
}

}  // namespace
}  // namespace edge
