#include "tools/ue_registration.h"

#include <fmt/format.h>

#include <utility>

#include "sip/digest.h"
#include "sip/via.h"
#include "tools/aka.h"
#include "tools/core_registrar.h"
#include "tools/respond.h"
#include "tools/ue_text.h"

namespace tools {
namespace {

constexpr int kChallengesMax = 2;  // One more for AUTS.
// --fail=auts: a USIM that has seen far more than the network knows of.
constexpr uint64_t kSqnAhead = uint64_t{1} << 40;
// SPIs of one phone: this many sets before they come around.
constexpr uint32_t kSetsPerPhone = 32;

}  // namespace

UeRegistration::UeRegistration(const PhoneOptions* options, const SubscriberRange* subscribers,
                               const PhoneIdentity* identity, UeTransaction* transaction)
    : options_(options),
      subscribers_(subscribers),
      identity_(identity),
      transaction_(transaction),
      sqn_ms_(options->fault == Fault::kAuts ? kSqnAhead : 0) {}

bool UeRegistration::Begin(Step step, uint64_t now_us, Outbox* outbox) {
  step_ = step;
  answered_ = false;
  challenges_ = 0;
  failure_ = Failure::kNone;
  detail_.clear();
  if (step != Step::kRegister && !registered_) {
    Fail(Failure::kNotRegistered, "");
    return false;
  }
  OfferNewSet();
  if (step == Step::kRegister) {
    // RFC 3310 3.1: the first REGISTER names the user and answers nothing.
    authorization_ = fmt::format(
        "Digest username=\"{0}@{1}\",realm=\"{1}\",uri=\"sip:{1}\",nonce=\"\",response=\"\"",
        identity_->imsi, subscribers_->realm());
  }
  const bool over_sas = step != Step::kRegister && current_;
  const bool over_tcp = transaction_->NextOverTcp();
  Send(over_sas ? ProtectedFlow(*options_, *identity_, *current_, over_tcp)
                : UnprotectedFlow(*options_, *identity_, over_tcp),
       now_us, outbox);
  return true;
}

// TS 33.203 7.4: a set has SPIs of its own and another port_uc than the one it follows; port_us
// stays.
void UeRegistration::OfferNewSet() {
  pending_.reset();
  if (!options_->sec_agree) return;
  const uint32_t slot = sets_offered_++ % kSetsPerPhone;
  UeAgreement offer;
  offer.spi_uc = options_->spi_first + 2 * (identity_->index * kSetsPerPhone + slot);
  offer.spi_us = offer.spi_uc + 1;
  const bool alternate = current_ && current_->port_uc == identity_->port_uc;
  offer.port_uc = alternate ? identity_->port_uc_alternate : identity_->port_uc;
  offer.port_us = identity_->port_us;
  if (step_ != Step::kRegister && current_) {
    offer.in_udp = current_->in_udp;
    offer.public_address = current_->public_address;
  }
  pending_ = offer;
}

UeRegistration::Outcome UeRegistration::OnResponse(const sip::Message& response, uint64_t now_us,
                                                   Outbox* outbox) {
  if (response.status() == 401) return OnChallenge(response, now_us, outbox);
  if (response.status() >= 300) {
    return Fail(Failure::kRefused, std::to_string(response.status()));
  }
  return OnAccepted(response);
}

UeRegistration::Outcome UeRegistration::OnChallenge(const sip::Message& response, uint64_t now_us,
                                                    Outbox* outbox) {
  if (answered_ || ++challenges_ > kChallengesMax) return Fail(Failure::kTooManyChallenges, "");
  if (options_->fault == Fault::kNoAnswer) return Fail(Failure::kGaveUp, "");

  sip::Digest digest;
  Bytes16 rand, autn;
  if (sip::DecodeDigest(response.Value(sip::HeaderId::kWwwAuthenticate), &digest) !=
          sip::ParseError::kOk ||
      !ParseNonce(digest.nonce().value, &rand, &autn)) {
    return Fail(Failure::kBadChallenge, "WWW-Authenticate without RAND and AUTN");
  }
  if (digest.algorithm().value != "AKAv1-MD5") {
    return Fail(Failure::kBadChallenge, "algorithm is not AKAv1-MD5");
  }

  UsimAnswer answer;
  switch (CheckAutn(subscribers_->Keys(identity_->index), rand, autn, sqn_ms_, &answer)) {
    case AutnResult::kMacFailure:
      return Fail(Failure::kNetworkNotTrusted, "");
    case AutnResult::kSyncFailure:
      // The way the challenged REGISTER took, and a set of its own: TS 24.229 5.1.1.5.3.
      authorization_ = DigestText(digest.nonce().value, "", Base64Encode(answer.auts));
      OfferNewSet();
      Send(transaction_->flow(), now_us, outbox);
      return Outcome::kWaiting;
    case AutnResult::kOk:
      break;
  }
  sqn_ms_ = answer.sqn;
  if (options_->fault == Fault::kWrongResponse) answer.res[0] ^= 1;
  authorization_ = DigestText(digest.nonce().value, AsText(answer.res), "");
  if (pending_) {
    NoteNat(response);
    const std::string wrong = TakeServer(response, options_->offer, &*pending_);
    if (!wrong.empty()) return Fail(Failure::kNoAgreement, wrong);
    pending_->ik = xfrm::Key(answer.ik);
    pending_->ck = xfrm::Key(answer.ck);
  }
  return Outcome::kInstall;
}

// TS 33.203 annex M: the network has seen another address than ours.
void UeRegistration::NoteNat(const sip::Message& challenge) {
  sip::Via via;
  reactor::Endpoint seen;
  if (!options_->udp_enc_tun || sip::DecodeTopVia(challenge, &via) != sip::ParseError::kOk ||
      !reactor::ParseAddress(via.received, 0, &seen) ||
      reactor::SameAddress(seen, transaction_->flow().reply_local)) {
    return;
  }
  pending_->in_udp = true;
  pending_->public_address = seen;
}

void UeRegistration::Answer(uint64_t now_us, Outbox* outbox) {
  answered_ = true;
  const bool over_tcp = transaction_->NextOverTcp();
  UeFlow flow = UnprotectedFlow(*options_, *identity_, over_tcp);
  if (pending_ && options_->fault != Fault::kPlain) {
    flow = ProtectedFlow(*options_, *identity_, *pending_, over_tcp);
  } else if (pending_) {
    flow.peer.set_port(pending_->port_ps);  // In clear to the protected port.
  }
  Send(flow, now_us, outbox);
}

UeRegistration::Outcome UeRegistration::OnAccepted(const sip::Message& response) {
  if (step_ == Step::kReauth && !answered_) {
    DropPending();
    return Fail(Failure::kNotChallenged, "");
  }
  if (step_ == Step::kDeregister) {
    registered_ = false;
    for (std::optional<UeAgreement>* set : {&current_, &previous_}) {
      if (*set) retired_.push_back(**set);
      set->reset();
    }
    if (answered_) DropPending();
    pending_.reset();
    return Outcome::kDone;
  }
  registered_ = true;
  service_route_ = response.Value(sip::HeaderId::kServiceRoute);
  if (step_ == Step::kRegister && current_) {
    // An initial registration makes every older set void (TS 33.203 7.4.1a).
    retired_.push_back(*current_);
    current_.reset();
  }
  if (answered_ && pending_) {
    // Messages under way may still use the set before; the one before that is over.
    if (previous_) retired_.push_back(*previous_);
    previous_ = std::exchange(current_, std::exchange(pending_, std::nullopt));
  }
  pending_.reset();
  return Outcome::kDone;
}

UeRegistration::Outcome UeRegistration::Fail(Failure failure, std::string detail) {
  failure_ = failure;
  detail_ = std::move(detail);
  return Outcome::kFailed;
}

void UeRegistration::DropPending() {
  // Without the network's SPIs there never were SAs.
  if (pending_ && pending_->spi_ps != 0) retired_.push_back(*pending_);
  pending_.reset();
}

std::vector<UeAgreement> UeRegistration::TakeRetired() {
  return std::exchange(retired_, {});
}

UeFlow UeRegistration::Flow() const {
  const bool over_tcp = transaction_->NextOverTcp();
  return current_ ? ProtectedFlow(*options_, *identity_, *current_, over_tcp)
                  : UnprotectedFlow(*options_, *identity_, over_tcp);
}

void UeRegistration::Send(const UeFlow& flow, uint64_t now_us, Outbox* outbox) {
  const std::string& realm = subscribers_->realm();
  const std::string uri = "sip:" + realm;
  const std::string sent_by = Text(flow.reply_local);
  const std::string branch = Text(transaction_->NextBranch(identity_->index));
  const std::string tag = fmt::format("ue{:x}", identity_->index);
  const std::string to = fmt::format("<sip:{}@{}>", identity_->imsi, realm);
  const std::string call_id = fmt::format("r{:x}-{:x}@{}", options_->boot_id, identity_->index,
                                          AddressText(identity_->address));
  std::string client;
  std::string verify;
  if (pending_) {
    UeAgreement offer = *pending_;
    if (answered_ && options_->fault == Fault::kChangedClient) offer.spi_us += 2;
    client = SecurityClientValue(offer, options_->offer, options_->udp_enc_tun);
    // Of the set this REGISTER travels on (RFC 3329 2.3.1); a new one has none yet.
    const UeAgreement* over = answered_                  ? &*pending_
                              : step_ != Step::kRegister ? current()
                                                         : nullptr;
    if (over != nullptr) verify = over->verify_lines;
    if (answered_ && options_->fault == Fault::kWrongVerify) {
      verify = "Security-Verify: ipsec-3gpp;q=0.001;alg=hmac-md5-96;ealg=null\r\n";
    }
  }
  const RequestHead head{.method = "REGISTER",
                         .uri = uri,
                         .sent_by = sent_by,
                         .branch = branch,
                         .imsi = identity_->imsi,
                         .realm = realm,
                         .from_tag = tag,
                         .to = to,
                         .call_id = call_id,
                         .cseq = ++cseq_,
                         .over_tcp = flow.over_tcp};
  const std::string force = fmt::format("{}: now\r\n", kChallengeHeader);
  const RegisterParts parts{
      .authorization = authorization_,
      .expires_s = step_ == Step::kDeregister ? 0 : options_->expires_s,
      .agreement = {client, verify},
      .extra = step_ == Step::kReauth && !answered_ ? std::string_view(force) : ""};
  std::array<char, Outbox::kMessageSizeMax> text;
  sip::Writer writer(text);
  WriteRegister(head, parts, &writer);
  transaction_->Start(sip::Method::kRegister, flow, writer.text(), now_us, outbox);
}

std::string UeRegistration::DigestText(std::string_view nonce, std::string_view password,
                                       std::string_view auts) const {
  const std::string& realm = subscribers_->realm();
  const std::string username = identity_->imsi + "@" + realm;
  const std::string uri = "sip:" + realm;
  const std::string cnonce = fmt::format("{:08x}", options_->boot_id ^ (identity_->index << 8));
  const std::string response = DigestResponse({.username = username,
                                               .realm = realm,
                                               .method = "REGISTER",
                                               .uri = uri,
                                               .nonce = nonce,
                                               .qop = "auth",
                                               .nc = "00000001",
                                               .cnonce = cnonce,
                                               .password = password});
  std::string text = fmt::format(
      "Digest username=\"{}\",realm=\"{}\",nonce=\"{}\",uri=\"{}\",response=\"{}\","
      "algorithm=AKAv1-MD5,cnonce=\"{}\",qop=auth,nc=00000001",
      username, realm, nonce, uri, response, cnonce);
  if (!auts.empty()) text += fmt::format(",auts=\"{}\"", auts);
  return text;
}

}  // namespace tools
