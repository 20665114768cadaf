// Digest challenge and credentials as IMS AKA uses them (RFC 3310, RFC 7616, TS 24.229 7.2A.1).
#pragma once

#include <string_view>

#include "sip/error.h"
#include "sip/list.h"

namespace sip {

// Parameters of Authorization or WWW-Authenticate. One that is absent is empty (no text). A
// parameter given twice is kBadDigest: nobody should have to guess which one the peer read. So is a
// second challenge in the same line, whose keys would otherwise pass unseen.
class Digest {
 public:
  std::string_view scheme;  // "Digest".
  std::string_view params;  // All after the scheme.

  Digest() {}
  const Param& username() const { return Get(kUsername); }
  const Param& realm() const { return Get(kRealm); }
  const Param& nonce() const { return Get(kNonce); }
  const Param& uri() const { return Get(kUri); }
  const Param& response() const { return Get(kResponse); }
  const Param& algorithm() const { return Get(kAlgorithm); }
  const Param& auts() const { return Get(kAuts); }
  const Param& cnonce() const { return Get(kCnonce); }
  const Param& qop() const { return Get(kQop); }
  const Param& nc() const { return Get(kNc); }
  const Param& opaque() const { return Get(kOpaque); }
  const Param& stale() const { return Get(kStale); }
  const Param& ik() const { return Get(kIk); }
  const Param& ck() const { return Get(kCk); }
  const Param& integrity_protected() const { return Get(kIntegrityProtected); }

 private:
  friend class DigestReader;
  enum Field : uint8_t {
    kUsername,
    kRealm,
    kNonce,
    kUri,
    kResponse,
    kAlgorithm,
    kAuts,
    kCnonce,
    kQop,
    kNc,
    kOpaque,
    kStale,
    kIk,
    kCk,
    kIntegrityProtected,
    kFieldCount,
  };
  const Param& Get(Field field) const {
    static constexpr Param kAbsent;
    return (present_ >> field & 1U) != 0 ? fields_[field] : kAbsent;
  }

  uint32_t present_ = 0;  // Bit i: fields_[i] is made.
  union {
    Param fields_[kFieldCount];
  };
};

inline constexpr int kDigestParamsMax = 32;

// REQUIRES nothing of the scheme: for one that is not Digest, only scheme and params are set.
// kBadDigest for broken syntax, no parameter at all, or more than kDigestParamsMax.
[[nodiscard]] ParseError DecodeDigest(LentText value, Digest* digest);

}  // namespace sip
