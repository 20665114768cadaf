// What ESP adds to a packet.
#pragma once

#include <cstddef>

#include "xfrm/algorithm.h"

namespace xfrm {

// Bytes that ESP in transport mode adds to a payload (a whole UDP datagram, say): SPI and sequence
// number, IV, padding, pad length and next header, ICV (RFC 4303 2).
size_t EspOverhead(Algorithms algorithms, size_t payload_size);

}  // namespace xfrm
