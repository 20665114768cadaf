#include "xfrm/esp_size.h"

namespace xfrm {
namespace {

struct Sizes {
  size_t iv;
  size_t block;  // Payload, padding and the two bytes behind it fill whole blocks.
};

// GMAC's IV is on the wire like that of GCM (RFC 4543 3.2).
Sizes SizesOf(Algorithms algorithms) {
  switch (algorithms.encryption) {
    case Encryption::kDesEde3Cbc:
      return {8, 8};
    case Encryption::kAesCbc:
      return {16, 16};
    case Encryption::kAesGcm:
      return {8, 4};
    case Encryption::kNull:
      break;
  }
  return {algorithms.integrity == Integrity::kAesGmac ? size_t{8} : 0, 4};
}

}  // namespace

size_t EspOverhead(Algorithms algorithms, size_t payload_size) {
  constexpr size_t kHeaderSize = 8;
  constexpr size_t kTrailerSize = 2;
  const Sizes sizes = SizesOf(algorithms);
  const size_t icv = (size_t{KernelNameOf(algorithms.integrity).icv_bits} +
                      KernelNameOf(algorithms.encryption).icv_bits) /
                     8;
  const size_t plain = payload_size + kTrailerSize;
  const size_t padding = (sizes.block - plain % sizes.block) % sizes.block;
  return kHeaderSize + sizes.iv + padding + kTrailerSize + icv;
}

size_t EspInUdpOverhead(Algorithms algorithms, size_t payload_size, bool is_ipv6) {
  constexpr size_t kUdpHeaderSize = 8;
  const size_t header = is_ipv6 ? 40 : 20;
  return kUdpHeaderSize + header + EspOverhead(algorithms, payload_size + header);
}

}  // namespace xfrm
