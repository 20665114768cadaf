// The depths a message is understood in, for benches and for counting instructions.
#pragma once

#include <benchmark/benchmark.h>

#include "sip/address.h"
#include "sip/digest.h"
#include "sip/list.h"
#include "sip/message.h"
#include "sip/number.h"
#include "sip/security.h"
#include "sip/via.h"

namespace sip_bench {

enum class Depth {
  kParse,     // Lines and header ids.
  kL1,        // And what every message is routed by: start line, top Via, tags, Call-ID, CSeq.
  kL2,        // And what a registration turns on: all of Security-Client, or of the challenge.
  kValidate,  // kParse and all that a proxy checks.
};

struct NamedDepth {
  const char* name;
  Depth depth;
};
inline constexpr NamedDepth kDepths[] = {{"Parse", Depth::kParse},
                                         {"L1", Depth::kL1},
                                         {"L2", Depth::kL2},
                                         {"Validate", Depth::kValidate}};

inline bool DecodeTag(const sip::Message& message, sip::HeaderId id) {
  sip::Address address;
  if (sip::DecodeAddress(message.Value(id), &address) != sip::ParseError::kOk) return false;
  benchmark::DoNotOptimize(address.tag);
  return true;
}

inline bool DecodeL1(const sip::Message& message) {
  sip::Via via;
  sip::CSeq cseq;
  const bool good =
      sip::DecodeTopVia(message, &via) == sip::ParseError::kOk &&
      DecodeTag(message, sip::HeaderId::kFrom) && DecodeTag(message, sip::HeaderId::kTo) &&
      sip::DecodeCSeq(message.Value(sip::HeaderId::kCSeq), &cseq) == sip::ParseError::kOk;
  benchmark::DoNotOptimize(via);
  benchmark::DoNotOptimize(cseq);
  benchmark::DoNotOptimize(message.Value(sip::HeaderId::kCallId));
  return good;
}

inline bool DecodeL2(const sip::Message& message) {
  if (message.Has(sip::HeaderId::kSecurityClient)) {
    sip::SecurityList list;
    const sip::ParseError error =
        sip::DecodeSecurity(message, sip::HeaderId::kSecurityClient, &list);
    benchmark::DoNotOptimize(list);
    return error == sip::ParseError::kOk;
  }
  if (message.Has(sip::HeaderId::kWwwAuthenticate)) {
    sip::Digest digest;
    const sip::ParseError error =
        sip::DecodeDigest(message.Value(sip::HeaderId::kWwwAuthenticate), &digest);
    benchmark::DoNotOptimize(digest);
    return error == sip::ParseError::kOk;
  }
  return true;
}

// False when the message is refused.
inline bool Understand(sip::PaddedView bytes, Depth depth, sip::Message* message) {
  bool good = sip::Parse(bytes, message) == sip::ParseError::kOk;
  if (depth == Depth::kL1 || depth == Depth::kL2) good = good && DecodeL1(*message);
  if (depth == Depth::kL2) good = good && DecodeL2(*message);
  if (depth == Depth::kValidate) good = good && sip::Validate(*message) == sip::ParseError::kOk;
  benchmark::DoNotOptimize(*message);
  benchmark::ClobberMemory();
  return good;
}

}  // namespace sip_bench
