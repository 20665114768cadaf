#include "edge/relay.h"

#include "edge/header_rules.h"
#include "edge/identity.h"
#include "edge/register_rules.h"
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

bool IsInDialog(const sip::Message& message) {
  sip::Address to;
  return sip::DecodeAddress(message.Value(HeaderId::kTo), &to) == sip::ParseError::kOk &&
         sip::FindParam(to.params, "tag").has_value();
}

std::string_view UriOf(std::string_view member) {
  sip::Address address;
  return sip::DecodeAddress(member, &address) == sip::ParseError::kOk ? address.uri
                                                                      : std::string_view();
}

// A parameter of P-Charging-Vector as it stands, quotes included.
std::string_view ChargingParam(std::string_view vector, std::string_view name) {
  const std::optional<sip::Param> param = sip::FindParam(vector, name);
  if (!param) return {};
  return param->quoted ? std::string_view(param->value.data() - 1, param->value.size() + 2)
                       : param->value;
}

// Behind the last of the headers that say who and where the phone is.
void AddChargingVector(sip::Editor::Text line, const sip::Message& message, sip::Editor* editor) {
  const sip::Header* place = message.Find(HeaderId::kPPreferredIdentity);
  for (const sip::Header* info = message.Find(HeaderId::kPAccessNetworkInfo); info != nullptr;
       info = message.FindNext(info)) {
    if (place == nullptr || info->line.begin > place->line.begin) place = info;
  }
  place != nullptr ? editor->InsertLineAfter(*place, line) : editor->AppendLine(line);
}

}  // namespace

Relay::Path Relay::ReadRoute(const sip::Message& message) {
  Path path;
  sip::ListReader reader(message, HeaderId::kRoute);
  sip::ListMember member;
  while (reader.Next(&member)) {
    const std::string_view text = UriOf(member.text);
    sip::Uri uri;
    const bool ours =
        sip::DecodeUri(text, &uri) == sip::ParseError::kOk && context_.IsOurs(uri.host, uri.port);
    if (!ours) {
      path.next = text;
      break;
    }
    ++path.ours;
    uint64_t token;
    if (path.binding == nullptr && ReadHex(uri.user, &token)) {
      path.binding = context_.registrar.FindBindingByToken(token);
    }
  }
  return path;
}

Flow Relay::NextHop(std::string_view text) const {
  Flow flow = next_hops_.Current();
  sip::Uri uri;
  reactor::Endpoint endpoint;
  if (text.empty() || sip::DecodeUri(text, &uri) != sip::ParseError::kOk) return flow;
  flow.transport = TransportOf(uri, flow.transport);
  if (reactor::ParseAddress(uri.host, uri.port != 0 ? uri.port : 5060, &endpoint) &&
      endpoint.family() == context_.ports[context_.core_port].local.family()) {
    flow.remote = endpoint;
  }
  return flow;
}

// An initial request takes the Service-Route it was given, whatever it says (spec sheet 5.4).
void Relay::RewriteRoute(const Arrival& arrival, const Binding& binding, const Path& path, Flow* to,
                         sip::Editor* editor) const {
  const sip::Message& message = arrival.message;
  if (IsInDialog(message)) {
    if (path.ours > 0) editor->RemoveFirstMembers(HeaderId::kRoute, path.ours);
    *to = NextHop(path.next.empty() ? message.request_uri() : path.next);
    return;
  }
  sip::ListReader reader(message, HeaderId::kRoute);
  sip::ListMember member;
  for (int i = 0; i < path.ours; ++i) reader.Next(&member);
  std::string_view rest = binding.service_route();
  const std::string_view first = UriOf(sip::CutMember(rest, &rest));
  *to = NextHop(first);
  rest = binding.service_route();
  bool same = true;
  while (reader.Next(&member)) {
    const std::string_view wanted = rest.empty() ? std::string_view() : sip::CutMember(rest, &rest);
    same = same && UriOf(member.text) == UriOf(wanted);
  }
  if (same && rest.empty()) {
    if (path.ours > 0) editor->RemoveFirstMembers(HeaderId::kRoute, path.ours);
    return;
  }
  editor->RemoveHeaders(HeaderId::kRoute);
  if (binding.service_route().empty()) return;
  editor->InsertLineOnTop(HeaderId::kRoute, {"Route: ", binding.service_route(), "\r\n"});
}

