// Header rules of REGISTER and its answers (spec sheet 5.1 to 5.3), and what is read of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "edge/context.h"
#include "sip/digest.h"
#include "xfrm/key.h"

namespace edge {

// What a REGISTER says that the P-CSCF must know. Views lie in the message.
struct RegisterRequest {
  std::string_view impi;  // username of the Digest credentials; "" when there are none.
  std::string_view realm;
  std::string_view nonce;
  bool has_response = false;  // A response that is not empty.
  bool has_auts = false;
  std::string_view identity;  // URI of To: the public identity under registration.
  std::string_view contact;   // URI of the first Contact; "*" and "" occur.
  bool is_emergency = false;  // That contact is for calls for help (`sos`, TS 24.229 5.1.6.2).
  uint32_t reg_id = 0;        // Its reg-id (RFC 5626 4.2); 0: none.
  bool asks_zero = false;     // It asks for no time at all: de-registration.
  uint64_t transaction = 0;   // Its key; RegisterProxy's.
};
// False: broken syntax in one of these, 400.
bool ReadRegister(const sip::Message& message, RegisterRequest* request);

// Towards the I-CSCF. `branch` and `transport` are our Via's. Integrity-protected as spec
// sheet 4.4.
void EditRegister(const Context& context, const Arrival& arrival, const Binding& binding,
                  std::string_view branch, Transport transport, bool integrity_protected,
                  sip::Editor* editor);

// Any answer towards the phone: own Via, charging headers and keys go.
void EditAnswer(const sip::Message& message, sip::Editor* editor);
// The 401 that opens an agreement: the same, and Security-Server.
void EditChallenge(const sip::Message& message, std::string_view security_server,
                   sip::Editor* editor);

// IK and CK of a 401, and its nonce (spec sheet 3.3).
struct ChallengeKeys {
  xfrm::Key ik;
  xfrm::Key ck;
  std::string_view nonce;
};
// Nothing: no Digest challenge with both keys of 32 hex digits, or broken syntax.
std::optional<ChallengeKeys> ReadChallenge(const sip::Message& message);

// How a phone is reached in clear that registered `contact` from `source`: where it came from, but
// at the port of the contact if that is a literal address and the same. Over TCP the port is for
// UDP once the connection is gone.
ClearPath ClearPathOf(const Flow& source, std::string_view contact);

// How long a 200 grants the contact, in seconds: the expires of the Contact the phone registered,
// else Expires; 0 when the contact is not among those that stay.
uint32_t GrantedSeconds(const sip::Message& message, std::string_view contact, bool asks_zero);
// Does a 200 still list the contact of that key (edge/reg_events.h)?
bool ListsContact(const sip::Message& message, const KeyedHash& hash, uint64_t key);

}  // namespace edge
