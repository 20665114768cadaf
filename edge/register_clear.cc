// RegisterProxy for phones without a security agreement (sec_agree = "prefer" or "off").

#include "edge/header_rules.h"
#include "edge/limits.h"
#include "edge/register_proxy.h"

namespace edge {

using sip::HeaderId;

// Event 5: no agreement came of it. The settings say whether the phone may be registered so; one
// that has SAs by now, never.
void RegisterProxy::OnAcceptedInClear(const sip::Message& message, RegisterTransaction* transaction,
                                      Actions* actions) {
  if (PolicyOf(context_.settings, transaction->rule).sec_agree == SecAgree::kRequire) {
    return Fail(500, "the core accepted without a challenge", transaction, actions);
  }
  Binding* binding = context_.registrar.FindBinding(transaction->binding);
  if (binding == nullptr || context_.registrar.SetInUse(*binding) != nullptr) {
    return Fail(500, "accepted in clear, while the phone has SAs", transaction, actions);
  }
  const std::string_view contact = transaction->open->contact;
  if (!contact.empty()) {  // Else a query, as above.
    const uint32_t granted_s = GrantedSeconds(message, contact, transaction->asks_zero);
    transaction->open->service_route = JoinValues(message, HeaderId::kServiceRoute);
    transaction->open->associated = JoinValues(message, HeaderId::kPAssociatedUri);
    if (transaction->open->service_route.size() > kRouteSetSizeMax ||
        transaction->open->associated.size() > kRouteSetSizeMax) {
      return Fail(500, "the core's 200 is too large", transaction, actions);
    }
    if (granted_s > 0) {
      return KeepInClear(message, binding, granted_s, transaction, actions);
    }
    if (binding->clear != nullptr) {
      ++context_.stats.deregistrations;
      context_.Unregister(binding);
    }
  }
  RelayAnswer(message, transaction->answer, actions);
  if (!binding->registered()) reg_events_.OnUnregistered(*binding, actions);
  Finish(transaction, 0);
}

// The newest is at a flow; who was there before is not registered any more.
void RegisterProxy::EnterClear(Binding* binding, uint32_t granted_s,
                               RegisterTransaction* transaction, Actions* actions) {
  const bool was_there = binding->clear != nullptr;
  next_hops_.Prepare(transaction->open->service_route, actions);
  Register(binding, granted_s, transaction);
  Binding* before = context_.registrar.EnterClear(
      binding, ClearPathOf(transaction->source, transaction->open->contact));
  if (before != nullptr && before != binding) {
    context_.Unregister(before);
    reg_events_.OnUnregistered(*before, actions);
    context_.ForgetIfIdle(before->id);
  }
  if (was_there) {
    ++context_.stats.refreshes;
    return;
  }
  ++context_.stats.registrations;
  ++context_.stats.registrations_in_clear;
  Attempt attempt = AttemptOf(*transaction, nullptr);
  attempt.result = "registered in clear";
  attempt.status = 200;
  actions->Report(attempt);
}

}  // namespace edge
