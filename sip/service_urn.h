// urn:service: URNs (RFC 5031): how a phone calls for help without a number.
#pragma once

#include <optional>
#include <string_view>

#include "sip/uri.h"

namespace sip {

// "sos.police" of "urn:service:sos.police"; nothing when it is no service URN. Case folds.
std::optional<std::string_view> ServiceOf(const Uri& uri);

// True for urn:service:sos and its sub-services, "sos.fire" and "sos.country-specific.xx.112" as
// well as any that nobody registered: who does not know a sub-service takes its parent (RFC 5031
// 3).
bool IsEmergencyUrn(const Uri& uri);

}  // namespace sip
