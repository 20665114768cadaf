// RegisterProxy and the offer of a phone: what of it is agreed on, and what it is told when nothing
// is.

#include "edge/header_rules.h"
#include "edge/limits.h"
#include "edge/register_proxy.h"

namespace edge {

using sip::HeaderId;

void RegisterProxy::WriteStaticOffers() {
  static_offers_.clear();
  static_offers_in_udp_.clear();
  for (size_t rule = 0; rule <= context_.settings.rules.size(); ++rule) {
    const Policy policy = PolicyOf(context_.settings, static_cast<RuleIndex>(rule));
    static_offers_.push_back(
        SecurityServerValue(policy.algorithms, SecurityServer::kStatic, nullptr));
    static_offers_in_udp_.push_back(
        SecurityServerValue(policy.algorithms, SecurityServer::kStatic, nullptr, true));
  }
}

// Both the settings and the phone say so.
bool RegisterProxy::MayBeInUdp(const sip::Message& message) const {
  sip::SecurityList list;
  return context_.settings.ipsec.udp_enc_tun &&
         sip::DecodeSecurity(message, HeaderId::kSecurityClient, &list) == sip::ParseError::kOk &&
         Offers(list, sip::Mode::kUdpTunnel);
}

bool RegisterProxy::ReadOffer(const Arrival& arrival, const RegisterRequest& request,
                              const Policy& policy, bool is_behind_nat, std::optional<Offer>* offer,
                              std::string* client, Actions* actions) {
  const sip::Message& message = arrival.message;
  if (policy.sec_agree == SecAgree::kOff) return true;
  const auto reject = [&](int status, std::string_view why) {
    RejectAgreement(arrival, status, why, policy.rule, request.impi, is_behind_nat, actions);
    return false;
  };

  if (!message.Has(HeaderId::kSecurityClient)) {
    const bool asked = sip::HasOptionTag(message, HeaderId::kRequire, "sec-agree") ||
                       sip::HasOptionTag(message, HeaderId::kProxyRequire, "sec-agree") ||
                       sip::HasOptionTag(message, HeaderId::kSupported, "sec-agree");
    if (asked) return reject(494, "no Security-Client");
    return policy.sec_agree != SecAgree::kRequire || reject(421, "no security agreement");
  }
  sip::SecurityList list;
  if (sip::DecodeSecurity(message, HeaderId::kSecurityClient, &list) != sip::ParseError::kOk) {
    context_.Respond(arrival, {.status = 400}, actions);
    return false;
  }
  Offer chosen;
  switch (Choose(list, policy.algorithms, &chosen, ModeOf(is_behind_nat))) {
    case ChooseResult::kOk:
      break;
    case ChooseResult::kNoMechanism:
      return reject(494, "no usable mechanism offered");
    case ChooseResult::kNoCommonAlgorithm:
      return reject(494, "no common algorithm");
  }
  *client = JoinValues(message, HeaderId::kSecurityClient);
  if (client->size() > kAgreementSizeMax) {
    context_.Respond(arrival, {.status = 400}, actions);
    return false;
  }
  *offer = chosen;
  return true;
}

// 421 and 494 carry what we would agree to (RFC 3329 2.3.1).
void RegisterProxy::RejectAgreement(const Arrival& arrival, int status, std::string_view why,
                                    RuleIndex rule, std::string_view impi, bool in_udp,
                                    Actions* actions) {
  const std::string& ours = in_udp ? static_offers_in_udp_[rule] : static_offers_[rule];
  context_.Respond(arrival, {.status = status, .security_server = ours, .requires_sec_agree = true},
                   actions);
  Attempt attempt;
  attempt.impi = impi;
  attempt.source = arrival.flow;
  attempt.result = why;
  attempt.status = status;
  actions->Report(attempt);
}

void RegisterProxy::Describe(const SaSet& set, Attempt* attempt) {
  attempt->agreed = true;
  attempt->algorithms = set.agreement.algorithms;
  attempt->spi_pc = set.agreement.spis.client;
  attempt->spi_ps = set.agreement.spis.server;
  attempt->port_pc = set.agreement.port_pc;
  attempt->port_ps = set.agreement.port_ps;
  attempt->port_uenc = set.agreement.port_uenc;
}

}  // namespace edge
