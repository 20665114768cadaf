#include "tools/core_checks.h"

#include <optional>
#include <string>

#include "sip/digest.h"
#include "sip/list.h"
#include "sip/via.h"
#include "tools/respond.h"

namespace tools {
namespace {

using sip::HeaderId;

// One message under test: short names for what the rules below need.
class Check {
 public:
  Check(const sip::Message& message, Violations* violations)
      : message_(message), violations_(violations) {}

  void Fail(std::string_view reason) const {
    violations_->Add(
        message_.is_request() ? message_.method_text() : message_.start_line().substr(8, 3),
        reason);
  }
  void Absent(HeaderId id) const {
    if (message_.Has(id)) Fail(std::string(sip::Name(id)) + " leaks to the core");
  }
  void Present(HeaderId id) const {
    if (!message_.Has(id)) Fail(std::string(sip::Name(id)) + " is missing");
  }
  void NoOptionTag(HeaderId id, std::string_view tag) const {
    if (sip::HasOptionTag(message_, id, tag)) {
      Fail(std::string(sip::Name(id)) + ": " + std::string(tag) + " leaks to the core");
    }
  }
  int CountMembers(HeaderId id) const {
    int count = 0;
    sip::ListReader reader(message_, id);
    for (sip::ListMember member; reader.Next(&member);) ++count;
    return count;
  }
  // What the security agreement leaves behind must stay on the Gm side (RFC 3329 2.3.1).
  void NoSecurityAgreement() const {
    Absent(HeaderId::kSecurityClient);
    Absent(HeaderId::kSecurityServer);
    Absent(HeaderId::kSecurityVerify);
    NoOptionTag(HeaderId::kRequire, "sec-agree");
    NoOptionTag(HeaderId::kProxyRequire, "sec-agree");
    Absent(HeaderId::kPPreferredIdentity);
  }

 private:
  const sip::Message& message_;
  Violations* violations_;
};

// The edge's own SUBSCRIBE to registrations (TS 24.229 5.2.3) comes from no phone.
bool IsOwn(const sip::Message& request, const Check& check) {
  return request.method() == sip::Method::kSubscribe && check.CountMembers(HeaderId::kVia) == 1;
}

void CheckVia(const sip::Message& request, const CheckContext& context, const Check& check) {
  sip::Via via;
  if (sip::DecodeTopVia(request, &via) != sip::ParseError::kOk) return;
  reactor::Endpoint sent_by;
  // A connection may come from any port.
  const bool over_tcp = via.transport == sip::Transport::kTcp;
  if (!reactor::ParseAddress(via.host, via.port != 0 ? via.port : 5060, &sent_by) ||
      !(over_tcp ? SameAddress(sent_by, context.source) : sent_by == context.source)) {
    check.Fail("the topmost Via is not the edge's own address and port");
  }
  const int ours = IsProbe(request) || IsOwn(request, check) ? 1 : 2;
  if (check.CountMembers(HeaderId::kVia) < ours) check.Fail("the Via of the phone is missing");
}

void CheckAuthorization(const sip::Message& request, const CheckContext& context,
                        const Check& check) {
  if (!request.Has(HeaderId::kAuthorization)) return;
  sip::Digest digest;
  if (sip::DecodeDigest(request.Value(HeaderId::kAuthorization), &digest) != sip::ParseError::kOk) {
    check.Fail("Authorization is broken or has a parameter twice");
    return;
  }
  const bool has_keys = !digest.ik().text.empty() || !digest.ck().text.empty();
  if (has_keys) check.Fail("Authorization has ik or ck");
  const sip::Param& mark = digest.integrity_protected();
  if (mark.text.empty()) {
    if (!context.accept_unprotected) check.Fail("integrity-protected is missing");
  } else if (mark.value != "yes" && mark.value != "no") {
    check.Fail("integrity-protected is neither \"yes\" nor \"no\"");
  }
}

void CheckRegister(const sip::Message& request, const CheckContext& context, const Check& check) {
  check.Present(HeaderId::kPath);
  check.Present(HeaderId::kPChargingVector);
  if (!sip::HasOptionTag(request, HeaderId::kRequire, "path")) {
    check.Fail("Require: path is missing");
  }
  CheckAuthorization(request, context, check);
}

// Requests outside a dialog, and those in one, go along the routes the core gave out.
void CheckRouted(const sip::Message& request, const CheckContext& context, const Check& check) {
  const bool initial = TagOf(request, HeaderId::kTo).empty();
  const std::optional<reactor::Endpoint> route = EndpointOfUri(FirstUri(request, HeaderId::kRoute));
  if (request.Has(HeaderId::kRoute) ? !(route && *route == context.local) : initial) {
    check.Fail("the topmost Route is not the core's");
  }
  if (IsOwn(request, check)) {
    check.Present(HeaderId::kPAssertedIdentity);
    check.Present(HeaderId::kPChargingVector);
    check.Present(HeaderId::kContact);
    check.Present(HeaderId::kEvent);
    return;
  }
  if (!initial) return;
  check.Present(HeaderId::kPAssertedIdentity);
  check.Present(HeaderId::kPChargingVector);
  if (request.method() == sip::Method::kInvite || request.method() == sip::Method::kSubscribe) {
    check.Present(HeaderId::kRecordRoute);
  }
}

}  // namespace

bool CheckRequest(const sip::Message& request, const CheckContext& context,
                  Violations* violations) {
  const Check check(request, violations);
  if (const sip::ParseError error = sip::Validate(request); error != sip::ParseError::kOk) {
    check.Fail("not valid SIP: " + std::string(sip::Name(error)));
    return false;
  }
  check.NoSecurityAgreement();
  check.Present(HeaderId::kMaxForwards);
  CheckVia(request, context, check);
  if (sip::FindParam(request.Value(HeaderId::kPChargingVector), "term-ioi")) {
    check.Fail("P-Charging-Vector has a term-ioi in a request");
  }
  switch (request.method()) {
    case sip::Method::kRegister:
      CheckRegister(request, context, check);
      break;
    case sip::Method::kAck:  // Of a 487: hop by hop, as CANCEL.
    case sip::Method::kCancel:
      break;
    default:
      if (IsProbe(request)) break;
      CheckRouted(request, context, check);
  }
  return true;
}

bool IsProbe(const sip::Message& request) {
  return request.method() == sip::Method::kOptions &&
         request.Value(HeaderId::kMaxForwards) == "0" && !request.Has(HeaderId::kRoute);
}

bool CheckResponse(const sip::Message& response, Violations* violations) {
  const Check check(response, violations);
  if (const sip::ParseError error = sip::Validate(response); error != sip::ParseError::kOk) {
    check.Fail("not valid SIP: " + std::string(sip::Name(error)));
    return false;
  }
  check.NoSecurityAgreement();
  if (check.CountMembers(HeaderId::kVia) != 1) check.Fail("a Via of the edge is left");
  return true;
}

}  // namespace tools
