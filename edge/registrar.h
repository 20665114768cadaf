// The tables of the edge: who is registered from where, with which SA sets, and which set a flow
// belongs to. Holds no rule of its own; the rules are in register_proxy and relay.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "edge/binding.h"
#include "edge/flow_key.h"
#include "edge/secrets.h"
#include "edge/slot_pool.h"

namespace edge {

// What comes in on its SA1 and SA4; over TCP, its two connections: the phone's and ours.
std::array<Flow, 2> FlowsOf(const SaSet& set, Transport transport);

class Registrar {
 public:
  // `phones` makes the tokens.
  explicit Registrar(const KeyedHash& phones) : token_hash_(phones) {}
  explicit Registrar(Random* random) : token_hash_(random) {}

  // The binding of (IMPI, address), or that of its emergency contact there; or null.
  Binding* FindBinding(std::string_view impi, const reactor::Endpoint& ue,
                       bool is_emergency = false);
  Binding* FindBindingByToken(uint64_t token);
  // What names a dialog of a phone in our Record-Route; and the icid of its charging. By the same
  // key as tokens are made, so all workers agree.
  uint64_t DialogTag(uint64_t token, std::string_view call_id) const {
    return token_hash_.Hash({"dialog", Bytes(token), call_id});
  }
  uint64_t IcidOf(uint64_t token, std::string_view call_id) const {
    return token_hash_.Hash({"icid", Bytes(token), call_id});
  }
  // REQUIRES: FindBinding() is null.
  Binding* AddBinding(std::string_view impi, const reactor::Endpoint& ue,
                      bool is_emergency = false);
  // The same with the id it had in another process; null: that cannot be. REQUIRES: as for
  // SlotPool::TakeAt().
  Binding* AddBindingAt(SlotId id, std::string_view impi, const reactor::Endpoint& ue,
                        bool is_emergency);
  // Somebody unknown calls for help from there; in clear from here on, once Register()ed.
  // REQUIRES: !IsTaken(path.from).
  Binding* AddCaller(const ClearPath& path);
  // One that another process had. REQUIRES: it is none yet.
  void MarkCaller(Binding* binding);
  size_t callers() const { return callers_; }
  size_t CallersAt(const reactor::Endpoint& ue) const;
  // REQUIRES: it has no set.
  void RemoveBinding(Binding* binding);
  void Register(Binding* binding, uint64_t until_ms);
  void Unregister(Binding* binding);
  // A registered binding is in clear from here on, until LeaveClear() or Unregister(). Returns the
  // one that was so at the same flow before, or null.
  Binding* EnterClear(Binding* binding, const ClearPath& path);
  void LeaveClear(Binding* binding);
  // Registered in clear, and no set of it carries traffic.
  bool IsInClear(const Binding& binding) {
    return binding.clear != nullptr && SetInUse(binding) == nullptr;
  }
  bool has_clear() const { return !clear_flows_.empty(); }
  // Was anybody in clear there last?
  bool IsTaken(const Flow& flow) const { return clear_flows_.contains(FlowKey(flow)); }
  // Who is in clear there, over the same transport or now over TCP; null: nobody.
  Binding* FindInClear(const Flow& flow);
  // A connection that ended is nobody's flow any more.
  void LoseClearFlow(const Flow& flow);
  bool HoldsClearFlow(const Binding& binding) const;
  // Bindings that are not registered (yet, or any more): in all, and of one address.
  size_t half_open() const { return half_open_; }
  size_t HalfOpenOf(const reactor::Endpoint& ue) const;
  size_t registered() const { return bindings_.in_use() - half_open_; }

  // A new set of the binding, in kInstalling, with both of its flows entered (newest first).
  SaSet* AddSet(Binding* binding, const Agreement& agreement, PortIndex port_ps, PortIndex port_pc);
  // The same with the id it had; null: that cannot be.
  SaSet* AddSetAt(SetId id, Binding* binding, const Agreement& agreement, PortIndex port_ps,
                  PortIndex port_pc);
  // The application row goes before the kernel's SAs do (spec sheet 2.4): no message finds the set
  // any more, but the id stays good until RemoveSet.
  void RemoveFlows(SaSet* set);
  void RemoveSet(SaSet* set);

  // The set whose phone sends from `remote` to our port, newest first; null: none.
  SaSet* FindSet(const Flow& flow);
  // Bring into the cache where FindSet() will look, and the set with its binding.
  void Prefetch(const Flow& flow) const { flows_.prefetch(FlowKey(flow)); }
  void Prefetch(const SaSet& set) {
    sets_.Prefetch(set.id);
    bindings_.Prefetch(set.binding);
  }
  SaSet* FindSet(SetId id) { return sets_.Find(id); }
  // Of those in UDP the one with this SPI of ours; null: none.
  SaSet* FindSetInUdp(uint32_t spi);
  // All of them, newest first.
  absl::InlinedVector<SetId, 4> SetsAt(const Flow& flow);
  Binding* FindBinding(SlotId id) { return bindings_.Find(id); }
  const Binding* FindBinding(SlotId id) const { return bindings_.Find(id); }

  // Which TCP connections there are on protected ports.
  void SetConnected(const Flow& flow, bool connected);
  bool IsConnected(const Flow& flow) const;

  // The set to use towards the phone: current, else old (pending transactions), else new; null:
  // none carries traffic.
  SaSet* SetInUse(const Binding& binding);
  SaSet* FindSetInState(const Binding& binding, SetState state);
  // Sets of the binding in a live state.
  size_t CountLive(const Binding& binding);

  SlotPool<SaSet>& sets() { return sets_; }
  SlotPool<Binding>& bindings() { return bindings_; }

 private:
  static std::string_view Bytes(const uint64_t& number) {
    return {reinterpret_cast<const char*>(&number), sizeof(number)};
  }
  uint64_t TokenOf(std::string_view impi, const reactor::Endpoint& ue, bool is_emergency) const;
  void CountHalfOpen(const Binding& binding, int change);
  Binding* Enter(Binding* binding, std::string_view impi, const reactor::Endpoint& ue,
                 bool is_emergency);
  SaSet* Enter(SaSet* set, Binding* binding, const Agreement& agreement, PortIndex port_ps,
               PortIndex port_pc);
  static std::array<FlowKey, 2> KeysOf(const SaSet& set);
  SetId* ShadowedBy(SetId id, const FlowKey& key);

  KeyedHash token_hash_;
  SlotPool<SaSet> sets_;
  SlotPool<Binding> bindings_;
  absl::flat_hash_map<FlowKey, SetId> flows_;
  absl::flat_hash_map<uint32_t, SetId> udp_spis_;  // Of phones behind a NAT alone.
  absl::flat_hash_set<FlowKey> connections_;
  absl::flat_hash_map<FlowKey, SlotId> clear_flows_;
  absl::flat_hash_map<uint64_t, SlotId> tokens_;
  absl::flat_hash_map<AddressKey, uint32_t> half_open_of_;
  size_t half_open_ = 0;
  absl::flat_hash_map<AddressKey, uint32_t> callers_of_;
  size_t callers_ = 0;
};

}  // namespace edge
