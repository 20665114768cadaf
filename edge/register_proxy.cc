#include "edge/register_proxy.h"

#include <algorithm>
#include <array>

#include "edge/header_rules.h"
#include "edge/limits.h"
#include "sip/list.h"

namespace edge {
namespace {

// A set carries REGISTERs of its own subscriber, contact and flow and no other (TS 33.203 6.1, RFC
// 5626 4.2).
bool IsOf(const RegisterRequest& request, const Binding& binding) {
  return request.impi == binding.impi() && request.is_emergency == binding.is_emergency &&
         (request.reg_id == 0 || binding.reg_id == 0 || request.reg_id == binding.reg_id);
}

}  // namespace

using sip::HeaderId;

RegisterProxy::RegisterProxy(Context* context, NextHops* next_hops)
    : context_(*context),
      next_hops_(*next_hops),
      keeper_(context, this),
      reg_events_(context, next_hops, &keeper_) {
  WriteStaticOffers();
}

void RegisterProxy::OnSettings(std::span<const RuleIndex> rules) {
  WriteStaticOffers();
  transactions_.ForEach(
      [&](RegisterTransaction* transaction) { transaction->rule = rules[transaction->rule]; });
  context_.registrar.sets().ForEach([&](SaSet* set) { set->rule = rules[set->rule]; });
}

// A retransmission is the same bytes from the same place. Whatever differs is a message of its own
// and passes every check: by its branch alone it would borrow the integrity-protected of another.
uint64_t RegisterProxy::KeyOf(const Arrival& arrival) const {
  const std::span<const uint8_t> address = arrival.flow.remote.address();
  const uint16_t ports[] = {arrival.flow.remote.port(), arrival.flow.port,
                            static_cast<uint16_t>(arrival.flow.transport)};
  return context_.hash.Hash({"register",
                             arrival.message.bytes(),
                             {reinterpret_cast<const char*>(address.data()), address.size()},
                             {reinterpret_cast<const char*>(ports), sizeof(ports)}});
}

RegisterTransaction* RegisterProxy::Find(uint64_t key) {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : transactions_.Find(found->second);
}

void RegisterProxy::OnRequest(const Arrival& arrival, Actions* actions) {
  RegisterRequest request;
  request.transaction = KeyOf(arrival);
  if (RegisterTransaction* known = Find(request.transaction); known != nullptr) {
    return OnRetransmission(arrival, known, actions);
  }
  if (!ReadRegister(arrival.message, &request) || request.impi.size() > kImpiSizeMax ||
      request.identity.size() > kRouteSetSizeMax) {
    return context_.Respond(arrival, {.status = 400}, actions);
  }
  // IMS AKA names the private identity from the first REGISTER on (pitfalls 23).
  if (request.impi.empty()) return context_.Respond(arrival, {.status = 403}, actions);

  if (arrival.set == nullptr) {
    if (AdmitStranger(arrival, request, actions)) OnUnprotected(arrival, request, actions);
    return;
  }
  switch (arrival.set->state) {
    case SetState::kTemporary:
      return OnTemporary(arrival, request, actions);
    case SetState::kNew:
    case SetState::kCurrent:
    case SetState::kOld:
      return OnEstablished(arrival, request, actions);
    case SetState::kFailed:  // What was refused is refused again; nothing else is let through.
      if (const int status = CheckAnswer(arrival, request); status != 0) {
        return RefuseAnswer(arrival, status, actions);
      }
      [[fallthrough]];
    default:
      ++context_.stats.drop_not_carried;
  }
}

// Event 1, and 16 and 17 where they come unprotected.
void RegisterProxy::OnUnprotected(const Arrival& arrival, const RegisterRequest& request,
                                  Actions* actions) {
  if (context_.draining) {
    ++context_.stats.refused_draining;
    return context_.Respond(arrival, {.status = 503, .retry_after_s = kDrainRetryAfterS}, actions);
  }
  const RuleIndex rule =
      FindRule(context_.settings.rules,
               {arrival.flow.remote, request.realm, arrival.message.Value(HeaderId::kUserAgent),
                request.impi, arrival.flow.transport});
  const Policy policy = PolicyOf(context_.settings, rule);
  // TS 33.203 annex M.7.2: behind a NAT without UDP-enc-tun no agreement can work.
  const bool is_behind_nat = ViaDiffers(arrival.via, arrival.flow.remote);
  if (is_behind_nat && (policy.sec_agree == SecAgree::kOff || !MayBeInUdp(arrival.message))) {
    ++context_.stats.drop_nat;
    return;
  }
  std::optional<Offer> offer;
  std::string client;
  if (!ReadOffer(arrival, request, policy, is_behind_nat, &offer, &client, actions)) return;
  // Who has agreed security is not let in without: it may be somebody else.
  const Binding* known =
      context_.registrar.FindBinding(request.impi, arrival.flow.remote, request.is_emergency);
  if (!offer && known != nullptr && context_.registrar.SetInUse(*known) != nullptr) {
    return RejectAgreement(arrival, 421, "in clear, while the phone has SAs", rule, request.impi,
                           is_behind_nat, actions);
  }
  Binding* binding = AdmitBinding(arrival, request, offer ? &*offer : nullptr, actions);
  if (binding == nullptr) return;
  DropFailedChallenge(*binding, request, actions);

  RegisterTransaction* transaction = Forward(arrival, request, binding, false, actions);
  transaction->rule = rule;
  transaction->open->agreed = offer.has_value();
  transaction->open->security_client = std::move(client);
  if (!offer) return;
  transaction->open->offer = *offer;
  actions->TellOthers({.kind = Letter::Kind::kComes,
                       .phone = binding->token,
                       .spi_uc = offer->spi_uc,
                       .spi_us = offer->spi_us});
}

// Event 6: the answer to a challenge, on the set the challenge opened.
void RegisterProxy::OnTemporary(const Arrival& arrival, const RegisterRequest& request,
                                Actions* actions) {
  SaSet* set = arrival.set;
  Binding* binding = context_.registrar.FindBinding(set->binding);
  if (const int status = CheckAnswer(arrival, request); status != 0) {
    RefuseAnswer(arrival, status, actions);
    Attempt attempt;
    attempt.impi = binding->impi();
    attempt.source = arrival.flow;
    attempt.result = status == 494 ? "Security-Verify or Security-Client is not what was agreed"
                                   : "not the subscriber or the address that was challenged";
    attempt.status = status;
    attempt.esp_arrived = true;
    Describe(*set, &attempt);
    actions->Report(attempt);
    return keeper_.Apply(set, SetEvent::kRejected, actions);
  }
  if (HasTooMany(*binding, arrival, actions)) return;
  // "yes" for the answer to the very challenge that made this set (annex P.3); auts is none.
  const bool answers =
      request.has_response && !request.has_auts && request.nonce == set->challenge->nonce;
  RegisterTransaction* transaction = Forward(arrival, request, binding, answers, actions);
  // A second challenge (events 13 and 16) is for the same offer.
  transaction->rule = set->rule;
  const Agreement& a = set->agreement;
  transaction->open->agreed = true;
  transaction->open->offer = {a.port_uc, a.port_us, a.spi_uc, a.spi_us, a.algorithms, a.in_udp()};
  transaction->open->security_client = set->challenge->security_client;
  transaction->answers_challenge = true;
  // It has been used; now the core has its time (proto_ipsec: temporary_timeout is up to the first
  // message over the set).
  keeper_.ArmTimer(
      set, context_.now_ms + context_.settings.core.register_timeout_ms + kTransactionLingerMs);
}

void RegisterProxy::RefuseAnswer(const Arrival& arrival, int status, Actions* actions) {
  const SaSet& set = *arrival.set;
  sip::ResponseHead head = {.status = status};
  if (status == 494) {
    head.security_server = set.challenge->security_server;
    head.requires_sec_agree = true;
  }
  context_.RespondTo(FailureFlow(set, arrival.flow), arrival, head, actions);
}

// TS 33.203 7.2 and spec sheet 1.4, rule 2 of 7.1. 0: all well; else the status.
int RegisterProxy::CheckAnswer(const Arrival& arrival, const RegisterRequest& request) const {
  const SaSet& set = *arrival.set;
  const Binding* binding = context_.registrar.FindBinding(set.binding);
  if (binding == nullptr || !IsOf(request, *binding)) return 403;
  if (ViaDiffers(arrival.via, arrival.flow.remote)) return 403;
  const sip::Message& message = arrival.message;
  const Comparison client =
      CompareWithSent(message, HeaderId::kSecurityClient, set.challenge->security_client);
  const Comparison verify =
      CompareWithSent(message, HeaderId::kSecurityVerify, set.challenge->security_server);
  if (client == Comparison::kMalformed || verify == Comparison::kMalformed) return 400;
  return client == Comparison::kSame && verify == Comparison::kSame ? 0 : 494;
}

// Events 19, 20, 21, 26: a registered phone. Whether it must answer a challenge the core decides.
void RegisterProxy::OnEstablished(const Arrival& arrival, const RegisterRequest& request,
                                  Actions* actions) {
  SaSet* set = arrival.set;
  Binding* binding = context_.registrar.FindBinding(set->binding);
  if (binding == nullptr || !IsOf(request, *binding) ||
      ViaDiffers(arrival.via, arrival.flow.remote)) {
    return context_.Respond(arrival, {.status = 403}, actions);
  }
  if (HasTooMany(*binding, arrival, actions)) return;
  sip::SecurityList list;
  if (sip::DecodeSecurity(arrival.message, HeaderId::kSecurityClient, &list) !=
      sip::ParseError::kOk) {
    return context_.Respond(arrival, {.status = 400}, actions);
  }
  // Without a usable one the registration may still be refreshed; a challenge then fails.
  Offer offer;
  std::string client = JoinValues(arrival.message, HeaderId::kSecurityClient);
  const bool agreed = client.size() <= kAgreementSizeMax &&
                      Choose(list, PolicyOf(context_.settings, set->rule).algorithms, &offer,
                             ModeOf(set->agreement.in_udp())) == ChooseResult::kOk;
  if (context_.settings.ipsec.security_client == SecurityClient::kStrict &&
      !(agreed && IsNew(offer, set->agreement))) {
    return RejectAgreement(arrival, 494, "over SAs, without an offer of others", set->rule,
                           request.impi, set->agreement.in_udp(), actions);
  }
  const bool answers_open = AnswersOpenChallenge(*binding, request);
  const bool integrity_protected =
      set->state != SetState::kOld && !request.has_auts && !(request.has_response && answers_open);
  DropFailedChallenge(*binding, request, actions);
  RegisterTransaction* transaction =
      Forward(arrival, request, binding, integrity_protected, actions);
  transaction->rule = set->rule;
  transaction->open->agreed = agreed;
  if (!agreed) return;
  transaction->open->offer = offer;
  transaction->open->security_client = std::move(client);
}

bool RegisterProxy::AnswersOpenChallenge(const Binding& binding, const RegisterRequest& request) {
  const SaSet* open = context_.registrar.FindSetInState(binding, SetState::kTemporary);
  return open != nullptr && open->challenge != nullptr && !request.nonce.empty() &&
         open->challenge->nonce == request.nonce;
}

// Events 16 and 17: the phone says that it could not take the challenge. Only who knows its nonce
// may end it, or anyone could.
void RegisterProxy::DropFailedChallenge(const Binding& binding, const RegisterRequest& request,
                                        Actions* actions) {
  if (!AnswersOpenChallenge(binding, request)) return;
  if (!request.has_auts && request.has_response) return;
  keeper_.Apply(context_.registrar.FindSetInState(binding, SetState::kTemporary),
                SetEvent::kReplaced, actions);
}

RegisterTransaction* RegisterProxy::Forward(const Arrival& arrival, const RegisterRequest& request,
                                            Binding* binding, bool integrity_protected,
                                            Actions* actions) {
  RegisterTransaction* transaction = transactions_.Take();
  transaction->open = std::make_unique<RegisterTransaction::Open>();
  transaction->key = request.transaction;
  by_key_[transaction->key] = transaction->id;
  transaction->source = arrival.flow;
  transaction->answer = context_.AnswerFlow(arrival);
  transaction->arrived = arrival.set != nullptr ? arrival.set->id : 0;
  transaction->binding = binding->id;
  transaction->integrity_protected = integrity_protected;
  transaction->asks_zero = request.asks_zero;
  transaction->open->contact = request.contact;
  transaction->open->identity = request.identity;
  transaction->open->reg_id = request.reg_id;
  transaction->started_ms = context_.now_ms;
  ++binding->pending;
  ++under_way_;

  std::array<char, 16384> buffer;
  const std::string_view answer = context_.WriteResponse(arrival, {.status = 500}, buffer);
  transaction->open->answer_tail = answer.substr(std::min(answer.find("\r\n"), answer.size()));
  transaction->timer.kind = static_cast<uint32_t>(TimerKind::kTransaction);
  transaction->timer.index = static_cast<uint32_t>(transaction->id);
  context_.timers.Arm(&transaction->timer,
                      context_.now_ms + context_.settings.core.register_timeout_ms);
  SendToCore(arrival, *binding, transaction, actions);
  return transaction;
}

}  // namespace edge
