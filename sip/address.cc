#include "sip/address.h"

#include <cstring>

#include "sip/chars.h"
#include "sip/marks.h"
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

// A scheme that needs no closer look, and something behind it.
bool HasPlainScheme(const char* uri, size_t size) {
  if (size < 6) return false;
  uint32_t scheme;
  std::memcpy(&scheme, uri, sizeof(scheme));
  for (const char* const plain : {"sip:", "tel:", "urn:"}) {
    if (std::memcmp(&scheme, plain, sizeof(scheme)) == 0) return true;
  }
  return std::memcmp(&scheme, "sips", sizeof(scheme)) == 0 && uri[4] == ':';
}

// `<uri>` at the front of text, without an escape or anything else to be checked in it: the form
// that nearly all have. Where the '>' is, or 0.
size_t FindPlainUri(LentText text) {
  const char* const chars = text.data();
  if (text.size() == 0 || chars[0] != '<') return 0;
  Marks marks(text);
  marks.Step();
  for (size_t at = marks.Next(); at < text.size(); at = marks.Next()) {
    if (chars[at] == '>') return HasPlainScheme(chars + 1, at - 1) ? at : 0;
    if (!Is(chars[at], kUriChar) || chars[at] == '%') return 0;
    marks.Step();
  }
  return 0;
}

ParseError DecodeParams(LentText params, Address* address) {
  address->params = params.view();
  if (params.size() == 0) return ParseError::kOk;
  if (params.data()[0] != ';') return ParseError::kBadAddress;
  ParamReader reader(params);
  for (Param param; reader.Next(&param);) {
    if (EqualsIgnoreCase(param.name, "tag") && address->tag.empty()) address->tag = param.value;
  }
  return reader.ok() ? ParseError::kOk : ParseError::kBadAddress;
}

ParseError DecodeOdd(std::string_view text, Address* address) {
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
  if (!IsUriText(address->uri)) return ParseError::kBadAddress;
  return DecodeParams(text.substr(SkipBlanks(text, uri_end)), address);
}

}  // namespace

ParseError DecodeAddress(LentText text, Address* address) {
  *address = {};
  const size_t close = FindPlainUri(text);
  const bool plain = close != 0 && (close + 1 == text.size() || text.data()[close + 1] == ';');
  if (!plain) return DecodeOdd(text.view(), address);
  address->bracketed = true;
  address->uri = {text.data() + 1, close - 1};
  return DecodeParams(text.Part(close + 1, text.size()), address);
}

}  // namespace sip
