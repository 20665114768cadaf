#include "sip/digest.h"

#include "sip/chars.h"

namespace sip {
namespace {

constexpr ParseError kBad = ParseError::kBadDigest;

struct Field {
  std::string_view name;
  Param Digest::*param;
};

constexpr Field kFields[] = {
    {"username", &Digest::username},
    {"realm", &Digest::realm},
    {"nonce", &Digest::nonce},
    {"uri", &Digest::uri},
    {"response", &Digest::response},
    {"algorithm", &Digest::algorithm},
    {"auts", &Digest::auts},
    {"cnonce", &Digest::cnonce},
    {"qop", &Digest::qop},
    {"nc", &Digest::nc},
    {"opaque", &Digest::opaque},
    {"stale", &Digest::stale},
    {"ik", &Digest::ik},
    {"ck", &Digest::ck},
    {"integrity-protected", &Digest::integrity_protected},
};

Param* FieldOf(std::string_view name, Digest* digest) {
  for (const Field& field : kFields) {
    if (EqualsIgnoreCase(name, field.name)) return &(digest->*field.param);
  }
  return nullptr;
}

}  // namespace

// challenge = "Digest" LWS digest-cln *( COMMA digest-cln ), credentials alike (RFC 3261 25.1).
ParseError DecodeDigest(std::string_view value, Digest* digest) {
  *digest = {};
  value = Trim(value);
  size_t end = 0;
  while (end < value.size() && Is(value[end], kTokenChar)) ++end;
  digest->scheme = value.substr(0, end);
  digest->params = value.substr(SkipBlanks(value, end));
  if (end == 0 || (end < value.size() && !Is(value[end], kBlankChar))) return kBad;
  if (!EqualsIgnoreCase(digest->scheme, "Digest")) return ParseError::kOk;

  ParamReader reader(digest->params, ',');
  int count = 0;
  for (Param param; reader.Next(&param);) {
    if (++count > kDigestParamsMax) return kBad;
    Param* const field = FieldOf(param.name, digest);
    if (field == nullptr) {
      const size_t before = static_cast<size_t>(param.text.data() - digest->params.data());
      if (FindParam(digest->params.substr(0, before), param.name, ',').has_value()) return kBad;
      continue;
    }
    if (!field->text.empty()) return kBad;
    *field = param;
  }
  return reader.ok() && count > 0 ? ParseError::kOk : kBad;
}

}  // namespace sip
