// Public identities of a registration: which one a phone may assert (TS 24.229 5.2.6.3, RFC 3325).
#pragma once

#include <cstdint>
#include <string_view>

#include "edge/registrar.h"
#include "sip/message.h"

namespace edge {

// The member of P-Associated-URI (a name-addr as the core wrote it) that `uri` names, by position;
// -1: none does.
int FindIdentity(const Binding& binding, std::string_view uri);
// The member at that position, or the default identity: the first of P-Associated-URI, else the
// URI that was registered. Without angle brackets.
std::string_view IdentityAt(const Binding& binding, int position);
// What a request of the phone is asserted as: P-Preferred-Identity where it names a registered
// identity, else the default. A URI.
std::string_view AssertedIdentity(const Binding& binding, const sip::Message& message);

}  // namespace edge
