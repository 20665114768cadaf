#include "sip/reason.h"

#include "sip/chars.h"
#include "sip/number.h"
#include "sip/value.h"

namespace sip {
namespace {

struct Texts {
  std::string_view cause;
  std::string_view text;
  bool has_text = false;
};
constexpr ParamField<Texts> kFields[] = {{"cause", &Texts::cause},
                                         {"text", &Texts::text, &Texts::has_text}};

}  // namespace

// reason-value = protocol *( SEMI reason-params )
// reason-params = "cause" EQUAL 1*DIGIT / "text" EQUAL quoted-string / generic-param
ParseError DecodeReason(std::string_view text, Reason* reason) {
  *reason = {};
  const ValueParts parts = SplitValue(text);
  Texts texts;
  if (!IsToken(parts.head) || !ReadParams(parts.params, kFields, &texts)) {
    return ParseError::kBadHeaderValue;
  }
  if (!texts.cause.empty()) {
    reason->cause = DecodeNumber(texts.cause);
    if (!reason->cause.has_value()) return ParseError::kBadHeaderValue;
  }
  reason->protocol = parts.head;
  reason->text = texts.text;
  reason->params = parts.params;
  return ParseError::kOk;
}

}  // namespace sip
