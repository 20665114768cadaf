// Digest challenge and credentials as IMS AKA uses them (RFC 3310, RFC 7616, TS 24.229 7.2A.1).
#pragma once

#include <string_view>

#include "sip/error.h"
#include "sip/list.h"

namespace sip {

// Parameters of Authorization or WWW-Authenticate. Each Param is empty (no text) when absent.
// A parameter given twice is kBadDigest: nobody should have to guess which one the peer read. So is
// a second challenge in the same line, whose keys would otherwise pass unseen.
struct Digest {
  std::string_view scheme;  // "Digest".
  std::string_view params;  // All after the scheme.
  Param username;
  Param realm;
  Param nonce;
  Param uri;
  Param response;
  Param algorithm;
  Param auts;
  Param cnonce;
  Param qop;
  Param nc;
  Param opaque;
  Param stale;
  Param ik;
  Param ck;
  Param integrity_protected;
};

inline constexpr int kDigestParamsMax = 32;

// REQUIRES nothing of the scheme: for one that is not Digest, only scheme and params are set.
// kBadDigest for broken syntax, no parameter at all, or more than kDigestParamsMax.
[[nodiscard]] ParseError DecodeDigest(std::string_view value, Digest* digest);

}  // namespace sip
