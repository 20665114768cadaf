#include "tools/core_registrar.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>

#include "sip/address.h"
#include "sip/list.h"
#include "sip/number.h"
#include "sip/via.h"
#include "tools/respond.h"

namespace tools {
namespace {

// TS 33.102 C.1.2: five bits of SQN are an index; it stays 0, so SQN grows by 32.
constexpr uint64_t kSqnStep = 32;
// The separation bit set, as for AKA that is not GSM's.
constexpr uint16_t kAmf = 0x8000;

bool HasHeader(const sip::Message& message, std::string_view name) {
  return std::any_of(message.headers().begin(), message.headers().end(),
                     [&](const sip::Header& header) {
                       return sip::EqualsIgnoreCase(message.Text(header.name), name);
                     });
}

// The header's value with ";expires=N" in place of whatever the phone asked.
std::string ContactLine(const sip::Address& contact, uint32_t expires_s) {
  std::string line = fmt::format("Contact: <{}>", contact.uri);
  sip::ParamReader reader(contact.params);
  for (sip::Param param; reader.Next(&param);) {
    if (!sip::EqualsIgnoreCase(param.name, "expires")) line.append(";").append(param.text);
  }
  return line + fmt::format(";expires={}\r\n", expires_s);
}

// The edge's vector with the core's side added (RFC 7315 4.6).
std::string ChargingLine(const sip::Message& message, std::string_view realm) {
  const std::string_view vector = message.Value(sip::HeaderId::kPChargingVector);
  if (vector.empty()) return "";
  return fmt::format("P-Charging-Vector: {};term-ioi={}\r\n", vector, realm);
}

}  // namespace

struct Registrar::Request {
  const sip::Message* message = nullptr;
  uint32_t subscriber = 0;
  reactor::Endpoint local;
  reactor::Endpoint source;
  sip::Digest digest;
  bool is_protected = false;  // integrity-protected="yes".
  sip::Address contact;
  bool all_contacts = false;  // Contact: *
  uint32_t expires_s = 0;     // As asked.
  size_t branch = 0;
};

Registrar::Registrar(const RegistrarOptions& options)
    : options_(options),
      subscribers_(options.subscribers),
      states_(options.subscribers.count),
      random_(options.random_seed) {}

RegisterAnswer Registrar::OnRegister(const sip::Message& message, const reactor::Endpoint& local,
                                     const reactor::Endpoint& source, uint64_t now_ms) {
  ++counters_.registers;
  Request request;
  request.message = &message;
  request.local = local;
  request.source = source;
  RegisterAnswer refusal;
  if (!Read(message, &request, &refusal)) return Refuse(refusal.status);

  std::unique_ptr<Subscriber>& state = states_[request.subscriber];
  if (!state) state = std::make_unique<Subscriber>();
  const bool again = state->last_branch == request.branch;
  if (again && state->last_status == 401 && state->challenged) {
    return Challenge(request, state.get(), /*again=*/true);
  }
  if (again && state->last_status == 403) return Refuse(403);
  if (again && state->last_status == 200) return Accept(request, state.get(), now_ms);

  RegisterAnswer answer;
  switch (Judge(request, state.get(), now_ms)) {
    case Verdict::kChallenge:
      answer = Challenge(request, state.get(), /*again=*/false);
      break;
    case Verdict::kAccept:
      ++counters_.registrations;
      answer = Accept(request, state.get(), now_ms);
      break;
    case Verdict::kRefresh:
      ++counters_.refreshes;
      answer = Accept(request, state.get(), now_ms);
      break;
    case Verdict::kRefuse:
      state->challenged = false;
      answer = Refuse(403);
      break;
  }
  state->last_branch = request.branch;
  state->last_status = answer.status;
  return answer;
}

// What is malformed is answered 400, a stranger 404.
bool Registrar::Read(const sip::Message& message, Request* request, RegisterAnswer* refusal) const {
  refusal->status = 400;
  sip::Via via;
  if (sip::DecodeTopVia(message, &via) != sip::ParseError::kOk) return false;
  request->branch = std::hash<std::string_view>()(via.branch);

  std::string_view identity = FirstUri(message, sip::HeaderId::kTo);
  if (message.Has(sip::HeaderId::kAuthorization)) {
    if (sip::DecodeDigest(message.Value(sip::HeaderId::kAuthorization), &request->digest) !=
        sip::ParseError::kOk) {
      return false;
    }
    identity = request->digest.username().value;
    request->is_protected = request->digest.integrity_protected().value == "yes";
  }

  std::string_view rest;
  const std::string_view contact = sip::CutMember(message.Value(sip::HeaderId::kContact), &rest);
  if (sip::DecodeAddress(contact, &request->contact) != sip::ParseError::kOk) return false;
  request->all_contacts = request->contact.uri == "*";
  request->expires_s = options_.expires_max_s;
  if (message.Has(sip::HeaderId::kExpires)) {
    request->expires_s = sip::DecodeNumber(message.Value(sip::HeaderId::kExpires)).value_or(3600);
  }
  if (const auto param = sip::FindParam(request->contact.params, "expires")) {
    request->expires_s = sip::DecodeNumber(param->value).value_or(3600);
  }

  refusal->status = 404;
  const std::optional<uint32_t> found = subscribers_.Find(identity);
  request->subscriber = found.value_or(0);
  return found.has_value();
}

// TS 24.229 5.4.1.2: what is not integrity protected is challenged; what is protected is believed
// when it answers the open challenge, or needs none because the registration stands.
Registrar::Verdict Registrar::Judge(const Request& request, Subscriber* subscriber,
                                    uint64_t now_ms) {
  const sip::Digest& digest = request.digest;
  const bool answers_open = subscriber->challenged && !digest.nonce().value.empty() &&
                            digest.nonce().value == MakeNonce(subscriber->vector);
  if (answers_open && !digest.auts().value.empty()) return JudgeAuts(request, subscriber);
  if (answers_open && !digest.response().value.empty()) {
    if (!request.is_protected && !options_.accept_unprotected) return Verdict::kChallenge;
    return JudgeResponse(request, subscriber);
  }

  const bool trusted = request.is_protected || options_.accept_unprotected;
  if (!trusted || Find(request.subscriber, now_ms) == nullptr) return Verdict::kChallenge;
  // A phone repeats the last nonce and response in a refresh; any other answer is none.
  const bool repeats_last = digest.nonce().value == subscriber->accepted_nonce;
  if (!digest.response().value.empty() && !repeats_last) return Verdict::kChallenge;
  if (options_.accept_unprotected && !request.is_protected && !repeats_last) {
    return Verdict::kChallenge;
  }
  if (HasHeader(*request.message, kChallengeHeader)) return Verdict::kChallenge;
  const bool due =
      options_.challenge_every != 0 && ++subscriber->refresh_count % options_.challenge_every == 0;
  return due ? Verdict::kChallenge : Verdict::kRefresh;
}

Registrar::Verdict Registrar::JudgeAuts(const Request& request, Subscriber* subscriber) {
  Bytes14 octets;
  uint64_t sqn_ms = 0;
  const Milenage keys = subscribers_.Keys(request.subscriber);
  if (!Base64Decode(request.digest.auts().value, octets) ||
      !VerifyAuts(keys, subscriber->vector.rand, octets, &sqn_ms)) {
    return Verdict::kRefuse;
  }
  subscriber->sqn = sqn_ms;
  ++counters_.resynchronisations;
  return Verdict::kChallenge;
}

Registrar::Verdict Registrar::JudgeResponse(const Request& request, Subscriber* subscriber) {
  const sip::Digest& digest = request.digest;
  const std::string expected = DigestResponse({.username = digest.username().value,
                                               .realm = digest.realm().value,
                                               .method = request.message->method_text(),
                                               .uri = digest.uri().value,
                                               .nonce = digest.nonce().value,
                                               .qop = digest.qop().value,
                                               .nc = digest.nc().value,
                                               .cnonce = digest.cnonce().value,
                                               .password = AsText(subscriber->vector.res)});
  const bool right = sip::EqualsIgnoreCase(digest.realm().value, subscribers_.realm()) &&
                     sip::EqualsIgnoreCase(digest.response().value, expected);
  if (!right) return Verdict::kRefuse;
  subscriber->challenged = false;
  subscriber->accepted_nonce = digest.nonce().value;
  return Verdict::kAccept;
}

// RFC 3310 3.2; ck and ik for the edge as TS 24.229 7.2A.1 writes them.
RegisterAnswer Registrar::Challenge(const Request& request, Subscriber* subscriber, bool again) {
  if (!again) {
    ++counters_.challenges;
    Bytes16 rand;
    for (uint8_t& octet : rand) octet = static_cast<uint8_t>(random_());
    subscriber->sqn = (subscriber->sqn / kSqnStep + 1) * kSqnStep & kSqnMax;
    subscriber->vector =
        MakeVector(subscribers_.Keys(request.subscriber), rand, subscriber->sqn, kAmf);
    subscriber->challenged = true;
  }
  const AuthVector& vector = subscriber->vector;
  return {401,
          fmt::format("WWW-Authenticate: Digest realm=\"{}\",nonce=\"{}\","
                      "algorithm=AKAv1-MD5,qop=\"auth\",ck=\"{}\",ik=\"{}\"\r\n{}",
                      subscribers_.realm(), MakeNonce(vector), HexEncode(vector.ck),
                      HexEncode(vector.ik), ChargingLine(*request.message, subscribers_.realm()))};
}

RegisterAnswer Registrar::Accept(const Request& request, Subscriber* subscriber, uint64_t now_ms) {
  const uint32_t granted_s = std::min(request.expires_s, options_.expires_max_s);
  const std::string charging = ChargingLine(*request.message, subscribers_.realm());
  if (granted_s == 0) {
    if (subscriber->registered) {
      --registered_count_;
      ++counters_.deregistrations;
      ended_ = request.subscriber;
    }
    subscriber->registered = false;
    subscriber->accepted_nonce.clear();
    return {200, (request.all_contacts ? "" : ContactLine(request.contact, 0)) + charging};
  }
  if (request.all_contacts) return Refuse(400);  // RFC 3261 10.3 step 6.

  if (!subscriber->registered) ++registered_count_;
  subscriber->registered = true;
  subscriber->binding = {.contact_uri = std::string(request.contact.uri),
                         .path = std::string(request.message->Value(sip::HeaderId::kPath)),
                         .local = request.local,
                         .edge = request.source,
                         .expires_at_ms = now_ms + uint64_t{1000} * granted_s};
  const std::string& realm = subscribers_.realm();
  const std::string number = subscribers_.Number(request.subscriber);
  std::string lines = ContactLine(request.contact, granted_s);
  if (!subscriber->binding.path.empty()) lines += "Path: " + subscriber->binding.path + "\r\n";
  lines += fmt::format(
      "Service-Route: <sip:orig@{};lr>\r\n"
      "P-Associated-URI: <{}>, <sip:{}@{};user=phone>, <tel:{}>\r\n"
      "P-Charging-Function-Addresses: ccf={}\r\n",
      Text(request.local), subscribers_.PublicIdentity(request.subscriber), number, realm, number,
      AddressText(request.local));
  return {200, lines + charging};
}

RegisterAnswer Registrar::Refuse(int status) {
  ++counters_.refusals;
  return {status, ""};
}

bool Registrar::Deregister(uint32_t subscriber, uint64_t now_ms) {
  if (Find(subscriber, now_ms) == nullptr) return false;
  --registered_count_;
  ++counters_.deregistrations;
  states_[subscriber]->registered = false;
  states_[subscriber]->accepted_nonce.clear();
  return true;
}

bool Registrar::Shorten(uint32_t subscriber, uint32_t seconds, uint64_t now_ms) {
  if (Find(subscriber, now_ms) == nullptr) return false;
  Binding& binding = states_[subscriber]->binding;
  binding.expires_at_ms = std::min(binding.expires_at_ms, now_ms + uint64_t{1000} * seconds);
  return true;
}

std::string Registrar::LastContact(uint32_t subscriber) const {
  return states_[subscriber] ? states_[subscriber]->binding.contact_uri : "";
}

const Binding* Registrar::Find(uint32_t subscriber, uint64_t now_ms) const {
  const std::unique_ptr<Subscriber>& state = states_[subscriber];
  if (!state || !state->registered || state->binding.expires_at_ms <= now_ms) return nullptr;
  return &state->binding;
}

}  // namespace tools
