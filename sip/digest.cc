#include "sip/digest.h"

#include "sip/chars.h"

namespace sip {

constexpr ParseError kBad = ParseError::kBadDigest;

class DigestReader {
 public:
  explicit DigestReader(Digest* digest) : digest_(*digest) {
    digest_.scheme = digest_.params = {};
    digest_.present_ = 0;
  }

  ParseError Read(LentText params) {
    ParamReader reader(params, ',');
    int count = 0;
    for (Param param; reader.Next(&param);) {
      if (++count > kDigestParamsMax || !Store(param)) return kBad;
    }
    return reader.ok() && count > 0 ? ParseError::kOk : kBad;
  }

 private:
  // Where a parameter of that name is kept, or kFieldCount.
  static Digest::Field FieldOf(std::string_view name);

  // False when the parameter stands there already.
  bool Store(const Param& param) {
    const Digest::Field field = FieldOf(param.name);
    if (field == Digest::kFieldCount) {
      const size_t before = static_cast<size_t>(param.text.data() - digest_.params.data());
      return !FindParam(digest_.params.substr(0, before), param.name, ',').has_value();
    }
    const uint32_t bit = uint32_t{1} << field;
    if ((digest_.present_ & bit) != 0) return false;
    digest_.present_ |= bit;
    digest_.fields_[field] = param;
    return true;
  }

  Digest& digest_;
};

Digest::Field DigestReader::FieldOf(std::string_view name) {
  const auto is = [name](std::string_view whole) { return EqualsIgnoreCase(name, whole); };
  switch (name.size()) {
    case 2:
      if (is("ik")) return Digest::kIk;
      if (is("ck")) return Digest::kCk;
      return is("nc") ? Digest::kNc : Digest::kFieldCount;
    case 3:
      if (is("uri")) return Digest::kUri;
      return is("qop") ? Digest::kQop : Digest::kFieldCount;
    case 4:
      return is("auts") ? Digest::kAuts : Digest::kFieldCount;
    case 5:
      if (is("realm")) return Digest::kRealm;
      if (is("nonce")) return Digest::kNonce;
      return is("stale") ? Digest::kStale : Digest::kFieldCount;
    case 6:
      if (is("cnonce")) return Digest::kCnonce;
      return is("opaque") ? Digest::kOpaque : Digest::kFieldCount;
    case 8:
      if (is("username")) return Digest::kUsername;
      return is("response") ? Digest::kResponse : Digest::kFieldCount;
    case 9:
      return is("algorithm") ? Digest::kAlgorithm : Digest::kFieldCount;
    case 19:
      return is("integrity-protected") ? Digest::kIntegrityProtected : Digest::kFieldCount;
    default:
      return Digest::kFieldCount;
  }
}

// challenge = "Digest" LWS digest-cln *( COMMA digest-cln ), credentials alike (RFC 3261 25.1).
ParseError DecodeDigest(LentText lent, Digest* digest) {
  DigestReader reader(digest);
  const std::string_view value = Trim(lent.view());
  size_t end = 0;
  while (end < value.size() && Is(value[end], kTokenChar)) ++end;
  digest->scheme = value.substr(0, end);
  digest->params = value.substr(SkipBlanks(value, end));
  if (end == 0 || (end < value.size() && !Is(value[end], kBlankChar))) return kBad;
  if (!EqualsIgnoreCase(digest->scheme, "Digest")) return ParseError::kOk;

  const LentText params =
      lent.padded() ? LentText(PaddedView::Promise(digest->params)) : LentText(digest->params);
  return reader.Read(params);
}

}  // namespace sip
