#include "sip/uri.h"

#include <algorithm>
#include <bit>

#include "sip/bytes16.h"
#include "sip/chars.h"
#include "sip/escape.h"
#include "sip/ip_address.h"
#include "sip/list.h"
#include "sip/number.h"

namespace sip {
namespace {

constexpr ParseError kBad = ParseError::kBadRequestUri;

Scheme LookUpScheme(std::string_view text) {
  if (EqualsIgnoreCase(text, "sip")) return Scheme::kSip;
  if (EqualsIgnoreCase(text, "sips")) return Scheme::kSips;
  if (EqualsIgnoreCase(text, "tel")) return Scheme::kTel;
  if (EqualsIgnoreCase(text, "urn")) return Scheme::kUrn;
  return Scheme::kOther;
}

bool IsSchemeChar(char c) {
  return Is(c, kAlphaChar | kDigitChar) || c == '+' || c == '-' || c == '.';
}

// sip:user:password@host:port;params?headers (RFC 3261 19.1.1). The user part may hold nearly all
// the other separators (RFC 4475 3.1.1.2), so '@' is looked for first; it stands once.
ParseError DecodeSip(std::string_view rest, Uri* uri) {
  const size_t at_sign = rest.find('@');
  if (at_sign != std::string_view::npos) {
    const std::string_view user_info = rest.substr(0, at_sign);
    const size_t colon = user_info.find(':');
    uri->user = user_info.substr(0, colon);
    if (uri->user.empty()) return kBad;
    if (colon != std::string_view::npos) uri->password = user_info.substr(colon + 1);
    rest.remove_prefix(at_sign + 1);
    if (rest.find('@') != std::string_view::npos) return kBad;
  }
  const size_t question = rest.find('?');
  if (question != std::string_view::npos) {
    uri->headers = rest.substr(question + 1);
    if (uri->headers.empty()) return kBad;
    rest = rest.substr(0, question);
  }
  const size_t semicolon = rest.find(';');
  if (semicolon != std::string_view::npos) {
    uri->params = rest.substr(semicolon);
    if (!IsParamList(uri->params)) return kBad;
    rest = rest.substr(0, semicolon);
  }
  HostPort host_port;
  if (!DecodeHostPort(rest, &host_port)) return kBad;
  uri->host = host_port.host;
  uri->host_is_ipv6 = host_port.is_ipv6;
  uri->port = host_port.port;
  return ParseError::kOk;
}

// tel:number;params, a global number or a local one (RFC 3966 3).
ParseError DecodeTel(std::string_view rest, Uri* uri) {
  const size_t semicolon = rest.find(';');
  uri->user = rest.substr(0, semicolon);
  for (size_t i = 0; i < uri->user.size(); ++i) {
    const char c = uri->user[i];
    const bool visual = c == '-' || c == '.' || c == '(' || c == ')';
    if (!Is(c, kHexChar) && !visual && c != '*' && c != '#' && (c != '+' || i != 0)) return kBad;
  }
  if (uri->user.empty() || uri->user == "+") return kBad;
  if (semicolon == std::string_view::npos) return ParseError::kOk;
  uri->params = rest.substr(semicolon);
  return IsParamList(uri->params) ? ParseError::kOk : kBad;
}

// urn:nid:nss (RFC 8141 2).
ParseError DecodeUrn(std::string_view rest, Uri* uri) {
  const size_t colon = rest.find(':');
  if (colon == 0 || colon == std::string_view::npos || colon + 1 == rest.size()) return kBad;
  uri->user = rest;
  return ParseError::kOk;
}

// Where the host name or IPv4 address ends that the text begins with.
size_t FindHostEnd(LentText text) {
  const char* const chars = text.data();
  const size_t size = text.size();
  size_t at = 0;
  while (text.padded() && at < size) {
    const Bytes16 bytes = Load16(chars + at);
    const Bytes16 letter = (bytes | Splat16(0x20)) - Splat16('a');
    const Bytes16 digit = bytes - Splat16('-');  // - . and digits; of '/' below.
    const uint32_t others = ~Bits(reinterpret_cast<Bytes16>(letter <= Splat16('z' - 'a')) |
                                  reinterpret_cast<Bytes16>(digit <= Splat16('9' - '-'))) &
                            0xffff;
    const uint32_t slashes = EqualBits(bytes, Splat16('/'));
    const uint32_t ends = others | slashes;
    at += ends == 0 ? sizeof(Bytes16) : static_cast<size_t>(std::countr_zero(ends));
    if (ends != 0) break;
  }
  at = std::min(at, size);
  while (at < size && Is(chars[at], kHostChar)) ++at;
  return at;
}

// Of those that are no kUriChar, as bits; and of '%', which wants a closer look.
struct OddBits {
  uint32_t bad;
  uint32_t escapes;
};
OddBits FindOdd(Bytes16 bytes) {
  const Bytes16 shape = bytes & Splat16(static_cast<char>(0xfd));  // '<' and '>' are one.
  const Bytes16 bad = reinterpret_cast<Bytes16>(bytes <= Splat16(' ')) |
                      reinterpret_cast<Bytes16>(shape == Splat16('<')) |
                      reinterpret_cast<Bytes16>(bytes == Splat16('"')) |
                      reinterpret_cast<Bytes16>(bytes == Splat16(0x7f));
  return {Bits(bad), EqualBits(bytes, Splat16('%'))};
}

// kUriChar throughout and escapes that are some; sixteen at once where there are so many.
bool AreUriChars(std::string_view text) {
  if (text.size() < sizeof(Bytes16)) return AllOf(text, kUriChar) && AreEscapesGood(text);
  uint32_t escapes = 0;
  const size_t last = text.size() - sizeof(Bytes16);
  for (size_t at = 0; at < last + sizeof(Bytes16); at += sizeof(Bytes16)) {
    const OddBits odd = FindOdd(Load16(text.data() + std::min(at, last)));
    if (odd.bad != 0) return false;
    escapes |= odd.escapes;
  }
  return escapes == 0 || AreEscapesGood(text);
}

}  // namespace

bool IsUriText(std::string_view text) {
  size_t colon = 0;
  while (colon < text.size() && IsSchemeChar(text[colon])) ++colon;
  if (colon + 1 >= text.size() || text[colon] != ':' || !Is(text[0], kAlphaChar)) return false;
  return AreUriChars(text);
}

bool DecodeHostPort(LentText lent, HostPort* host_port) {
  const std::string_view text = lent.view();
  *host_port = {};
  size_t end;  // Of the host, its brackets included.
  if (!text.empty() && text[0] == '[') {
    end = text.find(']');
    if (end == std::string_view::npos) return false;
    host_port->is_ipv6 = true;
    host_port->host = text.substr(1, end - 1);
    ++end;
    Ipv6Bytes address;
    if (!DecodeIpv6(host_port->host, &address)) return false;
  } else {
    end = FindHostEnd(lent);
    host_port->host = text.substr(0, end);
    if (end == 0) return false;
  }
  const size_t colon = SkipBlanks(text, end);
  if (colon == text.size()) return true;
  if (text[colon] != ':') return false;
  return DecodePort(text.substr(colon + 1), &host_port->port);
}

ParseError DecodeUri(std::string_view text, Uri* uri) {
  *uri = {};
  uri->text = text;
  if (!IsUriText(text)) return kBad;
  const size_t colon = text.find(':');
  const std::string_view rest = text.substr(colon + 1);
  uri->scheme = LookUpScheme(text.substr(0, colon));
  switch (uri->scheme) {
    case Scheme::kSip:
    case Scheme::kSips:
      return DecodeSip(rest, uri);
    case Scheme::kTel:
      return DecodeTel(rest, uri);
    case Scheme::kUrn:
      return DecodeUrn(rest, uri);
    case Scheme::kOther:
      return ParseError::kUnsupportedScheme;
  }
  return kBad;
}

}  // namespace sip
