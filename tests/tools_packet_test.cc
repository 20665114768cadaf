#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "tests/tools_trace.h"
#include "tools/packet.h"

namespace tools {
namespace {

using gmedge_test::Big16;
using gmedge_test::Big32;
using gmedge_test::EspNull;
using gmedge_test::Ethernet;
using gmedge_test::Fragment;
using gmedge_test::Fragment6;
using gmedge_test::Ip4;
using gmedge_test::Ip6;
using gmedge_test::Tcp;
using gmedge_test::Udp;
using gmedge_test::Zeros;

std::string Text(const reactor::Endpoint& endpoint) {
  char text[reactor::kEndpointTextMax];
  return {text, reactor::WriteEndpoint(endpoint, text)};
}

// "source > destination: payload", or how far it got.
std::string Datagram(LinkType type, std::string_view bytes) {
  std::string_view ip;
  if (!DecodeLink(type, bytes, &ip)) return "no IP";
  IpPacket packet;
  if (!DecodeIp(ip, &packet)) return "bad IP";
  UdpDatagram datagram;
  if (packet.protocol != kProtocolUdp) return "not UDP";
  if (!DecodeUdp(packet, &datagram)) return "bad UDP";
  return Text(datagram.source) + " > " + Text(datagram.destination) + ": " +
         std::string(datagram.payload);
}

const std::string kDatagram4 = Ip4({}, 17, Udp(5060, 5062, "hello"));
const std::string kDatagram6 = Ip6({}, 17, Udp(5060, 5062, "hello"));
constexpr const char* kHello4 = "192.0.2.1:5060 > 192.0.2.10:5062: hello";
constexpr const char* kHello6 = "[2001:db8::1]:5060 > [2001:db8::a]:5062: hello";

TEST(Packet, LinkTypes) {
  const std::string cooked = Zeros(14) + Big16(0x0800);
  const std::string cooked2 = Big16(0x86dd) + Zeros(18);
  EXPECT_EQ(Datagram(LinkType::kEthernet, Ethernet(kDatagram4)), kHello4);
  EXPECT_EQ(Datagram(LinkType::kEthernet, Ethernet(kDatagram6)), kHello6);
  EXPECT_EQ(Datagram(LinkType::kCooked, cooked + kDatagram4), kHello4);
  EXPECT_EQ(Datagram(LinkType::kCooked2, cooked2 + kDatagram6), kHello6);
  EXPECT_EQ(Datagram(LinkType::kRawIp, kDatagram4), kHello4);
  EXPECT_EQ(Datagram(LinkType::kRawIp, kDatagram6), kHello6);
  EXPECT_EQ(Datagram(LinkType::kLoopback, "\x02" + Zeros(3) + kDatagram4), kHello4);
  EXPECT_EQ(Datagram(LinkType::kLoopback, Zeros(3) + "\x1e" + kDatagram6), kHello6);
  EXPECT_EQ(Datagram(LinkType::kEthernet, Zeros(12) + Big16(0x0806) + Zeros(28)), "no IP");
}

TEST(Packet, VlanTags) {
  const std::string tag = Big16(0x8100) + Big16(42);
  const std::string outer = Big16(0x88a8) + Big16(7);
  EXPECT_EQ(Datagram(LinkType::kEthernet, Ethernet(kDatagram4, tag)), kHello4);
  EXPECT_EQ(Datagram(LinkType::kEthernet, Ethernet(kDatagram6, outer + tag)), kHello6);
  EXPECT_EQ(Datagram(LinkType::kEthernet, Ethernet(kDatagram4, tag + tag + tag + tag)), kHello4);
  EXPECT_EQ(Datagram(LinkType::kEthernet, Ethernet(kDatagram4, tag + tag + tag + tag + tag)),
            "no IP");
}

TEST(Packet, LinkPaddingIsNoPayload) {
  EXPECT_EQ(Datagram(LinkType::kEthernet, Ethernet(kDatagram4) + Zeros(9)), kHello4);
  EXPECT_EQ(Datagram(LinkType::kEthernet, Ethernet(kDatagram6) + Zeros(9)), kHello6);
}

TEST(Packet, ExtensionHeaders) {
  const std::string udp = Udp(5060, 5062, "hello");
  // next header, size in 8 bytes beyond the first 8, ...
  const std::string hop_by_hop = "\x3c" + Zeros(7);           // Then destination options,
  const std::string options = "\x2b\x01" + Zeros(14);         // then routing,
  const std::string routing = "\x33" + Zeros(7);              // then AH, in 4 bytes less 2,
  const std::string authentication = "\x11\x04" + Zeros(22);  // then UDP.
  EXPECT_EQ(
      Datagram(LinkType::kRawIp, Ip6({}, 0, hop_by_hop + options + routing + authentication + udp)),
      kHello6);
  EXPECT_EQ(Datagram(LinkType::kRawIp, Ip4({}, 51, authentication + udp)), kHello4);

  std::string endless;
  for (int i = 0; i < kExtensionsMax; ++i) endless += Zeros(8);
  EXPECT_EQ(Datagram(LinkType::kRawIp, Ip6({}, 0, endless + udp)), "bad IP");
  EXPECT_EQ(Datagram(LinkType::kRawIp, Ip6({}, 0, std::string("\x11\xff") + udp)), "bad IP");
}

TEST(Packet, Fragments) {
  IpPacket packet;
  std::string bytes = Ip4({}, 17, "12345678", {.more = true, .at = 1480, .id = 9});
  ASSERT_TRUE(DecodeIp(bytes, &packet));
  EXPECT_TRUE(packet.is_fragment);
  EXPECT_TRUE(packet.more_fragments);
  EXPECT_EQ(packet.fragment_at, 1480);
  EXPECT_EQ(packet.fragment_id, 9U);
  EXPECT_EQ(packet.payload, "12345678");
  bytes = Ip6({}, 44, Fragment6(17, {.more = false, .at = 8, .id = 5}, "tail"));
  ASSERT_TRUE(DecodeIp(bytes, &packet));
  EXPECT_TRUE(packet.is_fragment);
  EXPECT_FALSE(packet.more_fragments);
  EXPECT_EQ(packet.fragment_at, 8);
  EXPECT_EQ(packet.fragment_id, 5U);
  EXPECT_EQ(packet.payload, "tail");
  // RFC 6946: an atomic fragment is whole.
  EXPECT_EQ(Datagram(LinkType::kRawIp, Ip6({}, 44, Fragment6(17, {}, Udp(5060, 5062, "hello")))),
            kHello6);
}

TEST(Packet, OffloadedPacketsHaveNoLength) {
  std::string bytes = kDatagram4;
  bytes.replace(2, 2, Zeros(2));
  EXPECT_EQ(Datagram(LinkType::kRawIp, bytes), kHello4);
  bytes = kDatagram6;
  bytes.replace(4, 2, Zeros(2));
  EXPECT_EQ(Datagram(LinkType::kRawIp, bytes), kHello6);
}

TEST(Packet, EveryPrefixIsRefused) {
  for (const std::string& whole : {kDatagram4, kDatagram6}) {
    const std::string ethernet = Ethernet(whole);
    for (size_t size = 0; size < ethernet.size(); ++size) {
      // Exactly that many bytes on the heap: a sanitizer sees a read beyond.
      const std::vector<char> bytes(ethernet.begin(),
                                    ethernet.begin() + static_cast<std::ptrdiff_t>(size));
      const std::string result =
          Datagram(LinkType::kEthernet, std::string_view(bytes.data(), bytes.size()));
      EXPECT_TRUE(result == "no IP" || result == "bad IP" || result == "bad UDP") << size;
    }
  }
}

TEST(Packet, BrokenHeadersAreRefused) {
  EXPECT_EQ(Datagram(LinkType::kRawIp, "\x50" + kDatagram4.substr(1)), "bad IP");
  EXPECT_EQ(Datagram(LinkType::kRawIp, "\x44" + kDatagram4.substr(1)), "bad IP");
  std::string bytes = kDatagram4;
  bytes.replace(2, 2, Big16(19));
  EXPECT_EQ(Datagram(LinkType::kRawIp, bytes), "bad IP");
  bytes = kDatagram4;
  bytes.replace(24, 2, Big16(7));  // The UDP length.
  EXPECT_EQ(Datagram(LinkType::kRawIp, bytes), "bad UDP");
}

TEST(Packet, TcpSegments) {
  using gmedge_test::kAck;
  using gmedge_test::kFin;
  using gmedge_test::kSyn;
  IpPacket packet;
  TcpSegment segment;
  const std::string bytes = Ip4({}, 6, Tcp(40000, 5060, 77, kAck | kFin, "bye"));
  ASSERT_TRUE(DecodeIp(bytes, &packet));
  ASSERT_TRUE(DecodeTcp(packet, &segment));
  EXPECT_EQ(Text(segment.source), "192.0.2.1:40000");
  EXPECT_EQ(segment.sequence, 77U);
  EXPECT_TRUE(segment.fin);
  EXPECT_FALSE(segment.syn || segment.rst);
  EXPECT_EQ(segment.payload, "bye");

  std::string options = Tcp(1, 2, 3, kSyn,
                            "\x01\x01\x01\x01"
                            "data");
  options[12] = '\x60';
  packet.payload = options;
  ASSERT_TRUE(DecodeTcp(packet, &segment));
  EXPECT_TRUE(segment.syn);
  EXPECT_EQ(segment.payload, "data");
  options[12] = '\x40';
  EXPECT_FALSE(DecodeTcp(packet, &segment));
  options[12] = '\xf0';
  EXPECT_FALSE(DecodeTcp(packet, &segment));
}

std::string InsideEsp(std::string_view esp) {
  IpPacket packet;
  packet.source.v4.sin_family = packet.destination.v4.sin_family = AF_INET;
  packet.protocol = kProtocolEsp;
  packet.payload = esp;
  if (!DecodeEspNull(&packet)) return "closed";
  return std::to_string(packet.protocol) + " " + std::string(packet.payload);
}

TEST(Packet, EspWithNullEncryption) {
  for (const std::string_view payload : {"", "a", "ab", "abc", "abcd"}) {
    const std::string udp = Udp(5060, 5062, payload);
    const std::string tcp = Tcp(5060, 5062, 1, gmedge_test::kAck, payload);
    EXPECT_EQ(InsideEsp(EspNull(17, udp, 0, 12)), "17 " + udp);
    EXPECT_EQ(InsideEsp(EspNull(17, udp, 0, 16)), "17 " + udp);
    EXPECT_EQ(InsideEsp(EspNull(17, udp, 8, 16)), "17 " + udp);
    EXPECT_EQ(InsideEsp(EspNull(6, tcp, 0, 12)), "6 " + tcp);
  }
  EXPECT_EQ(InsideEsp(EspNull(1, Udp(5060, 5062, "x"), 0, 12)), "closed");
  EXPECT_EQ(InsideEsp(""), "closed");
  EXPECT_EQ(InsideEsp(Zeros(64)), "closed");
}

// Packets that were made elsewhere: those without encryption open, the others stay closed.
TEST(Packet, EspVectors) {
  std::ifstream file(GMEDGE_SOURCE_DIR "/tests/data/vectors/esp_packets.json");
  const nlohmann::json packets = nlohmann::json::parse(file).at("packets");
  const auto bytes = [](const std::string& hex) {
    std::string text;
    for (size_t i = 0; i < hex.size(); i += 2) {
      text += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    }
    return text;
  };
  int opened = 0;
  for (const nlohmann::json& packet : packets) {
    const std::string inside = InsideEsp(bytes(packet.at("esp")));
    if (packet.at("ealg") == "null") {
      EXPECT_EQ(inside, "17 " + bytes(packet.at("payload"))) << packet.at("alg");
      ++opened;
    } else {
      EXPECT_EQ(inside, "closed") << packet.at("ealg");
    }
  }
  EXPECT_GE(opened, 2);
}

TEST(Packet, LinkTypesHaveNames) {
  EXPECT_EQ(Name(LinkType::kEthernet), "Ethernet");
  EXPECT_EQ(Name(LinkType::kLoopback), "Loopback");
}

}  // namespace
}  // namespace tools
