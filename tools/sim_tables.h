// What must hold of the edge's tables, the SPI pool and the kernel after each step of a simulated
// run, or of a random walk in tests. A check says what does not hold, or "".
#pragma once

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>

#include "edge/core.h"
#include "edge/limits.h"
#include "xfrm/fake_kernel.h"

namespace tools {

// What costs little, after each step.
inline std::string CheckBounds(edge::Core* core, size_t phones, size_t pairs) {
  edge::Registrar& registrar = core->registrar();
  std::string wrong;
  registrar.bindings().ForEach([&](edge::Binding* binding) {
    const bool is_well = registrar.CountLive(*binding) <= edge::kSetsPerBindingMax &&
                         binding->pending <= edge::kRegistersPerBindingMax && binding->pending >= 0;
    if (!is_well) wrong = "more sets or REGISTERs of a phone than there may be";
  });
  if (!wrong.empty()) return wrong;
  if (registrar.bindings().in_use() > phones) return "more bindings than phones";
  if (registrar.sets().in_use() > pairs) return "more sets than SPIs";
  if (core->reg_events().subscriptions().in_use() > 8 * phones) return "too many subscriptions";
  // One in every step is remembered for 32 s.
  return core->transactions() > 10'000 ? "too many transactions" : "";
}

// The tables of all workers, the SPI pool and the kernel, one against the other.
class TableCheck {
 public:
  std::string Scan(std::span<edge::Core* const> cores, const xfrm::SpiPool& pool,
                   const xfrm::FakeKernel& kernel) {
    wrong_.clear();
    spis_.clear();
    known_.clear();
    needed_.clear();
    std::set<const edge::SaSet*> live;
    size_t with_spis = 0;
    for (edge::Core* const core : cores) {
      core->registrar().sets().ForEach([&](edge::SaSet* set) {
        live.insert(set);
        with_spis += set->has_pool_spis ? 1 : 0;
        Note(*set);
        if (core->registrar().FindBinding(set->binding) == nullptr) Wrong("a set of nobody");
      });
    }
    const xfrm::SpiPool::Counts counts = pool.counts();
    if (counts.free + counts.used + counts.quarantined != pool.capacity()) {
      Wrong("SPIs got lost");
    }
    if (counts.used != with_spis) Wrong("an SPI in use without a set, or the reverse");
    CheckKernel(kernel);
    CheckKeys(live);
    return wrong_;
  }

 private:
  // An SA by what the kernel knows it by and whose it is.
  using Id = std::tuple<std::array<uint8_t, 16>, uint32_t, uint64_t>;

  void Wrong(std::string what) {
    if (wrong_.empty()) wrong_ = std::move(what);
  }
  void Note(const edge::SaSet& set) {
    const edge::Agreement& agreement = set.agreement;
    for (const uint32_t spi : {agreement.spis.client, agreement.spis.server}) {
      if (!spis_.insert(spi).second) Wrong("an SPI used twice");
      if (spi == agreement.spi_uc || spi == agreement.spi_us) Wrong("the phone's own SPI");
    }
    for (const xfrm::SaId& id : edge::MakeSaIds(agreement)) {
      const Id mine = {id.destination.bytes, id.spi, edge::LabelOf(agreement.spis)};
      known_.insert(mine);
      if (edge::CarriesTraffic(set.state)) needed_.insert(mine);
    }
  }
  void CheckKernel(const xfrm::FakeKernel& kernel) {
    std::set<Id> held;
    for (const xfrm::SaInfo& sa : kernel.Sas()) {
      const Id there = {sa.id.destination.bytes, sa.id.spi, sa.hard_packets};
      held.insert(there);
      if (!known_.contains(there)) Wrong("an SA without an owner");
    }
    if (!std::includes(held.begin(), held.end(), needed_.begin(), needed_.end())) {
      Wrong("an owner without its SA");
    }
  }
  // Where a set was, its keys are no more. Slots stay where they are, and hold a set without keys
  // when they hold none.
  void CheckKeys(const std::set<const edge::SaSet*>& live) {
    constexpr std::array<uint8_t, xfrm::Key::kSize> kNone{};
    for (const edge::SaSet* slot : slots_) {
      if (live.contains(slot)) continue;
      const bool is_wiped = std::equal(kNone.begin(), kNone.end(), slot->ik.bytes().begin()) &&
                            std::equal(kNone.begin(), kNone.end(), slot->ck.bytes().begin());
      if (!is_wiped) Wrong("keys of a set that is gone");
    }
    slots_.insert(live.begin(), live.end());
  }

  std::string wrong_;
  std::set<uint32_t> spis_;
  std::set<Id> known_;
  std::set<Id> needed_;
  std::set<const edge::SaSet*> slots_;
};

}  // namespace tools
