#include "xfrm/algorithm.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <bit>
#include <cassert>
#include <cstring>
#include <string_view>

namespace xfrm {
namespace {

// Rows in the order of the enums. AEAD names are in neither of the kernel's auth and crypt lists,
// and their key_bits include the 32 bits of salt.
constexpr KernelAlgorithm kIntegrityRows[] = {
    {Attribute::kNone, "", 0, 0},
    {Attribute::kAuthTrunc, "hmac(md5)", 128, 96},
    {Attribute::kAuthTrunc, "hmac(sha1)", 160, 96},
    {Attribute::kAead, "rfc4543(gcm(aes))", 160, 128},
};
constexpr KernelAlgorithm kEncryptionRows[] = {
    {Attribute::kCrypt, "ecb(cipher_null)", 0, 0},
    {Attribute::kCrypt, "cbc(des3_ede)", 192, 0},
    {Attribute::kCrypt, "cbc(aes)", 128, 0},
    {Attribute::kAead, "rfc4106(gcm(aes))", 160, 128},
};
constexpr std::string_view kIntegrityNames[] = {"null", "hmac-md5-96", "hmac-sha-1-96", "aes-gmac"};
constexpr std::string_view kEncryptionNames[] = {"null", "des-ede3-cbc", "aes-cbc", "aes-gcm"};

// S = FC || P0 || L0 (TS 33.220 B.2), P0 being the salt's name and L0 its length in two octets.
// TS 33.203 annex I: FC is 0x58 for GMAC and 0x59 for GCM.
constexpr uint8_t kGmacSalt[] = {0x58, 'A', 'E', 'S', '_', 'G', 'M',  'A',
                                 'C',  '_', 'S', 'A', 'L', 'T', 0x00, 13};
constexpr uint8_t kGcmSalt[] = {0x59, 'A', 'E', 'S', '_', 'G',  'C', 'M',
                                '_',  'S', 'A', 'L', 'T', 0x00, 12};
constexpr size_t kSaltSize = 4;
constexpr size_t kDesKeySize = 8;
constexpr size_t kSha1KeySize = 20;
constexpr size_t kDigestSize = 32;

// Writes the salt: the last four octets of HMAC-SHA-256(CK || IK, S).
void DeriveSalt(const Key& ik, const Key& ck, std::span<const uint8_t> s, uint8_t* salt) {
  std::array<uint8_t, 2 * Key::kSize> key;
  std::memcpy(key.data(), ck.bytes().data(), Key::kSize);
  std::memcpy(key.data() + Key::kSize, ik.bytes().data(), Key::kSize);

  std::array<uint8_t, kDigestSize> digest;
  unsigned size = 0;
  const uint8_t* done = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), s.data(),
                             s.size(), digest.data(), &size);
  assert(done != nullptr && size == kDigestSize);  // Fails only without memory or SHA-256.
  static_cast<void>(done);
  std::memcpy(salt, digest.data() + kDigestSize - kSaltSize, kSaltSize);
  Wipe(key.data(), key.size());
  Wipe(digest.data(), digest.size());
}

// DES keys carry odd parity in the lowest bit of each octet (RFC 2451 2.3).
uint8_t WithOddParity(uint8_t octet) {
  const int upper_ones = std::popcount(static_cast<uint8_t>(octet & 0xfe));
  return static_cast<uint8_t>((octet & 0xfe) | (upper_ones % 2 == 0 ? 1 : 0));
}

uint8_t ExpandIntegrity(Integrity integrity, const Key& ik, const Key& ck, uint8_t* out) {
  if (integrity == Integrity::kNull) return 0;

  std::memcpy(out, ik.bytes().data(), Key::kSize);
  switch (integrity) {
    case Integrity::kNull:
    case Integrity::kHmacMd5_96:
      return Key::kSize;
    case Integrity::kHmacSha1_96:  // IK, then 32 zero bits.
      std::memset(out + Key::kSize, 0, kSha1KeySize - Key::kSize);
      return kSha1KeySize;
    case Integrity::kAesGmac:
      DeriveSalt(ik, ck, kGmacSalt, out + Key::kSize);
      return Key::kSize + kSaltSize;
  }
  return 0;
}

uint8_t ExpandEncryption(Encryption encryption, const Key& ik, const Key& ck, uint8_t* out) {
  if (encryption == Encryption::kNull) return 0;

  std::memcpy(out, ck.bytes().data(), Key::kSize);
  switch (encryption) {
    case Encryption::kNull:
    case Encryption::kAesCbc:
      return Key::kSize;
    case Encryption::kDesEde3Cbc:  // CK1 CK2 CK1: the third key is the first one again.
      std::memcpy(out + Key::kSize, ck.bytes().data(), kDesKeySize);
      for (size_t i = 0; i < 3 * kDesKeySize; ++i) out[i] = WithOddParity(out[i]);
      return 3 * kDesKeySize;
    case Encryption::kAesGcm:
      DeriveSalt(ik, ck, kGcmSalt, out + Key::kSize);
      return Key::kSize + kSaltSize;
  }
  return 0;
}

}  // namespace

bool IsLegal(Algorithms algorithms) {
  switch (algorithms.integrity) {
    case Integrity::kNull:
      return algorithms.encryption == Encryption::kAesGcm;
    case Integrity::kAesGmac:
      return algorithms.encryption == Encryption::kNull;
    case Integrity::kHmacMd5_96:
    case Integrity::kHmacSha1_96:
      return algorithms.encryption != Encryption::kAesGcm;
  }
  return false;
}

std::string_view Name(Integrity integrity) {
  return kIntegrityNames[static_cast<size_t>(integrity)];
}

std::string_view Name(Encryption encryption) {
  return kEncryptionNames[static_cast<size_t>(encryption)];
}

const KernelAlgorithm& KernelNameOf(Integrity integrity) {
  return kIntegrityRows[static_cast<size_t>(integrity)];
}

const KernelAlgorithm& KernelNameOf(Encryption encryption) {
  return kEncryptionRows[static_cast<size_t>(encryption)];
}

EspKeys::EspKeys(Algorithms algorithms, const Key& ik, const Key& ck) : algorithms_(algorithms) {
  assert(IsLegal(algorithms));
  integrity_size_ = ExpandIntegrity(algorithms.integrity, ik, ck, integrity_.data());
  encryption_size_ = ExpandEncryption(algorithms.encryption, ik, ck, encryption_.data());
}

EspKeys::~EspKeys() {
  Wipe(integrity_.data(), integrity_.size());
  Wipe(encryption_.data(), encryption_.size());
}

}  // namespace xfrm
