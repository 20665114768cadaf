// RegisterProxy and the journal: what is kept before a 200 is said.

#include "edge/header_lines.h"
#include "edge/header_rules.h"
#include "edge/register_proxy.h"

namespace edge {

using State = RegisterTransaction::State;

// What the 200 promises is written before it is said (journal.durability): the phone, its set, and
// that what the set takes the place of is void.
bool RegisterProxy::OnSetExtended(SaSet* set, uint64_t key) {
  const RegisterTransaction* transaction = Find(key);
  Binding* binding = context_.registrar.FindBinding(set->binding);
  RecordKeeper& records = context_.records;
  if (!records.is_on() || transaction == nullptr || binding == nullptr) return false;
  const SetStep step = NextStep(set->state, SetEvent::kExtended, set->after_initial);
  if (step.action != SetAction::kSendHeld) return false;  // Meanwhile it has become void.
  const RegisterTransaction::Open& open = *transaction->open;
  records.Register(binding, {.until_ms = context_.now_ms + uint64_t{open.granted_s} * 1000,
                             .default_identity = open.identity,
                             .associated = open.associated,
                             .service_route = open.service_route,
                             .reg_id = open.reg_id});
  records.Write(set, step.next, *binding);
  for (const SetId id : binding->sets) {
    const bool stays = id == set->id || id == set->origin || !transaction->answers_challenge;
    if (!stays) records.Erase(context_.registrar.FindSet(id));
  }
  return records.Wait({JournalTicket::Kind::kSet, set->id});
}

void RegisterProxy::OnJournalled(uint64_t key, bool is_kept, Actions* actions) {
  RegisterTransaction* transaction = Find(key);
  if (transaction == nullptr || transaction->state != State::kKernel) return;
  const Binding* binding = context_.registrar.FindBinding(transaction->binding);
  const bool is_new = binding == nullptr || !binding->registered();
  if (!is_kept && is_new && context_.settings.journal.on_failure == OnJournalFailure::kRefuseNew) {
    ++context_.stats.refused_journal;
    return Fail(500, kJournalFailed, transaction, actions);
  }
  AcceptInClear(transaction, actions);
}

// The 200 waits for the journal as that of a set does.
void RegisterProxy::KeepInClear(const sip::Message& message, Binding* binding, uint32_t granted_s,
                                RegisterTransaction* transaction, Actions* actions) {
  RegisterTransaction::Open& open = *transaction->open;
  open.granted_s = granted_s;
  sip::Editor editor(message);
  EditAnswer(message, &editor);
  const SaSet* tunnel = context_.TunnelTo(transaction->answer);
  PutHeaderLines(&context_, Direction::kToPhone, tunnel, message, &editor, actions);
  if (!Hold(&editor, transaction->answer, transaction)) {
    return Fail(500, "the core's 200 is too large", transaction, actions);
  }
  const ClearPath path = ClearPathOf(transaction->source, open.contact);
  context_.records.Register(binding, {.until_ms = context_.now_ms + uint64_t{granted_s} * 1000,
                                      .default_identity = open.identity,
                                      .associated = open.associated,
                                      .service_route = open.service_route,
                                      .reg_id = open.reg_id,
                                      .clear = &path,
                                      .clear_port = &context_.ports[path.from.port]});
  if (context_.records.Wait({JournalTicket::Kind::kTransaction, transaction->key})) return;
  AcceptInClear(transaction, actions);
}

void RegisterProxy::AcceptInClear(RegisterTransaction* transaction, Actions* actions) {
  Binding* binding = context_.registrar.FindBinding(transaction->binding);
  // Meanwhile it may have got SAs.
  if (binding == nullptr || context_.registrar.SetInUse(*binding) != nullptr) {
    return Fail(500, "accepted in clear, while the phone has SAs", transaction, actions);
  }
  EnterClear(binding, transaction->open->granted_s, transaction, actions);
  const std::string_view piece = transaction->open->held;
  actions->Send(transaction->held_to, {&piece, 1});
  ++context_.stats.sent;
  reg_events_.OnRegistered(binding, transaction->open->contact, transaction->open->granted_s,
                           actions);
  Finish(transaction, 0);
}

}  // namespace edge
