// Random walks: phones, a core, a kernel and a network that all do as they like, and what must hold
// after every step whatever they do. A walk is told by its seed, and repeats.

#include "tests/edge_model.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <tuple>

#include "edge/limits.h"
#include "edge/reg_events.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GMEDGE_SLOW_BUILD
#endif
#endif

namespace edge {
namespace {

#ifdef GMEDGE_SLOW_BUILD
constexpr int kWalks = 6;
constexpr int kStepsPerWalk = 6'000;
#else
constexpr int kWalks = 18;
constexpr int kStepsPerWalk = 60'000;
static_assert(kWalks * kStepsPerWalk >= 1'000'000);
#endif
constexpr int kPhones = 24;
constexpr int kStepsPerScan = 64;
constexpr size_t kFlightMax = 128;
constexpr uint32_t kSpiMin = 256;
constexpr uint32_t kSpiMax = 351;  // 48 pairs: fewer than there may be sets.

Settings ModelSettings(int walk) {
  Settings settings = StepSettings(2 + walk % 2);
  settings.core.reg_event = walk % 3 != 0;
  settings.gm.take_over = walk % 4 != 0;
  return settings;
}

class Walk {
 public:
  explicit Walk(int seed)
      : chance_(static_cast<uint64_t>(seed)),
        core_(&chance_),
        world_(ModelSettings(seed), kSpiMin, kSpiMax) {
    for (int i = 0; i < kPhones; ++i) phones_.emplace_back(i, &chance_);
    world_.set_watch([this](const Flow& to, const Sent& sent) { CheckSend(to, sent); });
  }

  // Stops at the first step after which something does not hold.
  void Run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
      Step();
      CheckStep();
      if (i % kStepsPerScan == 0) Scan();
      if (testing::Test::HasFailure()) ADD_FAILURE() << "at step " << i;
    }
    if (!testing::Test::HasFailure()) End();
  }
  const Stats& stats() { return world_.core().stats(); }

 private:
  void Step() {
    const uint64_t what = chance_.Below(100);
    if (what < 82 && !flight_.empty()) return DeliverOne();
    if (what < 91) return Launch(phones_[chance_.Below(phones_.size())].Act());
    if (what < 93) return Launch({std::string(kIcscf), std::string(kCore), core_.CallPhone()});
    if (what < 95) return Launch({std::string(kIcscf), std::string(kCore), core_.TellPhone()});
    if (what < 99) return Pass();
    Kernel();
  }

  void Launch(InFlight message) {
    if (message.text.empty() || flight_.size() >= kFlightMax || chance_.Percent(4)) return;
    if (chance_.Percent(5)) flight_.push_back(message);
    flight_.push_back(std::move(message));
  }

  // Out of order, by a few.
  void DeliverOne() {
    const size_t index = chance_.Below(std::min<size_t>(flight_.size(), 8));
    const InFlight message = std::move(flight_[index]);
    flight_.erase(flight_.begin() + static_cast<ptrdiff_t>(index));
    if (message.to != kCore && message.to.starts_with("10.")) {
      return Launch({std::string(kIcscf), std::string(kCore), core_.Hear(message.text)});
    }
    for (ModelPhone& phone : phones_) {
      if (phone.IsAt(message.to)) return Launch(phone.Hear(message));
    }
    ToEdge(message);
  }

  void ToEdge(const InFlight& message) {
    Note(message);
    world_.Receive(message.from, message.to, message.text);
    CheckHeard(message);
    world_.Settle();
    Collect();
  }

  void Collect() {
    while (!world_.sent().empty()) {
      const Sent sent = world_.Pop();
      Launch({sent.from, sent.to, sent.text});
    }
  }

