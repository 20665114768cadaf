#include "edge/register_rules.h"

#include <array>

#include "edge/header_rules.h"
#include "edge/limits.h"
#include "edge/own_uri.h"
#include "edge/reg_events.h"
#include "edge/transport.h"
#include "sip/address.h"
#include "sip/list.h"
#include "sip/number.h"
#include "sip/uri.h"

namespace edge {
namespace {

using sip::HeaderId;

constexpr uint32_t kExpiresDefault = 3600;  // RFC 3261 10.2.1.1.

std::optional<uint32_t> ExpiresOf(const sip::Address& contact) {
  const std::optional<sip::Param> param = sip::FindParam(contact.params, "expires");
  if (!param) return std::nullopt;
  return sip::DecodeNumber(param->value);
}

std::optional<xfrm::Key> KeyFromHex(std::string_view hex) {
  std::array<uint8_t, xfrm::Key::kSize> bytes{};
  if (hex.size() != 2 * bytes.size()) return std::nullopt;
  bool ok = true;
  const auto digit = [&ok](char c) -> unsigned {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    const char lower = static_cast<char>(c | 0x20);
    if (lower >= 'a' && lower <= 'f') return static_cast<unsigned>(lower - 'a') + 10;
    ok = false;
    return 0;
  };
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<uint8_t>(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
  }
  std::optional<xfrm::Key> key;
  if (ok) key.emplace(bytes);
  xfrm::Wipe(bytes.data(), bytes.size());
  return key;
}

// A value the phone sent is replaced where it stands (annex P.3); the parameter goes into the first
// credentials only, but no credentials keep a forged one.
void MarkIntegrity(const sip::Message& message, bool integrity_protected, sip::Editor* editor) {
  const std::string_view value =
      integrity_protected ? "integrity-protected=\"yes\"" : "integrity-protected=\"no\"";
  bool first = true;
  for (const sip::Header* header = message.Find(HeaderId::kAuthorization); header != nullptr;
       header = message.FindNext(header)) {
    sip::Digest digest;
    if (sip::DecodeDigest(message.Value(*header), &digest) != sip::ParseError::kOk) continue;
    if (!sip::EqualsIgnoreCase(digest.scheme, "Digest")) continue;
    if (!digest.integrity_protected().text.empty()) {
      editor->Replace(digest.integrity_protected().text,
                      {first ? value : "integrity-protected=\"no\""});
    } else if (first) {
      editor->InsertAfter(message.Value(*header), {",", value});
    }
    first = false;
  }
}

// RFC 5626 4.2.1: the phone names the flow it registers, so a lost one may be told from a lost
// phone.
bool WantsOutbound(const sip::Message& message) {
  if (!sip::HasOptionTag(message, HeaderId::kSupported, "outbound")) return false;
  sip::ListReader contacts(message, HeaderId::kContact);
  sip::ListMember member;
  sip::Address contact;
  return contacts.Next(&member) &&
         sip::DecodeAddress(member.text, &contact) == sip::ParseError::kOk &&
         sip::FindParam(contact.params, "reg-id").has_value() &&
         sip::FindParam(contact.params, "+sip.instance").has_value();
}

void AddNetworkLines(const Context& context, const Arrival& arrival, const Binding& binding,
                     sip::Editor* editor) {
  const HexText token = WriteHex(binding.token);
  const HexText icid = context.Derive("icid", arrival);
  const sip::Editor::Text text = {"Path: <sip:", PathUserStart(WantsOutbound(arrival.message)),
                                  View(token),   context.path_tail,
                                  View(icid),    context.charging_tail};
  editor->InsertLineOnTop(HeaderId::kSecurityClient, text);
}

}  // namespace

bool ReadRegister(const sip::Message& message, RegisterRequest* request) {
  for (const sip::Header* header = message.Find(HeaderId::kAuthorization); header != nullptr;
       header = message.FindNext(header)) {
    sip::Digest digest;
    if (sip::DecodeDigest(message.Value(*header), &digest) != sip::ParseError::kOk) return false;
    if (!sip::EqualsIgnoreCase(digest.scheme, "Digest") || !request->impi.empty()) continue;
    request->impi = digest.username().value;
    request->realm = digest.realm().value;
    request->nonce = digest.nonce().value;
    request->has_response = !digest.response().value.empty();
    request->has_auts = !digest.auts().value.empty();
  }
  sip::Address to;
  if (sip::DecodeAddress(message.Value(HeaderId::kTo), &to) != sip::ParseError::kOk) return false;
  request->identity = to.uri;

  // A malformed Expires is as good as none (RFC 3261 10.3 step 7).
  request->asks_zero = sip::DecodeNumber(message.Value(HeaderId::kExpires)) == 0u;
  sip::ListReader contacts(message, HeaderId::kContact);
  sip::ListMember member;
  if (contacts.Next(&member)) {
    sip::Address contact;
    if (sip::DecodeAddress(member.text, &contact) != sip::ParseError::kOk) return false;
    request->contact = contact.uri;
    sip::Uri uri;
    request->is_emergency = sip::DecodeUri(contact.uri, &uri) == sip::ParseError::kOk &&
                            sip::FindParam(uri.params, "sos").has_value();
    if (const auto flow = sip::FindParam(contact.params, "reg-id"); flow) {
      request->reg_id = sip::DecodeNumber(flow->value).value_or(0);
    }
    if (const std::optional<uint32_t> own = ExpiresOf(contact); own) {
      request->asks_zero = *own == 0;
    }
  }
  return true;
}

void EditRegister(const Context& context, const Arrival& arrival, const Binding& binding,
                  std::string_view branch, Transport transport, bool integrity_protected,
                  sip::Editor* editor) {
  const sip::Message& message = arrival.message;
  editor->InsertLineBefore(
      *message.Find(HeaderId::kVia),
      {ViaStart(transport), context.ports[context.core_port].text, ";branch=", branch, "\r\n"});
  MarkTopVia(arrival.via, arrival.flow.remote, context.RportFor(arrival), editor);
  DecrementMaxForwards(message, editor);
  RemoveUntrusted(message, editor);
  RemoveSecurityAgreement(editor);
  editor->RemoveHeaders(HeaderId::kPath);
  editor->RemoveHeaders(HeaderId::kRoute);
  MarkIntegrity(message, integrity_protected, editor);

  // RFC 3327 5.2: who adds Path asks for it.
  if (!sip::HasOptionTag(message, HeaderId::kRequire, "path")) {
    editor->InsertLineOnTop(HeaderId::kRequire, {"Require: path\r\n"});
  }
  AddNetworkLines(context, arrival, binding, editor);
  AddAccessNetworkInfo(context.settings.core.access_network_info, editor);
}

void EditAnswer(const sip::Message& message, sip::Editor* editor) {
  editor->RemoveFirstMember(HeaderId::kVia);
  RemoveForPhone(message, editor);
  editor->RemoveHeaders(HeaderId::kSecurityServer);  // Only we may say it.
}

void EditChallenge(const sip::Message& message, std::string_view security_server,
                   sip::Editor* editor) {
  EditAnswer(message, editor);
  editor->RemoveHeaders(HeaderId::kPath);
  editor->InsertLineAfter(*message.Find(HeaderId::kWwwAuthenticate),
                          {"Security-Server: ", security_server, "\r\n"});
}

std::optional<ChallengeKeys> ReadChallenge(const sip::Message& message) {
  for (const sip::Header* header = message.Find(HeaderId::kWwwAuthenticate); header != nullptr;
       header = message.FindNext(header)) {
    sip::Digest digest;
    if (sip::DecodeDigest(message.Value(*header), &digest) != sip::ParseError::kOk) {
      return std::nullopt;
    }
    if (!sip::EqualsIgnoreCase(digest.scheme, "Digest")) continue;
    const std::optional<xfrm::Key> ik = KeyFromHex(digest.ik().value);
    const std::optional<xfrm::Key> ck = KeyFromHex(digest.ck().value);
    if (!ik || !ck || digest.nonce().value.size() > kNonceSizeMax) return std::nullopt;
    return ChallengeKeys{*ik, *ck, digest.nonce().value};
  }
  return std::nullopt;
}

ClearPath ClearPathOf(const Flow& source, std::string_view contact) {
  ClearPath path{source, source};
  sip::Uri uri;
  reactor::Endpoint named;
  const bool is_there = sip::DecodeUri(contact, &uri) == sip::ParseError::kOk &&
                        reactor::ParseAddress(uri.host, uri.port != 0 ? uri.port : 5060, &named) &&
                        reactor::SameAddress(named, source.remote);
  if (!is_there) return path;
  if (source.transport == Transport::kUdp) {
    path.to.remote.set_port(named.port());
  } else {
    path.to.connect_port = named.port();
    path.to.or_udp = true;
  }
  return path;
}

uint32_t GrantedSeconds(const sip::Message& message, std::string_view contact, bool asks_zero) {
  const std::optional<uint32_t> header = sip::DecodeNumber(message.Value(HeaderId::kExpires));
  sip::ListReader contacts(message, HeaderId::kContact);
  sip::ListMember member;
  while (contacts.Next(&member)) {
    sip::Address address;
    if (sip::DecodeAddress(member.text, &address) != sip::ParseError::kOk) continue;
    if (!sip::EqualsIgnoreCase(address.uri, contact)) continue;
    return ExpiresOf(address).value_or(header.value_or(kExpiresDefault));
  }
  if (asks_zero) return 0;
  // No Contact of ours in the answer: a registrar that lists only what changed says Expires.
  return header.value_or(message.Has(HeaderId::kContact) ? 0 : kExpiresDefault);
}

bool ListsContact(const sip::Message& message, const KeyedHash& hash, uint64_t key) {
  sip::ListReader contacts(message, HeaderId::kContact);
  for (sip::ListMember member; contacts.Next(&member);) {
    sip::Address address;
    if (sip::DecodeAddress(member.text, &address) == sip::ParseError::kOk &&
        ContactKey(hash, address.uri) == key && ExpiresOf(address).value_or(kExpiresDefault) > 0) {
      return true;
    }
  }
  return false;
}

}  // namespace edge
