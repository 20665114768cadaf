// Feature tags of Contact, Accept-Contact and Feature-Caps (RFC 3840 9, RFC 6809 6.3): what a phone
// or a proxy says it can do.
#pragma once

#include <optional>
#include <string_view>

#include "sip/error.h"
#include "sip/list.h"

namespace sip {

struct FeatureTag {
  std::string_view name;   // "audio", "+g.3gpp.smsip": with its '+'.
  std::string_view value;  // Between the quotes; a string without its <>. Empty: the flag TRUE.
  bool is_string = false;  // `"<...>"`: one string that keeps its case, no list.
};

// True for names that begin with '+' and for the tags of RFC 3840 9 that need none ("audio").
bool IsFeatureName(std::string_view name);

// Walks the feature tags among header parameters, other parameters are passed over.
class FeatureTagReader {
 public:
  explicit FeatureTagReader(std::string_view params) : reader_(params) {}
  // False at the end, or at a syntax error (then ok() is false).
  bool Next(FeatureTag* tag);
  bool ok() const { return reader_.ok(); }

 private:
  ParamReader reader_;
};

// The first tag of that name, or nothing. Names fold case. For one tag; who wants several walks.
std::optional<FeatureTag> FindFeatureTag(std::string_view params, std::string_view name);

// True when `value` is the string, or stands in the comma list ("urn%3Aurn-7%3A...mmtel" in
// +g.3gpp.icsi-ref). Lists fold case; "!value" is another member than "value".
bool HasFeatureValue(const FeatureTag& tag, std::string_view value);

// One member of Feature-Caps: "*" and its tags.
struct FeatureCaps {
  std::string_view params;
};

// kBadHeaderValue for anything but "*" and parameters whose names begin with '+' and whose values
// are quoted.
[[nodiscard]] ParseError DecodeFeatureCaps(std::string_view text, FeatureCaps* caps);

}  // namespace sip
