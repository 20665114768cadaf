// One packet of a capture, layer by layer: link, IP, ESP without encryption, UDP and TCP. Bytes in,
// views of them out.
#pragma once

#include <cstdint>
#include <string_view>

#include "reactor/endpoint.h"

namespace tools {

enum class LinkType : uint8_t {
  kEthernet,  // With any number of VLAN tags up to kVlanTagsMax.
  kCooked,    // Linux "any" device: LINUX_SLL.
  kCooked2,   // LINUX_SLL2.
  kRawIp,
  kLoopback,  // BSD: NULL and LOOP.
};
std::string_view Name(LinkType type);

inline constexpr int kVlanTagsMax = 4;
inline constexpr int kExtensionsMax = 16;  // Of one IPv6 packet.

inline constexpr uint8_t kProtocolTcp = 6;
inline constexpr uint8_t kProtocolUdp = 17;
inline constexpr uint8_t kProtocolEsp = 50;

struct IpPacket {
  reactor::Endpoint source;  // Ports are 0.
  reactor::Endpoint destination;
  uint8_t protocol = 0;      // Of what `payload` begins with.
  std::string_view payload;  // Without what the link pads it with.
  bool is_cut = false;       // The capture holds less than the IP header says.
  bool is_fragment = false;
  bool more_fragments = false;
  uint16_t fragment_at = 0;  // Bytes.
  uint32_t fragment_id = 0;
};

struct UdpDatagram {
  reactor::Endpoint source;
  reactor::Endpoint destination;
  std::string_view payload;
};

struct TcpSegment {
  reactor::Endpoint source;
  reactor::Endpoint destination;
  uint32_t sequence = 0;
  bool syn = false;
  bool fin = false;
  bool rst = false;
  std::string_view payload;
};

// Where IP begins. False for anything but IP.
bool DecodeLink(LinkType type, std::string_view bytes, std::string_view* ip);

// IPv4 and IPv6, up to the first header that is no extension; of a fragment, up to the fragment
// header. False for what is broken.
bool DecodeIp(std::string_view bytes, IpPacket* packet);

// Passes over extension headers in front of the payload, as they also follow reassembly. False when
// one is broken.
bool SkipExtensions(IpPacket* packet);

// False when the header is broken or the payload is not all there.
bool DecodeUdp(const IpPacket& packet, UdpDatagram* datagram);
// A segment that was cut by the capture holds what is there.
bool DecodeTcp(const IpPacket& packet, TcpSegment* segment);

// ESP with null encryption (RFC 4303, RFC 2410) says nowhere that it is that: it is tried with ICVs
// of 12 bytes (HMAC-MD5-96, HMAC-SHA-1-96) and 16 (AES-GMAC, which has an IV of 8 too), and is
// taken for it when padding, next header and the inner UDP or TCP header fit. Makes *packet what
// is inside.
bool DecodeEspNull(IpPacket* packet);

}  // namespace tools
