#include "edge/header_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "edge/context.h"
#include "sip/address.h"
#include "sip/list.h"
#include "sip/number.h"

namespace edge {
namespace {

using sip::HeaderId;

// Of those that gmedge has no other rule for. TS 24.229 4.4.10, 4.4.16 to 4.4.18, 4.4.20 to 4.4.22,
// 4.4.24; RFC 4457, RFC 5503.
bool IsForTrustDomain(std::string_view name) {
  constexpr std::string_view kNames[] = {
      "P-Private-Network-Indication",
      "Restoration-Info",
      "Relayed-Charge",
      "Service-Interact-Info",
      "Response-Source",
      "Attestation-Info",
      "Origination-Id",
      "Priority-Verstat",
      "P-User-Database",
      "P-DCS-Billing-Info",
  };
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [name](std::string_view other) { return sip::EqualsIgnoreCase(name, other); });
}

bool IsNotSupported(std::string_view member, const void*) {
  return !sip::EqualsIgnoreCase(member, "supported");
}

// Or so broken that somebody else might read it so.
bool IsNetworkProvided(std::string_view member, const void*) {
  const std::string_view params = member.substr(std::min(member.find(';'), member.size()));
  return !sip::IsParamList(params) || sip::FindParam(params, "network-provided").has_value();
}

bool IsSecAgree(std::string_view member, const void*) {
  return sip::EqualsIgnoreCase(member, "sec-agree");
}

// A challenge that cannot be read to its end may hide keys: nothing of it goes out.
void RemoveKeysOf(const sip::Message& message, const sip::Header& header, sip::Editor* editor) {
  const std::string_view value = message.Value(header);
  const size_t scheme_end = value.find_first_of(" \t\r\n,;=\"");
  const std::string_view params = value.substr(std::min(scheme_end, value.size()));
  if (!sip::IsParamList(params, ',')) return editor->RemoveHeader(header);
  editor->RemoveParams(params, ',', {"ik", "ck"});
}

// Where a phone is known by the network to be (RFC 8787): not the phone's to say.
void RemoveLocationSource(const sip::Message& message, sip::Editor* editor) {
  sip::ListReader reader(message, HeaderId::kGeolocation);
  sip::ListMember member;
  while (reader.Next(&member)) {
    sip::Address location;
    const bool readable = sip::DecodeAddress(member.text, &location) == sip::ParseError::kOk &&
                          sip::IsParamList(location.params);
    if (!readable) return static_cast<void>(editor->RemoveHeaders(HeaderId::kGeolocation));
    editor->RemoveParams(location.params, ';', {"loc-src"});
  }
}

}  // namespace

void RemoveUntrusted(const sip::Message& message, sip::Editor* editor) {
  bool access_network_seen = false;
  for (const sip::Header& header : message.headers()) {
    switch (header.id) {
      case HeaderId::kPChargingVector:
      case HeaderId::kPChargingFunctionAddresses:
      case HeaderId::kPAssertedIdentity:
      case HeaderId::kPVisitedNetworkId:
      case HeaderId::kPServedUser:
      case HeaderId::kPProfileKey:
      case HeaderId::kPAssertedService:
      case HeaderId::kFeatureCaps:
      case HeaderId::kHistoryInfo:
        editor->RemoveHeader(header);
        break;
      case HeaderId::kPAccessNetworkInfo:
        if (!access_network_seen) {
          editor->RemoveListMembers(header.id, IsNetworkProvided, nullptr);
        }
        access_network_seen = true;
        break;
      case HeaderId::kOther:
        if (IsForTrustDomain(message.Text(header.name))) editor->RemoveHeader(header);
        break;
      default:
        break;
    }
  }
  editor->RemoveListMembers(HeaderId::kPEarlyMedia, IsNotSupported, nullptr);
  RemoveLocationSource(message, editor);
}

void RemoveForPhone(const sip::Message& message, sip::Editor* editor) {
  bool wants_privacy = false;
  for (const sip::Header* privacy = message.Find(HeaderId::kPrivacy); privacy != nullptr;
       privacy = message.FindNext(privacy)) {
    // `Privacy: header;id`: values are separated by semicolons (RFC 3323 4.2). One that cannot be
    // read is a wish for privacy all the same.
    const std::string_view value = message.Value(*privacy);
    wants_privacy =
        wants_privacy || !sip::IsParamList(value) || sip::FindParam(value, "id").has_value();
  }
  for (const sip::Header& header : message.headers()) {
    switch (header.id) {
      case HeaderId::kPChargingVector:
      case HeaderId::kPChargingFunctionAddresses:
      case HeaderId::kPAccessNetworkInfo:
      case HeaderId::kPServedUser:
      case HeaderId::kPProfileKey:
        editor->RemoveHeader(header);
        break;
      case HeaderId::kPAssertedIdentity:
        if (wants_privacy) editor->RemoveHeader(header);
        break;
      default:
        break;
    }
  }
  RemoveChallengeKeys(message, editor);
}

void RemoveSecurityAgreement(sip::Editor* editor) {
  editor->RemoveHeaders(HeaderId::kSecurityClient);
  editor->RemoveHeaders(HeaderId::kSecurityServer);
  editor->RemoveHeaders(HeaderId::kSecurityVerify);
  editor->RemoveListMembers(HeaderId::kRequire, IsSecAgree, nullptr);
  editor->RemoveListMembers(HeaderId::kProxyRequire, IsSecAgree, nullptr);
}

