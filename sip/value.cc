#include "sip/value.h"

#include <algorithm>

#include "sip/chars.h"

namespace sip {

ValueParts SplitValue(std::string_view text) {
  text = Trim(text);
  const bool quoted = !text.empty() && text[0] == '"';
  const size_t at = quoted ? SkipQuoted(text, 0) : 0;
  const size_t semicolon = std::min(text.find(';', at), text.size());
  return {Trim(text.substr(0, semicolon)), text.substr(semicolon)};
}

std::string_view CutToken(std::string_view* text) {
  const size_t begin = SkipBlanks(*text, 0);
  size_t end = begin;
  while (end < text->size() && Is((*text)[end], kTokenChar)) ++end;
  const std::string_view token = text->substr(begin, end - begin);
  text->remove_prefix(end);
  return token;
}

std::optional<uint16_t> DecodeQ(std::string_view text) {
  if (text.empty() || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  if (text.size() > 1 && (text[1] != '.' || text.size() > 5)) return std::nullopt;
  int thousandths = (text[0] - '0') * 1000;
  int unit = 100;
  for (size_t i = 2; i < text.size(); ++i, unit /= 10) {
    if (!Is(text[i], kDigitChar)) return std::nullopt;
    thousandths += (text[i] - '0') * unit;
  }
  if (thousandths > 1000) return std::nullopt;
  return static_cast<uint16_t>(thousandths);
}

}  // namespace sip
