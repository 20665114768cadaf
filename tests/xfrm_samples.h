// Values that the tests of xfrm/ share: addresses, keys, SAs and policies of one phone.
#pragma once

#include <arpa/inet.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "xfrm/batch.h"
#include "xfrm/reply.h"
#include "xfrm/sa.h"

namespace xfrm {

inline Address At(const std::string& text) {
  Address address;
  address.family = text.find(':') == std::string::npos ? AF_INET : AF_INET6;
  inet_pton(address.family, text.c_str(), address.bytes.data());
  return address;
}

inline std::vector<uint8_t> FromHex(const std::string& hex) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoul(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

inline Key KeyFromHex(const std::string& hex) {
  const std::vector<uint8_t> bytes = FromHex(hex);
  return Key(std::span<const uint8_t, Key::kSize>(bytes.data(), Key::kSize));
}

// IK and CK of MILENAGE test set 1 (TS 35.208).
inline Key SampleIk() {
  return KeyFromHex("f769bcd751044604127672711c6d3441");
}
inline Key SampleCk() {
  return KeyFromHex("b40ba9a3c58b2a05bbf0d987b21bf8cb");
}

// Every pair that annex H of TS 33.203 and the releases before it allow.
inline constexpr Algorithms kLegalAlgorithms[] = {
    {Integrity::kHmacMd5_96, Encryption::kNull},
    {Integrity::kHmacMd5_96, Encryption::kDesEde3Cbc},
    {Integrity::kHmacMd5_96, Encryption::kAesCbc},
    {Integrity::kHmacSha1_96, Encryption::kNull},
    {Integrity::kHmacSha1_96, Encryption::kDesEde3Cbc},
    {Integrity::kHmacSha1_96, Encryption::kAesCbc},
    {Integrity::kAesGmac, Encryption::kNull},
    {Integrity::kNull, Encryption::kAesGcm},
};

inline Selector SampleSelector() {
  return {At("198.51.100.77"), At("192.0.2.10"), 37001, 6101};
}

inline Selector SampleSelector6() {
  return {At("2001:db8:1::77"), At("2001:db8:2::10"), 37001, 6101};
}

inline Sa SampleSa(const EspKeys* keys, uint32_t spi = 0x12345678) {
  Sa sa;
  sa.selector = SampleSelector();
  sa.spi = spi;
  sa.reqid = 4711;
  sa.hard_seconds = 60;
  sa.keys = keys;
  return sa;
}

inline Policy SamplePolicy(Direction direction = Direction::kIn) {
  return {direction, At("192.0.2.10"), 6101, 4711, 1000};
}

using Datagrams = std::vector<std::vector<std::byte>>;

// Everything that datagrams from the kernel say. The explanations lie in the datagrams.
inline std::vector<Reply> ReadAll(const Datagrams& datagrams) {
  std::vector<Reply> replies;
  for (const std::vector<std::byte>& datagram : datagrams) {
    ReplyReader reader(datagram);
    Reply reply;
    while (reader.Next(&reply)) replies.push_back(reply);
  }
  return replies;
}

}  // namespace xfrm
