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

ParseError DecodeOdd(LentText lent, Address* address) {
  const std::string_view text = Trim(lent.view());
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

// `<uri>` and plain parameters, without an escape or anything else in the URI that needs a closer
// look: the form that nearly all have. False for anything else, and *address is anyhow then.
bool DecodePlain(PaddedView text, Address* address) {
  const char* const chars = text.data();
  if (text.empty() || chars[0] != '<') return false;
  Marks marks(text);
  marks.Step();
  size_t at = marks.Next();
  for (; at < text.size() && chars[at] != '>'; at = marks.Next()) {
    if (!Is(chars[at], kUriChar) || chars[at] == '%') return false;
    marks.Step();
  }
  if (at == text.size() || !HasPlainScheme(chars + 1, at - 1)) return false;
  address->bracketed = true;
  address->uri = {chars + 1, at - 1};
  marks.Step();
  address->params = text.substr(++at);
  while (at < text.size()) {
    PlainParam param;
    if (chars[at] != ';') return false;
    marks.Step();
    if (!ReadPlainParam(chars, text.size(), at + 1, true, &marks, &param)) return false;
    if (param.name_end - param.name == 3 && address->tag.empty() &&
        LoadFoldedWord(chars + param.name, 3) == FoldedWord("tag")) {
      address->tag = {chars + param.value, param.value_end - param.value};
    }
    at = param.end;
  }
  return true;
}

}  // namespace

ParseError DecodeAddress(LentText text, Address* address) {
  *address = {};
  if (text.padded()) {
    if (DecodePlain(PaddedView::Promise(text.view()), address)) return ParseError::kOk;
    *address = {};
  }
  return DecodeOdd(text, address);
}

}  // namespace sip
