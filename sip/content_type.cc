#include "sip/content_type.h"

#include "sip/chars.h"
#include "sip/value.h"

namespace sip {
namespace {

constexpr ParseError kBad = ParseError::kBadHeaderValue;

constexpr ParamField<ContentType> kFields[] = {{"boundary", &ContentType::boundary},
                                               {"charset", &ContentType::charset}};

}  // namespace

bool ContentType::Is(std::string_view wanted_type, std::string_view wanted_subtype) const {
  return EqualsIgnoreCase(type, wanted_type) && EqualsIgnoreCase(subtype, wanted_subtype);
}

// media-type = m-type SLASH m-subtype *( SEMI m-parameter ); m-parameter = token EQUAL m-value
// m-value = token / quoted-string
ParseError DecodeContentType(std::string_view value, ContentType* content_type) {
  *content_type = {};
  const ValueParts parts = SplitValue(value);
  const size_t slash = parts.head.find('/');
  if (slash == std::string_view::npos) return kBad;
  const std::string_view type = Trim(parts.head.substr(0, slash));
  const std::string_view subtype = Trim(parts.head.substr(slash + 1));
  if (!IsToken(type) || !IsToken(subtype)) return kBad;
  ParamReader reader(parts.params);
  for (Param param; reader.Next(&param);) {
    if (!param.has_value) return kBad;
  }
  if (!ReadParams(parts.params, kFields, content_type)) return kBad;
  content_type->type = type;
  content_type->subtype = subtype;
  content_type->params = parts.params;
  const bool multipart = EqualsIgnoreCase(type, "multipart");
  return multipart && content_type->boundary.empty() ? kBad : ParseError::kOk;
}

}  // namespace sip
