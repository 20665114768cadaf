// What the core tells of registrations (spec sheet 4.6, TS 24.229 5.2.3, RFC 3680, RFC 6665): a
// subscription for each private identity that is registered, so that we learn when the core ends or
// shortens a registration or adds identities to it.
//
// Nothing names a subscription but its id: Call-ID, tag and branches are made of it by a keyed
// hash, so that they need no memory and nobody can forge them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "edge/context.h"
#include "edge/next_hops.h"
#include "edge/reg_event_limits.h"
#include "edge/reginfo.h"
#include "edge/set_keeper.h"

namespace edge {

struct Subscription {
  enum class State : uint8_t {
    kAsking,  // A SUBSCRIBE is under way.
    kActive,  // Until its refresh is due.
    kPaused,  // It failed; until it is tried again.
    kEnding,  // One with Expires: 0 is under way.
    kEnded,   // Over; a NOTIFY that is repeated gets its 200 still.
  };

  SlotId id = 0;
  uint64_t who = 0;                       // The private identity's key; 0: of nobody any more.
  absl::InlinedVector<SlotId, 1> phones;  // Its registrations here, one an address.
  uint64_t ends_ms = 0;                   // When the core forgets it; 0: it does not know it.
  uint64_t give_up_ms = 0;                // The end of the request under way.
  uint32_t interval_ms = 0;               // To its next repetition.
  uint32_t cseq = 0;
  uint32_t wanted_s = 0;
  uint32_t next_version = 0;  // Of the NOTIFY to come; 0: none came yet.
  State state = State::kAsking;
  uint8_t failures = 0;     // Since one lasted.
  bool is_waiting = false;  // For an answer...
  bool is_repeated = true;  // ...and until it comes, or DNS knows where to, it is sent again.
  PackedTexts<4> dialog;    // Identity, remote tag, target, route set.
  reactor::Timer timer;

  std::string_view identity() const { return dialog[0]; }
  std::string_view remote_tag() const { return dialog[1]; }
  std::string_view target() const { return dialog[2]; }
  std::string_view route_set() const { return dialog[3]; }
};
static_assert(kDialogSizeMax + kRouteSetSizeMax <= PackedTexts<4>::kSizeMax);

// What a NOTIFY names a contact by: user, host and port of its URI; parameters come and go. 0: it
// is no SIP URI.
uint64_t ContactKey(const KeyedHash& hash, std::string_view uri);

class RegEvents {
 public:
  RegEvents(Context* context, NextHops* next_hops, SetKeeper* keeper)
      : context_(*context), next_hops_(*next_hops), keeper_(*keeper) {}

  // A 200 to a REGISTER has gone to the phone. The first of a private identity subscribes.
  void OnRegistered(Binding* binding, std::string_view contact, uint32_t granted_s,
                    Actions* actions);
  // It is over, whoever ended it. With the last one of a private identity the subscription ends.
  void OnUnregistered(const Binding& binding, Actions* actions);

  // False: the NOTIFY is of no subscription of ours.
  bool OnNotify(const Arrival& arrival, Actions* actions);
  // A response whose topmost Via, ours, has this branch. False: it answers no SUBSCRIBE of ours.
  bool OnResponse(const sip::Message& message, std::string_view branch, Actions* actions);
  void OnTimer(uint32_t index, Actions* actions);

  // To another process, or from one (edge/carry_core.cc).
  void Carry(class StateArchive* archive);

  SlotPool<Subscription>& subscriptions() { return subscriptions_; }

 private:
  using State = Subscription::State;

  // Requests.
  Subscription* Add(uint64_t who);
  void Subscribe(Subscription* subscription, Actions* actions);
  void End(Subscription* subscription, Actions* actions);
  void Request(Subscription* subscription, State state, Actions* actions);
  std::string Write(const Subscription& subscription, const Flow& to) const;
  void Send(Subscription* subscription, Actions* actions);
  NextHops::Way WayOf(const Subscription& subscription, Actions* actions);
  std::string CallIdOf(const Subscription& subscription) const;
  void OnAccepted(const sip::Message& message, Subscription* subscription);
  void Fail(Subscription* subscription, uint64_t at_least_ms);
  void Pause(Subscription* subscription, uint64_t at_least_ms);
  void Restart(Subscription* subscription, Actions* actions);
  void Linger(Subscription* subscription);
  void Remove(Subscription* subscription);
  bool HasPhones(Subscription* subscription);
  // When a subscription that lasts `seconds` from now on is to be refreshed.
  void ArmRefresh(Subscription* subscription, uint64_t seconds);

  // NOTIFY.
  int CheckNotify(const Arrival& arrival, Subscription* subscription, Reginfo* reginfo,
                  bool* has_body);
  bool IsOfDialog(const sip::Message& message, Subscription* subscription);
  void Read(const Reginfo& reginfo, Subscription* subscription, Actions* actions);
  void Apply(const Reginfo& reginfo, Binding* binding, Actions* actions);
  bool ApplyContact(const Reginfo::Contact& contact, std::string_view identity, Binding* binding);
  void SetExpiry(Binding* binding, const Reginfo::Contact& contact);
  void Deregister(Binding* binding, Actions* actions);
  void OnTerminated(const sip::Message& message, Subscription* subscription, Actions* actions);

  // Names.
  uint64_t WhoIs(std::string_view impi) const { return context_.hash.Hash({"reg impi", impi}); }
  uint64_t Mark(std::string_view purpose, SlotId id, uint32_t number) const;
  std::string LocalTag(const Subscription& subscription) const;
  Subscription* FindByCallId(std::string_view call_id);
  Subscription* FindByWho(uint64_t who);

  Context& context_;
  NextHops& next_hops_;
  SetKeeper& keeper_;
  SlotPool<Subscription> subscriptions_;
  absl::flat_hash_map<uint64_t, SlotId> by_who_;
};

}  // namespace edge
