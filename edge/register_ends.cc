// RegisterProxy where registrations end, or never begin: by the phone, by time, by another phone.

#include <array>

#include "edge/identity.h"
#include "edge/register_proxy.h"

namespace edge {

// Event 21, unless it is event 22: another contact, or another identity, of the phone is registered
// still.
void RegisterProxy::OnGrantedNothing(const sip::Message& message,
                                     const RegisterTransaction& transaction, Binding* binding,
                                     Actions* actions) {
  if (!binding->registered()) return OnDeregistered(binding, actions);
  const std::string_view contact = transaction.open->contact;
  const bool is_other = binding->contact != 0 && contact != "*" &&
                        ContactKey(context_.hash, contact) != binding->contact;
  if (is_other && ListsContact(message, context_.hash, binding->contact)) return;
  if (Dissociate(binding, transaction.open->identity)) return;
  OnDeregistered(binding, actions);
}

void RegisterProxy::OnDeregistered(Binding* binding, Actions* actions) {
  ++context_.stats.deregistrations;
  context_.Unregister(binding);
  reg_events_.OnUnregistered(*binding, actions);
  keeper_.ApplyToAll(binding, SetEvent::kDeregistered, actions);
}

// Event 15, or the end of a finished transaction's memory.
void RegisterProxy::OnTransactionTimer(uint32_t index, Actions* actions) {
  RegisterTransaction* transaction = transactions_.FindIndex(index);
  if (transaction == nullptr) return;
  if (transaction->state != RegisterTransaction::State::kForwarded) return Remove(transaction);

  SaSet* set = context_.registrar.FindSet(transaction->arrived);
  const bool failed = set != nullptr && transaction->answers_challenge;
  const bool is_unresolved = transaction->open->way == Names::State::kNone;
  if (!is_unresolved) next_hops_.OnUnanswered(transaction->asked, actions);
  Fail(504, is_unresolved ? "DNS knows no way to the core" : "the core is silent", transaction,
       actions);
  if (failed) keeper_.Apply(set, SetEvent::kRejected, actions);
}

// Event 24: the sets follow at their own time.
void RegisterProxy::OnBindingTimer(uint32_t index, Actions* actions) {
  Binding* binding = context_.registrar.bindings().FindIndex(index);
  if (binding == nullptr) return;
  if (!binding->is_caller) ++context_.stats.expirations;
  context_.Unregister(binding);
  reg_events_.OnUnregistered(*binding, actions);
  context_.ForgetIfIdle(binding->id);
}

// What the line says depends on what came in on SA1 and SA4, which are about to be deleted.
void RegisterProxy::OnSetUnanswered(SaSet* set, Actions* actions) {
  const SaIdArray sas = MakeSaIds(set->agreement);
  actions->Look(set->id, std::array{sas[0], sas[3]});
}

void RegisterProxy::OnLooked(SetId id, const SaUse& use, Actions* actions) {
  const SaSet* set = context_.registrar.FindSet(id);
  if (set == nullptr || set->challenge == nullptr) return;
  Attempt attempt;
  if (const Binding* binding = context_.registrar.FindBinding(set->binding)) {
    attempt.impi = binding->impi();
  }
  attempt.source = set->challenge->sm1;
  attempt.result = "nobody answered the 401 over the new SAs";
  attempt.duration_ms = context_.now_ms - set->challenge->started_ms;
  attempt.was_looked = true;
  attempt.use = use;
  attempt.esp_arrived = use.has_arrivals();
  Describe(*set, &attempt);
  actions->Report(attempt);
}

// The address has been given to this subscriber: what another had from the same port is over (spec
// sheet 4.5).
void RegisterProxy::SupersedeOthers(const SaSet& set, Actions* actions) {
  for (size_t i = 0; i < context_.ports.size(); ++i) {
    Flow flow{static_cast<PortIndex>(i), set.agreement.ue};
    flow.remote.set_port(set.agreement.port_uc);
    for (const SetId id : context_.registrar.SetsAt(flow)) {
      const SaSet* stale = context_.registrar.FindSet(id);
      if (stale == nullptr || stale->binding == set.binding) continue;
      Supersede(context_.registrar.FindBinding(stale->binding), actions);
    }
  }
}

void RegisterProxy::Supersede(Binding* other, Actions* actions) {
  if (other->registered()) {
    ++context_.stats.superseded_at_address;
    Attempt attempt;
    attempt.impi = other->impi();
    attempt.source.remote = other->ue;
    attempt.result = "its address and port are another subscriber's now";
    actions->Report(attempt);
    context_.Unregister(other);
    reg_events_.OnUnregistered(*other, actions);
  }
  keeper_.ApplyToAll(other, SetEvent::kReplaced, actions);
}

}  // namespace edge
