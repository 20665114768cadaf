// RegisterProxy at its limits: who may register now, and who is told to come later.

#include <algorithm>

#include "edge/limits.h"
#include "edge/register_proxy.h"

namespace edge {

// May this REGISTER have its turn now? In overload a phone that is registered at this address (in
// clear, or it has lost its state) is the last to be refused.
bool RegisterProxy::AdmitStranger(const Arrival& arrival, const RegisterRequest& request,
                                  Actions* actions) {
  const Overload::Level level = context_.overload;
  const Binding* known =
      context_.registrar.FindBinding(request.impi, arrival.flow.remote, request.is_emergency);
  const bool is_registered = known != nullptr && known->registered();
  if (level == Overload::Level::kRefuseUnprotected ||
      (level == Overload::Level::kRefuseNew && !is_registered)) {
    context_.Refuse(arrival, &Stats::refused_overload, &Stats::drop_overload, actions);
    return false;
  }
  if (context_.journal_fails && !is_registered &&
      context_.settings.journal.on_failure == OnJournalFailure::kRefuseNew) {
    context_.Refuse(arrival, &Stats::refused_journal, &Stats::drop_journal, actions);
    return false;
  }
  const uint32_t rate = context_.settings.limits.registers_per_second_max;
  if (rate == 0 || is_registered || context_.new_registers.Take(context_.now_ms, rate)) return true;
  context_.Refuse(arrival, &Stats::refused_rate, &Stats::drop_rate, actions);
  return false;
}

// Who may have a place in the tables. Null: answered already.
Binding* RegisterProxy::AdmitBinding(const Arrival& arrival, const RegisterRequest& request,
                                     const Offer* offer, Actions* actions) {
  Registrar& registrar = context_.registrar;
  const reactor::Endpoint& ue = arrival.flow.remote;
  // Rule 3 of TS 33.203 7.1: the phone's port must not be in use, unless the settings trust it to
  // be what it says (spec sheet 4.5).
  for (size_t i = 0; offer != nullptr && i < context_.ports.size(); ++i) {
    if (context_.ports[i].side != Side::kProtected) continue;
    Flow flow{static_cast<PortIndex>(i), ue};
    flow.remote.set_port(offer->port_uc);
    const SaSet* set = registrar.FindSet(flow);
    if (set == nullptr) continue;
    const Binding* other = registrar.FindBinding(set->binding);
    if (other == nullptr || !other->registered() || context_.settings.gm.take_over) continue;
    Attempt attempt;
    attempt.impi = request.impi;
    attempt.source = arrival.flow;
    attempt.result = "its address and port are in use";
    attempt.status = 403;
    actions->Report(attempt);
    context_.Respond(arrival, {.status = 403}, actions);
    return nullptr;
  }
  if (Binding* known = registrar.FindBinding(request.impi, ue, request.is_emergency);
      known != nullptr) {
    return HasTooMany(*known, arrival, actions) ? nullptr : known;
  }

  const Settings::Limits& limits = context_.settings.limits;
  // Strangers hold a pair of SPIs each while they are challenged, and may not take the last ones
  // from registered phones (pitfalls 15).
  const Settings::Ipsec& ipsec = context_.settings.ipsec;
  const size_t pairs = (size_t{ipsec.max_spi} - ipsec.min_spi + 1) / 2;
  const size_t pairs_for_strangers =
      std::max<size_t>(pairs / 2 / context_.settings.process.workers, 1);
  if (registrar.half_open() >= std::min<size_t>(limits.half_open_max, pairs_for_strangers) ||
      registrar.HalfOpenOf(ue) >= limits.half_open_per_source_max ||
      registrar.bindings().in_use() >= limits.registrations_max) {
    RefuseFull(arrival, actions);
    return nullptr;
  }
  Binding* binding = registrar.AddBinding(request.impi, ue, request.is_emergency);
  binding->timer.kind = static_cast<uint32_t>(TimerKind::kBinding);
  return binding;
}

// True: answered already.
bool RegisterProxy::HasTooMany(const Binding& binding, const Arrival& arrival, Actions* actions) {
  if (binding.pending < kRegistersPerBindingMax) return false;
  RefuseFull(arrival, actions);
  return true;
}

void RegisterProxy::RefuseFull(const Arrival& arrival, Actions* actions) {
  ++context_.stats.refused_full;
  context_.Respond(arrival, {.status = 503, .retry_after_s = context_.RetryAfter(arrival)},
                   actions);
}

}  // namespace edge
