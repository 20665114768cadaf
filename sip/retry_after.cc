#include "sip/retry_after.h"

#include "sip/chars.h"
#include "sip/number.h"
#include "sip/value.h"

namespace sip {
namespace {

constexpr ParseError kBad = ParseError::kBadHeaderValue;

struct Texts {
  std::string_view duration;
};
constexpr ParamField<Texts> kFields[] = {{"duration", &Texts::duration}};

// comment = LPAREN *( ctext / quoted-pair / comment ) RPAREN. The index behind the one that begins
// at text[0]; npos when it does not end.
size_t SkipComment(std::string_view text) {
  size_t depth = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '(') {
      ++depth;
    } else if (text[at] == ')' && --depth == 0) {
      return at + 1;
    }
  }
  return std::string_view::npos;
}

}  // namespace

// Retry-After = delta-seconds [ comment ] *( SEMI retry-param )
// retry-param = "duration" EQUAL delta-seconds / generic-param
ParseError DecodeRetryAfter(std::string_view value, RetryAfter* retry_after) {
  *retry_after = {};
  value = Trim(value);
  const std::optional<uint32_t> seconds = DecodeNumber(CutToken(&value));
  if (!seconds.has_value()) return kBad;
  value.remove_prefix(SkipBlanks(value, 0));
  std::string_view comment;
  if (value.starts_with('(')) {
    const size_t end = SkipComment(value);
    if (end == std::string_view::npos) return kBad;
    comment = value.substr(1, end - 2);
    value.remove_prefix(SkipBlanks(value, end));
  }
  if (!value.empty() && value[0] != ';') return kBad;
  Texts texts;
  if (!ReadParams(value, kFields, &texts)) return kBad;
  if (!texts.duration.empty()) {
    retry_after->duration = DecodeNumber(texts.duration);
    if (!retry_after->duration.has_value()) return kBad;
  }
  retry_after->seconds = *seconds;
  retry_after->comment = comment;
  retry_after->params = value;
  return ParseError::kOk;
}

}  // namespace sip
