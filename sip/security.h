// Security-Client, Security-Server and Security-Verify (RFC 3329, TS 33.203 annex H).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "sip/error.h"
#include "sip/message.h"

namespace sip {

// alg: integrity algorithm. kAbsent and kUnknown make a mechanism unusable.
enum class Alg : uint8_t { kAbsent, kUnknown, kNull, kHmacMd5_96, kHmacSha1_96, kAesGmac };
// ealg: encryption algorithm. Absent means null (annex H).
enum class Ealg : uint8_t { kUnknown, kNull, kDesEde3Cbc, kAesCbc, kAesGcm };
enum class Protection : uint8_t { kEsp, kAh, kUnknown };                  // prot, default esp.
enum class Mode : uint8_t { kTransport, kTunnel, kUdpTunnel, kUnknown };  // mod, default trans.

// "hmac-sha-1-96", "aes-cbc", "null"...; "" for absent and unknown.
std::string_view Name(Alg alg);
std::string_view Name(Ealg ealg);

// Why a mechanism cannot be selected; the first that applies.
enum class MechanismFault : uint8_t {
  kNone,
  kNotIpsec3gpp,  // tls, digest...: skipped (RFC 3329 2.2).
  kRepeatedParameter,
  kBadAlgorithms,  // alg missing or unknown, ealg unknown, or a pair that is not legal (spec 1.1).
  kNotEsp,
  kBadSpi,    // Missing, not a number, over 2^32-1, below 256, or spi-c = spi-s.
  kBadPort,   // Missing, not 1..65535, 5060 or 5061, or port-c = port-s.
  kMediasec,  // Media plane security: never for signalling.
};
std::string_view Name(MechanismFault fault);

// One mechanism. Values of a faulty one are as far as they were read.
struct SecurityMechanism {
  std::string_view text;  // The whole list member.
  MechanismFault fault = MechanismFault::kNone;
  Alg alg = Alg::kAbsent;
  Ealg ealg = Ealg::kNull;
  Protection protection = Protection::kEsp;
  Mode mode = Mode::kTransport;
  int16_t q_thousandths = -1;  // 0..1000; -1: absent or not a qvalue.
  uint32_t spi_c = 0;
  uint32_t spi_s = 0;
  uint16_t port_c = 0;
  uint16_t port_s = 0;
};

// All mechanisms of all header lines of one name, in order.
class SecurityList {
 public:
  static constexpr int kMechanismsMax = 32;
  static constexpr int kParametersMax = 32;  // Of one mechanism.

  SecurityList() {}  // Mechanisms are made when they are read.
  std::span<const SecurityMechanism> mechanisms() const { return {mechanisms_, count_}; }
  bool empty() const { return count_ == 0; }

 private:
  friend ParseError DecodeSecurity(const Message&, HeaderId, SecurityList*);
  friend ParseError DecodeSecurity(LentText, SecurityList*);
  union {
    SecurityMechanism mechanisms_[kMechanismsMax];
  };
  size_t count_ = 0;
};

// Reads every line of the header `id`. A bad mechanism is kept with its fault and is not an error;
// kBadSecurityHeader is for broken list syntax, for lines without any mechanism, and for more than
// kMechanismsMax or kParametersMax. No line: an empty list. Empty members, as a trailing comma
// makes them, are passed over.
[[nodiscard]] ParseError DecodeSecurity(const Message& message, HeaderId id, SecurityList* list);
// The same for one value, as it was stored.
[[nodiscard]] ParseError DecodeSecurity(LentText value, SecurityList* list);

// Equality of TS 33.203 7.2 as spec sheet 1.4 has it: same mechanisms in the same order; names and
// tokens fold case; q, SPIs and ports compare as numbers; the order of parameters does not matter;
// absent is not the default value. Unknown parameters count; their quoted values keep their case
// (RFC 3261 7.3.1).
bool SameAgreement(const SecurityList& a, const SecurityList& b);

}  // namespace sip
