// The fast way through a Security-* value, for security.cc.
#pragma once

#include <cstddef>
#include <span>

#include "sip/security.h"

namespace sip {

// Reads all mechanisms of one value, when all are `ipsec-3gpp` with parameters of annex H in plain
// form, which is what nearly every phone sends: no blanks but one behind a comma, no quotes,
// nothing twice. Adds them from mechanisms[*count] on. False for anything else; what was added is
// to be dropped then, and the value read the other way, which refuses it or not.
[[nodiscard]] bool ReadPlainMechanisms(PaddedView value, std::span<SecurityMechanism> mechanisms,
                                       size_t* count);

}  // namespace sip
