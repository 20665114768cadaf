#include "edge/core.h"

#include "edge/access_log.h"
#include "edge/header_rules.h"
#include "sip/number.h"

namespace edge {

using sip::HeaderId;

Core::Core(const Settings& settings, std::vector<Port> ports, xfrm::SpiPool* spis, Random* random,
           uint64_t now_ms, const KeyedHash* phones)
    : context_(settings, std::move(ports), spis, random, now_ms, phones),
      names_(&context_),
      next_hops_(&context_, &names_),
      registers_(&context_, &next_hops_),
      relay_(&context_, &next_hops_) {}

bool Core::OnConnection(const Flow& flow) {
  if (context_.ports[flow.port].side != Side::kProtected) return true;
  if (context_.registrar.FindSet(flow) == nullptr) {
    ++context_.stats.tcp_no_set;
    return false;
  }
  context_.registrar.SetConnected(flow, true);
  return true;
}

void Core::OnDisconnection(const Flow& flow) {
  context_.registrar.SetConnected(flow, false);
  context_.registrar.LoseClearFlow(flow);
}

void Core::OnUnreachable(const Flow& to, uint64_t now_ms, Actions* actions) {
  context_.now_ms = now_ms;
  next_hops_.OnUnreachable(to, actions);
}

void Core::OnResolved(SlotId name, const Resolved& resolved, uint64_t now_ms, Actions* actions) {
  context_.now_ms = now_ms;
  for (HeldRequest& request : names_.OnResolved(name, resolved)) {
    const std::optional<Flow> to = next_hops_.Release(name, &request, actions);
    if (request.transaction != 0) registers_.OnReleased(request.transaction, to);
  }
}

void Core::OnMessage(const Flow& flow, sip::PaddedView bytes, uint64_t now_ms, Actions* actions) {
  context_.now_ms = now_ms;
  ++context_.stats.received;
  const Side side = context_.ports[flow.port].side;
  if (side == Side::kGm && IsSilent()) {
    ++context_.stats.drop_overload;
    return;
  }
  // Of a million phones this one is in no cache: memory is asked while the message is read.
  if (side == Side::kProtected) context_.registrar.Prefetch(flow);
  sip::Message message;
  sip::ParseError error = sip::Parse(bytes, &message);
  SaSet* set = nullptr;
  if (side == Side::kProtected) {
    set = context_.registrar.FindSet(flow);
    if (set == nullptr) {  // Spec sheet 6: no SA row, no word.
      ++context_.stats.drop_no_set;
      return;
    }
    context_.registrar.Prefetch(*set);
  }
  if (error == sip::ParseError::kEmpty) {
    ++context_.stats.drop_keepalive;
    return;
  }
  if (set != nullptr && !context_.settings.log.access_format.empty()) {
    LogAccess(&context_, *set, message, actions);
  }
  if (error == sip::ParseError::kOk) error = sip::Validate(message);
  if (error != sip::ParseError::kOk) return OnMalformed(message, error, flow, set, actions);

  sip::Via via;
  if (sip::DecodeTopVia(message, &via) != sip::ParseError::kOk) {
    ++context_.stats.drop_malformed;
    return;
  }
  const Arrival arrival{message, via, flow, set, context_.InClear(flow)};
  message.is_request() ? OnRequest(arrival, actions) : OnResponse(arrival, actions);
}

// In overload, once enough has been refused for this moment: nothing is even looked at.
bool Core::IsSilent() {
  return context_.overload == Overload::Level::kRefuseUnprotected &&
         !context_.refusals.Has(context_.now_ms, context_.settings.limits.refusals_per_second_max);
}

// A set that does not carry the message gives no sign of life (event 7).
bool Core::MayAnswer(const SaSet& set, const sip::Message& message) {
  return CarriesTraffic(set.state) ||
         (IsLive(set.state) && message.method() == sip::Method::kRegister);
}

// A request that can be answered is; anything else is counted.
void Core::OnMalformed(const sip::Message& message, sip::ParseError error, const Flow& flow,
                       SaSet* set, Actions* actions) {
  sip::Via via;
  if (!message.is_request() || message.method() == sip::Method::kAck ||
      sip::DecodeTopVia(message, &via) != sip::ParseError::kOk ||
      (set != nullptr && !MayAnswer(*set, message))) {
    ++context_.stats.drop_malformed;
    return;
  }
  context_.Respond({message, via, flow, set}, {.status = sip::StatusFor(error)}, actions);
}

void Core::OnRequest(const Arrival& arrival, Actions* actions) {
  const bool is_register = arrival.message.method() == sip::Method::kRegister;
  const Side side = context_.ports[arrival.flow.port].side;
  if (side == Side::kGm && !is_register &&
      context_.overload == Overload::Level::kRefuseUnprotected) {
    return context_.Refuse(arrival, &Stats::refused_overload, &Stats::drop_overload, actions);
  }
  if (side == Side::kGm && !is_register && arrival.clear == nullptr) {
    Binding* const caller = relay_.AdmitCaller(arrival, actions);
    if (caller == nullptr) return;
    return OnRequest({arrival.message, arrival.via, arrival.flow, nullptr, caller}, actions);
  }
  // A set that must not carry the message gives no sign of life (event 7).
  if (arrival.set != nullptr && !is_register && !CarriesTraffic(arrival.set->state)) {
    ++context_.stats.drop_not_carried;
    return;
  }
  if (!Admit(arrival, actions)) return;
  if (arrival.set != nullptr && arrival.set->state == SetState::kNew) {
    registers_.keeper().Apply(arrival.set, SetEvent::kUsed, actions);  // Event 11.
  }
  if (side == Side::kCore) {
    const bool is_ours =
        arrival.message.method() == sip::Method::kNotify && reg_events().OnNotify(arrival, actions);
    if (!is_ours) relay_.OnRequestFromCore(arrival, actions);
  } else if (is_register) {
    registers_.OnRequest(arrival, actions);
  } else {
    relay_.OnRequestFromPhone(arrival, actions);
  }
}

// What every request must pass (RFC 3261 16.3; RFC 3329 2.3.2).
bool Core::Admit(const Arrival& arrival, Actions* actions) {
  const sip::Message& message = arrival.message;
  if (context_.ports[arrival.flow.port].side != Side::kCore) {
    sip::ListReader reader(message, HeaderId::kVia);
    sip::ListMember member;
    if (reader.Next(&member) && reader.Next(&member)) {
      context_.Respond(arrival, {.status = 502}, actions);
      return false;
    }
  }
  // Who may not hear it cannot end somebody's call (RFC 3261 26.3).
  if (message.method() == sip::Method::kCancel &&
      context_.ports[arrival.flow.port].side != Side::kCore &&
      ViaDiffers(arrival.via, arrival.flow.remote)) {
    ++context_.stats.drop_spoofed;
    return false;
  }
  if (message.Has(HeaderId::kMaxForwards) &&
      sip::DecodeNumber(message.Value(HeaderId::kMaxForwards)) == 0u) {
    context_.Respond(arrival, {.status = 483}, actions);
    return false;
  }
  // RFC 3261 16.3 step 5.
  constexpr std::string_view kSupported[] = {"sec-agree"};
  if (sip::RequiresMore(message, HeaderId::kProxyRequire, kSupported)) {
    context_.Respond(
        arrival,
        {.status = 420, .unsupported_of = HeaderId::kProxyRequire, .supported = kSupported},
        actions);
    return false;
  }
  return true;
}

void Core::OnResponse(const Arrival& arrival, Actions* actions) {
  const sip::Message& message = arrival.message;
  const sip::Via& via = arrival.via;
  // Only what went out with our Via comes back with it (RFC 3261 18.1.2).
  if (!context_.IsOurs(via.host, via.port)) {
    ++context_.stats.drop_unknown_response;
    return;
  }
  switch (context_.ports[arrival.flow.port].side) {
    case Side::kCore:
      if (!registers_.OnResponse(message, via.branch, actions) &&
          !reg_events().OnResponse(message, via.branch, actions) &&
          !next_hops_.OnResponse(message, via.branch, actions)) {
        relay_.OnResponseFromCore(message, via, actions);
      }
      return;
    case Side::kProtected:
      if (arrival.set->state == SetState::kNew) {
        registers_.keeper().Apply(arrival.set, SetEvent::kUsed, actions);
      }
      return relay_.OnResponseFromPhone(arrival, actions);
    case Side::kGm:
      if (context_.AllowsClear() || context_.registrar.has_clear()) {
        return relay_.OnResponseFromPhone(arrival, actions);
      }
      ++context_.stats.drop_unprotected;
      return;
  }
}

void Core::OnInstalled(SetId set, std::errc error, std::string_view explanation, uint64_t now_ms,
                       Actions* actions) {
  context_.now_ms = now_ms;
  registers_.keeper().OnInstalled(set, error, explanation, actions);
}

void Core::OnExtended(SetId set, std::errc error, std::string_view explanation, uint64_t now_ms,
                      Actions* actions) {
  context_.now_ms = now_ms;
  registers_.keeper().OnExtended(set, error, explanation, actions);
}

void Core::OnDeleted(SetId set, uint64_t now_ms, Actions* actions) {
  context_.now_ms = now_ms;
  registers_.keeper().OnDeleted(set, actions);
}

void Core::OnRedirected(SetId set) {
  registers_.keeper().OnRedirected(set);
}

void Core::OnMapping(const xfrm::Mapping& mapping, uint64_t now_ms, Actions* actions) {
  context_.now_ms = now_ms;
  registers_.keeper().OnMapping(mapping, actions);
}

void Core::OnLooked(SetId set, const SaUse& use, uint64_t now_ms, Actions* actions) {
  context_.now_ms = now_ms;
  registers_.OnLooked(set, use, actions);
}

void Core::OnJournalled(const JournalTicket& ticket, bool is_kept, uint64_t now_ms,
                        Actions* actions) {
  context_.now_ms = now_ms;
  switch (ticket.kind) {
    case JournalTicket::Kind::kSet:
      return registers_.keeper().OnJournalled(ticket.id, is_kept, actions);
    case JournalTicket::Kind::kTransaction:
      return registers_.OnJournalled(ticket.id, is_kept, actions);
  }
}

void Core::Restore(std::span<const RestoredPhone> phones, uint64_t now_ms, uint64_t epoch_ms,
                   RecordId first, RecordId step) {
  context_.now_ms = now_ms;
  context_.records.SetIds(first, step);
  for (const RestoredPhone& phone : phones) RestorePhone(phone, epoch_ms, &context_);
}

void Core::OnLetter(const Letter& letter, uint64_t now_ms, Actions* actions) {
  context_.now_ms = now_ms;
  Obey(letter, &context_, &registers_.keeper(), &reg_events(), actions);
}

void Core::OnSettings(std::span<const RuleIndex> rules) {
  context_.OnSettings();
  registers_.OnSettings(rules);
}

void Core::OnTime(uint64_t now_ms, Actions* actions, uint64_t work_max) {
  context_.now_ms = now_ms;
  const auto fire = [&](reactor::Timer* timer) {
    switch (static_cast<TimerKind>(timer->kind)) {
      case TimerKind::kSet:
        return registers_.keeper().OnTimer(timer->index, actions);
      case TimerKind::kBinding:
        return registers_.OnBindingTimer(timer->index, actions);
      case TimerKind::kTransaction:
        return registers_.OnTransactionTimer(timer->index, actions);
      case TimerKind::kNextHop:
        return next_hops_.OnTimer(timer->index, actions);
      case TimerKind::kSubscription:
        return reg_events().OnTimer(timer->index, actions);
    }
  };
  context_.timers.Advance(now_ms, fire, work_max);
}

void Core::DeleteAll(uint64_t now_ms, Actions* actions) {
  context_.now_ms = now_ms;
  context_.registrar.sets().ForEach(
      [&](SaSet* set) { registers_.keeper().Apply(set, SetEvent::kReplaced, actions); });
}

}  // namespace edge
