// The requests; the responses are in relay_answers.cc.

#include "edge/relay.h"

#include "edge/emergency.h"
#include "edge/header_rules.h"
#include "edge/identity.h"
#include "edge/transport.h"
#include "sip/address.h"
#include "sip/list.h"
#include "sip/uri.h"

namespace edge {
namespace {

using sip::HeaderId;
using sip::Method;

// Requests that make a dialog, or move its target, keep us on its path (spec sheet 5.4, 5.6).
bool WantsRecordRoute(Method method) {
  return method == Method::kInvite || method == Method::kSubscribe || method == Method::kRefer ||
         method == Method::kUpdate || method == Method::kNotify;
}

// A parameter of P-Charging-Vector as it stands, quotes included.
std::string_view ChargingParam(sip::PaddedView vector, std::string_view name) {
  const std::optional<sip::Param> param = sip::FindParam(vector, name);
  if (!param) return {};
  return param->quoted ? std::string_view(param->value.data() - 1, param->value.size() + 2)
                       : param->value;
}

// At most so many count.
uint8_t CountVias(const sip::Message& message) {
  uint8_t count = 0;
  sip::ListReader reader(message, HeaderId::kVia);
  for (sip::ListMember member; count < UINT8_MAX && reader.Next(&member);) ++count;
  return count;
}

}  // namespace

bool HasToTag(const sip::Message& message) {
  sip::Address to;
  return sip::DecodeAddress(message.Value(HeaderId::kTo), &to) == sip::ParseError::kOk &&
         sip::FindParam(sip::PaddedView::Promise(to.params), "tag").has_value();
}

// The dialog's tag is in the Record-Route that we gave this phone and nobody else, so who sends it
// back along with the dialog's Call-ID is a party (spec sheet 5.6). Of a phone in clear anybody at
// its address may have heard it, so it would prove nothing.
Relay::Place Relay::PlaceOf(const sip::Message& message, const Binding& binding, const Route& route,
                            bool in_clear) const {
  if (!HasToTag(message)) return Place::kInitial;
  if (in_clear) return Place::kDialog;
  if (!route.has_own && message.method() == Method::kAck) return Place::kInitial;
  const bool is_party = route.has_own && route.own.has_dialog && route.own.token == binding.token &&
                        route.own.dialog == context_.registrar.DialogTag(
                                                binding.token, message.Value(HeaderId::kCallId));
  return is_party ? Place::kDialog : Place::kForeign;
}

bool Relay::Direct(const sip::Message& message, const Binding& binding, const Route& route,
                   Place place, NextHops::Way* way, sip::Editor* editor, Actions* actions) {
  if (place == Place::kDialog) {
    if (route.ours > 0) editor->RemoveFirstMembers(HeaderId::kRoute, route.ours);
    if (binding.is_caller) {  // A stranger goes nowhere else.
      *way = ToEmergencyService();
      return true;
    }
    const bool has_route = !route.next.empty();
    *way = next_hops_.Find(has_route ? route.next : message.request_uri(), has_route, message,
                           actions);
    return true;
  }
  // A call for help no Service-Route may lead elsewhere (TS 24.229 5.2.10).
  if (context_.settings.core.emergency_next_hop &&
      (IsEmergencyCall(message) ||
       (binding.is_emergency && DialsEmergency(message, context_.settings.gm.emergency_numbers)))) {
    editor->RemoveHeaders(HeaderId::kRoute);
    *way = ToEmergencyService();
    return true;
  }
  // An initial request takes the Service-Route it was given (spec sheet 5.4).
  const std::string_view service_route = binding.service_route();
  std::string_view rest;
  *way = next_hops_.Find(UriOf(sip::CutMember(service_route, &rest)), true, message, actions);
  if (IsRouteSet(message, route.ours, service_route)) {
    if (route.ours > 0) editor->RemoveFirstMembers(HeaderId::kRoute, route.ours);
    return true;
  }
  if (context_.settings.gm.service_route == ServiceRoute::kReject) return false;
  editor->RemoveHeaders(HeaderId::kRoute);
  if (!service_route.empty()) {
    editor->InsertLineOnTop(HeaderId::kRoute, {"Route: ", service_route, "\r\n"});
  }
  return true;
}

// Two entries, one for each side, so that no response has to be rewritten; the topmost is the one
// of the side the request goes to.
void Relay::AddRecordRoute(const sip::Message& message, PortIndex port, const Binding& binding,
                           bool towards_phone, sip::Editor* editor) const {
  const DialogUserText text = WriteDialogUser(
      binding.token, context_.registrar.DialogTag(binding.token, message.Value(HeaderId::kCallId)));
  const std::string_view user(text.data(), text.size());
  const std::string_view core = context_.ports[context_.core_port].text;
  const std::string_view phone = context_.ports[port].text;
  const std::string_view core_end = ";lr>\r\n";
  const std::string_view phone_end = ";lr;ue>\r\n";
  const sip::Editor::Text lines = {"Record-Route: <sip:",
                                   user,
                                   "@",
                                   towards_phone ? phone : core,
                                   towards_phone ? phone_end : core_end,
                                   "Record-Route: <sip:",
                                   user,
                                   "@",
                                   towards_phone ? core : phone,
                                   towards_phone ? core_end : phone_end};
  if (const sip::Header* top = message.Find(HeaderId::kRecordRoute); top != nullptr) {
    editor->InsertLineBefore(*top, lines);
  } else if (const sip::Header* hops = message.Find(HeaderId::kMaxForwards); hops != nullptr) {
    editor->InsertLineAfter(*hops, lines);
  } else {
    editor->AppendLine(lines);
  }
}

// That of the request that made a dialog is that of all in it (RFC 7315 4.6); all have its Call-ID.
// What stands alone has its own.
HexText Relay::IcidFor(const Arrival& arrival, const Binding& binding, Place place) const {
  const Method method = arrival.message.method();
  const bool is_of_dialog = place == Place::kDialog || WantsRecordRoute(method) ||
                            method == Method::kAck || method == Method::kCancel;
  if (!is_of_dialog) return context_.Derive("icid", arrival);
  return WriteHex(
      context_.registrar.IcidOf(binding.token, arrival.message.Value(HeaderId::kCallId)));
}

void Relay::AddViaToCore(const Arrival& arrival, const Binding& binding, const Flow& to,
                         sip::Editor* editor) const {
  const SaSet* set = arrival.set;
  BranchCookie cookie;
  cookie.kind = set != nullptr ? BranchCookie::Kind::kToPhone : BranchCookie::Kind::kToPhoneInClear;
  cookie.transport = arrival.flow.transport;
  cookie.phone = set != nullptr ? set->id : binding.id;
  cookie.port = arrival.flow.port;
  if (set == nullptr) cookie.peer = context_.AnswerFlow(arrival).remote;
  CookieJar::Branch buffer;
  const std::string_view branch = context_.jar.Seal(
      cookie, arrival.via.branch, arrival.message.Value(HeaderId::kCallId), &buffer);
  editor->InsertLineBefore(*arrival.message.Find(HeaderId::kVia),
                           {ViaStart(to.transport), context_.ports[context_.core_port].text,
                            ";branch=", branch, "\r\n"});
  MarkTopVia(arrival.via, arrival.flow.remote, context_.RportFor(arrival), editor);
}

void Relay::OnRequestFromPhone(const Arrival& arrival, Actions* actions) {
  const sip::Message& message = arrival.message;
  const SaSet* set = arrival.set;
  if (set != nullptr && !CarriesTraffic(set->state)) {  // Event 7.
    ++context_.stats.drop_not_carried;
    return;
  }
  Binding* const binding =
      set != nullptr ? context_.registrar.FindBinding(set->binding) : arrival.clear;
  if (binding == nullptr || !binding->registered()) {
    ++context_.stats.drop_not_registered;
    return;
  }
  const Route route = ReadRoute(context_, message);
  const Place place = PlaceOf(message, *binding, route, set == nullptr && !binding->is_caller);
  const bool is_other_call =
      binding->is_caller && place == Place::kInitial && !IsEmergencyCall(message);
  if (place == Place::kForeign || is_other_call) {
    ++context_.stats.refused_dialogs;
    return context_.Respond(arrival, {.status = 403}, actions);
  }
  if (place == Place::kInitial && !binding->is_emergency &&
      DialsEmergency(message, context_.settings.gm.emergency_numbers)) {
    return SendToEmergencyService(arrival, *binding, actions);
  }
  if (binding->is_caller && place == Place::kDialog) OnCallersDialog(message.method(), binding);
  sip::Editor editor(message);
  NextHops::Way way;
  if (!Direct(message, *binding, route, place, &way, &editor, actions)) {
    ++context_.stats.refused_routes;
    return context_.Respond(
        arrival,
        {.status = 400,
         .warning = {.agent = context_.settings.core.host,
                     .text = "Route is not the Service-Route of the registration"}},
        actions);
  }
  if (!way.is_open()) return next_hops_.Refuse(way, arrival, actions);
  AddViaToCore(arrival, *binding, way.flow, &editor);
  DecrementMaxForwards(message, &editor);
  RemoveUntrusted(message, &editor);
  RemoveSecurityAgreement(&editor);
  if (WantsRecordRoute(message.method())) {
    AddRecordRoute(message, set != nullptr ? set->port_ps : arrival.flow.port, *binding, false,
                   &editor);
  }
  AssertIdentities(message,
                   place == Place::kDialog || binding->is_caller
                       ? AssertedIdentities()
                       : AssertedIdentitiesOf(*binding, message),
                   &editor);
  AddAccessNetworkInfo(context_.settings.core.access_network_info, &editor);
  const HexText icid = IcidFor(arrival, *binding, place);
  AddChargingVector({"P-Charging-Vector: icid-value=", View(icid), context_.charging_tail}, message,
                    &editor);
  PutHeaderLines(&context_, Direction::kToCore, set, message, &editor, actions);
  if (!next_hops_.Send(way, arrival, 0, &editor, actions)) {
    next_hops_.Refuse(way, arrival, actions);
  }
}

// An OPTIONS ping is answered, a dialog we do not have is said so. What we sent and the core sent
// back would go round for ever (RFC 3261 16.3 step 4).
void Relay::AnswerCore(const Arrival& arrival, Actions* actions) {
  const Method method = arrival.message.method();
  const int status = HasOwnVia(context_, arrival.message) ? 482
                     : method == Method::kRegister        ? 403
                     : method == Method::kOptions         ? 200
                     : method == Method::kNotify          ? 481
                                                          : 404;
  context_.Respond(arrival, {.status = status}, actions);
}

CookieDetails Relay::DetailsOf(const sip::Message& message, const Binding& binding) const {
  CookieDetails details;
  details.via_count = CountVias(message);
  const sip::PaddedView vector = message.Value(HeaderId::kPChargingVector);
  details.icid = ChargingParam(vector, "icid-value");
  details.orig_ioi = ChargingParam(vector, "orig-ioi");
  // Within a dialog nobody is asserted (spec sheet 5.8).
  if (HasToTag(message)) {
    details.called_identity = CookieDetails::kNoIdentity;
    return details;
  }
  const int called = FindIdentity(binding, UriOf(message.Value(HeaderId::kPCalledPartyId)));
  if (called >= 0 && called < CookieDetails::kNoIdentity) {
    details.called_identity = static_cast<uint8_t>(called);
  }
  return details;
}

// CANCEL and ACK say less than their INVITE, and no response to them needs more.
void Relay::AddViaToPhone(const Arrival& arrival, const Binding& binding, bool in_clear,
                          PortIndex port, Transport transport, sip::Editor* editor) const {
  const sip::Message& message = arrival.message;
  BranchCookie cookie;
  cookie.kind = in_clear ? BranchCookie::Kind::kToCoreInClear : BranchCookie::Kind::kToCore;
  cookie.transport = arrival.flow.transport;
  cookie.phone = binding.id;
  cookie.peer = context_.AnswerFlow(arrival).remote;
  CookieJar::Branch buffer;
  const std::string_view branch =
      context_.jar.Seal(cookie, arrival.via.branch, message.Value(HeaderId::kCallId), &buffer);
  const bool is_bare = message.method() == Method::kCancel || message.method() == Method::kAck;
  CookieJar::Branch details_buffer;
  std::string_view details;
  if (!is_bare) {
    details = context_.jar.SealDetails(DetailsOf(message, binding), branch, &details_buffer);
  }
  editor->InsertLineBefore(*message.Find(HeaderId::kVia),
                           {ViaStart(transport), context_.ports[port].text, ";branch=", branch,
                            is_bare ? "" : ";cookie=", details, "\r\n"});
  MarkTopVia(arrival.via, arrival.flow.remote, context_.RportFor(arrival), editor);
}

void Relay::OnRequestFromCore(const Arrival& arrival, Actions* actions) {
  const sip::Message& message = arrival.message;
  const Route route = ReadRoute(context_, message);
  if (route.ours == 0 || message.method() == Method::kRegister) return AnswerCore(arrival, actions);
  Binding* const binding =
      route.has_own ? context_.registrar.FindBindingByToken(route.own.token) : nullptr;
  const SaSet* set = binding != nullptr ? context_.registrar.SetInUse(*binding) : nullptr;
  // A phone that has SAs is never reached in clear.
  const ClearPath* clear = nullptr;
  if (set == nullptr && binding != nullptr && context_.MayBeInClear(*binding)) {
    clear = binding->clear.get();
  }
  if (set == nullptr && clear == nullptr) {
    // RFC 5626 5.3.1: the registrar then tries another flow of the phone.
    return context_.Respond(arrival, {.status = route.own.is_outbound ? 430 : 480}, actions);
  }

  // The phone answers to sent-by, and the port it may answer to is port_ps (spec sheet 2.1).
  const Flow to =
      set == nullptr
          ? clear->to
          : context_.RequestFlow(*set, TransportOf(message.request_uri(),
                                                   context_.HasConnection(*set) ? Transport::kTcp
                                                                                : Transport::kUdp));
  const PortIndex port = set != nullptr ? set->port_ps : to.port;
  if (binding->is_caller) OnCallersDialog(message.method(), binding);
  sip::Editor editor(message);
  AddViaToPhone(arrival, *binding, set == nullptr, port, to.transport, &editor);
  DecrementMaxForwards(message, &editor);
  RemoveForPhone(message, &editor);
  editor.RemoveFirstMembers(HeaderId::kRoute, route.ours);
  if (WantsRecordRoute(message.method())) AddRecordRoute(message, port, *binding, true, &editor);
  PutHeaderLines(&context_, Direction::kToPhone, set, message, &editor, actions);
  // In clear no connection is made for a large one: it takes the phone's, or UDP.
  if (set == nullptr) {
    context_.SendEdited(to, &editor, actions);
  } else {
    context_.SendRequest(to, set, &editor, actions);
  }
}

}  // namespace edge
