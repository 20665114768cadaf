// A DNS response as the records that RFC 3263 needs of it.
#pragma once

#include <cstdint>
#include <span>

#include "edge/location.h"

namespace edge {

// Of the answer section to a question of that type. CNAMEs are followed; what is broken is kNone.
DnsAnswer ReadDnsResponse(std::span<const uint8_t> response, DnsType type);

}  // namespace edge
