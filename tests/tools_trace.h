// Captures for tests: packets from their parts, and files of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gmedge_test {

inline std::string Big16(uint32_t value) {
  return {static_cast<char>(value >> 8 & 255), static_cast<char>(value & 255)};
}
inline std::string Big32(uint32_t value) {
  return Big16(value >> 16) + Big16(value);
}
inline std::string Little32(uint32_t value) {
  const std::string big = Big32(value);
  return {big.rbegin(), big.rend()};
}
inline std::string Little16(uint32_t value) {
  return Little32(value).substr(0, 2);
}
inline std::string Zeros(size_t count) {
  return std::string(count, '\0');
}

// 192.0.2.<host>; 2001:db8::<host>.
struct Hosts {
  uint8_t source = 1;
  uint8_t destination = 10;
};

// more_fragments and fragment_at as in the header of a fragment; fragment_at in bytes.
struct Fragment {
  bool more = false;
  uint16_t at = 0;
  uint16_t id = 7;
};

inline std::string Ip4(Hosts hosts, uint8_t protocol, std::string_view payload,
                       Fragment fragment = {}) {
  std::string bytes = "\x45" + Zeros(1);
  bytes += Big16(static_cast<uint32_t>(20 + payload.size())) + Big16(fragment.id);
  bytes += Big16((fragment.more ? 0x2000U : 0U) | fragment.at / 8U);
  bytes += '\x40';
  bytes += static_cast<char>(protocol);
  bytes += Big16(0);
  for (const uint8_t host : {hosts.source, hosts.destination}) {
    bytes += std::string("\xc0\x00\x02", 3) + static_cast<char>(host);
  }
  return bytes.append(payload);
}

// `protocol` is that of the first header behind the fixed one.
inline std::string Ip6(Hosts hosts, uint8_t protocol, std::string_view payload) {
  std::string bytes = "\x60" + Zeros(3) + Big16(static_cast<uint32_t>(payload.size()));
  bytes += static_cast<char>(protocol);
  bytes += '\x40';
  for (const uint8_t host : {hosts.source, hosts.destination}) {
    bytes += std::string("\x20\x01\x0d\xb8", 4) + Zeros(11) + static_cast<char>(host);
  }
  return bytes.append(payload);
}

inline std::string Fragment6(uint8_t protocol, Fragment fragment, std::string_view payload) {
  std::string bytes(1, static_cast<char>(protocol));
  bytes += Zeros(1) + Big16(fragment.at | (fragment.more ? 1U : 0U)) + Big32(fragment.id);
  return bytes.append(payload);
}

inline std::string Udp(uint16_t source, uint16_t destination, std::string_view payload) {
  std::string bytes = Big16(source) + Big16(destination);
  bytes += Big16(static_cast<uint32_t>(8 + payload.size())) + Big16(0);
  return bytes.append(payload);
}

inline constexpr uint8_t kFin = 1;
inline constexpr uint8_t kSyn = 2;
inline constexpr uint8_t kRst = 4;
inline constexpr uint8_t kAck = 16;

inline std::string Tcp(uint16_t source, uint16_t destination, uint32_t sequence, uint8_t flags,
                       std::string_view payload) {
  std::string bytes = Big16(source) + Big16(destination) + Big32(sequence) + Big32(1);
  bytes += '\x50';
  bytes += static_cast<char>(flags);
  bytes += Big16(65535) + Big32(0);
  return bytes.append(payload);
}

// Null encryption; the ICV is zeros.
inline std::string EspNull(uint8_t protocol, std::string_view payload, size_t iv_size,
                           size_t icv_size) {
  std::string bytes = Big32(1000) + Big32(1) + Zeros(iv_size);
  bytes += payload;
  char padding = 0;
  while ((bytes.size() - 8 - iv_size + 2) % 4 != 0) bytes += ++padding;
  bytes += padding;
  bytes += static_cast<char>(protocol);
  return bytes + Zeros(icv_size);
}

inline std::string Ethernet(std::string_view ip, std::string_view vlan_tags = "") {
  std::string bytes = Zeros(12);
  bytes += vlan_tags;
  bytes += (ip[0] & 0x40) != 0 && (ip[0] & 0x20) == 0 ? Big16(0x0800) : Big16(0x86dd);
  return bytes.append(ip);
}

// A pcap file; time runs on by a second a packet.
class Trace {
 public:
  // LINKTYPE_ETHERNET is 1, LINKTYPE_RAW 101.
  explicit Trace(uint32_t link_type = 1) {
    bytes_ = "\xd4\xc3\xb2\xa1" + Little16(2) + Little16(4) + Zeros(8) + Little32(262144) +
             Little32(link_type);
  }
  // captured: npos for all of it.
  Trace& Add(std::string_view packet, size_t captured = std::string_view::npos) {
    const std::string_view part = packet.substr(0, captured);
    bytes_ += Little32(1'700'000'000 + count_) + Little32(count_ * 1000);
    bytes_ += Little32(static_cast<uint32_t>(part.size()));
    bytes_ += Little32(static_cast<uint32_t>(packet.size()));
    bytes_ += part;
    ++count_;
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
  uint32_t count_ = 0;
};

}  // namespace gmedge_test
