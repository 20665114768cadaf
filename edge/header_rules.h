// Header rules that more than one kind of message obeys (spec sheet 5, "Always"; RFC 3261 16.6,
// RFC 3581, RFC 3325). Each function adds its edits to a message and nothing else.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "edge/flow.h"
#include "edge/identity.h"
#include "sip/edit.h"
#include "sip/message.h"
#include "sip/via.h"

namespace edge {

struct Context;

// What a phone may not assert: charging headers, P-Asserted-Identity, P-Visited-Network-ID,
// network-provided access network information, Feature-Caps, History-Info, P-Served-User, `loc-src`
// of Geolocation, any P-Early-Media but "supported" (RFC 5009 6), and the headers of TS 24.229 4.4
// that are for use within a trust domain.
void RemoveUntrusted(const sip::Message& message, sip::Editor* editor);
// What a phone must not see: charging headers, access network information, P-Served-User,
// P-Profile-Key, P-Asserted-Identity when `Privacy: id` asks for it (RFC 3325 7), and any ik or ck.
void RemoveForPhone(const sip::Message& message, sip::Editor* editor);
// Security-Client, Security-Server and Security-Verify, and the sec-agree tags (RFC 3329 2.3.1).
// Security-Server too: only the edge may say it.
void RemoveSecurityAgreement(sip::Editor* editor);
// ik and ck of every challenge: a phone has its own (TS 33.203 6.1.1). A challenge that cannot be
// read goes as a whole.
void RemoveChallengeKeys(const sip::Message& message, sip::Editor* editor);

// One less; nothing when the header is missing (RFC 3261 16.6 step 3 then adds 70).
void DecrementMaxForwards(const sip::Message& message, sip::Editor* editor);

// `received` and `rport` of the topmost Via as RFC 3261 18.2.1 and RFC 3581 4 ask; `rport` is what
// the answer should go to (port_us on a protected port, spec sheet 2.1).
void MarkTopVia(const sip::Via& via, const reactor::Endpoint& source, uint16_t rport,
                sip::Editor* editor);
// Is the Via's sent-by a literal address other than the packet's source? A name is not looked up.
bool ViaDiffers(const sip::Via& via, const reactor::Endpoint& source);
// Where an answer goes by the topmost Via as received (RFC 3261 18.2.2, RFC 3581 4).
reactor::Endpoint AnswerTo(const sip::Via& via, const reactor::Endpoint& source);

// P-Asserted-Identity in the place of the phone's P-Preferred-Identity, which goes.
void AssertIdentities(const sip::Message& message, const AssertedIdentities& identities,
                      sip::Editor* editor);
// A line behind the last of the headers that say who and where the phone is.
void AddChargingVector(sip::Editor::Text line, const sip::Message& message, sip::Editor* editor);
// Is a Via of the message one that we wrote? `context` knows our addresses.
bool HasOwnVia(const Context& context, const sip::Message& message);

// Adds the network-provided access network information behind the phone's own (RFC 7315 4.4);
// nothing when `info` is "".
void AddAccessNetworkInfo(std::string_view info, sip::Editor* editor);

// The values of all headers of one name, joined by ", ".
std::string JoinValues(const sip::Message& message, sip::HeaderId id);
// Is that what JoinValues() would give?
bool IsJoined(const sip::Message& message, sip::HeaderId id, std::string_view text);

}  // namespace edge
