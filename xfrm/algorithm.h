// The algorithms of TS 33.203 annex H and I: kernel names, key lengths, key expansion.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "xfrm/key.h"

namespace xfrm {

enum class Integrity : uint8_t { kNull, kHmacMd5_96, kHmacSha1_96, kAesGmac };
enum class Encryption : uint8_t { kNull, kDesEde3Cbc, kAesCbc, kAesGcm };

// What one SA uses. Legal pairs: aes-gmac only with null; aes-gcm only with integrity null; null
// integrity only with aes-gcm (TS 33.203 annex H, RFC 4543 3).
struct Algorithms {
  Integrity integrity = Integrity::kHmacSha1_96;
  Encryption encryption = Encryption::kNull;
  constexpr bool operator==(const Algorithms&) const = default;
};
bool IsLegal(Algorithms algorithms);

// "hmac-sha-1-96", "aes-cbc", "null": the names of annex H.
std::string_view Name(Integrity integrity);
std::string_view Name(Encryption encryption);

// How the kernel is told: one row of the table in spec sheet 3.1.
enum class Attribute : uint8_t { kNone, kAuthTrunc, kCrypt, kAead };
struct KernelAlgorithm {
  Attribute attribute = Attribute::kNone;
  const char* name = "";  // "hmac(sha1)"
  uint16_t key_bits = 0;  // With the salt for AEAD.
  uint16_t icv_bits = 0;  // trunc_len or icv_len.
};
const KernelAlgorithm& KernelNameOf(Integrity integrity);
const KernelAlgorithm& KernelNameOf(Encryption encryption);

// ESP keys of one SA set, expanded from IK and CK (TS 33.203 annex I; salts by TS 33.220 B.2).
// Shared by its four SAs. Wipes itself.
class EspKeys {
 public:
  static constexpr size_t kKeySizeMax = 24;  // 3DES; GCM and GMAC have 16 + 4 of salt.

  EspKeys() = default;
  // REQUIRES: IsLegal(algorithms).
  EspKeys(Algorithms algorithms, const Key& ik, const Key& ck);
  EspKeys(const EspKeys&) = default;
  EspKeys& operator=(const EspKeys&) = default;
  ~EspKeys();

  Algorithms algorithms() const { return algorithms_; }
  // Key bytes for the integrity algorithm (aes-gmac: with its salt); empty for null.
  std::span<const uint8_t> integrity_key() const { return {integrity_.data(), integrity_size_}; }
  // Key bytes for the encryption algorithm (aes-gcm: with its salt); empty for null.
  std::span<const uint8_t> encryption_key() const { return {encryption_.data(), encryption_size_}; }

 private:
  Algorithms algorithms_;
  uint8_t integrity_size_ = 0;
  uint8_t encryption_size_ = 0;
  std::array<uint8_t, kKeySizeMax> integrity_{};
  std::array<uint8_t, kKeySizeMax> encryption_{};
};

}  // namespace xfrm
