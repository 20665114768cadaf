#include "tools/packet.h"

#include <cstring>

namespace tools {
namespace {

constexpr uint16_t kTypeIpv4 = 0x0800;
constexpr uint16_t kTypeIpv6 = 0x86dd;

constexpr uint8_t kHopByHop = 0;
constexpr uint8_t kRouting = 43;
constexpr uint8_t kFragment = 44;
constexpr uint8_t kAuthentication = 51;
constexpr uint8_t kDestinationOptions = 60;
constexpr uint8_t kMobility = 135;

// REQUIRES: the bytes are there.
uint8_t Byte(std::string_view bytes, size_t at) {
  return static_cast<uint8_t>(bytes[at]);
}
uint16_t Number16(std::string_view bytes, size_t at) {
  return static_cast<uint16_t>(Byte(bytes, at) << 8 | Byte(bytes, at + 1));
}
uint32_t Number32(std::string_view bytes, size_t at) {
  return static_cast<uint32_t>(Number16(bytes, at)) << 16 | Number16(bytes, at + 2);
}

bool IsVlan(uint16_t type) {
  return type == 0x8100 || type == 0x88a8 || type == 0x9100;
}

// `at` is behind the two bytes of `type`.
bool SkipVlanTags(std::string_view bytes, uint16_t type, size_t at, std::string_view* ip) {
  for (int tags = 0; IsVlan(type); ++tags) {
    if (tags == kVlanTagsMax || bytes.size() < at + 4) return false;
    type = Number16(bytes, at + 2);
    at += 4;
  }
  *ip = bytes.substr(at);
  return type == kTypeIpv4 || type == kTypeIpv6;
}

reactor::Endpoint Address4(std::string_view bytes, size_t at) {
  reactor::Endpoint endpoint;
  endpoint.v4.sin_family = AF_INET;
  std::memcpy(&endpoint.v4.sin_addr, bytes.data() + at, 4);
  return endpoint;
}

reactor::Endpoint Address6(std::string_view bytes, size_t at) {
  reactor::Endpoint endpoint;
  endpoint.v6.sin6_family = AF_INET6;
  std::memcpy(&endpoint.v6.sin6_addr, bytes.data() + at, 16);
  return endpoint;
}

// Offloaded packets are captured before they have a length: 0 means all there is.
std::string_view Cut(std::string_view bytes, size_t header_size, size_t size, bool* is_cut) {
  if (size == 0) size = bytes.size() - header_size;
  *is_cut = header_size + size > bytes.size();
  return bytes.substr(header_size, size);
}

bool DecodeIpv4(std::string_view bytes, IpPacket* packet) {
  if (bytes.size() < 20) return false;
  const size_t header_size = (Byte(bytes, 0) & 15U) * 4;
  const size_t total = Number16(bytes, 2);
  if (header_size < 20 || header_size > bytes.size()) return false;
  if (total != 0 && total < header_size) return false;
  packet->source = Address4(bytes, 12);
  packet->destination = Address4(bytes, 16);
  packet->protocol = Byte(bytes, 9);
  packet->payload = Cut(bytes, header_size, total == 0 ? 0 : total - header_size, &packet->is_cut);
  if (total == header_size) packet->payload = {};
  const uint16_t fragment = Number16(bytes, 6);
  packet->more_fragments = (fragment & 0x2000) != 0;
  packet->fragment_at = static_cast<uint16_t>((fragment & 0x1fff) * 8);
  packet->is_fragment = packet->more_fragments || packet->fragment_at != 0;
  packet->fragment_id = Number16(bytes, 4);
  return packet->is_fragment || SkipExtensions(packet);
}

bool DecodeIpv6(std::string_view bytes, IpPacket* packet) {
  if (bytes.size() < 40) return false;
  packet->source = Address6(bytes, 8);
  packet->destination = Address6(bytes, 24);
  packet->protocol = Byte(bytes, 6);
  packet->payload = Cut(bytes, 40, Number16(bytes, 4), &packet->is_cut);
  return SkipExtensions(packet);
}

reactor::Endpoint WithPort(reactor::Endpoint endpoint, uint16_t port) {
  endpoint.set_port(port);
  return endpoint;
}

// The inside of an ESP packet fits its own header exactly.
bool IsWhole(const IpPacket& packet) {
  UdpDatagram datagram;
  TcpSegment segment;
  if (packet.protocol == kProtocolTcp) return DecodeTcp(packet, &segment);
  return packet.protocol == kProtocolUdp && DecodeUdp(packet, &datagram) &&
         datagram.payload.size() + 8 == packet.payload.size();
}

// SPI(4) sequence(4) IV payload padding(1, 2, 3...) pad length(1) next header(1) ICV
bool TakeEspInside(size_t iv_size, size_t icv_size, IpPacket* packet) {
  const size_t head_size = 8 + iv_size;
  std::string_view inside = packet->payload;
  if (inside.size() < head_size + 2 + icv_size) return false;
  inside.remove_suffix(icv_size);
  inside.remove_prefix(head_size);
  IpPacket inner = *packet;
  inner.protocol = Byte(inside, inside.size() - 1);
  const size_t padding = Byte(inside, inside.size() - 2);
  inside.remove_suffix(2);
  if (padding > inside.size()) return false;
  for (size_t i = 0; i < padding; ++i) {
    if (Byte(inside, inside.size() - padding + i) != i + 1) return false;
  }
  inside.remove_suffix(padding);
  inner.payload = inside;
  if (!IsWhole(inner)) return false;
  *packet = inner;
  return true;
}

}  // namespace

std::string_view Name(LinkType type) {
  switch (type) {
    case LinkType::kEthernet:
      return "Ethernet";
    case LinkType::kCooked:
      return "Cooked";
    case LinkType::kCooked2:
      return "Cooked2";
    case LinkType::kRawIp:
      return "RawIp";
    case LinkType::kLoopback:
      return "Loopback";
  }
  return "Unknown";
}

bool DecodeLink(LinkType type, std::string_view bytes, std::string_view* ip) {
  switch (type) {
    case LinkType::kEthernet:  // destination(6) source(6) type(2)
      return bytes.size() >= 14 && SkipVlanTags(bytes, Number16(bytes, 12), 14, ip);
    case LinkType::kCooked:  // packet type(2) ARPHRD(2) address size(2) address(8) protocol(2)
      return bytes.size() >= 16 && SkipVlanTags(bytes, Number16(bytes, 14), 16, ip);
    case LinkType::kCooked2:  // protocol(2) zero(2) interface(4) ARPHRD(2) type(1) size(1) addr(8)
      return bytes.size() >= 20 && SkipVlanTags(bytes, Number16(bytes, 0), 20, ip);
    case LinkType::kRawIp:
      *ip = bytes;
      return true;
    case LinkType::kLoopback:  // Address family (4), in either byte order; IP says its own version.
      if (bytes.size() < 4) return false;
      *ip = bytes.substr(4);
      return true;
  }
  return false;
}

bool DecodeIp(std::string_view bytes, IpPacket* packet) {
  *packet = {};
  if (bytes.empty()) return false;
  const int version = Byte(bytes, 0) >> 4;
  if (version == 4) return DecodeIpv4(bytes, packet);
  return version == 6 && DecodeIpv6(bytes, packet);
}

bool SkipExtensions(IpPacket* packet) {
  for (int count = 0; count < kExtensionsMax; ++count) {
    const std::string_view bytes = packet->payload;
    const bool is_ipv6 = packet->source.family() == AF_INET6;
    size_t size = 0;
    if (packet->protocol == kAuthentication) {
      if (bytes.size() < 2) return false;
      size = (Byte(bytes, 1) + 2U) * 4;
    } else if (is_ipv6 &&
               (packet->protocol == kHopByHop || packet->protocol == kRouting ||
                packet->protocol == kDestinationOptions || packet->protocol == kMobility)) {
      if (bytes.size() < 2) return false;
      size = (Byte(bytes, 1) + 1U) * 8;
    } else if (is_ipv6 && packet->protocol == kFragment && !packet->is_fragment) {
      if (bytes.size() < 8) return false;
      size = 8;
      packet->fragment_at = Number16(bytes, 2) & 0xfff8;
      packet->more_fragments = (Byte(bytes, 3) & 1) != 0;
      packet->is_fragment = packet->more_fragments || packet->fragment_at != 0;
      packet->fragment_id = Number32(bytes, 4);
    } else {
      return true;
    }
    if (size > bytes.size()) return false;
    packet->protocol = Byte(bytes, 0);
    packet->payload.remove_prefix(size);
    if (packet->is_fragment) return true;  // What follows may be the middle of anything.
  }
  return false;
}

bool DecodeUdp(const IpPacket& packet, UdpDatagram* datagram) {
  const std::string_view bytes = packet.payload;
  if (bytes.size() < 8) return false;
  const size_t size = Number16(bytes, 4);
  if (size < 8 || size > bytes.size()) return false;
  datagram->source = WithPort(packet.source, Number16(bytes, 0));
  datagram->destination = WithPort(packet.destination, Number16(bytes, 2));
  datagram->payload = bytes.substr(8, size - 8);
  return true;
}

bool DecodeTcp(const IpPacket& packet, TcpSegment* segment) {
  const std::string_view bytes = packet.payload;
  if (bytes.size() < 20) return false;
  const size_t header_size = (Byte(bytes, 12) >> 4) * 4U;
  if (header_size < 20 || header_size > bytes.size()) return false;
  const uint8_t flags = Byte(bytes, 13);
  segment->source = WithPort(packet.source, Number16(bytes, 0));
  segment->destination = WithPort(packet.destination, Number16(bytes, 2));
  segment->sequence = Number32(bytes, 4);
  segment->fin = (flags & 1) != 0;
  segment->syn = (flags & 2) != 0;
  segment->rst = (flags & 4) != 0;
  segment->payload = bytes.substr(header_size);
  return true;
}

bool DecodeEspNull(IpPacket* packet) {
  return TakeEspInside(0, 12, packet) || TakeEspInside(0, 16, packet) ||
         TakeEspInside(8, 16, packet);
}

}  // namespace tools
