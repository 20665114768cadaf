#include "sip/warning.h"

#include <algorithm>
#include <optional>

#include "sip/chars.h"
#include "sip/list.h"
#include "sip/number.h"
#include "sip/uri.h"

namespace sip {
namespace {

bool IsAgent(std::string_view text) {
  HostPort host_port;
  return IsToken(text) || DecodeHostPort(text, &host_port);
}

}  // namespace

// warning-value = warn-code SP warn-agent SP warn-text
// warn-code = 3DIGIT; warn-agent = hostport / pseudonym; warn-text = quoted-string
ParseError DecodeWarning(std::string_view text, Warning* warning) {
  *warning = {};
  text = Trim(text);
  constexpr size_t kCodeSize = 3;
  const std::optional<uint32_t> code = DecodeNumber(text.substr(0, kCodeSize));
  const size_t agent_begin = SkipBlanks(text, std::min(kCodeSize, text.size()));
  const size_t quote = text.find('"');
  if (code.value_or(0) < 100 || agent_begin == kCodeSize || quote == std::string_view::npos) {
    return ParseError::kBadHeaderValue;
  }
  if (quote <= agent_begin || SkipQuoted(text, quote) != text.size()) {
    return ParseError::kBadHeaderValue;
  }
  const std::string_view before_quote = text.substr(agent_begin, quote - agent_begin);
  const std::string_view agent = Trim(before_quote);
  if (!IsAgent(agent) || agent.size() == before_quote.size()) return ParseError::kBadHeaderValue;
  warning->code = static_cast<uint16_t>(*code);
  warning->agent = agent;
  warning->text = text.substr(quote + 1, text.size() - quote - 2);
  return ParseError::kOk;
}

}  // namespace sip
