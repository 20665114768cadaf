#include "edge/set_keeper.h"

#include <algorithm>
#include <cassert>

#include "edge/limits.h"

namespace edge {
SetKeeper::MakeError SetKeeper::Make(Binding* binding, const Offer& offer,
                                     const reactor::Endpoint& local, const xfrm::Key& ik,
                                     const xfrm::Key& ck, const Policy& policy, SetId origin,
                                     Actions* actions, SaSet** made) {
  PortIndex port_ps;
  PortIndex port_pc;
  if (!ChoosePorts(*binding, local, policy, &port_ps, &port_pc)) return MakeError::kNoPorts;
  MakeRoom(binding, offer, actions);
  if (context_.registrar.CountLive(*binding) >= kSetsPerBindingMax) return MakeError::kTooManySets;

  const uint32_t theirs[] = {offer.spi_uc, offer.spi_us};
  const xfrm::SpiPair spis = context_.spis->Acquire(context_.now_ms, theirs);
  if (!spis) {
    ++context_.stats.no_spi;
    return MakeError::kNoSpi;
  }
  Agreement agreement;
  agreement.ue = binding->ue;
  agreement.port_uc = offer.port_uc;
  agreement.port_us = offer.port_us;
  agreement.spi_uc = offer.spi_uc;
  agreement.spi_us = offer.spi_us;
  agreement.pcscf = context_.ports[port_ps].local;
  agreement.port_ps = context_.ports[port_ps].local.port();
  agreement.port_pc = context_.ports[port_pc].local.port();
  agreement.spis = spis;
  agreement.algorithms = offer.algorithms;
  if (offer.in_udp) {  // Till the phone's first packet: what its sets before had, if any.
    const SaSet* before = context_.registrar.SetInUse(*binding);
    const bool is_known = before != nullptr && before->agreement.in_udp();
    agreement.port_uenc = is_known ? before->agreement.port_uenc : kEspInUdpPort;
    ++context_.stats.nat_sets;
  }

  SaSet* set = context_.registrar.AddSet(binding, agreement, port_ps, port_pc);
  set->timer.kind = static_cast<uint32_t>(TimerKind::kSet);
  set->ik = ik;
  set->ck = ck;
  set->rule = policy.rule;
  set->origin = origin;
  set->after_initial = origin == 0;
  set->installed_ms = context_.now_ms;
  set->sa3_later = MustWaitForSa3(*binding, *set);
  const xfrm::EspKeys keys(agreement.algorithms, ik, ck);
  const SaArray sas = MakeSasFor(set, keys, policy.temporary_timeout_s);
  if (set->sa3_later) {
    actions->Install(set->id, WithoutSa3(sas));
  } else {
    actions->Install(set->id, sas);
  }
  *made = set;
  return MakeError::kOk;
}

// Where port_pc could not change, the new SA3 has the selector of the old one, and the kernel would
// send all that leaves port_pc for port_us through the newer: the 401 too, to a phone that makes
// its keys from that very 401. So this one SA is added when the phone has shown that it has it.
bool SetKeeper::MustWaitForSa3(const Binding& binding, const SaSet& set) {
  if (set.after_initial) return false;  // The 401 goes in clear.
  return std::any_of(binding.sets.begin(), binding.sets.end(), [&](SetId id) {
    const SaSet* other = context_.registrar.FindSet(id);
    return other != &set && CarriesTraffic(other->state) && other->port_pc == set.port_pc &&
           other->agreement.port_us == set.agreement.port_us;
  });
}

// port_ps stays the same while the phone is registered, port_pc changes at every authentication
// (TS 33.203 7.4); with two ports only there is nothing to change to (pitfalls 17). A default port
// of the settings, or of the phone's rule, is taken where it may be, else any, by chance
// (proto_ipsec).
bool SetKeeper::ChoosePorts(const Binding& binding, const reactor::Endpoint& local,
                            const Policy& policy, PortIndex* port_ps, PortIndex* port_pc) {
  absl::InlinedVector<PortIndex, 16> ports;
  for (size_t i = 0; i < context_.ports.size(); ++i) {
    const Port& port = context_.ports[i];
    if (port.side == Side::kProtected && reactor::SameAddress(port.local, local)) {
      ports.push_back(static_cast<PortIndex>(i));
    }
  }
  if (ports.size() < 2) return false;
  const size_t first = context_.random->Next() % ports.size();
  std::rotate(ports.begin(), ports.begin() + static_cast<ptrdiff_t>(first), ports.end());

  const auto is = [&](PortIndex port, std::optional<uint16_t> number) {
    return number.has_value() && context_.ports[port].local.port() == *number;
  };
  const SaSet* in_use = context_.registrar.SetInUse(binding);
  // Best is a port_pc of no set; next, of one that only drains.
  const auto freedom = [&](PortIndex port) {
    if (in_use != nullptr && in_use->port_pc == port) return 0;
    const bool taken = std::any_of(binding.sets.begin(), binding.sets.end(), [&](SetId id) {
      return context_.registrar.FindSet(id)->port_pc == port;
    });
    return taken ? 1 : 2;
  };
  // The port with the highest score; at a tie the first.
  const auto best = [&](auto score) {
    return *std::max_element(ports.begin(), ports.end(),
                             [&](PortIndex a, PortIndex b) { return score(a) < score(b); });
  };
  *port_ps = best([&](PortIndex port) {
    if (in_use != nullptr) return in_use->port_ps == port ? 1 : 0;
    return is(port, policy.port_server) ? 2 : is(port, policy.port_client) ? 0 : 1;
  });
  *port_pc = best([&](PortIndex port) {
    if (port == *port_ps) return -1;
    return 2 * freedom(port) + (is(port, policy.port_client) ? 1 : 0);
  });
  return true;
}

// Event 2: an unfinished attempt ends where the next begins. A phone that lost its state may come
// back with SPIs that are still in use towards it: one kernel id cannot be two SAs, so the set that
// has it goes (spec sheet 4.5). Deletions reach the kernel before the installation does.
void SetKeeper::MakeRoom(Binding* binding, const Offer& offer, Actions* actions) {
  const auto sets = binding->sets;
  for (const SetId id : sets) {
    SaSet* set = context_.registrar.FindSet(id);
    const bool unfinished = set->state == SetState::kInstalling ||
                            set->state == SetState::kTemporary ||
                            set->state == SetState::kConfirming || set->state == SetState::kFailed;
    if (unfinished || SharesSpi(offer, set->agreement)) Apply(set, SetEvent::kReplaced, actions);
  }
  // The address may have been another subscriber's, whose sets still drain (pitfalls 20).
  for (size_t i = 0; i < context_.ports.size(); ++i) {
    Flow flow{static_cast<PortIndex>(i), binding->ue};
    flow.remote.set_port(offer.port_uc);
    SaSet* set = context_.registrar.FindSet(flow);
    if (set == nullptr || set->binding == binding->id) continue;
    const Binding* other = context_.registrar.FindBinding(set->binding);
    if (other == nullptr || !other->registered()) Apply(set, SetEvent::kReplaced, actions);
  }
}

// The kernel counts whole seconds of the clock from when it added an SA, so it may be one early.
SaArray SetKeeper::MakeSasFor(SaSet* set, const xfrm::EspKeys& keys, uint64_t lifetime_s) {
  const Settings::Ipsec& ipsec = context_.settings.ipsec;
  const uint64_t hard_s = std::min<uint64_t>(lifetime_s + ipsec.lifetime_slack_s, UINT32_MAX);
  set->kernel_until_ms = set->installed_ms + (hard_s - 1) * 1000;
  return MakeSas(set->agreement, keys, ipsec.reqid, static_cast<uint32_t>(hard_s),
                 ipsec.replay_window, ipsec.mark);
}

void SetKeeper::Apply(SaSet* set, SetEvent event, Actions* actions) {
  const SetStep step = NextStep(set->state, event, set->after_initial);
  set->state = step.next;
  Perform(set, step.action, actions);
}

void SetKeeper::Perform(SaSet* set, SetAction action, Actions* actions) {
  const uint64_t transaction = set->transaction;
  switch (action) {
    case SetAction::kNone:
    case SetAction::kExtend:  // Accept() asks; it alone knows for how long.
      break;
    case SetAction::kSendHeld:
      set->transaction = 0;
      if (set->state == SetState::kNew) WatchCurrent(*set);
      observer_->OnSetReady(set, transaction, actions);
      break;
    case SetAction::kRejectAndWait:
    case SetAction::kRejectAndDelete:
      if (error_ == kOutcomeUnknown) {
        ++context_.stats.sets_unknown;
      } else if (error_ != kNotKept) {
        ++context_.stats.sets_refused;
      }
      set->transaction = 0;
      observer_->OnSetRefused(set, transaction, error_, explanation_, actions);
      if (action == SetAction::kRejectAndDelete) {
        Delete(set, actions);
      } else {
        RemoveFlows(set, actions);
      }
      break;
    case SetAction::kStartDrain:
      ArmTimer(set, std::min(set->expires_ms, context_.now_ms + kDrainMs));
      KeepRecord(*set);
      break;
    case SetAction::kTakeIntoUse:
      KeepRecord(*set);
      if (Binding* binding = context_.registrar.FindBinding(set->binding); binding != nullptr) {
        const auto sets = binding->sets;
        for (const SetId id : sets) {
          if (id != set->id) Apply(context_.registrar.FindSet(id), SetEvent::kSuperseded, actions);
        }
      }
      break;
    case SetAction::kDelete:
      if (transaction != 0) {  // Its REGISTER will not be answered otherwise.
        set->transaction = 0;
        observer_->OnSetRefused(set, transaction, std::errc::operation_canceled,
                                "the set was replaced", actions);
      }
      Delete(set, actions);
      break;
    case SetAction::kRelease:
      Release(set);
      break;
  }
}

void SetKeeper::KeepRecord(const SaSet& set) {
  const Binding* binding = context_.registrar.FindBinding(set.binding);
  if (binding != nullptr) context_.records.Rewrite(set, *binding);
}

void SetKeeper::Delete(SaSet* set, Actions* actions) {
  context_.records.Erase(set);
  context_.timers.Cancel(&set->timer);
  RemoveFlows(set, actions);
  const bool certain = !set->in_doubt && context_.now_ms < set->kernel_until_ms;
  actions->Delete(set->id, MakeSaIds(set->agreement, set->sa3_later), certain);
}

// A connection goes with the last set that covers it.
void SetKeeper::RemoveFlows(SaSet* set, Actions* actions) {
  context_.registrar.RemoveFlows(set);
  for (const Flow& flow : FlowsOf(*set, Transport::kTcp)) {
    if (context_.registrar.FindSet(flow) == nullptr) actions->Disconnect(flow);
  }
}

void SetKeeper::Release(SaSet* set) {
  context_.timers.Cancel(&set->timer);
  if (set->has_pool_spis) context_.spis->Release(set->agreement.spis, context_.now_ms);
  ++context_.stats.sets_deleted;
  const SlotId binding = set->binding;
  context_.registrar.RemoveSet(set);
  context_.ForgetIfIdle(binding);
}

void SetKeeper::ArmTimer(SaSet* set, uint64_t expires_ms) {
  set->expires_ms = expires_ms;
  const Binding* binding = context_.registrar.FindBinding(set->binding);
  const bool has_next = set->state == SetState::kCurrent && binding != nullptr &&
                        context_.registrar.FindSetInState(*binding, SetState::kNew) != nullptr;
  const uint64_t early_ms = has_next ? kDrainMs : 0;
  context_.timers.Arm(&set->timer, expires_ms - std::min(expires_ms, early_ms));
}

// Spec sheet 4.2: a set that the phone has not used yet is taken into use when the current one is
// near its end.
void SetKeeper::WatchCurrent(const SaSet& next) {
  const Binding* binding = context_.registrar.FindBinding(next.binding);
  if (binding == nullptr) return;
  SaSet* current = context_.registrar.FindSetInState(*binding, SetState::kCurrent);
  if (current != nullptr) ArmTimer(current, current->expires_ms);
}

// True: the timer was for that, and the set lives on.
bool SetKeeper::GivesWay(SaSet* set, Actions* actions) {
  if (set->state != SetState::kCurrent || context_.now_ms >= set->expires_ms) return false;
  const Binding* binding = context_.registrar.FindBinding(set->binding);
  SaSet* next = context_.registrar.FindSetInState(*binding, SetState::kNew);
  if (next == nullptr) {
    ArmTimer(set, set->expires_ms);
  } else {
    Apply(next, SetEvent::kOldEnds, actions);
  }
  return true;
}

void SetKeeper::Accept(SaSet* set, uint32_t granted_s, Actions* actions) {
  const uint64_t now = context_.now_ms;
  uint64_t expires_ms = now + uint64_t{granted_s} * 1000 + kRegistrationSlackMs;
  if (set->state != SetState::kTemporary) expires_ms = std::max(expires_ms, set->expires_ms);
  if (const SaSet* origin = context_.registrar.FindSet(set->origin); origin != nullptr) {
    expires_ms = std::max(expires_ms, origin->expires_ms);
  }
  Apply(set, SetEvent::kAccepted, actions);
  ArmTimer(set, expires_ms);
  // The kernel counts from when it added the SA (measured, DESIGN.md D3).
  const uint64_t lifetime_s = (expires_ms - set->installed_ms + 999) / 1000;
  const xfrm::EspKeys keys(set->agreement.algorithms, set->ik, set->ck);
  const SaArray sas = MakeSasFor(set, keys, lifetime_s);
  if (set->sa3_later) {
    actions->Extend(set->id, WithoutSa3(sas), {&sas[kSa3], 1});
    set->sa3_later = false;
  } else {
    actions->Extend(set->id, sas, {});
  }
}

void SetKeeper::DeleteOthers(const SaSet& set, SetId keep, Actions* actions) {
  Binding* binding = context_.registrar.FindBinding(set.binding);
  if (binding == nullptr) return;
  const auto sets = binding->sets;
  for (const SetId id : sets) {
    if (id != set.id && id != keep) {
      Apply(context_.registrar.FindSet(id), SetEvent::kReplaced, actions);
    }
  }
}

void SetKeeper::ApplyToAll(Binding* binding, SetEvent event, Actions* actions) {
  const auto sets = binding->sets;
  for (const SetId id : sets) Apply(context_.registrar.FindSet(id), event, actions);
}

void SetKeeper::OnInstalled(SetId id, std::errc error, std::string_view explanation,
                            Actions* actions) {
  SaSet* set = context_.registrar.FindSet(id);
  if (set == nullptr) return;
  error_ = error;
  explanation_ = explanation;
  if (error == std::errc{}) ++context_.stats.sets_installed;
  Apply(set, error == std::errc{} ? SetEvent::kInstalled : SetEvent::kRefused, actions);
}

void SetKeeper::OnExtended(SetId id, std::errc error, std::string_view explanation,
                           Actions* actions) {
  SaSet* set = context_.registrar.FindSet(id);
  if (set == nullptr) return;
  error_ = error;
  explanation_ = explanation;
  // An SA that is gone, or an SA3 that was refused: another set may have its id by now.
  set->in_doubt = set->in_doubt || error != std::errc{};
  if (error == std::errc{} && observer_->OnSetExtended(set, set->transaction)) return;
  Apply(set, error == std::errc{} ? SetEvent::kExtended : SetEvent::kRefused, actions);
}

// Who is registered stays so: what the journal lacks of it, it takes when it works again.
void SetKeeper::OnJournalled(SetId id, bool is_kept, Actions* actions) {
  SaSet* set = context_.registrar.FindSet(id);
  if (set == nullptr) return;
  const Binding* binding = context_.registrar.FindBinding(set->binding);
  const bool is_new = binding == nullptr || !binding->registered();
  const bool refuses =
      !is_kept && is_new && context_.settings.journal.on_failure == OnJournalFailure::kRefuseNew;
  error_ = refuses ? kNotKept : std::errc{};
  explanation_ = {};
  if (refuses) ++context_.stats.refused_journal;
  Apply(set, refuses ? SetEvent::kRefused : SetEvent::kExtended, actions);
}

void SetKeeper::OnDeleted(SetId id, Actions* actions) {
  SaSet* set = context_.registrar.FindSet(id);
  if (set != nullptr) Apply(set, SetEvent::kDeleted, actions);
}

void SetKeeper::OnTimer(uint32_t index, Actions* actions) {
  SaSet* set = context_.registrar.sets().FindIndex(index);
  if (set == nullptr || GivesWay(set, actions)) return;
  if (set->state == SetState::kTemporary) {
    ++context_.stats.sets_timed_out;
    observer_->OnSetUnanswered(set, actions);
  }
  Apply(set, SetEvent::kTimeout, actions);
}

}  // namespace edge
