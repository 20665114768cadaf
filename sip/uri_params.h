// Parameters and headers of a URI (RFC 3261 19.1.1), read when asked.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/error.h"
#include "sip/uri.h"

namespace sip {

// Views into the URI, escapes as they are; empty when absent. Names fold case.
struct UriParams {
  std::string_view transport;      // "udp", "tcp", "tls-sctp"...: any case.
  std::string_view user;           // "phone", "ip", "dialstring" (RFC 4967).
  std::string_view maddr;          // A host; an IPv6 address keeps its brackets.
  std::string_view method;         // Case-sensitive.
  std::string_view comp;           // "sigcomp" (RFC 3486).
  std::string_view gr;             // May be empty where has_gr is set (RFC 5627 5.1).
  std::string_view phone_context;  // tel (RFC 3966 5.1.5); in SIP URIs it is part of the user.
  std::optional<uint8_t> ttl;
  bool has_gr = false;  // A GRUU.
  bool lr = false;      // A loose router.
  bool ob = false;      // RFC 5626 5.2: back through the flow.
  bool sos = false;     // An emergency registration (TS 24.229 7.2A.13).
};

// kBadRequestUri for one of these names twice, a name that lacks its value (a flag may have one),
// and a ttl over 255. REQUIRES: uri is the result of a DecodeUri() that was kOk.
[[nodiscard]] ParseError DecodeUriParams(const Uri& uri, UriParams* params);

// One `name=value` behind the '?'; escapes stay as they are. Only the value may be empty.
struct UriHeader {
  std::string_view name;
  std::string_view value;
};

// Walks Uri::headers.
class UriHeaderReader {
 public:
  explicit UriHeaderReader(std::string_view headers) : rest_(headers), ended_(headers.empty()) {}
  // False at the end, or at a syntax error (then ok() is false).
  bool Next(UriHeader* header);
  bool ok() const { return ok_; }

 private:
  std::string_view rest_;
  bool ended_;
  bool ok_ = true;
};

}  // namespace sip
