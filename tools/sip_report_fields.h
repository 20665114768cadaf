// Headers that a report takes apart, and how each is shown.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "sip/header_id.h"

namespace tools {

// How the values of a header are shown.
enum class FieldKind : uint8_t {
  kText,        // "1"
  kCSeq,        // {number method}
  kAddress,     // {display uri tag params text}
  kAddresses,   // [{display uri tag params text}]
  kVias,        // [{transport host port branch received rport params text}]
  kMechanisms,  // [{mechanism alg ealg prot mod spi-c spi-s port-c port-s q fault why text}]
  kDigests,     // [{scheme params [{name value}] text}]
};

struct Field {
  sip::HeaderId id;
  FieldKind kind;
};
// Headers that are taken apart, in the order in which they are shown.
std::span<const Field> ReportFields();
// "call_id" for Call-ID.
std::string KeyOf(sip::HeaderId id);

}  // namespace tools
