#include "sip/replaces.h"

#include <algorithm>
#include <cstdint>

#include "sip/value.h"

namespace sip {
namespace {

constexpr ParamField<Replaces> kFields[] = {{"to-tag", &Replaces::to_tag},
                                            {"from-tag", &Replaces::from_tag},
                                            {"early-only", nullptr, &Replaces::early_only}};

// callid = word [ "@" word ]; a word may hold all but blanks and , ; = @ & $ ^ | and the like. The
// last four pass: a Call-ID is compared, never taken apart. It may hold a '"' (RFC 3261 25.1), so a
// quoted string means nothing in it.
bool IsCallId(std::string_view text) {
  size_t at_signs = 0;
  for (const char c : text) {
    if (static_cast<uint8_t>(c) <= ' ' || static_cast<uint8_t>(c) >= 0x7f) return false;
    if (c == ',' || c == ';' || c == '=') return false;
    at_signs += c == '@' ? 1 : 0;
  }
  const bool at_end = text.starts_with('@') || text.ends_with('@');
  return !text.empty() && at_signs <= 1 && !at_end;
}

}  // namespace

// Replaces = callid *( SEMI replaces-param )
// replaces-param = "to-tag" EQUAL token / "from-tag" EQUAL token / "early-only" / generic-param
ParseError DecodeReplaces(std::string_view value, Replaces* replaces) {
  *replaces = {};
  value = Trim(value);
  const size_t semicolon = std::min(value.find(';'), value.size());
  const std::string_view call_id = Trim(value.substr(0, semicolon));
  const bool good = IsCallId(call_id) && ReadParams(value.substr(semicolon), kFields, replaces);
  if (!good || replaces->to_tag.empty() || replaces->from_tag.empty()) {
    return ParseError::kBadHeaderValue;
  }
  replaces->call_id = call_id;
  return ParseError::kOk;
}

}  // namespace sip
