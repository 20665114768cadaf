// The words of Security-* headers and their rules, for the two readers of security.cc and
// security_plain.cc.
#pragma once

#include <string_view>

#include "sip/list.h"
#include "sip/security.h"

namespace sip {

template <typename Enum>
struct Word {
  std::string_view text;
  Enum value;
};

inline constexpr Word<Alg> kAlgs[] = {{"null", Alg::kNull},
                                      {"hmac-md5-96", Alg::kHmacMd5_96},
                                      {"hmac-sha-1-96", Alg::kHmacSha1_96},
                                      {"aes-gmac", Alg::kAesGmac}};
inline constexpr Word<Ealg> kEalgs[] = {{"null", Ealg::kNull},
                                        {"des-ede3-cbc", Ealg::kDesEde3Cbc},
                                        {"aes-cbc", Ealg::kAesCbc},
                                        {"aes-gcm", Ealg::kAesGcm}};
inline constexpr Word<Protection> kProtections[] = {{"esp", Protection::kEsp},
                                                    {"ah", Protection::kAh}};
inline constexpr Word<Mode> kModes[] = {
    {"trans", Mode::kTransport}, {"tun", Mode::kTunnel}, {"UDP-enc-tun", Mode::kUdpTunnel}};

// The whole word or nothing: "hmac" is not hmac-md5-96 (pitfalls, line 3).
template <typename Enum, size_t kSize>
Enum LookUp(const Word<Enum> (&words)[kSize], std::string_view text) {
  for (const Word<Enum>& word : words) {
    if (EqualsIgnoreCase(word.text, text)) return word.value;
  }
  return Enum::kUnknown;
}

template <typename Enum, size_t kSize>
std::string_view NameOf(const Word<Enum> (&words)[kSize], Enum value) {
  for (const Word<Enum>& word : words) {
    if (word.value == value) return word.text;
  }
  return "";
}

// What is wrong with a mechanism of which all is read but its fault. `repeated`: a parameter stands
// twice. `mediasec`: it has a parameter of that name.
MechanismFault FaultOf(const SecurityMechanism& mechanism, std::string_view name, bool repeated,
                       bool mediasec);

}  // namespace sip
