#include "sip/feature_tag.h"

#include <algorithm>

#include "sip/value.h"

namespace sip {
namespace {

// base-tags of RFC 3840 9; "schemes" and "priority" are among them.
constexpr std::string_view kBaseTags[] = {
    "audio",       "automata", "class",    "duplex",  "data",    "control",     "mobility",
    "description", "events",   "priority", "methods", "schemes", "application", "video",
    "language",    "type",     "isfocus",  "actor",   "text",    "extensions"};

FeatureTag TagOf(const Param& param) {
  FeatureTag tag;
  tag.name = param.name;
  tag.value = param.value;
  tag.is_string = tag.value.size() >= 2 && tag.value.front() == '<' && tag.value.back() == '>';
  if (tag.is_string) tag.value = tag.value.substr(1, tag.value.size() - 2);
  return tag;
}

}  // namespace

bool IsFeatureName(std::string_view name) {
  if (name.starts_with('+')) return name.size() > 1;
  for (const std::string_view tag : kBaseTags) {
    if (EqualsIgnoreCase(name, tag)) return true;
  }
  return false;
}

// feature-param = enc-feature-tag [ EQUAL LDQUOT ( tag-value-list / string-value ) RDQUOT ]
// enc-feature-tag = base-tags / "+" ftag-name; string-value = "<" *( qdtext-no-abkt ) ">"
bool FeatureTagReader::Next(FeatureTag* tag) {
  for (Param param; reader_.Next(&param);) {
    if (!IsFeatureName(param.name)) continue;
    *tag = TagOf(param);
    return true;
  }
  return false;
}

std::optional<FeatureTag> FindFeatureTag(std::string_view params, std::string_view name) {
  const std::optional<Param> param = FindParam(params, name);
  if (!param.has_value()) return std::nullopt;
  return TagOf(*param);
}

// tag-value-list = tag-value *( "," tag-value )
bool HasFeatureValue(const FeatureTag& tag, std::string_view value) {
  if (tag.is_string) return tag.value == value;
  for (std::string_view rest = tag.value; !rest.empty();) {
    const size_t comma = std::min(rest.find(','), rest.size());
    if (EqualsIgnoreCase(Trim(rest.substr(0, comma)), value)) return true;
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return false;
}

// fc-value = "*" *( SEMI feature-cap ); feature-cap = "+" fcap-name [ EQUAL LDQUOT ... RDQUOT ]
ParseError DecodeFeatureCaps(std::string_view text, FeatureCaps* caps) {
  *caps = {};
  const ValueParts parts = SplitValue(text);
  if (parts.head != "*") return ParseError::kBadHeaderValue;
  ParamReader reader(parts.params);
  for (Param param; reader.Next(&param);) {
    const bool named = param.name.starts_with('+') && param.name.size() > 1;
    if (!named || (param.has_value && !param.quoted)) return ParseError::kBadHeaderValue;
  }
  if (!reader.ok()) return ParseError::kBadHeaderValue;
  caps->params = parts.params;
  return ParseError::kOk;
}

}  // namespace sip
