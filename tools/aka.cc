#include "tools/aka.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <initializer_list>

namespace tools {
namespace {

constexpr size_t kNonceSize = 32;  // RAND || AUTN.
// TS 33.102 6.3.3: the dummy AMF in the MAC-S of AUTS.
constexpr uint16_t kAmfOfAuts = 0;

// A value of its own: digest algorithms are fetched once, not at each use.
const EVP_MD* MessageDigest(DigestHash hash) {
  static const EVP_MD* const md5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA2-256", nullptr);
  return hash == DigestHash::kMd5 ? md5 : sha256;
}

// Hex of the hash over the parts in a row.
std::string HashHex(DigestHash hash, std::initializer_list<std::string_view> parts) {
  thread_local EVP_MD_CTX* const context = EVP_MD_CTX_new();
  EVP_DigestInit_ex2(context, MessageDigest(hash), nullptr);
  for (const std::string_view part : parts) EVP_DigestUpdate(context, part.data(), part.size());
  std::array<uint8_t, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  const int ok = EVP_DigestFinal_ex(context, digest.data(), &size);
  assert(ok == 1);
  return HexEncode({digest.data(), size});
}

void PutSqn(uint64_t sqn, const Bytes6& mask, uint8_t* out) {
  for (size_t i = 0; i < 6; ++i) out[i] = static_cast<uint8_t>((sqn >> (40 - 8 * i)) ^ mask[i]);
}

uint64_t GetSqn(const uint8_t* in, const Bytes6& mask) {
  uint64_t sqn = 0;
  for (size_t i = 0; i < 6; ++i) sqn = sqn << 8 | static_cast<uint8_t>(in[i] ^ mask[i]);
  return sqn;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

AuthVector MakeVector(const Milenage& milenage, const Bytes16& rand, uint64_t sqn, uint16_t amf) {
  const Milenage::Keys keys = milenage.F2345(rand);
  const Milenage::Macs macs = milenage.F1(rand, sqn, amf);
  AuthVector vector{rand, {}, keys.res, keys.ck, keys.ik};
  PutSqn(sqn, keys.ak, vector.autn.data());
  vector.autn[6] = static_cast<uint8_t>(amf >> 8);
  vector.autn[7] = static_cast<uint8_t>(amf);
  std::copy(macs.mac_a.begin(), macs.mac_a.end(), vector.autn.begin() + 8);
  return vector;
}

std::string MakeNonce(const AuthVector& vector) {
  std::array<uint8_t, kNonceSize> octets;
  std::copy(vector.rand.begin(), vector.rand.end(), octets.begin());
  std::copy(vector.autn.begin(), vector.autn.end(), octets.begin() + 16);
  return Base64Encode(octets);
}

bool VerifyAuts(const Milenage& milenage, const Bytes16& rand, const Bytes14& auts,
                uint64_t* sqn_ms) {
  const uint64_t sqn = GetSqn(auts.data(), milenage.F2345(rand).ak_star);
  const Bytes8 mac_s = milenage.F1(rand, sqn, kAmfOfAuts).mac_s;
  if (!std::equal(mac_s.begin(), mac_s.end(), auts.begin() + 6)) return false;
  *sqn_ms = sqn;
  return true;
}

bool ParseNonce(std::string_view nonce, Bytes16* rand, Bytes16* autn) {
  // 32 octets fill 43 characters; the 44th is '=' unless server data follows. Decoding the first 40
  // gives 30 octets, so the last two are read from a quantum of their own.
  constexpr size_t kHeadText = 40;
  constexpr size_t kHeadSize = 30;
  std::array<uint8_t, kNonceSize> octets;
  const std::span<uint8_t> all(octets);
  if (nonce.size() < kHeadText + 4 || nonce.size() % 4 != 0) return false;
  if (!Base64Decode(nonce.substr(0, kHeadText), all.first(kHeadSize))) return false;
  std::array<uint8_t, 3> tail;
  const std::string_view quantum = nonce.substr(kHeadText, 4);
  if (!Base64Decode(quantum, all.last(2))) {
    if (!Base64Decode(quantum, tail)) return false;
    std::copy_n(tail.begin(), 2, octets.begin() + kHeadSize);
  }
  std::copy_n(octets.begin(), 16, rand->begin());
  std::copy_n(octets.begin() + 16, 16, autn->begin());
  return true;
}

AutnResult CheckAutn(const Milenage& milenage, const Bytes16& rand, const Bytes16& autn,
                     uint64_t sqn_ms, UsimAnswer* answer) {
  const Milenage::Keys keys = milenage.F2345(rand);
  const uint64_t sqn = GetSqn(autn.data(), keys.ak);
  const uint16_t amf = static_cast<uint16_t>(autn[6] << 8 | autn[7]);
  const Bytes8 mac_a = milenage.F1(rand, sqn, amf).mac_a;
  if (!std::equal(mac_a.begin(), mac_a.end(), autn.begin() + 8)) return AutnResult::kMacFailure;
  answer->sqn = sqn;
  if (sqn <= sqn_ms) {
    answer->auts = MakeAuts(milenage, rand, sqn_ms);
    return AutnResult::kSyncFailure;
  }
  answer->res = keys.res;
  answer->ck = keys.ck;
  answer->ik = keys.ik;
  return AutnResult::kOk;
}

Bytes14 MakeAuts(const Milenage& milenage, const Bytes16& rand, uint64_t sqn_ms) {
  Bytes14 auts;
  PutSqn(sqn_ms, milenage.F2345(rand).ak_star, auts.data());
  const Bytes8 mac_s = milenage.F1(rand, sqn_ms, kAmfOfAuts).mac_s;
  std::copy(mac_s.begin(), mac_s.end(), auts.begin() + 6);
  return auts;
}

std::string DigestResponse(const DigestRequest& request) {
  const std::string ha1 =
      HashHex(request.hash, {request.username, ":", request.realm, ":", request.password});
  const std::string ha2 = HashHex(request.hash, {request.method, ":", request.uri});
  if (request.qop.empty()) return HashHex(request.hash, {ha1, ":", request.nonce, ":", ha2});
  return HashHex(request.hash, {ha1, ":", request.nonce, ":", request.nc, ":", request.cnonce, ":",
                                request.qop, ":", ha2});
}

std::string Akav2Password(DigestHash hash, const Bytes8& res, const Bytes16& ik,
                          const Bytes16& ck) {
  std::array<uint8_t, 40> key;
  std::copy(res.begin(), res.end(), key.begin());
  std::copy(ik.begin(), ik.end(), key.begin() + 8);
  std::copy(ck.begin(), ck.end(), key.begin() + 24);
  constexpr std::string_view kText = "http-digest-akav2-password";
  std::array<uint8_t, EVP_MAX_MD_SIZE> mac;
  unsigned size = 0;
  HMAC(MessageDigest(hash), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const uint8_t*>(kText.data()), kText.size(), mac.data(), &size);
  return Base64Encode({mac.data(), size});
}

std::string HexEncode(std::span<const uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const uint8_t byte : bytes) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

bool HexDecode(std::string_view text, std::span<uint8_t> out) {
  if (text.size() != out.size() * 2) return false;
  for (size_t i = 0; i < out.size(); ++i) {
    const int high = HexDigit(text[2 * i]);
    const int low = HexDigit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return true;
}

std::string Base64Encode(std::span<const uint8_t> bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // EVP writes a final NUL.
  const int size = EVP_EncodeBlock(reinterpret_cast<uint8_t*>(text.data()), bytes.data(),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

bool Base64Decode(std::string_view text, std::span<uint8_t> out) {
  if (text.size() != (out.size() + 2) / 3 * 4) return false;
  std::string decoded(text.size(), '\0');
  const int size =
      EVP_DecodeBlock(reinterpret_cast<uint8_t*>(decoded.data()),
                      reinterpret_cast<const uint8_t*>(text.data()), static_cast<int>(text.size()));
  if (size < 0 || static_cast<size_t>(size) < out.size()) return false;
  std::copy_n(decoded.begin(), out.size(), out.begin());
  // EVP_DecodeBlock forgives white space and wrong padding; going back does not.
  return Base64Encode(out) == text;
}

}  // namespace tools
