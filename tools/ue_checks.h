// What must hold of every message that the edge sends to a phone: the phones count what does not.
#pragma once

#include "sip/message.h"
#include "tools/violations.h"

namespace tools {

// Nothing of the trust domain reaches a phone: no ik or ck (TS 33.203 6.1.1), no charging headers
// and no P-Served-User or P-Profile-Key (spec sheet 5), no Via of ours on a response but one.
// False: not valid SIP, to be dropped.
bool CheckToPhone(const sip::Message& message, Violations* violations);

}  // namespace tools
