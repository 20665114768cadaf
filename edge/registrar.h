// The tables of the edge: who is registered from where, with which SA sets, and which set a flow
// belongs to. Holds no rule of its own; the rules are in register_proxy and relay.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "edge/flow_key.h"
#include "edge/sa_set.h"
#include "edge/secrets.h"
#include "edge/set_state.h"
#include "edge/slot_pool.h"
#include "reactor/timer_wheel.h"
#include "xfrm/key.h"

namespace edge {

using SetId = SlotId;

// What only an unanswered challenge needs; gone when the set is confirmed.
struct Challenge {
  std::string security_client;  // Of SM1, canonical.
  std::string security_server;  // As sent, a header value.
  std::string nonce;
  Flow sm1;                 // Where SM1 came from, for an answer outside the set.
  uint64_t started_ms = 0;  // When it came.
};

// One set and where it stands (spec sheet 4.1).
struct SaSet {
  SlotId id = 0;
  SetState state = SetState::kFree;
  bool after_initial = true;  // SM1 came unprotected.
  bool sa3_later = false;     // SA3 comes with the 200 (SetKeeper::MustWaitForSa3).
  bool in_doubt = false;      // The kernel may not have what it was asked for.
  PortIndex port_ps = 0;
  PortIndex port_pc = 0;
  SlotId binding = 0;
  SetId origin = 0;          // The set SM1 came on, or 0.
  uint64_t transaction = 0;  // The REGISTER that waits for the kernel, or 0.
  Agreement agreement;
  xfrm::Key ik;
  xfrm::Key ck;
  uint64_t installed_ms = 0;
  uint64_t kernel_until_ms = 0;  // Not before this does the kernel end the SAs by itself.
  uint64_t expires_ms = 0;       // What the set's timer is armed for.
  std::unique_ptr<Challenge> challenge;
  std::array<SetId, 2> shadowed{};  // Older sets with the same flow (a phone that lost its state).
  reactor::Timer timer;
};

// What comes in on its SA1 and SA4; over TCP, its two connections: the phone's and ours.
std::array<Flow, 2> FlowsOf(const SaSet& set, Transport transport);

// One phone at one address: (IMPI, UE IP).
struct Binding {
  SlotId id = 0;
  uint64_t token = 0;    // Of Path and Record-Route; the binding's key.
  reactor::Endpoint ue;  // Its address; the port does not count.
  std::string impi;
  std::string default_identity;  // URI of To, until P-Associated-URI is known.
  std::string associated;        // P-Associated-URI, the header value; its first is the default.
  std::string service_route;     // Service-Route, the header value.
  uint64_t registered_until_ms = 0;    // 0: not registered.
  int pending = 0;                     // REGISTER transactions under way.
  absl::InlinedVector<SetId, 4> sets;  // All that are not free, oldest first.
  reactor::Timer timer;

  bool registered() const { return registered_until_ms != 0; }
};

class Registrar {
 public:
  explicit Registrar(Random* random) : token_hash_(random) {}

  // The binding of (IMPI, address), or null.
  Binding* FindBinding(std::string_view impi, const reactor::Endpoint& ue);
  Binding* FindBindingByToken(uint64_t token);
  // REQUIRES: FindBinding() is null.
  Binding* AddBinding(std::string_view impi, const reactor::Endpoint& ue);
  // REQUIRES: it has no set.
  void RemoveBinding(Binding* binding);
  void Register(Binding* binding, uint64_t until_ms);
  void Unregister(Binding* binding);
  // Bindings that are not registered (yet, or any more): in all, and of one address.
  size_t half_open() const { return half_open_; }
  size_t HalfOpenOf(const reactor::Endpoint& ue) const;
  size_t registered() const { return bindings_.in_use() - half_open_; }

  // A new set of the binding, in kInstalling, with both of its flows entered (newest first).
  SaSet* AddSet(Binding* binding, const Agreement& agreement, PortIndex port_ps, PortIndex port_pc);
  // The application row goes before the kernel's SAs do (spec sheet 2.4): no message finds the set
  // any more, but the id stays good until RemoveSet.
  void RemoveFlows(SaSet* set);
  void RemoveSet(SaSet* set);

  // The set whose phone sends from `remote` to our port, newest first; null: none.
  SaSet* FindSet(const Flow& flow);
  SaSet* FindSet(SetId id) { return sets_.Find(id); }
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
  void CountHalfOpen(const Binding& binding, int change);
  static std::array<FlowKey, 2> KeysOf(const SaSet& set);
  SetId* ShadowedBy(SetId id, const FlowKey& key);

  KeyedHash token_hash_;
  SlotPool<SaSet> sets_;
  SlotPool<Binding> bindings_;
  absl::flat_hash_map<FlowKey, SetId> flows_;
  absl::flat_hash_set<FlowKey> connections_;
  absl::flat_hash_map<uint64_t, SlotId> tokens_;
  absl::flat_hash_map<AddressKey, uint32_t> half_open_of_;
  size_t half_open_ = 0;
};

}  // namespace edge
