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
// Of one message: at most two, one of them a tel URI (RFC 3325 9.1). "" is none.
struct AssertedIdentities {
  std::string_view first = {};
  std::string_view second = {};
};
// What a request of the phone is asserted as: what P-Preferred-Identity names of the registered
// identities, else the default one.
AssertedIdentities AssertedIdentitiesOf(const Binding& binding, const sip::Message& message);

}  // namespace edge
