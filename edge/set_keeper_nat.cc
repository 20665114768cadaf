// SetKeeper and the NAT of a phone: its port there, which may be another at any time.

#include <algorithm>

#include "edge/set_keeper.h"

namespace edge {

// Only who has the set's keys can move it (the kernel looked at ICV and number first). A phone
// whose address has changed registers anew: the SAs are of the address (TS 33.203 7.1).
void SetKeeper::OnMapping(const xfrm::Mapping& mapping, Actions* actions) {
  SaSet* const told = context_.registrar.FindSetInUdp(mapping.id.spi);
  if (told == nullptr || mapping.id.destination != ToXfrm(told->agreement.pcscf)) return;
  if (mapping.source != ToXfrm(told->agreement.ue)) {
    ++context_.stats.nat_address_changed;
    return;
  }
  const Binding* binding = context_.registrar.FindBinding(told->binding);
  if (binding == nullptr) return;
  for (const SetId id : binding->sets) {
    SaSet* const set = context_.registrar.FindSet(id);
    // Packets that came before the kernel has heard of it tell the same; a lost word is said again.
    const bool is_told =
        set->agreement.port_uenc == mapping.source_port && (set != told || set->is_redirecting);
    if (set->agreement.in_udp() && IsLive(set->state) && !is_told) {
      Redirect(set, mapping.source_port, actions);
    }
  }
}

// The lifetimes stay as they are, as an update must repeat them.
void SetKeeper::Redirect(SaSet* set, uint16_t port_uenc, Actions* actions) {
  ++context_.stats.nat_ports_learnt;
  set->agreement.port_uenc = port_uenc;
  set->is_redirecting = true;
  KeepRecord(*set);
  const Settings::Ipsec& ipsec = context_.settings.ipsec;
  // Of a set that a restart brought the kernel's time is not known.
  const uint64_t until_ms = set->kernel_until_ms != 0
                                ? set->kernel_until_ms
                                : set->expires_ms + uint64_t{ipsec.lifetime_slack_s} * 1000;
  const uint64_t hard_s = (until_ms - std::min(until_ms, set->installed_ms)) / 1000 + 1;
  const xfrm::EspKeys keys(set->agreement.algorithms, set->ik, set->ck);
  const SaArray sas =
      MakeSas(set->agreement, keys, ipsec.reqid,
              static_cast<uint32_t>(std::min<uint64_t>(hard_s, UINT32_MAX)), ipsec.replay_window);
  if (set->sa3_later) return actions->Redirect(set->id, WithoutSa3(sas));
  actions->Redirect(set->id, sas);
}

void SetKeeper::OnRedirected(SetId id) {
  if (SaSet* set = context_.registrar.FindSet(id); set != nullptr) set->is_redirecting = false;
}

}  // namespace edge
