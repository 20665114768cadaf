// Contact with its parameters (RFC 3261 20.10, RFC 5626, RFC 5627, RFC 3840).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/address.h"
#include "sip/error.h"

namespace sip {

// What an `expires` that is no number means (RFC 3261 20.10).
inline constexpr uint32_t kMalformedExpires = 3600;

struct Contact {
  Address address;
  bool star = false;  // "*": all bindings, in a REGISTER that removes them (RFC 3261 10.2.2).
  std::optional<uint16_t> q_thousandths;
  std::optional<uint32_t> expires;  // Seconds; kMalformedExpires for a value that is no number.
  std::string_view instance;  // +sip.instance without quotes and brackets: "urn:gsma:imei:...".
  std::optional<uint32_t> reg_id;  // 1..2^31-1 (RFC 5626 4.2).
  std::string_view pub_gruu;
  std::string_view temp_gruu;
  // Feature tags stand among address.params: see sip/feature_tag.h.
};

// One list member. kBadAddress as DecodeAddress() says; kBadHeaderValue for a parameter of these
// that stands twice or lacks its value, and for a bad q or reg-id.
[[nodiscard]] ParseError DecodeContact(std::string_view text, Contact* contact);

// True when the contact's URI is a SIP one with the parameter `sos`: registered for emergency calls
// (TS 24.229 7.2A.13).
bool IsEmergencyContact(const Contact& contact);

}  // namespace sip
