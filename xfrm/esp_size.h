// What ESP adds to a packet.
#pragma once

#include <cstddef>

#include "xfrm/algorithm.h"

namespace xfrm {

// Bytes that ESP in transport mode adds to a payload (a whole UDP datagram, say): SPI and sequence
// number, IV, padding, pad length and next header, ICV (RFC 4303 2).
size_t EspOverhead(Algorithms algorithms, size_t payload_size);

// The same in a UDP tunnel: a packet's own IP header goes within, another and one of UDP outside.
size_t EspInUdpOverhead(Algorithms algorithms, size_t payload_size, bool is_ipv6);

}  // namespace xfrm
