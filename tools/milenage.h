// MILENAGE (3GPP TS 35.205, TS 35.206): the authentication and key functions f1, f1*, f2, f3, f4,
// f5 and f5* of a USIM and of its home network, on AES-128.
//
// For the test network only: keys are plain arrays here and are not wiped.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

struct evp_cipher_ctx_st;

namespace tools {

using Bytes6 = std::array<uint8_t, 6>;    // SQN, AK.
using Bytes8 = std::array<uint8_t, 8>;    // RES, MAC-A, MAC-S.
using Bytes14 = std::array<uint8_t, 14>;  // AUTS.
using Bytes16 = std::array<uint8_t, 16>;  // K, OP, OPc, RAND, AUTN, CK, IK.

// The sequence number SQN as a number; 48 bits are used.
inline constexpr uint64_t kSqnMax = (uint64_t{1} << 48) - 1;

// One subscriber's algorithm set: K and OPc are fixed. Not thread-safe.
class Milenage {
 public:
  Milenage(const Bytes16& k, const Bytes16& opc);
  ~Milenage();
  Milenage(Milenage&&) noexcept;

  // OPc = OP xor E[OP]K (TS 35.206 4.1).
  static Bytes16 DeriveOpc(const Bytes16& k, const Bytes16& op);

  struct Macs {
    Bytes8 mac_a;  // f1: network authentication.
    Bytes8 mac_s;  // f1*: resynchronisation.
  };
  // `amf` in host byte order.
  Macs F1(const Bytes16& rand, uint64_t sqn, uint16_t amf) const;

  struct Keys {
    Bytes8 res;      // f2
    Bytes16 ck;      // f3
    Bytes16 ik;      // f4
    Bytes6 ak;       // f5
    Bytes6 ak_star;  // f5*
  };
  Keys F2345(const Bytes16& rand) const;

 private:
  struct ContextDeleter {
    void operator()(evp_cipher_ctx_st* context) const;
  };
  Bytes16 Encrypt(const Bytes16& block) const;
  // OUTn = E[rot(TEMP xor OPc, rotation) xor constant]K xor OPc (TS 35.206 4.1).
  Bytes16 Out(const Bytes16& temp, int rotation_bits, uint8_t constant) const;

  Bytes16 opc_;
  std::unique_ptr<evp_cipher_ctx_st, ContextDeleter> context_;
};

}  // namespace tools
