#include "edge/names.h"

#include <algorithm>
#include <array>
#include <utility>

#include "edge/next_hop_limits.h"

namespace edge {
namespace {

// In lower case, in *buffer.
using HostBuffer = std::array<char, kNameSizeMax>;
std::string_view LowerCase(std::string_view host, HostBuffer* buffer) {
  std::transform(host.begin(), host.end(), buffer->begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return {buffer->data(), host.size()};
}

}  // namespace

Names::Names(Context* context) : context_(*context) {}

Names::Found Names::Find(const NameQuery& query, uint64_t spread, Actions* actions) {
  if (query.host.empty() || query.host.size() > kNameSizeMax) return {};
  HostBuffer buffer;
  const uint16_t numbers[] = {
      query.port, static_cast<uint16_t>(query.transport ? 1 + int(*query.transport) : 0)};
  const uint64_t key =
      context_.hash.Hash({"name",
                          LowerCase(query.host, &buffer),
                          {reinterpret_cast<const char*>(numbers), sizeof(numbers)}});
  const auto found = by_key_.find(key);
  Name* name = found != by_key_.end() ? names_.Find(found->second) : Add(key);
  if (name == nullptr) return {State::kFull, {}, 0};
  const uint64_t now_ms = context_.now_ms;
  const bool is_asked = name->is_asked || now_ms < name->expires_ms || Ask(name, query, actions);
  if (!name->targets.empty() && now_ms < name->stale_ms) {
    return {State::kKnown, Choose(*name, spread), name->id};
  }
  if (name->is_asked) return {State::kPending, {}, name->id};
  return {is_asked ? State::kNone : State::kFull, {}, 0};
}

Names::Name* Names::Add(uint64_t key) {
  if (names_.in_use() >= kNamesMax && !MakeRoom()) return nullptr;
  Name* const name = names_.Take();
  name->key = key;
  by_key_[name->key] = name->id;
  return name;
}

bool Names::MakeRoom() {
  Name* oldest = nullptr;
  names_.ForEach([&](Name* name) {
    if (name->is_asked) return;
    if (oldest == nullptr || name->expires_ms < oldest->expires_ms) oldest = name;
  });
  if (oldest == nullptr) return false;
  by_key_.erase(oldest->key);
  names_.Give(oldest);
  return true;
}

bool Names::Ask(Name* name, const NameQuery& query, Actions* actions) {
  if (asked_ >= kNamesAskedMax) return false;
  ++asked_;
  ++context_.stats.dns_lookups;
  name->is_asked = true;
  actions->Resolve(name->id, query);
  return true;
}

bool Names::Hold(SlotId id, HeldRequest request) {
  Name* const name = names_.Find(id);
  const size_t size = request.text.size() + request.refusal.size();
  if (name == nullptr || held_ >= kHeldMax || held_size_ + size > kHeldSizeMax) return false;
  ++held_;
  held_size_ += size;
  name->waiting.push_back(std::move(request));
  return true;
}

std::vector<HeldRequest> Names::OnResolved(SlotId id, const Resolved& resolved) {
  Name* const name = names_.Find(id);
  if (name == nullptr || !name->is_asked) return {};
  --asked_;
  name->is_asked = false;
  if (resolved.targets.empty()) {
    ++context_.stats.dns_failures;
    name->expires_ms = context_.now_ms + kNoNameMs;
    if (!resolved.is_silent) name->targets.clear();
  } else {
    const uint64_t ttl_ms = uint64_t{resolved.ttl_s} * 1000;
    name->targets = resolved.targets;
    name->expires_ms = context_.now_ms + std::clamp(ttl_ms, kTtlMinMs, kTtlMaxMs);
    name->stale_ms = name->expires_ms + kStaleMs;
  }
  for (const HeldRequest& request : name->waiting) {
    --held_;
    held_size_ -= request.text.size() + request.refusal.size();
  }
  return std::exchange(name->waiting, {});
}

Names::Found Names::FindHeld(SlotId id, uint64_t spread) const {
  const Name* const name = names_.Find(id);
  if (name == nullptr || name->targets.empty() || context_.now_ms >= name->stale_ms) return {};
  return {State::kKnown, Choose(*name, spread), id};
}

// RFC 2782: of the lowest group with one that lives, one in proportion to the weights. When all are
// dead, as if none were: we may be wrong.
Flow Names::Choose(const Name& name, uint64_t spread) const {
  const std::vector<Target>& all = name.targets;
  if (all.size() == 1) return FlowOf(all[0]);
  const bool all_dead =
      std::all_of(all.begin(), all.end(), [this](const Target& target) { return IsDead(target); });
  const auto usable = [&](const Target& target) { return all_dead || !IsDead(target); };
  const auto first = std::find_if(all.begin(), all.end(), usable);
  const auto end = std::find_if(first, all.end(),
                                [&](const Target& target) { return target.group != first->group; });
  uint64_t sum = 0;
  // A weight of 0 is a small one, so that it is not without any hope.
  const auto weight = [&](const Target& target) {
    return usable(target) ? uint64_t{target.weight} * 64 + 1 : 0;
  };
  for (auto target = first; target != end; ++target) sum += weight(*target);
  uint64_t place = spread % sum;
  for (auto target = first; target != end; ++target) {
    if (place < weight(*target)) return FlowOf(*target);
    place -= weight(*target);
  }
  return FlowOf(*first);
}

bool Names::IsDead(const Target& target) const {
  const auto& dead = dead_[static_cast<size_t>(target.transport)];
  if (dead.empty()) return false;
  const auto found = dead.find(FlowKey(FlowOf(target)));
  return found != dead.end() && context_.now_ms < found->second;
}

void Names::OnUnreachable(const Flow& flow) {
  auto& dead = dead_[static_cast<size_t>(flow.transport)];
  if (dead.size() >= kDeadTargetsMax) dead.clear();
  dead[FlowKey(flow)] = context_.now_ms + kNextHopRestMs;
}

}  // namespace edge
