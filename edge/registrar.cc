#include "edge/registrar.h"

#include <algorithm>
#include <cassert>

namespace edge {
namespace {

std::string_view AddressBytes(const reactor::Endpoint& endpoint) {
  const std::span<const uint8_t> bytes = endpoint.address();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::array<Flow, 2> FlowsOf(const SaSet& set, Transport transport) {
  std::array<Flow, 2> flows = {Flow{set.port_ps, set.agreement.ue, transport},
                               Flow{set.port_pc, set.agreement.ue, transport}};
  flows[0].remote.set_port(set.agreement.port_uc);
  flows[1].remote.set_port(set.agreement.port_us);
  return flows;
}

std::array<FlowKey, 2> Registrar::KeysOf(const SaSet& set) {
  const std::array<Flow, 2> flows = FlowsOf(set, Transport::kUdp);
  return {FlowKey(flows[0]), FlowKey(flows[1])};
}

uint64_t Registrar::TokenOf(std::string_view impi, const reactor::Endpoint& ue,
                            bool is_emergency) const {
  return is_emergency ? token_hash_.Hash({impi, AddressBytes(ue), "sos"})
                      : token_hash_.Hash({impi, AddressBytes(ue)});
}

Binding* Registrar::FindBinding(std::string_view impi, const reactor::Endpoint& ue,
                                bool is_emergency) {
  Binding* binding = FindBindingByToken(TokenOf(impi, ue, is_emergency));
  // Two phones with one token would take 2^32 phones; the later one is not let in.
  return binding != nullptr && binding->impi() == impi ? binding : nullptr;
}

Binding* Registrar::FindBindingByToken(uint64_t token) {
  const auto found = tokens_.find(token);
  return found == tokens_.end() ? nullptr : bindings_.Find(found->second);
}

Binding* Registrar::AddBinding(std::string_view impi, const reactor::Endpoint& ue,
                               bool is_emergency) {
  return Enter(bindings_.Take(), impi, ue, is_emergency);
}

Binding* Registrar::AddBindingAt(SlotId id, std::string_view impi, const reactor::Endpoint& ue,
                                 bool is_emergency) {
  if (FindBindingByToken(TokenOf(impi, ue, is_emergency)) != nullptr) return nullptr;
  Binding* const binding = bindings_.TakeAt(id);
  return binding == nullptr ? nullptr : Enter(binding, impi, ue, is_emergency);
}

Binding* Registrar::Enter(Binding* binding, std::string_view impi, const reactor::Endpoint& ue,
                          bool is_emergency) {
  binding->token = TokenOf(impi, ue, is_emergency);
  binding->is_emergency = is_emergency;
  binding->SetImpi(impi);
  binding->ue = ue;
  binding->timer.index = static_cast<uint32_t>(binding->id);
  tokens_[binding->token] = binding->id;
  CountHalfOpen(*binding, 1);
  return binding;
}

// Its name is none that a message could have.
Binding* Registrar::AddCaller(const ClearPath& path) {
  char text[reactor::kEndpointTextMax];
  const size_t size = reactor::WriteEndpoint(path.from.remote, text);
  const bool over_tcp = path.from.transport == Transport::kTcp;
  const std::string name = (over_tcp ? "\r\n" : "\n") + std::string(text, size);
  Binding* caller = FindBinding(name, path.from.remote, true);
  if (caller == nullptr) {
    caller = AddBinding(name, path.from.remote, true);
    MarkCaller(caller);
  }
  Register(caller, UINT64_MAX);
  EnterClear(caller, path);
  return caller;
}

void Registrar::MarkCaller(Binding* binding) {
  binding->is_caller = true;
  ++callers_;
  ++callers_of_[KeyOf(binding->ue)];
}

size_t Registrar::CallersAt(const reactor::Endpoint& ue) const {
  const auto found = callers_of_.find(KeyOf(ue));
  return found == callers_of_.end() ? 0 : found->second;
}

void Registrar::CountHalfOpen(const Binding& binding, int change) {
  const AddressKey key = KeyOf(binding.ue);
  half_open_ = static_cast<size_t>(static_cast<ptrdiff_t>(half_open_) + change);
  uint32_t& count = half_open_of_[key];
  count = static_cast<uint32_t>(static_cast<int>(count) + change);
  if (count == 0) half_open_of_.erase(key);
}

size_t Registrar::HalfOpenOf(const reactor::Endpoint& ue) const {
  const auto found = half_open_of_.find(KeyOf(ue));
  return found == half_open_of_.end() ? 0 : found->second;
}

void Registrar::Register(Binding* binding, uint64_t until_ms) {
  assert(until_ms != 0);
  if (!binding->registered()) CountHalfOpen(*binding, -1);
  binding->registered_until_ms = until_ms;
}

void Registrar::Unregister(Binding* binding) {
  if (binding->registered()) CountHalfOpen(*binding, 1);
  binding->registered_until_ms = 0;
  LeaveClear(binding);
}

Binding* Registrar::EnterClear(Binding* binding, const ClearPath& path) {
  assert(binding->registered());
  LeaveClear(binding);
  SlotId& holder = clear_flows_[FlowKey(path.from)];
  Binding* const before = bindings_.Find(holder);
  holder = binding->id;
  binding->clear = std::make_unique<ClearPath>(path);
  return before;
}

void Registrar::LeaveClear(Binding* binding) {
  if (binding->clear == nullptr) return;
  const auto found = clear_flows_.find(FlowKey(binding->clear->from));
  if (found != clear_flows_.end() && found->second == binding->id) clear_flows_.erase(found);
  binding->clear.reset();
}

// What comes over UDP may come from anybody: it is not the peer of a connection.
Binding* Registrar::FindInClear(const Flow& flow) {
  const auto found = clear_flows_.find(FlowKey(flow));
  if (found == clear_flows_.end()) return nullptr;
  Binding* const binding = bindings_.Find(found->second);
  const bool same = binding->clear->from.transport == flow.transport;
  return (same || flow.transport == Transport::kTcp) && IsInClear(*binding) ? binding : nullptr;
}

void Registrar::LoseClearFlow(const Flow& flow) {
  const auto found = clear_flows_.find(FlowKey(flow));
  if (found == clear_flows_.end()) return;
  if (bindings_.Find(found->second)->clear->from.transport == Transport::kTcp) {
    clear_flows_.erase(found);
  }
}

bool Registrar::HoldsClearFlow(const Binding& binding) const {
  if (binding.clear == nullptr) return false;
  const auto found = clear_flows_.find(FlowKey(binding.clear->from));
  return found != clear_flows_.end() && found->second == binding.id;
}

void Registrar::RemoveBinding(Binding* binding) {
  assert(binding->sets.empty() && !binding->timer.armed());
  Unregister(binding);
  CountHalfOpen(*binding, -1);
  if (binding->is_caller) {
    --callers_;
    const auto found = callers_of_.find(KeyOf(binding->ue));
    if (--found->second == 0) callers_of_.erase(found);
  }
  tokens_.erase(binding->token);
  bindings_.Give(binding);
}

SaSet* Registrar::AddSet(Binding* binding, const Agreement& agreement, PortIndex port_ps,
                         PortIndex port_pc) {
  return Enter(sets_.Take(), binding, agreement, port_ps, port_pc);
}

SaSet* Registrar::AddSetAt(SetId id, Binding* binding, const Agreement& agreement,
                           PortIndex port_ps, PortIndex port_pc) {
  SaSet* const set = sets_.TakeAt(id);
  return set == nullptr ? nullptr : Enter(set, binding, agreement, port_ps, port_pc);
}

SaSet* Registrar::Enter(SaSet* set, Binding* binding, const Agreement& agreement, PortIndex port_ps,
                        PortIndex port_pc) {
  set->state = SetState::kInstalling;
  set->agreement = agreement;
  set->port_ps = port_ps;
  set->port_pc = port_pc;
  set->binding = binding->id;
  set->timer.index = static_cast<uint32_t>(set->id);
  binding->sets.push_back(set->id);

  const std::array<FlowKey, 2> keys = KeysOf(*set);
  for (size_t i = 0; i < keys.size(); ++i) {
    SetId& head = flows_[keys[i]];
    set->shadowed[i] = head;
    head = set->id;
  }
  if (agreement.in_udp()) {
    udp_spis_[agreement.spis.client] = udp_spis_[agreement.spis.server] = set->id;
  }
  return set;
}

SaSet* Registrar::FindSetInUdp(uint32_t spi) {
  const auto found = udp_spis_.find(spi);
  return found == udp_spis_.end() ? nullptr : sets_.Find(found->second);
}

void Registrar::RemoveFlows(SaSet* set) {
  for (const FlowKey& key : KeysOf(*set)) {
    const auto found = flows_.find(key);
    if (found == flows_.end()) continue;
    // A chain is as long as a phone has overlapping sets with one flow: three at most.
    SetId* link = &found->second;
    while (*link != 0 && *link != set->id) link = ShadowedBy(*link, key);
    if (*link == set->id) *link = *ShadowedBy(set->id, key);
    if (found->second == 0) flows_.erase(found);
  }
}

// What a set of the chain hides. A phone may have swapped its ports between two sets, so that one
// key is SA1's of the one and SA4's of the other.
SetId* Registrar::ShadowedBy(SetId id, const FlowKey& key) {
  SaSet* set = sets_.Find(id);
  assert(set != nullptr);
  return &set->shadowed[KeysOf(*set)[0] == key ? 0 : 1];
}

void Registrar::RemoveSet(SaSet* set) {
  assert(!set->timer.armed());
  RemoveFlows(set);
  if (set->agreement.in_udp()) {
    udp_spis_.erase(set->agreement.spis.client);
    udp_spis_.erase(set->agreement.spis.server);
  }
  if (Binding* binding = bindings_.Find(set->binding); binding != nullptr) {
    auto& sets = binding->sets;
    sets.erase(std::remove(sets.begin(), sets.end(), set->id), sets.end());
  }
  sets_.Give(set);
}

SaSet* Registrar::FindSet(const Flow& flow) {
  const auto found = flows_.find(FlowKey(flow));
  return found == flows_.end() ? nullptr : sets_.Find(found->second);
}

absl::InlinedVector<SetId, 4> Registrar::SetsAt(const Flow& flow) {
  absl::InlinedVector<SetId, 4> sets;
  const FlowKey key(flow);
  const auto found = flows_.find(key);
  for (SetId id = found == flows_.end() ? 0 : found->second; id != 0; id = *ShadowedBy(id, key)) {
    sets.push_back(id);
  }
  return sets;
}

void Registrar::SetConnected(const Flow& flow, bool connected) {
  if (connected) {
    connections_.insert(FlowKey(flow));
  } else {
    connections_.erase(FlowKey(flow));
  }
}

bool Registrar::IsConnected(const Flow& flow) const {
  return !connections_.empty() && connections_.contains(FlowKey(flow));
}

SaSet* Registrar::FindSetInState(const Binding& binding, SetState state) {
  for (const SetId id : binding.sets) {
    SaSet* set = sets_.Find(id);
    if (set->state == state) return set;
  }
  return nullptr;
}

SaSet* Registrar::SetInUse(const Binding& binding) {
  for (const SetState state : {SetState::kCurrent, SetState::kOld, SetState::kNew}) {
    if (SaSet* set = FindSetInState(binding, state); set != nullptr) return set;
  }
  return nullptr;
}

size_t Registrar::CountLive(const Binding& binding) {
  return static_cast<size_t>(
      std::count_if(binding.sets.begin(), binding.sets.end(),
                    [this](SetId id) { return IsLive(sets_.Find(id)->state); }));
}

}  // namespace edge
