// The answering half of RegisterProxy: what the core says, and what the kernel says.

#include <fmt/format.h>

#include <array>

#include "edge/header_rules.h"
#include "edge/identity.h"
#include "edge/limits.h"
#include "edge/register_proxy.h"
#include "sip/response.h"

namespace edge {

using sip::HeaderId;
using State = RegisterTransaction::State;

bool RegisterProxy::OnResponse(const sip::Message& message, std::string_view branch,
                               Actions* actions) {
  uint8_t moves = 0;
  RegisterTransaction* transaction = FindByBranch(branch, &moves);
  if (transaction == nullptr) return false;
  if (moves != transaction->asked.moves) return true;  // Of a hop that was given up.
  if (message.status() == 503 && MoveOn(transaction, actions)) return true;
  next_hops_.OnAnswered(&transaction->asked, actions);
  // 100 is hop by hop, and a phone gains nothing from another 1xx to REGISTER.
  if (message.status() < 200 || transaction->state == State::kKernel) return true;
  if (transaction->state == State::kDone) {
    // A core that thinks again is not believed: the phone has the first answer.
    const bool is_same = message.status() == transaction->status;
    if (is_same) OnRepeated(message, transaction, actions);
    if (!is_same) ++context_.stats.drop_unknown_response;
    return true;
  }
  transaction->status = message.status();
  if (message.status() == 401 && transaction->open->agreed) {
    OnChallenge(message, transaction, actions);
  } else if (message.status() < 300) {
    OnAccepted(message, transaction, actions);
  } else {
    OnRejected(message, transaction, actions);
  }
  return true;
}

// Events 2, 3, 13, 20.
void RegisterProxy::OnChallenge(const sip::Message& message, RegisterTransaction* transaction,
                                Actions* actions) {
  const std::optional<ChallengeKeys> keys = ReadChallenge(message);
  if (!keys) return Fail(500, "the core's 401 has no usable ik and ck", transaction, actions);
  Binding* binding = context_.registrar.FindBinding(transaction->binding);
  if (binding == nullptr) return Finish(transaction, 500);
  // It was on its way for so long that the phone has begun anew, perhaps with the same SPIs: what
  // came of that must not go for an attempt that nobody waits for.
  if (transaction->started_ms < binding->challenged_ms) {
    return Fail(500, "overtaken by a newer REGISTER of the phone", transaction, actions);
  }

  // A second challenge takes the place of the first: the phone's SPIs are the same, so the first
  // set cannot carry this 401; it goes where SM1 came from.
  SaSet* arrived = context_.registrar.FindSet(transaction->arrived);
  Flow to = transaction->answer;
  SetId origin = transaction->arrived;
  Flow sm1 = to;
  if (transaction->answers_challenge) {
    if (arrived == nullptr || arrived->challenge == nullptr) {
      return Fail(500, "the set was gone before the second challenge", transaction, actions);
    }
    sm1 = to = arrived->challenge->sm1;
    origin = arrived->origin;
    transaction->answer = to;  // Where a failure goes, too, once the first set is gone.
  } else if (arrived != nullptr && SharesSpi(transaction->open->offer, arrived->agreement)) {
    // The new set would take the place of the one that has to carry this 401, and the phone would
    // be left with nothing.
    return Fail(400, "the phone offers the SPIs of the set it registers over", transaction,
                actions);
  }
  const reactor::Endpoint& local = context_.ports[transaction->source.port].local;
  const Policy policy = PolicyOf(context_.settings, transaction->rule);
  SaSet* set = nullptr;
  switch (keeper_.Make(binding, transaction->open->offer, local, keys->ik, keys->ck, policy, origin,
                       actions, &set)) {
    case SetKeeper::MakeError::kOk:
      break;
    case SetKeeper::MakeError::kNoSpi:
      return Fail(500, "no SPI is free", transaction, actions);
    case SetKeeper::MakeError::kTooManySets:
      return Fail(403, "more than three SA sets", transaction, actions);
    case SetKeeper::MakeError::kNoPorts:
      return Fail(500, "no protected ports at this address", transaction, actions);
  }
  set->challenge = std::make_unique<Challenge>();
  set->challenge->security_client = std::move(transaction->open->security_client);
  set->challenge->security_server =
      SecurityServerValue(policy.algorithms, policy.security_server, &set->agreement);
  set->challenge->nonce = keys->nonce;
  set->challenge->sm1 = sm1;
  set->challenge->started_ms = transaction->started_ms;
  binding->challenged_ms = transaction->started_ms;
  set->transaction = transaction->key;
  transaction->made = set->id;

  sip::Editor editor(message);
  EditChallenge(message, set->challenge->security_server, &editor);
  PutHeaderLines(&context_, Direction::kToPhone, context_.TunnelTo(to), message, &editor, actions);
  if (!Hold(&editor, to, transaction)) {
    set->transaction = 0;
    keeper_.Apply(set, SetEvent::kReplaced, actions);
    Fail(500, "the core's 401 is too large", transaction, actions);
  }
}

// Events 5, 9, 10, 19, 21.
void RegisterProxy::OnAccepted(const sip::Message& message, RegisterTransaction* transaction,
                               Actions* actions) {
  SaSet* set = context_.registrar.FindSet(transaction->arrived);
  Binding* binding = context_.registrar.FindBinding(transaction->binding);
  if (transaction->arrived == 0) return OnAcceptedInClear(message, transaction, actions);
  if (set == nullptr || binding == nullptr || !IsLive(set->state)) return Finish(transaction, 500);

  if (transaction->open->contact.empty()) {  // RFC 3261 10.2.3: a query; it changes nothing.
    RelayAnswer(message, context_.FlowTo(*set, transaction->source), actions);
    if (set->state == SetState::kTemporary) keeper_.Apply(set, SetEvent::kRejected, actions);
    return Finish(transaction, 0);
  }
  const uint32_t granted_s =
      GrantedSeconds(message, transaction->open->contact, transaction->asks_zero);
  if (granted_s == 0) {
    RelayAnswer(message, context_.FlowTo(*set, transaction->source), actions);
    if (set->state == SetState::kTemporary) keeper_.Apply(set, SetEvent::kRejected, actions);
    OnGrantedNothing(message, *transaction, binding, actions);
    return Finish(transaction, 0);
  }
  SaSet* const kept = SetToKeep(*transaction, set, *binding);
  if (kept == nullptr) {
    return Fail(500, "accepted, but overtaken by another REGISTER", transaction, actions);
  }
  // One before it waits for the kernel or the journal still, though a phone must not have two under
  // way (RFC 3261 10.2). This 200 must not go with what that one waits for: the phone repeats its
  // REGISTER, and the core its answer.
  if (kept->transaction != 0) return;
  transaction->open->service_route = JoinValues(message, HeaderId::kServiceRoute);
  transaction->open->associated = JoinValues(message, HeaderId::kPAssociatedUri);
  transaction->open->granted_s = granted_s;
  sip::Editor editor(message);
  EditAnswer(message, &editor);
  PutHeaderLines(&context_, Direction::kToPhone, set, message, &editor, actions);
  if (transaction->open->service_route.size() > kRouteSetSizeMax ||
      transaction->open->associated.size() > kRouteSetSizeMax ||
      !Hold(&editor, context_.FlowTo(*set, transaction->source), transaction)) {
    keeper_.Apply(kept, SetEvent::kRejected, actions);
    return Fail(500, "the core's 200 is too large", transaction, actions);
  }
  kept->transaction = transaction->key;
  keeper_.Accept(kept, granted_s, actions);
}

// The set that is to live as long as a 200 promises: the one the request came on, or, if that was
// replaced while the core looked at a refresh, the one in use. Null: a 200 would promise what is
// not, or not yet. Of a phone that has two REGISTERs under way the other one failed, waits for the
// kernel, or has ended the registration; or the core did not challenge what came on an old set
// (event 26).
SaSet* RegisterProxy::SetToKeep(const RegisterTransaction& transaction, SaSet* arrived,
                                const Binding& binding) const {
  switch (arrived->state) {
    case SetState::kTemporary:
    case SetState::kNew:
    case SetState::kCurrent:
      return arrived;
    case SetState::kOld:
      return transaction.integrity_protected && !transaction.answers_challenge &&
                     binding.registered()
                 ? context_.registrar.FindSetInState(binding, SetState::kCurrent)
                 : nullptr;
    default:
      return nullptr;
  }
}

// Events 4, 14, 25.
void RegisterProxy::OnRejected(const sip::Message& message, RegisterTransaction* transaction,
                               Actions* actions) {
  SaSet* set = context_.registrar.FindSet(transaction->arrived);
  Attempt attempt = AttemptOf(*transaction, set);
  attempt.result = "refused by the core";
  attempt.status = message.status();
  RelayAnswer(message, AnswerFlow(*transaction, message.status()), actions);
  if (set != nullptr && transaction->answers_challenge) {
    keeper_.Apply(set, SetEvent::kRejected, actions);
  }
  actions->Report(attempt);
  Finish(transaction, 0);
}

// The core repeats its answer because we forwarded a retransmission.
void RegisterProxy::OnRepeated(const sip::Message& message, RegisterTransaction* transaction,
                               Actions* actions) {
  if (transaction->own_status != 0) return;
  if (message.status() != 401 || transaction->made == 0) {
    return RelayAnswer(message, AnswerFlow(*transaction, message.status()), actions);
  }
  const SaSet* set = context_.registrar.FindSet(transaction->made);
  if (set == nullptr || set->state != SetState::kTemporary) return;
  if (!message.Has(HeaderId::kWwwAuthenticate)) return;
  sip::Editor editor(message);
  EditChallenge(message, set->challenge->security_server, &editor);
  if (!context_.CanReach(transaction->held_to)) return;
  const SaSet* tunnel = context_.TunnelTo(transaction->held_to);
  PutHeaderLines(&context_, Direction::kToPhone, tunnel, message, &editor, actions);
  context_.SendEdited(transaction->held_to, &editor, actions);
}

void RegisterProxy::RelayAnswer(const sip::Message& message, const Flow& to, Actions* actions) {
  if (!context_.CanReach(to)) return;
  sip::Editor editor(message);
  EditAnswer(message, &editor);
  PutHeaderLines(&context_, Direction::kToPhone, context_.TunnelTo(to), message, &editor, actions);
  context_.SendEdited(to, &editor, actions);
}

// No word to the phone before the kernel's yes (design D2): the answer is kept as bytes.
bool RegisterProxy::Hold(sip::Editor* editor, const Flow& to, RegisterTransaction* transaction) {
  sip::Slices slices;
  if (editor->Finish(&slices) != sip::EditError::kOk || slices.size > kDatagramSizeMax) {
    ++context_.stats.drop_edit;
    return false;
  }
  transaction->open->held.clear();
  transaction->open->held.reserve(slices.size);
  for (const std::string_view piece : slices.view()) transaction->open->held += piece;
  transaction->held_to = to;
  transaction->state = State::kKernel;
  return true;
}

void RegisterProxy::Answer(const RegisterTransaction& transaction, const Flow& to, int status,
                           Actions* actions) {
  if (!context_.CanReach(to)) return;
  const fmt::format_int code(status);
  const std::string_view pieces[] = {"SIP/2.0 ",
                                     {code.data(), code.size()},
                                     " ",
                                     sip::ReasonPhrase(status),
                                     transaction.open->answer_tail};
  actions->Send(to, pieces);
  ++context_.stats.sent;
  ++context_.stats.responses_made;
}

void RegisterProxy::Fail(int status, std::string_view why, RegisterTransaction* transaction,
                         Actions* actions) {
  Answer(*transaction, AnswerFlow(*transaction, status), status, actions);
  Attempt attempt = AttemptOf(*transaction, context_.registrar.FindSet(transaction->arrived));
  attempt.result = why;
  attempt.status = status;
  actions->Report(attempt);
  Finish(transaction, status);
}

void RegisterProxy::OnSetReady(SaSet* set, uint64_t key, Actions* actions) {
  RegisterTransaction* transaction = Find(key);
  if (set->state == SetState::kTemporary) {
    const uint64_t timeout_s = PolicyOf(context_.settings, set->rule).temporary_timeout_s;
    keeper_.ArmTimer(set, context_.now_ms + timeout_s * 1000);
    ++context_.stats.challenges;
  }
  if (transaction == nullptr) return;
  // The core may have ended the registration while the kernel was asked.
  const Binding* binding = context_.registrar.FindBinding(set->binding);
  const bool is_left = set->state == SetState::kOld && !binding->registered();
  const bool is_confirmed = set->state != SetState::kTemporary && !is_left;
  if (is_confirmed) Confirm(set, transaction, actions);
  if (context_.CanReach(transaction->held_to)) {
    const std::string_view piece = transaction->open->held;
    actions->Send(transaction->held_to, {&piece, 1});
    ++context_.stats.sent;
  }
  if (is_confirmed) {
    reg_events_.OnRegistered(context_.registrar.FindBinding(transaction->binding),
                             transaction->open->contact, transaction->open->granted_s, actions);
  }
  Finish(transaction, 0);
}

// What the core's 200 says of the phone; what of it was read moves into the binding.
void RegisterProxy::Register(Binding* binding, uint32_t granted_s,
                             RegisterTransaction* transaction) {
  Associate(binding, transaction->open->identity, transaction->open->associated,
            transaction->open->service_route);
  binding->reg_id = transaction->open->reg_id;
  binding->contact = ContactKey(context_.hash, transaction->open->contact);
  const uint64_t until_ms = context_.now_ms + uint64_t{granted_s} * 1000;
  context_.registrar.Register(binding, until_ms);
  context_.timers.Arm(&binding->timer, until_ms);
}

// The 200 of events 9, 10, 19.
void RegisterProxy::Confirm(SaSet* set, RegisterTransaction* transaction, Actions* actions) {
  Binding* binding = context_.registrar.FindBinding(set->binding);
  next_hops_.Prepare(transaction->open->service_route, actions);
  Register(binding, transaction->open->granted_s, transaction);
  context_.registrar.LeaveClear(binding);
  if (!transaction->answers_challenge) {
    ++context_.stats.refreshes;
    return;
  }
  ++context_.stats.registrations;
  Attempt attempt = AttemptOf(*transaction, set);
  attempt.result = "registered";
  attempt.status = 200;
  actions->Report(attempt);
  set->challenge.reset();
  keeper_.DeleteOthers(*set, set->origin, actions);
  if (!set->after_initial) return;  // It was known here already.
  SupersedeOthers(*set, actions);
  actions->TellOthers({.kind = Letter::Kind::kRegistered,
                       .phone = binding->token,
                       .installed_ms = set->installed_ms});
}

void RegisterProxy::OnSetRefused(SaSet* set, uint64_t key, std::errc error,
                                 std::string_view explanation, Actions* actions) {
  RegisterTransaction* transaction = Find(key);
  if (transaction == nullptr) return;
  Attempt attempt = AttemptOf(*transaction, set);
  const bool is_ours = error == std::errc::operation_canceled;
  attempt.result = error == kNotKept ? kJournalFailed
                   : is_ours         ? "replaced by another attempt"
                                     : "refused by the kernel";
  attempt.status = 500;
  if (error != kNotKept && !is_ours) attempt.kernel = error;
  attempt.explanation = explanation;
  actions->Report(attempt);

  Answer(*transaction, transaction->held_to, 500, actions);
  Finish(transaction, 500);
}

Flow RegisterProxy::AnswerFlow(const RegisterTransaction& transaction, int status) {
  const SaSet* set = context_.registrar.FindSet(transaction.arrived);
  if (set == nullptr || !IsLive(set->state)) return transaction.answer;
  return transaction.answers_challenge && status >= 300 ? FailureFlow(*set, transaction.source)
                                                        : context_.FlowTo(*set, transaction.source);
}

// A phone that was registered before hears of a failed answer to a challenge on the set it had
// (event 14, TS 33.203 7.3).
Flow RegisterProxy::FailureFlow(const SaSet& set, const Flow& came) {
  const SaSet* origin = context_.registrar.FindSet(set.origin);
  const bool had_one = origin != nullptr && CarriesTraffic(origin->state);
  return context_.FlowTo(had_one ? *origin : set, came);
}

// Answered; what only the answer needed is given back, the rest lingers for retransmissions.
void RegisterProxy::Finish(RegisterTransaction* transaction, int own_status) {
  transaction->state = State::kDone;
  --under_way_;
  transaction->own_status = own_status;
  transaction->open.reset();
  if (Binding* binding = context_.registrar.FindBinding(transaction->binding)) --binding->pending;
  const uint64_t linger_ms = transactions_.in_use() > kTransactionsMax ? 0 : kTransactionLingerMs;
  context_.timers.Arm(&transaction->timer, context_.now_ms + linger_ms);
}

void RegisterProxy::Remove(RegisterTransaction* transaction) {
  const SlotId binding = transaction->binding;
  if (transaction->state != State::kDone) Finish(transaction, 500);
  context_.timers.Cancel(&transaction->timer);
  by_key_.erase(transaction->key);
  transactions_.Give(transaction);
  context_.ForgetIfIdle(binding);
}

Attempt RegisterProxy::AttemptOf(const RegisterTransaction& transaction, const SaSet* set) const {
  Attempt attempt;
  const Binding* binding = context_.registrar.FindBinding(transaction.binding);
  if (binding != nullptr) attempt.impi = binding->impi();
  attempt.source = transaction.source;
  attempt.esp_arrived = transaction.answers_challenge;
  uint64_t started_ms = transaction.started_ms;
  if (set != nullptr) {
    Describe(*set, &attempt);
    if (set->challenge != nullptr) started_ms = set->challenge->started_ms;
  }
  attempt.duration_ms = context_.now_ms - started_ms;
  return attempt;
}

}  // namespace edge