  void Pass() {
    static constexpr uint64_t kShort[] = {1, 20, 20, 500, 500, 1'000, 2'000};
    static constexpr uint64_t kLong[] = {10'000, 31'000, 31'000, 128'000, 900'000};
    world_.Advance(chance_.Percent(4) ? kLong[chance_.Below(std::size(kLong))]
                                      : kShort[chance_.Below(std::size(kShort))]);
    Collect();
  }

  void Kernel() {
    static constexpr std::errc kErrors[] = {std::errc::operation_not_permitted,
                                            std::errc::file_exists, std::errc::not_enough_memory};
    switch (chance_.Below(16)) {
      case 0: {
        const std::errc error = kErrors[chance_.Below(std::size(kErrors))];
        const int ordinal = static_cast<int>(chance_.Below(6));
        world_.kernel().SetFault(
            [=](uint16_t, int number) { return number == ordinal ? error : std::errc{}; });
        return;
      }
      case 1:
        return world_.kernel().DropNextAnswers(1);
      case 2:
        return world_.kernel().HoldAnswers(true);
      case 3:
        return world_.set_kernel_deaf(true);
      default:
        return Mend();
    }
  }
  void Mend() {
    world_.kernel().SetFault(nullptr);
    world_.set_kernel_deaf(false);
    world_.ReleaseAnswers();
    Collect();
  }

  // --- What holds ---

  // All that went out for a message, or why nothing did.
  struct Before {
    uint64_t sent = 0;
    uint64_t reasons = 0;
    SetState state = SetState::kFree;
    bool is_known = false;
    bool is_registered = false;
    bool may_be_yes = false;
  };
  uint64_t Reasons() {
    uint64_t sum = 0;
    for (const CounterInfo& counter : Counters()) {
      if (counter.name.starts_with("drop_")) sum += stats().*counter.field;
    }
    return sum;
  }

  void Note(const InFlight& message) {
    before_ = {stats().sent, Reasons()};
    Registrar& registrar = world_.core().registrar();
    SaSet* set = registrar.FindSet({world_.PortAt(message.to), At(message.from)});
    if (set == nullptr) return;
    const Binding* binding = registrar.FindBinding(set->binding);
    before_.is_known = true;
    before_.state = set->state;
    before_.is_registered = binding != nullptr && binding->registered();
    const std::string nonce = ParamOf(message.text, "nonce");
    before_.may_be_yes = set->state == SetState::kNew || set->state == SetState::kCurrent ||
                         (set->state == SetState::kTemporary && set->challenge != nullptr &&
                          set->challenge->nonce == nonce);
  }

  // Every request is answered, forwarded, held for the kernel or counted as dropped; and nothing
  // comes in on a set that may not carry it.
  void CheckHeard(const InFlight& message) {
    const bool is_request = !message.text.starts_with("SIP/2.0");
    const bool is_held =
        message.text.starts_with("REGISTER") && world_.core().registers_under_way() > 0;
    const bool is_told = stats().sent > before_.sent || Reasons() > before_.reasons;
    if (is_request) {
      EXPECT_TRUE(is_told || is_held) << message.text;
    }
    const bool is_protected = message.to.find(":61") != std::string::npos;
    for (const Sent& sent : world_.sent()) {
      if (sent.from != kCore || !is_request || StatusOf(sent.text) != 0 || !is_protected) continue;
      if (sent.text.starts_with("SUBSCRIBE")) continue;
      EXPECT_TRUE(before_.is_known) << "without a set\n" << sent.text;
      if (sent.text.starts_with("REGISTER")) {
        // So does what went on while the set could carry it: the core may have lost it.
        EXPECT_TRUE(before_.state == SetState::kTemporary || CarriesTraffic(before_.state) ||
                    went_on_.contains(message.text))
            << Name(before_.state);
        went_on_.insert(message.text);
        if (ParamOf(sent.text, "integrity-protected") != "yes") continue;
        // What is heard again says what it said, whatever has become of its set.
        EXPECT_TRUE(before_.may_be_yes || told_yes_.contains(message.text)) << sent.text;
        told_yes_.insert(message.text);
      } else {
        EXPECT_TRUE(CarriesTraffic(before_.state) && before_.is_registered) << Name(before_.state);
      }
    }
  }

  // Nothing leaves a protected port but through SAs that are there, nothing but answers in clear,
  // and no key at all.
  void CheckSend(const Flow& to, const Sent& sent) {
    const Side side = world_.side(to.port);
    if (side == Side::kCore) return;
    EXPECT_EQ(sent.text.find("5ec2e7c0de"), std::string::npos) << "a key\n" << sent.text;
    if (side == Side::kGm) {
      EXPECT_NE(StatusOf(sent.text), 0) << "a request in clear";
      EXPECT_NE(StatusOf(sent.text), 200) << "a registration in clear";
      return;
    }
    bool has_sas = false;  // Also those of a set that is deleted behind this message.
    for (const SetId id : world_.core().registrar().SetsAt(to)) {
      has_sas |= world_.core().registrar().FindSet(id)->state != SetState::kInstalling;
    }
    EXPECT_TRUE(has_sas) << "in clear\n" << sent.text;
  }

  // What costs little, after each step.
  void CheckStep() {
    Registrar& registrar = world_.core().registrar();
    registrar.bindings().ForEach([&](Binding* binding) {
      EXPECT_LE(registrar.CountLive(*binding), kSetsPerBindingMax);
      EXPECT_LE(binding->pending, kRegistersPerBindingMax);
      EXPECT_GE(binding->pending, 0);
    });
    EXPECT_LE(registrar.bindings().in_use(), size_t{kPhones});
    EXPECT_LE(registrar.sets().in_use(), world_.spis().capacity());
    EXPECT_LE(world_.core().reg_events().subscriptions().in_use(), 8u * kPhones);
    // One in every step is remembered for 32 s of the walk's time.
    EXPECT_LE(world_.core().transactions(), 10'000u);
  }

  // An SA by what the kernel knows it by and whose it is.
  using Id = std::tuple<std::array<uint8_t, 16>, uint32_t, uint64_t>;

  void Scan() {
    world_.Forget();
    if (told_yes_.size() > 10'000) told_yes_.clear();
    Registrar& registrar = world_.core().registrar();
    const xfrm::SpiPool::Counts counts = world_.spis().counts();
    EXPECT_EQ(counts.free + counts.used + counts.quarantined, world_.spis().capacity());
    EXPECT_EQ(counts.used, registrar.sets().in_use()) << "an SPI without a set, or the reverse";
    std::set<uint32_t> spis;
    std::set<Id> known;
    std::set<Id> needed;
    std::map<const SaSet*, SetId> live;
    registrar.sets().ForEach([&](SaSet* set) {
      live[set] = set->id;
      const Agreement& agreement = set->agreement;
      for (const uint32_t spi : {agreement.spis.client, agreement.spis.server}) {
        EXPECT_TRUE(spis.insert(spi).second) << "an SPI used twice";
        EXPECT_NE(spi, agreement.spi_uc);
        EXPECT_NE(spi, agreement.spi_us);
      }
      EXPECT_NE(registrar.FindBinding(set->binding), nullptr) << "a set of nobody";
      for (const xfrm::SaId& id : MakeSaIds(agreement)) {
        const Id mine = {id.destination.bytes, id.spi, LabelOf(agreement.spis)};
        known.insert(mine);
        if (CarriesTraffic(set->state)) needed.insert(mine);
      }
    });
    std::set<Id> held;
    for (const xfrm::SaInfo& sa : world_.kernel().Sas()) {
      const Id there = {sa.id.destination.bytes, sa.id.spi, sa.hard_packets};
      held.insert(there);
      EXPECT_TRUE(known.contains(there)) << "an SA without an owner";
    }
    for (const Id& id : needed) EXPECT_TRUE(held.contains(id)) << "an owner without its SA";
    CheckKeys(live);
  }

  // Where a set was, its keys are no more. Slots stay where they are, and hold a set without keys
  // when they hold none.
  void CheckKeys(const std::map<const SaSet*, SetId>& live) {
    constexpr std::array<uint8_t, xfrm::Key::kSize> kNone{};
    for (const auto& [slot, id] : slots_) {
      if (live.contains(slot)) continue;
      EXPECT_TRUE(std::equal(kNone.begin(), kNone.end(), slot->ik.bytes().begin()));
      EXPECT_TRUE(std::equal(kNone.begin(), kNone.end(), slot->ck.bytes().begin()));
    }
    slots_.insert(live.begin(), live.end());
  }

  // With a kernel that works again, and nobody who says anything more, all goes back to where it
  // came from.
  void End() {
    Mend();
    flight_.clear();
    for (int i = 0; i < 100; ++i) {
      world_.Advance(100'000);
      Collect();
      flight_.clear();
    }
    Scan();
    Registrar& registrar = world_.core().registrar();
    EXPECT_EQ(world_.kernel().sa_count(), 0u);
    EXPECT_EQ(registrar.sets().in_use(), 0u);
    EXPECT_EQ(registrar.bindings().in_use(), 0u);
    EXPECT_EQ(world_.core().transactions(), 0u);
    EXPECT_EQ(world_.core().registers_under_way(), 0u);
    EXPECT_EQ(world_.core().reg_events().subscriptions().in_use(), 0u);
  }

  Chance chance_;
  ModelCore core_;
  World world_;
  std::vector<ModelPhone> phones_;
  std::vector<InFlight> flight_;
  std::map<const SaSet*, SetId> slots_;
  Before before_;
  std::set<std::string> told_yes_;
  std::set<std::string> went_on_;  // REGISTERs that came over a set and were passed on.
};

class EdgeModel : public testing::TestWithParam<int> {};

TEST_P(EdgeModel, WhatMustHoldHoldsAfterEveryStep) {
  Walk walk(GetParam());
  walk.Run(kStepsPerWalk);
  // A walk in which nothing happens shows nothing.
  const Stats& stats = walk.stats();
  const auto often = [](uint64_t count, int steps) {
    return count >= static_cast<uint64_t>(kStepsPerWalk / steps);
  };
  EXPECT_TRUE(often(stats.registrations, 2000)) << stats.registrations;
  EXPECT_TRUE(often(stats.refreshes, 8000)) << stats.refreshes;
  EXPECT_TRUE(often(stats.deregistrations, 12000)) << stats.deregistrations;
  EXPECT_TRUE(often(stats.sets_timed_out, 4000)) << stats.sets_timed_out;
  EXPECT_TRUE(often(stats.sets_refused + stats.sets_unknown, 8000)) << stats.sets_refused;
  EXPECT_TRUE(often(stats.drop_not_carried, 8000)) << stats.drop_not_carried;
  EXPECT_TRUE(often(stats.drop_no_set, 4000)) << stats.drop_no_set;
}

INSTANTIATE_TEST_SUITE_P(Seeds, EdgeModel, testing::Range(1, kWalks + 1));

}  // namespace
}  // namespace edge
