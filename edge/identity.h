// Public identities of a registration: which one a phone may assert (TS 24.229 5.2.6.3, RFC 3325).
//
// Binding::associated() is a list of lists: one for each REGISTER that named an identity which no
// list before it had, as the core's P-Associated-URI gave it (an implicit registration set), with a
// line feed between. Nearly every phone has one.
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
// The first that is a SIP URI, else the one that was registered.
std::string_view SipIdentity(const Binding& binding);
// Of one message: at most two, one of them a tel URI (RFC 3325 9.1). "" is none.
struct AssertedIdentities {
  std::string_view first = {};
  std::string_view second = {};
};
// What a request of the phone is asserted as: what P-Preferred-Identity names of the registered
// identities, else the default one.
AssertedIdentities AssertedIdentitiesOf(const Binding& binding, const sip::Message& message);

// A 200 to a REGISTER for `identity`: its list takes the place of the one that has a member of it,
// else it is one more (event 19 of TS 24.229's flow: a new public identity).
void Associate(Binding* binding, std::string_view identity, std::string_view associated,
               std::string_view service_route);
// The list with `identity` is not registered any more (event 22). False, and nothing changed: it is
// the only one.
bool Dissociate(Binding* binding, std::string_view identity);
// One identity comes or goes (RFC 3680). Remove: false, and nothing changed, for the last. Add:
// false when there is no room for it.
bool AddIdentity(Binding* binding, std::string_view uri);
bool RemoveIdentity(Binding* binding, std::string_view uri);

}  // namespace edge
