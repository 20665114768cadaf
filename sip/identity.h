// Who calls and who is called, as the network says it: P-Asserted-Identity, P-Preferred-Identity
// (RFC 3325), P-Associated-URI, P-Called-Party-ID (RFC 7315 5.1, 5.2).
#pragma once

#include <string_view>

#include "sip/address.h"
#include "sip/error.h"
#include "sip/message.h"
#include "sip/uri.h"

namespace sip {

struct Identity {
  Address address;
  Uri uri;

  bool empty() const { return address.uri.empty(); }
};

// One member of any of these headers: an address whose URI is sip, sips or tel. kBadAddress,
// kBadRequestUri and kUnsupportedScheme as DecodeAddress() and DecodeUri() say; kBadHeaderValue for
// a urn.
[[nodiscard]] ParseError DecodeIdentity(std::string_view text, Identity* identity);

// The value of P-Asserted-Identity or P-Preferred-Identity: empty where there is none.
struct Identities {
  Identity sip;  // sip or sips.
  Identity tel;
};

// Reads every line of the header `id`. kBadHeaderValue for two of one kind (RFC 3325 9.1, 9.2), so
// that nobody picks one; errors of DecodeIdentity(). No line: both empty.
[[nodiscard]] ParseError DecodeIdentities(const Message& message, HeaderId id,
                                          Identities* identities);

}  // namespace sip