void RemoveChallengeKeys(const sip::Message& message, sip::Editor* editor) {
  for (const HeaderId id : {HeaderId::kWwwAuthenticate, HeaderId::kProxyAuthenticate}) {
    for (const sip::Header* header = message.Find(id); header != nullptr;
         header = message.FindNext(header)) {
      RemoveKeysOf(message, *header, editor);
    }
  }
}

void DecrementMaxForwards(const sip::Message& message, sip::Editor* editor) {
  const std::string_view value = message.Value(HeaderId::kMaxForwards);
  if (!message.Has(HeaderId::kMaxForwards)) {
    editor->AppendLine({"Max-Forwards: 70\r\n"});
    return;
  }
  const std::optional<uint32_t> hops = sip::DecodeNumber(value, 255);
  const fmt::format_int text(hops.value_or(1) - 1);
  editor->Replace(value, {{text.data(), text.size()}});
}

bool ViaDiffers(const sip::Via& via, const reactor::Endpoint& source) {
  reactor::Endpoint sent_by;
  return reactor::ParseAddress(via.host, 0, &sent_by) && !reactor::SameAddress(sent_by, source);
}

void MarkTopVia(const sip::Via& via, const reactor::Endpoint& source, uint16_t rport,
                sip::Editor* editor) {
  reactor::Endpoint sent_by;
  const bool same =
      reactor::ParseAddress(via.host, 0, &sent_by) && reactor::SameAddress(sent_by, source);
  if (same && !via.has_rport && via.received.empty()) return;
  char address[reactor::kEndpointTextMax];
  // `received` of IPv6 has no brackets (RFC 5118 4.5).
  const std::string_view received(address, reactor::WriteAddress(source, false, address));
  const fmt::format_int number(rport);
  const std::string_view port(number.data(), number.size());
  if (!via.received.empty()) {
    // What the sender wrote there himself. A second one would make the Via unreadable.
    const std::optional<sip::Param> given = sip::FindParam(via.params, "received");
    editor->Replace(given->text, {"received=", received});
    if (via.has_rport) editor->Replace(via.rport_text, {"rport=", port});
  } else if (via.has_rport) {
    editor->Replace(via.rport_text, {"received=", received, ";rport=", port});
  } else {
    editor->InsertAfter(via.text, {";received=", received});
  }
}

reactor::Endpoint AnswerTo(const sip::Via& via, const reactor::Endpoint& source) {
  reactor::Endpoint to = source;
  if (!via.has_rport) to.set_port(via.port != 0 ? via.port : 5060);
  return to;
}

void AssertIdentities(const sip::Message& message, const AssertedIdentities& identities,
                      sip::Editor* editor) {
  const sip::Header* preferred = message.Find(HeaderId::kPPreferredIdentity);
  editor->RemoveHeaders(HeaderId::kPPreferredIdentity);
  if (identities.first.empty()) return;
  const bool are_two = !identities.second.empty();
  const sip::Editor::Text line = {"P-Asserted-Identity: <", identities.first, are_two ? ">, <" : "",
                                  identities.second, ">\r\n"};
  preferred != nullptr ? editor->InsertLineBefore(*preferred, line) : editor->AppendLine(line);
}

void AddChargingVector(sip::Editor::Text line, const sip::Message& message, sip::Editor* editor) {
  const sip::Header* place = message.Find(HeaderId::kPPreferredIdentity);
  for (const sip::Header* info = message.Find(HeaderId::kPAccessNetworkInfo); info != nullptr;
       info = message.FindNext(info)) {
    if (place == nullptr || info->line.begin > place->line.begin) place = info;
  }
  place != nullptr ? editor->InsertLineAfter(*place, line) : editor->AppendLine(line);
}

bool HasOwnVia(const Context& context, const sip::Message& message) {
  sip::ListReader reader(message, HeaderId::kVia);
  sip::ListMember member;
  sip::Via via;
  while (reader.Next(&member)) {
    if (sip::DecodeVia(member.text, &via) == sip::ParseError::kOk &&
        context.IsOurs(via.host, via.port)) {
      return true;
    }
  }
  return false;
}

void AddAccessNetworkInfo(std::string_view info, sip::Editor* editor) {
  if (info.empty()) return;
  editor->InsertLineAtBottom(HeaderId::kPAccessNetworkInfo,
                             {"P-Access-Network-Info: ", info, ";network-provided\r\n"});
}

std::string JoinValues(const sip::Message& message, sip::HeaderId id) {
  std::string joined;
  for (const sip::Header* header = message.Find(id); header != nullptr;
       header = message.FindNext(header)) {
    if (!joined.empty()) joined += ", ";
    joined += message.Value(*header);
  }
  return joined;
}

bool IsJoined(const sip::Message& message, sip::HeaderId id, std::string_view text) {
  std::string_view rest = text;
  for (const sip::Header* header = message.Find(id); header != nullptr;
       header = message.FindNext(header)) {
    if (rest.size() < text.size()) {
      if (!rest.starts_with(", ")) return false;
      rest.remove_prefix(2);
    }
    const std::string_view value = message.Value(*header);
    if (!rest.starts_with(value)) return false;
    rest.remove_prefix(value.size());
  }
  return rest.empty();
}

}  // namespace edge