// Two entries, one for each side, so that no response has to be rewritten; the topmost is the one
// of the side the request goes to.
void Relay::AddRecordRoute(const sip::Message& message, PortIndex port, uint64_t token,
                           bool towards_phone, sip::Editor* editor) const {
  const HexText hex = WriteHex(token);
  const std::string_view user = View(hex);
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

void Relay::AssertIdentity(const sip::Message& message, std::string_view identity,
                           sip::Editor* editor) const {
  const sip::Header* preferred = message.Find(HeaderId::kPPreferredIdentity);
  editor->RemoveHeaders(HeaderId::kPPreferredIdentity);
  if (identity.empty()) return;
  const sip::Editor::Text line = {"P-Asserted-Identity: <", identity, ">\r\n"};
  preferred != nullptr ? editor->InsertLineBefore(*preferred, line) : editor->AppendLine(line);
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
  const Path path = ReadRoute(message);
  sip::Editor editor(message);
  BranchCookie cookie;
  cookie.kind = set != nullptr ? BranchCookie::Kind::kToPhone : BranchCookie::Kind::kToPhoneInClear;
  cookie.transport = arrival.flow.transport;
  cookie.phone = set != nullptr ? set->id : binding->id;
  cookie.port = arrival.flow.port;
  if (set == nullptr) cookie.peer = context_.AnswerFlow(arrival).remote;
  CookieJar::Branch buffer;
  const std::string_view branch =
      context_.jar.Seal(cookie, arrival.via.branch, message.Value(HeaderId::kCallId), &buffer);
  Flow to;
  RewriteRoute(arrival, *binding, path, &to, &editor);
  editor.InsertLineBefore(*message.Find(HeaderId::kVia),
                          {ViaStart(to.transport), context_.ports[context_.core_port].text,
                           ";branch=", branch, "\r\n"});
  MarkTopVia(arrival.via, arrival.flow.remote, context_.RportFor(arrival), &editor);
  DecrementMaxForwards(message, &editor);
  RemoveUntrusted(message, &editor);
  RemoveSecurityAgreement(&editor);
  if (WantsRecordRoute(message.method())) {
    AddRecordRoute(message, set != nullptr ? set->port_ps : arrival.flow.port, binding->token,
                   false, &editor);
  }
  AssertIdentity(message,
                 IsInDialog(message) ? std::string_view() : AssertedIdentity(*binding, message),
                 &editor);
  AddAccessNetworkInfo(context_.settings.core.access_network_info, &editor);
  const HexText icid = context_.Derive("icid", arrival);
  AddChargingVector({"P-Charging-Vector: icid-value=", View(icid), context_.charging_tail}, message,
                    &editor);
  context_.SendRequest(to, nullptr, &editor, actions);
}

void Relay::OnRequestFromCore(const Arrival& arrival, Actions* actions) {
  const sip::Message& message = arrival.message;
  const Path path = ReadRoute(message);
  if (path.ours == 0) {
    // For ourselves: an OPTIONS ping is answered, a dialog we do not have is said so.
    const Method method = message.method();
    const int status = method == Method::kOptions ? 200 : method == Method::kNotify ? 481 : 404;
    return context_.Respond(arrival, {.status = status}, actions);
  }
  const SaSet* set = path.binding != nullptr ? context_.registrar.SetInUse(*path.binding) : nullptr;
  // A phone that has SAs is never reached in clear.
  const ClearPath* clear = nullptr;
  if (set == nullptr && path.binding != nullptr && context_.AllowsClear()) {
    clear = path.binding->clear.get();
  }
  if (set == nullptr && clear == nullptr) {
    return context_.Respond(arrival, {.status = 480}, actions);
  }

  const std::string_view vector = message.Value(HeaderId::kPChargingVector);
  const int called = FindIdentity(*path.binding, UriOf(message.Value(HeaderId::kPCalledPartyId)));
  BranchCookie cookie;
  cookie.kind = set != nullptr ? BranchCookie::Kind::kToCore : BranchCookie::Kind::kToCoreInClear;
  cookie.transport = arrival.flow.transport;
  cookie.phone = path.binding->id;
  cookie.peer = context_.AnswerFlow(arrival).remote;
  cookie.called_identity = called >= 0 && called < BranchCookie::kDefaultIdentity
                               ? static_cast<uint8_t>(called)
                               : BranchCookie::kDefaultIdentity;
  cookie.icid = ChargingParam(vector, "icid-value");
  cookie.orig_ioi = ChargingParam(vector, "orig-ioi");
  CookieJar::Branch buffer;
  const std::string_view branch =
      context_.jar.Seal(cookie, arrival.via.branch, message.Value(HeaderId::kCallId), &buffer);

  // The phone answers to sent-by, and the port it may answer to is port_ps (spec sheet 2.1).
  const Flow to =
      set == nullptr
          ? clear->to
          : context_.RequestFlow(*set, TransportOf(message.request_uri(),
                                                   context_.HasConnection(*set) ? Transport::kTcp
                                                                                : Transport::kUdp));
  const PortIndex port = set != nullptr ? set->port_ps : to.port;
  sip::Editor editor(message);
  editor.InsertLineBefore(
      *message.Find(HeaderId::kVia),
      {ViaStart(to.transport), context_.ports[port].text, ";branch=", branch, "\r\n"});
  MarkTopVia(arrival.via, arrival.flow.remote, context_.RportFor(arrival), &editor);
  DecrementMaxForwards(message, &editor);
  RemoveForPhone(message, &editor);
  editor.RemoveFirstMembers(HeaderId::kRoute, path.ours);
  if (WantsRecordRoute(message.method())) {
    AddRecordRoute(message, port, path.binding->token, true, &editor);
  }
  // In clear no connection is made for a large one: it takes the phone's, or UDP.
  if (set == nullptr) {
    context_.SendEdited(to, &editor, actions);
  } else {
    context_.SendRequest(to, set, &editor, actions);
  }
}

Binding* Relay::FindInClear(const BranchCookie& cookie, const reactor::Endpoint& address) const {
  Binding* const binding = context_.registrar.FindBinding(cookie.phone);
  const bool is_clear =
      binding != nullptr && context_.AllowsClear() && context_.registrar.IsInClear(*binding);
  return is_clear && reactor::SameAddress(binding->ue, address) ? binding : nullptr;
}

bool Relay::OpenCookie(const sip::Message& message, const sip::Via& own, CookieJar::Plain* plain,
                       BranchCookie* cookie, sip::Via* below) const {
  sip::ListReader reader(message, HeaderId::kVia);
  sip::ListMember member;
  return reader.Next(&member) && reader.Next(&member) &&
         sip::DecodeVia(member.text, below) == sip::ParseError::kOk &&
         context_.jar.Open(own.branch, below->branch, message.Value(HeaderId::kCallId), plain,
                           cookie);
}

void Relay::OnResponseFromPhone(const Arrival& arrival, Actions* actions) {
  const sip::Message& message = arrival.message;
  const SaSet* set = arrival.set;
  if (set != nullptr && !CarriesTraffic(set->state)) {
    ++context_.stats.drop_not_carried;
    return;
  }
  CookieJar::Plain plain;
  BranchCookie cookie;
  sip::Via below;
  const Binding* binding = nullptr;
  if (OpenCookie(message, arrival.via, &plain, &cookie, &below)) {
    // What went out through SAs is answered through SAs.
    if (set != nullptr && cookie.kind == BranchCookie::Kind::kToCore) {
      binding = context_.registrar.FindBinding(set->binding);
    } else if (set == nullptr && cookie.kind == BranchCookie::Kind::kToCoreInClear) {
      binding = FindInClear(cookie, arrival.flow.remote);
    }
  }
  if (binding == nullptr) {
    ++context_.stats.drop_unknown_response;
    return;
  }
  sip::Editor editor(message);
  editor.RemoveFirstMember(HeaderId::kVia);
  RemoveUntrusted(message, &editor);
  RemoveSecurityAgreement(&editor);
  AddAccessNetworkInfo(context_.settings.core.access_network_info, &editor);
  AssertIdentity(message, IdentityAt(*binding, cookie.called_identity), &editor);
  if (!cookie.icid.empty()) {
    const std::string_view own = context_.settings.core.orig_ioi;
    AddChargingVector({"P-Charging-Vector: icid-value=", cookie.icid,
                       cookie.orig_ioi.empty() ? "" : ";orig-ioi=", cookie.orig_ioi,
                       own.empty() ? "" : ";term-ioi=", own, "\r\n"},
                      message, &editor);
  }
  Flow to{context_.core_port, cookie.peer, cookie.transport};
  to.connect_port = below.port != 0 ? below.port : 5060;  // RFC 3261 18.2.2.
  context_.SendEdited(to, &editor, actions);
}

void Relay::OnResponseFromCore(const sip::Message& message, const sip::Via& via, Actions* actions) {
  CookieJar::Plain plain;
  BranchCookie cookie;
  sip::Via below;
  std::optional<Flow> to;
  if (OpenCookie(message, via, &plain, &cookie, &below)) {
    to = FlowToPhone(cookie);
  }
  if (!to) {
    ++context_.stats.drop_unknown_response;
    return;
  }
  sip::Editor editor(message);
  EditAnswer(message, &editor);
  context_.SendEdited(*to, &editor, actions);
}

std::optional<Flow> Relay::FlowToPhone(const BranchCookie& cookie) const {
  if (cookie.kind == BranchCookie::Kind::kToPhone) {
    const SaSet* set = context_.registrar.FindSet(cookie.phone);
    if (set == nullptr || !CarriesTraffic(set->state)) return std::nullopt;
    return context_.FlowTo(*set, cookie.transport, cookie.port);
  }
  if (cookie.kind == BranchCookie::Kind::kToPhoneInClear &&
      FindInClear(cookie, cookie.peer) != nullptr) {
    return Flow{cookie.port, cookie.peer, cookie.transport};
  }
  return std::nullopt;
}

}  // namespace edge
