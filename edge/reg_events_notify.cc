// NOTIFY: what the core tells of a phone's registrations (RFC 3680 4.6, 5).

#include <algorithm>
#include <string>

#include "edge/identity.h"
#include "edge/limits.h"
#include "edge/reg_events.h"
#include "sip/address.h"
#include "sip/content_type.h"
#include "sip/event.h"
#include "sip/list.h"

namespace edge {
namespace {

using sip::HeaderId;

bool Grants(Reginfo::Event event) {
  return event == Reginfo::Event::kRegistered || event == Reginfo::Event::kCreated ||
         event == Reginfo::Event::kRefreshed;
}

// What a registration's record says.
struct Kept {
  explicit Kept(const Binding& binding)
      : until_ms(binding.registered_until_ms),
        default_identity(binding.default_identity()),
        associated(binding.associated()) {}
  bool operator==(const Kept&) const = default;

  uint64_t until_ms;
  std::string default_identity;
  std::string associated;
};

// A restart is to find what the core has said since the phone's 200.
void KeepRecord(Binding* binding, Context* context) {
  if (binding->record == 0) return;
  const ClearPath* const clear = binding->clear.get();
  context->records.Register(
      binding, {.until_ms = binding->registered_until_ms,
                .default_identity = binding->default_identity(),
                .associated = binding->associated(),
                .service_route = binding->service_route(),
                .reg_id = binding->reg_id,
                .clear = clear,
                .clear_port = clear == nullptr ? nullptr : &context->ports[clear->from.port]});
}

}  // namespace

bool RegEvents::OnNotify(const Arrival& arrival, Actions* actions) {
  const sip::Message& message = arrival.message;
  Subscription* subscription = FindByCallId(message.Value(HeaderId::kCallId));
  if (subscription == nullptr) return false;
  Reginfo reginfo;
  bool has_body = false;
  if (const int status = CheckNotify(arrival, subscription, &reginfo, &has_body); status != 200) {
    ++context_.stats.notifies_refused;
    const std::string_view lines = status == 415   ? "Accept: application/reginfo+xml\r\n"
                                   : status == 489 ? "Allow-Events: reg\r\n"
                                                   : "";
    context_.RespondTo(context_.AnswerFlow(arrival), arrival, {.status = status}, actions, lines);
    return true;
  }
  ++context_.stats.notifies;
  context_.Respond(arrival, {.status = 200}, actions);
  if (subscription->state == State::kEnded) return true;
  const SlotId id = subscription->id;
  sip::SubscriptionState told;
  const bool is_over = sip::DecodeSubscriptionState(message.Value(HeaderId::kSubscriptionState),
                                                    &told) == sip::ParseError::kOk &&
                       told.phase == sip::SubscriptionPhase::kTerminated;
  if (is_over) Linger(subscription);  // Nothing is left to be unsubscribed from.
  if (has_body) Read(reginfo, subscription, actions);
  subscription = subscriptions_.Find(id);  // A registration that ended may have taken it away.
  if (is_over && subscription != nullptr) OnTerminated(message, subscription, actions);
  return true;
}

// 200, or the status to refuse it with.
int RegEvents::CheckNotify(const Arrival& arrival, Subscription* subscription, Reginfo* reginfo,
                           bool* has_body) {
  const sip::Message& message = arrival.message;
  if (!IsOfDialog(message, subscription)) return 481;
  sip::Event event;
  if (sip::DecodeEvent(message.Value(HeaderId::kEvent), &event) != sip::ParseError::kOk ||
      event.package != "reg" || !event.templates.empty()) {
    return 489;
  }
  sip::SubscriptionState state;
  if (sip::DecodeSubscriptionState(message.Value(HeaderId::kSubscriptionState), &state) !=
      sip::ParseError::kOk) {
    return 400;
  }
  *has_body = !message.body().empty();
  if (!*has_body) return 200;  // RFC 6665 4.2.2: there may be none.
  sip::ContentType type;
  if (sip::DecodeContentType(message.Value(HeaderId::kContentType), &type) !=
          sip::ParseError::kOk ||
      !type.Is("application", "reginfo+xml")) {
    return 415;
  }
  switch (ParseReginfo(message.body(), reginfo)) {
    case ReginfoError::kOk:
      return 200;
    case ReginfoError::kMalformed:
      return 400;
    case ReginfoError::kTooLarge:
      return 413;
  }
  return 400;
}

// A NOTIFY may be faster than the answer to its SUBSCRIBE: then it is what makes the dialog (RFC
// 6665 4.1.2.4).
bool RegEvents::IsOfDialog(const sip::Message& message, Subscription* subscription) {
  sip::Address from;
  sip::Address to;
  if (sip::DecodeAddress(message.Value(HeaderId::kFrom), &from) != sip::ParseError::kOk ||
      sip::DecodeAddress(message.Value(HeaderId::kTo), &to) != sip::ParseError::kOk ||
      to.tag != LocalTag(*subscription) || from.tag.empty()) {
    return false;
  }
  if (!subscription->remote_tag().empty()) return from.tag == subscription->remote_tag();
  std::string_view rest;
  sip::Address contact;
  if (sip::DecodeAddress(sip::CutMember(message.Value(HeaderId::kContact), &rest), &contact) !=
      sip::ParseError::kOk) {
    return false;
  }
  std::string routes;  // Of the callee: in order (RFC 3261 12.1.1).
  sip::ListReader reader(message, HeaderId::kRecordRoute);
  for (sip::ListMember member; reader.Next(&member);) {
    routes += routes.empty() ? "" : ", ";
    routes += member.text;
  }
  if (from.tag.size() + contact.uri.size() + routes.size() > kDialogSizeMax) return false;
  subscription->dialog.Assign({subscription->identity(), from.tag, contact.uri, routes});
  // Until its SUBSCRIBE is answered: it is known there, and so can be ended.
  subscription->ends_ms = context_.now_ms + uint64_t{subscription->wanted_s} * 1000;
  return true;
}

// RFC 3680 5: versions count from 0 on, by one; what is old was overtaken, and what is missing
// would have told of the rest, unless this tells all.
void RegEvents::Read(const Reginfo& reginfo, Subscription* subscription, Actions* actions) {
  if (reginfo.version < subscription->next_version || reginfo.version == UINT32_MAX) {
    ++context_.stats.notifies_stale;
    return;
  }
  if (!reginfo.is_full && reginfo.version != subscription->next_version) {
    ++context_.stats.notifies_lost;
    if (subscription->state == State::kActive) Subscribe(subscription, actions);
    return;
  }
  subscription->next_version = reginfo.version + 1;
  const auto phones = subscription->phones;
  for (const SlotId id : phones) {
    Binding* binding = context_.registrar.FindBinding(id);
    if (binding != nullptr && binding->registered()) Apply(reginfo, binding, actions);
  }
}

void RegEvents::Apply(const Reginfo& reginfo, Binding* binding, Actions* actions) {
  const Kept before(*binding);
  bool is_left = true;
  for (const Reginfo::Registration& registration : reginfo.registrations) {
    if (registration.state == Reginfo::State::kTerminated) {
      is_left = RemoveIdentity(binding, registration.aor) && is_left;
      continue;
    }
    for (const Reginfo::Contact& contact : registration.contacts) {
      if (binding->contact == 0 || ContactKey(context_.hash, contact.uri) != binding->contact) {
        continue;  // Of another phone, or what this one had before.
      }
      is_left = ApplyContact(contact, registration.aor, binding) && is_left;
    }
  }
  if (!is_left) return Deregister(binding, actions);
  if (!(before == Kept(*binding))) KeepRecord(binding, &context_);
}

// False: the phone's last identity is gone.
bool RegEvents::ApplyContact(const Reginfo::Contact& contact, std::string_view identity,
                             Binding* binding) {
  if (!contact.is_active) return RemoveIdentity(binding, identity);
  if (Grants(contact.event)) AddIdentity(binding, identity);
  SetExpiry(binding, contact);
  return true;
}

// What is shortened is never lengthened; what is lengthened ends no later than the SAs that carry
// it. SAs keep their time (TS 33.203 7.4).
void RegEvents::SetExpiry(Binding* binding, const Reginfo::Contact& contact) {
  if (!contact.expires_s) return;
  const bool is_shortened = contact.event == Reginfo::Event::kShortened;
  if (!is_shortened && !Grants(contact.event)) return;
  uint64_t until_ms = context_.now_ms + uint64_t{*contact.expires_s} * 1000;
  if (is_shortened) {
    until_ms = std::min(until_ms, binding->registered_until_ms);
  } else if (const SaSet* set = context_.registrar.SetInUse(*binding); set != nullptr) {
    const uint64_t most_ms = std::max(set->expires_ms, binding->registered_until_ms);
    until_ms = std::min(until_ms, most_ms);
  }
  context_.registrar.Register(binding, until_ms);
  context_.timers.Arm(&binding->timer, until_ms);
}

// Event 23: nothing is left of the registration. Its sets drain, so that the phone hears of it by
// its own NOTIFY.
void RegEvents::Deregister(Binding* binding, Actions* actions) {
  ++context_.stats.network_deregistrations;
  Attempt attempt;
  attempt.impi = binding->impi();
  attempt.source.remote = binding->ue;
  attempt.result = "ended by the core";
  actions->Report(attempt);
  context_.Unregister(binding);
  OnUnregistered(*binding, actions);
  keeper_.ApplyToAll(binding, SetEvent::kDeregistered, actions);
  context_.ForgetIfIdle(binding->id);
}

// RFC 6665 4.1.3, by reason: whoever is registered still is subscribed for again, at once, after a
// while, or with its next REGISTER.
void RegEvents::OnTerminated(const sip::Message& message, Subscription* subscription,
                             Actions* actions) {
  if (subscription->who == 0 || !HasPhones(subscription)) return;
  sip::SubscriptionState state;
  if (sip::DecodeSubscriptionState(message.Value(HeaderId::kSubscriptionState), &state) !=
      sip::ParseError::kOk) {
    return;
  }
  const bool for_good =
      state.reason == "rejected" || state.reason == "noresource" || state.reason == "invariant";
  const bool at_once = state.reason == "deactivated" || state.reason == "timeout";
  if (for_good) {
    by_who_.erase(subscription->who);
    subscription->who = 0;
    return;
  }
  // A core that ends it again and again is asked less and less often.
  if (at_once && subscription->failures == 0) {
    subscription->failures = 1;
    return Restart(subscription, actions);
  }
  subscription->ends_ms = 0;
  Pause(subscription, uint64_t{state.retry_after.value_or(0)} * 1000);
}

}  // namespace edge
