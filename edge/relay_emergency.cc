// Relay for calls for help: of phones that are not registered, and those that only we see as such
// (spec sheet 5.9, TS 24.229 5.2.10).

#include <fmt/format.h>

#include "edge/emergency.h"
#include "edge/emergency_limits.h"
#include "edge/header_rules.h"
#include "edge/limits.h"
#include "edge/register_rules.h"
#include "edge/relay.h"
#include "sip/list.h"

namespace edge {

using sip::HeaderId;
using sip::Method;

// One in clear, from somebody unknown: it may be a phone without a subscription. For the time of
// its call it is a binding like that of a phone in clear, of which nothing else is relayed.
Binding* Relay::AdmitCaller(const Arrival& arrival, Actions* actions) {
  const sip::Message& message = arrival.message;
  Registrar& registrar = context_.registrar;
  if (!context_.settings.gm.anonymous_emergency || message.method() != Method::kInvite ||
      !IsEmergencyCall(message) || HasToTag(message) || registrar.IsTaken(arrival.flow)) {
    // TS 33.203 7.1 rule 4; an ACK ends a transaction nobody has.
    ++context_.stats.drop_unprotected;
    context_.Respond(arrival, {.status = 403}, actions);
    return nullptr;
  }
  if (registrar.callers() >= kCallersMax ||
      registrar.CallersAt(arrival.flow.remote) >= kCallersPerAddressMax) {
    ++context_.stats.refused_full;
    context_.Respond(arrival, {.status = 503, .retry_after_s = context_.RetryAfter(arrival)},
                     actions);
    return nullptr;
  }
  std::string_view rest;
  const std::string_view contact = UriOf(sip::CutMember(message.Value(HeaderId::kContact), &rest));
  ++context_.stats.anonymous_calls;
  Binding* caller = registrar.AddCaller(ClearPathOf(arrival.flow, contact));
  caller->timer.kind = static_cast<uint32_t>(TimerKind::kBinding);
  Keep(caller, kCallerRingMs);
  return caller;
}

void Relay::Keep(Binding* caller, uint64_t ms) {
  context_.registrar.Register(caller, context_.now_ms + ms);
  context_.timers.Arm(&caller->timer, context_.now_ms + ms);
}

// Who was given a dialog's Record-Route is spoken to; with its BYE it is over, once that is
// answered.
void Relay::OnCallersDialog(Method method, Binding* caller) {
  Keep(caller, method == Method::kBye ? kDrainMs : kCallerTalkMs);
}

// P-Asserted-Identity: as in Path, so that the phone knows who says so.
void Relay::SendToEmergencyService(const Arrival& arrival, const Binding& binding,
                                   Actions* actions) {
  ++context_.stats.emergency_numbers;
  const std::string line =
      fmt::format("P-Asserted-Identity: <sip:{}@{}:{};lr;ob>\r\n", View(WriteHex(binding.token)),
                  context_.settings.core.host, context_.ports[context_.core_port].local.port());
  context_.RespondTo(context_.AnswerFlow(arrival), arrival,
                     {.status = 380, .content_type = kImsXmlType, .body = kAlternativeService},
                     actions, line);
}

}  // namespace edge
