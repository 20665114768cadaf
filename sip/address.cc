#include "sip/address.h"

#include "sip/chars.h"
#include "sip/uri.h"

namespace sip {
namespace {

// Where '<' stands when only a display name precedes it (quoted, or tokens between blanks), or
// npos: then the text is an addr-spec, or nothing at all.
size_t FindBracket(std::string_view text) {
  size_t at = 0;
  if (text[0] == '"') {
    at = SkipQuoted(text, 0);
    if (at == std::string_view::npos) return at;
    at = SkipBlanks(text, at);
  } else {
    while (at < text.size() && Is(text[at], kTokenChar | kBlankChar)) ++at;
  }
  return at < text.size() && text[at] == '<' ? at : std::string_view::npos;
}

}  // namespace

ParseError DecodeAddress(std::string_view text, Address* address) {
  *address = {};
  text = Trim(text);
  if (text.empty()) return ParseError::kBadAddress;
  if (text == "*") {
    address->uri = text;
    return ParseError::kOk;
  }
  size_t uri_end;
  const size_t open = FindBracket(text);
  if (open != std::string_view::npos) {
    const size_t close = text.find('>', open);
    if (close == std::string_view::npos) return ParseError::kBadAddress;
    address->bracketed = true;
    address->display = Trim(text.substr(0, open));
    address->uri = text.substr(open + 1, close - open - 1);
    uri_end = close + 1;
  } else {
    uri_end = 0;
    while (uri_end < text.size() && text[uri_end] != ';' && !Is(text[uri_end], kBlankChar)) {
      if (text[uri_end] == ',' || text[uri_end] == '?') return ParseError::kBadAddress;
      ++uri_end;
    }
    address->uri = text.substr(0, uri_end);
  }
  address->params = text.substr(SkipBlanks(text, uri_end));
  if (!address->params.empty() && address->params[0] != ';') return ParseError::kBadAddress;
  const bool good = IsUriText(address->uri) && IsParamList(address->params);
  return good ? ParseError::kOk : ParseError::kBadAddress;
}

}  // namespace sip
