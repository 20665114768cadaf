// Calls for help: which requests are one, and what a phone is told that should have made it as one
// (spec sheet 5.9, TS 24.229 5.2.10).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "sip/message.h"

namespace edge {

// To urn:service:sos or what is below it (RFC 5031).
bool IsEmergencyCall(const sip::Message& message);

// An INVITE to one of these numbers, dialled like any other: as a tel: URI, or as the user of a
// sip: one. Visual separators do not count (RFC 3966 3).
bool DialsEmergency(const sip::Message& message, std::span<const std::string> numbers);

// Digits, '*' and '#', perhaps after a '+'.
bool IsDialString(std::string_view number);

// Of the 380 that sends such a phone to where calls for help are made (TS 24.229 7.6).
inline constexpr std::string_view kImsXmlType = "application/3gpp-ims+xml";
inline constexpr std::string_view kAlternativeService =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
    "<ims-3gpp version=\"1\"><alternative-service><type>emergency</type>"
    "<reason>emergency number</reason><action>emergency-registration</action>"
    "</alternative-service></ims-3gpp>\r\n";

}  // namespace edge
