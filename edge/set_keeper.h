// Keeps SA sets: makes them, moves them through their states, talks to the kernel about them, and
// gives their SPIs back when the kernel has let go (spec sheet 4.1 to 4.3).
#pragma once

#include <cstdint>
#include <string_view>
#include <system_error>

#include "edge/agreement.h"
#include "edge/context.h"
#include "xfrm/reply.h"

namespace edge {

// What OnSetRefused is told when the journal, and not the kernel, was the reason.
inline constexpr std::errc kNotKept = std::errc::io_error;

// Told when a REGISTER that waited for the kernel may go on or must fail.
class SetObserver {
 public:
  virtual ~SetObserver() = default;
  // The set's `transaction` is the REGISTER; it is 0 afterwards. `error` is operation_canceled
  // where not the kernel refused it, but another set took its place. The kernel has the longer
  // lifetime. True: the journal is to have it, too, before OnSetReady.
  virtual bool OnSetExtended(SaSet* set, uint64_t transaction) = 0;
  virtual void OnSetReady(SaSet* set, uint64_t transaction, Actions* actions) = 0;
  virtual void OnSetRefused(SaSet* set, uint64_t transaction, std::errc error,
                            std::string_view explanation, Actions* actions) = 0;
  // A temporary set ran out with nobody having answered its 401.
  virtual void OnSetUnanswered(SaSet* set, Actions* actions) = 0;
};

class SetKeeper {
 public:
  SetKeeper(Context* context, SetObserver* observer) : context_(*context), observer_(observer) {}

  // Why there is no set.
  enum class MakeError : uint8_t {
    kOk,
    kNoSpi,
    kTooManySets,  // TS 33.203 7.1: six SAs per direction.
    kNoPorts,      // No two protected ports at that address.
  };
  // Makes room (temporary sets of the binding, sets whose phone-side SPIs it takes), then asks the
  // kernel for four SAs. `local` is the address the phone spoke to.
  MakeError Make(Binding* binding, const Offer& offer, const reactor::Endpoint& local,
                 const xfrm::Key& ik, const xfrm::Key& ck, const Policy& policy, SetId origin,
                 Actions* actions, SaSet** set);

  // One step of the table in set_state.h and what it asks for.
  void Apply(SaSet* set, SetEvent event, Actions* actions);
  // Asks the kernel for the lifetime that goes with a registration of `granted_s` (spec sheet 4.2);
  // never a shorter one than the set has.
  void Accept(SaSet* set, uint32_t granted_s, Actions* actions);
  // Every other set of the binding is void (event 9), or all but `keep` as well (event 10).
  void DeleteOthers(const SaSet& set, SetId keep, Actions* actions);
  // The last identity is gone (event 21), or all goes at once (shutdown).
  void ApplyToAll(Binding* binding, SetEvent event, Actions* actions);

  void OnInstalled(SetId id, std::errc error, std::string_view explanation, Actions* actions);
  void OnExtended(SetId id, std::errc error, std::string_view explanation, Actions* actions);
  void OnRedirected(SetId id);
  // The NAT of a phone has another port for it: all sets of the phone go there.
  void OnMapping(const xfrm::Mapping& mapping, Actions* actions);
  // What OnSetExtended waited for.
  void OnJournalled(SetId id, bool is_kept, Actions* actions);
  void OnDeleted(SetId id, Actions* actions);
  void OnTimer(uint32_t index, Actions* actions);

  // The set ends at that time.
  void ArmTimer(SaSet* set, uint64_t expires_ms);

 private:
  bool ChoosePorts(const Binding& binding, const reactor::Endpoint& local, const Policy& policy,
                   PortIndex* port_ps, PortIndex* port_pc);
  bool MustWaitForSa3(const Binding& binding, const SaSet& set);
  void MakeRoom(Binding* binding, const Offer& offer, Actions* actions);
  // And notes until when the kernel keeps them.
  SaArray MakeSasFor(SaSet* set, const xfrm::EspKeys& keys, uint64_t lifetime_s);
  void Redirect(SaSet* set, uint16_t port_uenc, Actions* actions);
  void WatchCurrent(const SaSet& next);
  bool GivesWay(SaSet* set, Actions* actions);
  void Perform(SaSet* set, SetAction action, Actions* actions);
  void KeepRecord(const SaSet& set);
  void Delete(SaSet* set, Actions* actions);
  void RemoveFlows(SaSet* set, Actions* actions);
  void Release(SaSet* set);

  Context& context_;
  SetObserver* observer_;
  // Of the refusal being handled.
  std::errc error_{};
  std::string_view explanation_;
};

}  // namespace edge
