#include "xfrm/reconcile.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <utility>

namespace xfrm {
namespace {

// The finalizer of SplitMix64: every bit of the input changes half the bits of the output.
uint64_t Mix(uint64_t value) {
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
  value = (value ^ value >> 27) * 0x94d049bb133111eb;
  return value ^ value >> 31;
}

// The seed goes in before what phones choose, so that collisions of one run are none of the next.
uint64_t Hash(const SaId& id, uint64_t seed) {
  uint64_t halves[2];
  static_assert(sizeof(halves) == sizeof(id.destination.bytes));
  std::memcpy(halves, id.destination.bytes.data(), sizeof(halves));
  const uint64_t rest = uint64_t{id.destination.family} << 32 | id.spi;
  return Mix(Mix(Mix(Mix(seed) ^ halves[0]) ^ halves[1]) ^ rest);
}

// The port of a phone's NAT may have moved since it was written down: the kernel's is the newer
// one, and if it is not, the phone's next packet tells.
bool IsSameWay(const SaInfo& there, const Sa& known) {
  if (!known.tunnel) return !there.tunnel && there.source == known.selector.source;
  return there.tunnel && there.source == known.tunnel.source;
}

bool IsSame(const SaInfo& there, const Sa& known) {
  return there.is_exact && there.selector == known.selector && IsSameWay(there, known) &&
         there.reqid == known.reqid && there.hard_packets == known.hard_packets &&
         there.mark == known.mark && there.algorithms == known.keys->algorithms();
}

}  // namespace

Reconciler::Reconciler(std::span<const Sa> known, Lifetimes lifetimes, uint32_t reqid,
                       uint64_t seed)
    : known_(known), lifetimes_(lifetimes), reqid_(reqid), seed_(seed) {
  assert(known.size() < UINT32_MAX);
  slots_.resize(std::bit_ceil(2 * known.size() + 1));
  seen_.resize(known.size());
  for (size_t i = 0; i < known.size(); ++i) {
    assert(known[i].reqid == reqid && known[i].keys != nullptr);
    const size_t slot = SlotOf(known[i].id());
    if (slots_[slot] == 0) {
      slots_[slot] = static_cast<uint32_t>(i + 1);
    } else {
      seen_[i] = kRepeated;
      ++plan_.repeated;
    }
  }
}

void Reconciler::Look(const SaInfo& sa) {
  const bool is_ours = sa.reqid == reqid_;
  if (!is_ours) ++plan_.foreign;
  const uint32_t entry = slots_[SlotOf(sa.id)];
  if (entry == 0) {
    if (is_ours) plan_.remove.push_back(sa.id);
    return;
  }
  const Sa& known = known_[entry - 1];
  const bool is_same = is_ours && IsSame(sa, known);
  seen_[entry - 1] |= !is_ours ? kForeign : is_same ? kSame : kOther;
  if (!is_same || !EndsEarly(sa, known)) return;
  const uint64_t ends_s = lifetimes_.now_s + known.hard_seconds;
  plan_.extend.push_back({.index = entry - 1,
                          .hard_seconds = static_cast<uint32_t>(ends_s - sa.added_at),
                          .source_port = sa.tunnel.source_port,
                          .destination_port = sa.tunnel.destination_port});
}

// The kernel counts from when it added the SA.
bool Reconciler::EndsEarly(const SaInfo& there, const Sa& known) const {
  if (there.hard_seconds == 0 || known.hard_seconds == 0) return false;
  const uint64_t wanted_s = lifetimes_.now_s + known.hard_seconds;
  return there.added_at + there.hard_seconds + lifetimes_.early_s_max < wanted_s;
}

ReconcilePlan Reconciler::Finish() {
  for (size_t i = 0; i < known_.size(); ++i) {
    const uint32_t index = static_cast<uint32_t>(i);
    const uint8_t seen = seen_[i];
    if ((seen & kRepeated) != 0) continue;
    if ((seen & kSame) != 0) {
      ++plan_.kept;
    } else if ((seen & kOther) != 0) {
      plan_.replace.push_back(index);
    } else if ((seen & kForeign) != 0) {
      plan_.blocked.push_back(index);
    } else {
      plan_.install.push_back(index);
    }
  }
  return std::move(plan_);
}

size_t Reconciler::SlotOf(const SaId& id) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = Hash(id, seed_) & mask;
  while (slots_[slot] != 0 && known_[slots_[slot] - 1].id() != id) slot = (slot + 1) & mask;
  return slot;
}

ReconcilePlan Reconcile(std::span<const SaInfo> dump, std::span<const Sa> known,
                        Lifetimes lifetimes, uint32_t reqid, uint64_t seed) {
  Reconciler reconciler(known, lifetimes, reqid, seed);
  for (const SaInfo& sa : dump) reconciler.Look(sa);
  return reconciler.Finish();
}

bool ReconcileRun::Fill(Batch* batch, int requests_max) {
  assert(batch->empty() && requests_max >= 4 && requests_max <= Batch::kRequestsMax);
  requests_.clear();
  const auto remove = [&](const SaId& id) {
    batch->DeleteSa(id);
    requests_.push_back(Request::kRemove);
  };
  const auto install = [&](uint32_t index) {
    batch->AddSa(known_[index]);
    requests_.push_back(Request::kInstall);
  };
  const auto extend = [&](const ReconcilePlan::Extension& extension) {
    Sa sa = known_[extension.index];
    sa.hard_seconds = extension.hard_seconds;
    sa.tunnel.source_port = extension.source_port;
    sa.tunnel.destination_port = extension.destination_port;
    batch->UpdateSa(sa);
    requests_.push_back(Request::kExtend);
  };
  const auto remove_up_to = [&](int count) {
    while (batch->count() < count && remove_at_ < plan_.remove.size()) {
      remove(plan_.remove[remove_at_++]);
    }
  };
  remove_up_to(requests_max / 2);
  while (batch->count() + 2 <= requests_max && replace_at_ < plan_.replace.size()) {
    const uint32_t index = plan_.replace[replace_at_++];
    remove(known_[index].id());
    install(index);
  }
  while (batch->count() < requests_max && extend_at_ < plan_.extend.size()) {
    extend(plan_.extend[extend_at_++]);
  }
  while (batch->count() < requests_max && install_at_ < plan_.install.size()) {
    install(plan_.install[install_at_++]);
  }
  remove_up_to(requests_max);
  return !batch->empty();
}

void ReconcileRun::Take(const BatchVerdict& verdict) {
  if (!verdict.complete()) {
    unknown_ += requests_.size();
    return;
  }
  for (size_t i = 0; i < requests_.size(); ++i) {
    const std::errc error = verdict.error(static_cast<int>(i));
    const Request request = requests_[i];
    const bool is_gone = request == Request::kRemove && error == std::errc::no_such_process;
    if (error == std::errc{} || is_gone) {
      ++(request == Request::kInstall  ? installed_
         : request == Request::kExtend ? extended_
                                       : removed_);
      continue;
    }
    if (refused_++ == 0) first_refusal_ = error;
  }
}

}  // namespace xfrm
