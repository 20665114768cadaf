#include "tools/milenage.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cassert>

namespace tools {
namespace {

// r1..r5 and the last octet of c1..c5 (TS 35.206 4.1); the other octets of each are zero.
constexpr std::array<int, 5> kRotationBits = {64, 0, 32, 64, 96};
constexpr std::array<uint8_t, 5> kConstants = {0, 1, 2, 4, 8};

Bytes16 Xor(const Bytes16& a, const Bytes16& b) {
  Bytes16 result;
  for (size_t i = 0; i < result.size(); ++i) result[i] = static_cast<uint8_t>(a[i] ^ b[i]);
  return result;
}

// All rotations of MILENAGE are by whole octets, towards the most significant one.
Bytes16 RotateLeft(const Bytes16& a, int bits) {
  Bytes16 result = a;
  std::rotate(result.begin(), result.begin() + bits / 8, result.end());
  return result;
}

// Fetched once: a lookup by name at each use costs more than the encryption.
const EVP_CIPHER* Aes128() {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-128-ECB", nullptr);
  return cipher;
}

}  // namespace

Milenage::Milenage(const Bytes16& k, const Bytes16& opc)
    : opc_(opc), context_(EVP_CIPHER_CTX_new()) {
  const int ok = EVP_EncryptInit_ex2(context_.get(), Aes128(), k.data(), nullptr, nullptr);
  assert(ok == 1);
  EVP_CIPHER_CTX_set_padding(context_.get(), 0);
}

Milenage::~Milenage() = default;
Milenage::Milenage(Milenage&&) noexcept = default;

void Milenage::ContextDeleter::operator()(evp_cipher_ctx_st* context) const {
  EVP_CIPHER_CTX_free(context);
}

Bytes16 Milenage::DeriveOpc(const Bytes16& k, const Bytes16& op) {
  return Xor(op, Milenage(k, Bytes16{}).Encrypt(op));
}

Milenage::Macs Milenage::F1(const Bytes16& rand, uint64_t sqn, uint16_t amf) const {
  assert(sqn <= kSqnMax);
  // IN1 = SQN || AMF || SQN || AMF
  Bytes16 in1;
  for (size_t i = 0; i < 6; ++i) in1[i] = static_cast<uint8_t>(sqn >> (40 - 8 * i));
  in1[6] = static_cast<uint8_t>(amf >> 8);
  in1[7] = static_cast<uint8_t>(amf);
  std::copy_n(in1.begin(), 8, in1.begin() + 8);

  const Bytes16 temp = Encrypt(Xor(rand, opc_));
  const Bytes16 rotated = RotateLeft(Xor(in1, opc_), kRotationBits[0]);
  const Bytes16 out1 = Xor(Encrypt(Xor(temp, rotated)), opc_);  // c1 is zero.
  Macs macs;
  std::copy_n(out1.begin(), 8, macs.mac_a.begin());
  std::copy_n(out1.begin() + 8, 8, macs.mac_s.begin());
  return macs;
}

Milenage::Keys Milenage::F2345(const Bytes16& rand) const {
  const Bytes16 temp = Encrypt(Xor(rand, opc_));
  const Bytes16 out2 = Out(temp, kRotationBits[1], kConstants[1]);
  const Bytes16 out5 = Out(temp, kRotationBits[4], kConstants[4]);
  Keys keys;
  std::copy_n(out2.begin() + 8, 8, keys.res.begin());
  std::copy_n(out2.begin(), 6, keys.ak.begin());
  keys.ck = Out(temp, kRotationBits[2], kConstants[2]);
  keys.ik = Out(temp, kRotationBits[3], kConstants[3]);
  std::copy_n(out5.begin(), 6, keys.ak_star.begin());
  return keys;
}

Bytes16 Milenage::Out(const Bytes16& temp, int rotation_bits, uint8_t constant) const {
  Bytes16 block = RotateLeft(Xor(temp, opc_), rotation_bits);
  block[15] = static_cast<uint8_t>(block[15] ^ constant);
  return Xor(Encrypt(block), opc_);
}

Bytes16 Milenage::Encrypt(const Bytes16& block) const {
  Bytes16 result;
  int size = 0;
  const int ok = EVP_EncryptUpdate(context_.get(), result.data(), &size, block.data(),
                                   static_cast<int>(block.size()));
  assert(ok == 1 && size == 16);
  return result;
}

}  // namespace tools
