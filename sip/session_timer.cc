#include "sip/session_timer.h"

#include "sip/number.h"
#include "sip/value.h"

namespace sip {
namespace {

constexpr ParseError kBad = ParseError::kBadHeaderValue;

struct Texts {
  std::string_view refresher;
};
constexpr ParamField<Texts> kFields[] = {{"refresher", &Texts::refresher}};

}  // namespace

std::string_view Name(Refresher refresher) {
  switch (refresher) {
    case Refresher::kNone:
      return "";
    case Refresher::kUac:
      return "uac";
    case Refresher::kUas:
      return "uas";
  }
  return "";
}

// Session-Expires = delta-seconds *( SEMI se-params )
// se-params = "refresher" EQUAL ( "uas" / "uac" ) / generic-param
ParseError DecodeSessionExpires(std::string_view value, SessionExpires* expires) {
  *expires = {};
  const ValueParts parts = SplitValue(value);
  const std::optional<uint32_t> seconds = DecodeNumber(parts.head);
  Texts texts;
  if (!seconds.has_value() || !ReadParams(parts.params, kFields, &texts)) return kBad;
  if (EqualsIgnoreCase(texts.refresher, "uac")) {
    expires->refresher = Refresher::kUac;
  } else if (EqualsIgnoreCase(texts.refresher, "uas")) {
    expires->refresher = Refresher::kUas;
  } else if (!texts.refresher.empty()) {
    return kBad;
  }
  expires->seconds = *seconds;
  expires->params = parts.params;
  return ParseError::kOk;
}

ParseError DecodeMinSe(std::string_view value, uint32_t* seconds) {
  const ValueParts parts = SplitValue(value);
  const std::optional<uint32_t> number = DecodeNumber(parts.head);
  if (!number.has_value() || !IsParamList(parts.params)) return kBad;
  *seconds = *number;
  return ParseError::kOk;
}

}  // namespace sip
