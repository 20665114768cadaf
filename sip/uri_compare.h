// When two URIs are the same one (RFC 3261 19.1.4, RFC 3966 4, RFC 5031, RFC 8141 3).
#pragma once

#include "sip/uri.h"

namespace sip {

// Parameters, and headers, of one URI that can be compared. Two URIs of which one has more are the
// same only when their texts are.
inline constexpr int kComparedParamsMax = 32;

// sip and sips: user and password keep their case, hosts and parameters fold it; an escape is the
// character it means unless that is a reserved one; IPv6 addresses compare by value; a port that
// stands is not a port that is meant. transport, user, ttl, method and maddr must stand in both or
// in none; other parameters must agree where both have them, so that sameness does not carry over:
// "sip:a;x=1" is "sip:a" is "sip:a;x=2". Headers must agree in all.
// tel: visual separators do not count, all parameters must agree.
// urn: the namespace folds case, in urn:service all does.
// REQUIRES: both are results of a DecodeUri() that was kOk.
bool SameUri(const Uri& a, const Uri& b);

}  // namespace sip
