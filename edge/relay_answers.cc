// Relay for responses (spec sheet 5.5, 5.8).

#include "edge/header_rules.h"
#include "edge/identity.h"
#include "edge/register_rules.h"
#include "edge/relay.h"
#include "sip/list.h"
#include "sip/number.h"

namespace edge {
namespace {

using sip::HeaderId;
using sip::Method;

// Who was called is asserted where a dialog begins, and in every answer to what stands alone (spec
// sheet 5.8).
bool AssertsIdentity(const sip::Message& response) {
  sip::CSeq cseq;
  if (sip::DecodeCSeq(response.Value(HeaderId::kCSeq), &cseq) != sip::ParseError::kOk) return false;
  switch (cseq.method) {
    case Method::kInvite:
    case Method::kSubscribe:
    case Method::kRefer:
      return response.status() > 100 && response.status() < 300;
    case Method::kCancel:
      return false;
    default:
      return true;
  }
}

bool HasVias(const sip::Message& message, int count) {
  sip::ListReader reader(message, HeaderId::kVia);
  for (sip::ListMember member; reader.Next(&member);) --count;
  return count == 0;
}

}  // namespace

Binding* Relay::FindInClear(const BranchCookie& cookie, const reactor::Endpoint& address) const {
  Binding* const binding = context_.registrar.FindBinding(cookie.phone);
  const bool is_clear = binding != nullptr && context_.MayBeInClear(*binding) &&
                        context_.registrar.IsInClear(*binding);
  return is_clear && reactor::SameAddress(binding->ue, address) ? binding : nullptr;
}

bool Relay::OpenCookie(const sip::Message& message, const sip::Via& own, BranchCookie* cookie,
                       sip::Via* below) const {
  sip::ListReader reader(message, HeaderId::kVia);
  sip::ListMember member;
  return reader.Next(&member) && reader.Next(&member) &&
         sip::DecodeVia(member.text, below) == sip::ParseError::kOk &&
         context_.jar.Open(own.branch, below->branch, message.Value(HeaderId::kCallId), cookie);
}

// What a phone leaves out of our Via it leaves out to its own cost; what it changes is not ours.
// The Vias are those of the request: the next one by its branch, the others by their number.
Binding* Relay::Answerer(const Arrival& arrival, BranchCookie* cookie, sip::Via* below,
                         CookieJar::Plain* plain, CookieDetails* details) const {
  if (!OpenCookie(arrival.message, arrival.via, cookie, below)) return nullptr;
  const auto params = sip::PaddedView::Promise(arrival.via.params);  // As all of a message is.
  if (const auto param = sip::FindParam(params, "cookie"); param) {
    if (!context_.jar.OpenDetails(param->value, arrival.via.branch, plain, details) ||
        !HasVias(arrival.message, details->via_count + 1)) {
      return nullptr;
    }
  }
  // What went out through SAs is answered through SAs.
  const SaSet* set = arrival.set;
  if (set != nullptr && cookie->kind == BranchCookie::Kind::kToCore) {
    return context_.registrar.FindBinding(set->binding);
  }
  if (set == nullptr && cookie->kind == BranchCookie::Kind::kToCoreInClear) {
    return FindInClear(*cookie, arrival.flow.remote);
  }
  return nullptr;
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
  CookieDetails details;
  sip::Via below;
  const Binding* binding = Answerer(arrival, &cookie, &below, &plain, &details);
  if (binding == nullptr) {
    ++context_.stats.drop_unknown_response;
    return;
  }
  sip::Editor editor(message);
  editor.RemoveFirstMember(HeaderId::kVia);
  RemoveUntrusted(message, &editor);
  RemoveSecurityAgreement(&editor);
  AddAccessNetworkInfo(context_.settings.core.access_network_info, &editor);
  const bool asserts =
      details.called_identity != CookieDetails::kNoIdentity && AssertsIdentity(message);
  AssertIdentities(message,
                   {asserts ? IdentityAt(*binding, details.called_identity) : std::string_view()},
                   &editor);
  if (!details.icid.empty()) {
    AddChargingVector(
        {"P-Charging-Vector: icid-value=", details.icid,
         details.orig_ioi.empty() ? "" : ";orig-ioi=", details.orig_ioi, context_.term_ioi, "\r\n"},
        message, &editor);
  }
  PutHeaderLines(&context_, Direction::kToCore, set, message, &editor, actions);
  Flow to{context_.core_port, cookie.peer, cookie.transport};
  to.connect_port = below.port != 0 ? below.port : 5060;  // RFC 3261 18.2.2.
  context_.SendEdited(to, &editor, actions);
}

void Relay::OnResponseFromCore(const sip::Message& message, const sip::Via& via, Actions* actions) {
  BranchCookie cookie;
  sip::Via below;
  std::optional<Flow> to;
  if (OpenCookie(message, via, &cookie, &below)) to = FlowToPhone(cookie);
  if (!to) {
    ++context_.stats.drop_unknown_response;
    return;
  }
  sip::Editor editor(message);
  EditAnswer(message, &editor);
  PutHeaderLines(&context_, Direction::kToPhone, context_.TunnelTo(*to), message, &editor, actions);
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
