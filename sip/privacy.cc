#include "sip/privacy.h"

#include <algorithm>

#include "sip/chars.h"
#include "sip/list.h"

namespace sip {
namespace {

struct Word {
  std::string_view text;
  bool Privacy::*flag;
};

constexpr Word kWords[] = {
    {"none", &Privacy::none},        {"header", &Privacy::header}, {"session", &Privacy::session},
    {"user", &Privacy::user},        {"id", &Privacy::id},         {"history", &Privacy::history},
    {"critical", &Privacy::critical}};

bool Privacy::*FlagOf(std::string_view text) {
  for (const Word& word : kWords) {
    if (EqualsIgnoreCase(text, word.text)) return word.flag;
  }
  return &Privacy::unknown;
}

}  // namespace

// Privacy-hdr = priv-value *( SEMI priv-value )
// priv-value = "header" / "session" / "user" / "none" / "critical" / "id" / "history" / token
ParseError DecodePrivacy(std::string_view value, Privacy* privacy) {
  *privacy = {};
  bool more = true;
  while (more) {
    const size_t semicolon = std::min(value.find(';'), value.size());
    const std::string_view word = Trim(value.substr(0, semicolon));
    if (!IsToken(word)) return ParseError::kBadHeaderValue;
    privacy->*FlagOf(word) = true;
    more = semicolon < value.size();
    if (more) value.remove_prefix(semicolon + 1);
  }
  const bool asks = privacy->header || privacy->session || privacy->user || privacy->id ||
                    privacy->history || privacy->unknown;
  const bool good = privacy->none ? !asks && !privacy->critical : asks;
  return good ? ParseError::kOk : ParseError::kBadHeaderValue;
}

}  // namespace sip
