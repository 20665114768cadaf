// AKA over HTTP digest, both ends: authentication vectors and AUTS at the home network, AUTN at the
// USIM, and the digest response between them (RFC 3310, RFC 4169, RFC 2617, TS 33.102 6.3).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "tools/milenage.h"

namespace tools {

// --- Texts. ---

std::string HexEncode(std::span<const uint8_t> bytes);  // Lower case.
// False unless `text` is exactly 2 * out.size() hex digits.
bool HexDecode(std::string_view text, std::span<uint8_t> out);
std::string Base64Encode(std::span<const uint8_t> bytes);  // With padding (RFC 4648 4).
// False unless `text` is canonical, padded base64 of exactly out.size() octets.
bool Base64Decode(std::string_view text, std::span<uint8_t> out);

// --- Home network. ---

struct AuthVector {
  Bytes16 rand;
  Bytes16 autn;  // (SQN xor AK) 6 || AMF 2 || MAC-A 8 (TS 33.102 6.3.2).
  Bytes8 res;
  Bytes16 ck;
  Bytes16 ik;
};
AuthVector MakeVector(const Milenage& milenage, const Bytes16& rand, uint64_t sqn, uint16_t amf);

// base64(RAND || AUTN), without server data (RFC 3310 3.2).
std::string MakeNonce(const AuthVector& vector);

// AUTS = (SQN_MS xor AK*) 6 || MAC-S 8 (TS 33.102 6.3.3). False: MAC-S is not that of `rand`.
bool VerifyAuts(const Milenage& milenage, const Bytes16& rand, const Bytes14& auts,
                uint64_t* sqn_ms);

// --- USIM. ---

// False unless the nonce begins with base64 of RAND || AUTN; server data may follow.
bool ParseNonce(std::string_view nonce, Bytes16* rand, Bytes16* autn);

enum class AutnResult : uint8_t {
  kOk,
  kMacFailure,   // The network is not the home network: answer with an empty response.
  kSyncFailure,  // SQN is not above SQN_MS: answer with AUTS.
};
struct UsimAnswer {
  Bytes8 res{};      // kOk.
  Bytes16 ck{};      // kOk.
  Bytes16 ik{};      // kOk.
  Bytes14 auts{};    // kSyncFailure.
  uint64_t sqn = 0;  // Of AUTN; kOk and kSyncFailure.
};
// `sqn_ms`: the highest SQN accepted so far; the caller stores answer->sqn after kOk.
AutnResult CheckAutn(const Milenage& milenage, const Bytes16& rand, const Bytes16& autn,
                     uint64_t sqn_ms, UsimAnswer* answer);
// The AUTS a USIM at sqn_ms answers with.
Bytes14 MakeAuts(const Milenage& milenage, const Bytes16& rand, uint64_t sqn_ms);

// --- Digest. ---

enum class DigestHash : uint8_t { kMd5, kSha256 };

struct DigestRequest {
  DigestHash hash = DigestHash::kMd5;
  std::string_view username = {};
  std::string_view realm = {};
  std::string_view method = {};
  std::string_view uri = {};
  std::string_view nonce = {};
  std::string_view qop = {};     // "auth", or empty for RFC 2069's form without it.
  std::string_view nc = {};      // With qop only.
  std::string_view cnonce = {};  // With qop only.
  // AKAv1: the octets of RES (RFC 3310 3.3). AKAv2: Akav2Password(). Empty with auts (RFC
  // 3310 3.4).
  std::string_view password = {};
};
std::string DigestResponse(const DigestRequest& request);  // Lower-case hex.

// base64(HMAC(RES || IK || CK, "http-digest-akav2-password")) (RFC 4169 3).
std::string Akav2Password(DigestHash hash, const Bytes8& res, const Bytes16& ik, const Bytes16& ck);

// Octets as a password.
inline std::string_view AsText(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace tools
