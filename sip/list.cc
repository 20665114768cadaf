#include "sip/list.h"

#include <algorithm>

#include "sip/chars.h"

namespace sip {
namespace {

// The first comma from `at` on that stands in no quoted string and no <...>, or text.size(). What
// does not close goes on to the end.
size_t FindComma(std::string_view text, size_t at) {
  while (at < text.size()) {
    const char c = text[at];
    if (c == ',') return at;
    if (c == '"') {
      at = SkipQuoted(text, at);
    } else if (c == '<') {
      const size_t close = text.find('>', at);
      at = close == std::string_view::npos ? close : close + 1;
    } else {
      ++at;
    }
  }
  return text.size();  // Also after npos.
}

size_t FindComma(PaddedView text, size_t at) {
  Marks marks(text);
  marks.GoTo(at);
  for (at = marks.Next(); at < text.size(); at = marks.Next()) {
    marks.Step();
    if (text[at] == ',') return at;
    if (text[at] != '"' && text[at] != '<') continue;
    const size_t close = text[at] == '"' ? SkipQuoted(text, at) : text.find('>', at);
    if (close == std::string_view::npos) break;
    marks.GoTo(close);
  }
  return text.size();
}

}  // namespace

bool EqualsFolded(std::string_view a, std::string_view b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (ToLower(a[i]) != ToLower(b[i])) return false;
  }
  return true;
}

std::string_view Trim(std::string_view text) {
  size_t end = text.size();
  while (end > 0 && Is(text[end - 1], kBlankChar)) --end;
  const size_t begin = SkipBlanks(text.substr(0, end), 0);
  return text.substr(begin, end - begin);
}

size_t SkipQuoted(std::string_view text, size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '"') return at + 1;
    if (text[at] == '\\') ++at;
  }
  return std::string_view::npos;
}

bool ParamReader::Fail() {
  ok_ = false;
  return false;
}

// A ';' may stand in an unquoted value of a comma list: `uri=sip:a;b`.
bool ParamReader::EndsValue(char c) const {
  return Is(c, kStructureChar) && c != '=' && (c != ';' || separator_ == ';');
}

// Steps over blanks and separators to the next parameter's name. False at the end or when the
// separator is missing or doubled.
bool ParamReader::ReadSeparators() {
  const bool first = at_ == 0;
  bool separated = false;
  size_t at = SkipBlanks(text_, at_);
  while (at < text_.size() && text_[at] == separator_) {
    if (separated && separator_ != ',') return Fail();
    separated = true;
    at = SkipBlanks(text_, at + 1);
  }
  at_ = at;
  if (at == text_.size()) return separated && separator_ != ',' ? Fail() : false;
  return separated || first ? true : Fail();
}

bool ParamReader::ReadValue(Param* param) {
  param->value = {};
  param->has_value = param->quoted = false;
  const size_t equals = SkipBlanks(text_, at_);
  if (equals == text_.size() || text_[equals] != '=') return true;
  param->has_value = true;
  size_t begin = SkipBlanks(text_, equals + 1);
  size_t end = begin;
  if (begin < text_.size() && text_[begin] == '"') {
    param->quoted = true;
    at_ = SkipQuoted(text_, begin);
    if (at_ == std::string_view::npos) return Fail();
    ++begin;
    end = at_ - 1;
  } else if (begin < text_.size() && text_[begin] == '<') {
    end = text_.find('>', begin);
    if (end == std::string_view::npos) return Fail();
    at_ = ++end;
  } else {
    while (end < text_.size() && !EndsValue(text_[end])) ++end;
    // An empty value ends at its '=': the blanks after it are not of the parameter.
    at_ = end == begin ? equals + 1 : end;
    if (end == begin) begin = end = at_;
  }
  param->value = text_.substr(begin, end - begin);
  return true;
}

// Anything that is not plain is left to NextOdd(), which reads it again from the same place.
// REQUIRES: marks_ is at at_.
bool ParamReader::NextPlain(Param* param) {
  const char* const text = text_.data();
  const size_t size = text_.size();
  size_t begin = at_;
  if (begin < size && text[begin] == separator_) {
    marks_.Step();
    ++begin;
    if (begin < size && text[begin] == ' ') {
      marks_.Step();
      ++begin;
    }
  } else if (begin != 0) {
    return false;
  }
  PlainParam plain;
  if (!ReadPlainParam(text, size, begin, separator_ == ';', &marks_, &plain)) return false;
  if (plain.end < size && text[plain.end] != separator_) return false;
  param->name = {text + begin, plain.name_end - begin};
  param->value = {text + plain.value, plain.value_end - plain.value};
  param->has_value = plain.has_value();
  param->quoted = plain.quoted;
  param->text = {text + begin, plain.end - begin};
  param->with_separator = begin != at_ ? std::string_view(text + at_, plain.end - at_)
                                       : WithSeparatorBehind(begin, plain.end);
  at_ = plain.end;
  return true;
}

// What to cut to remove a parameter that no separator precedes.
std::string_view ParamReader::WithSeparatorBehind(size_t begin, size_t end) const {
  size_t next = SkipBlanks(text_, end);
  while (next < text_.size() && (text_[next] == separator_ || Is(text_[next], kBlankChar))) ++next;
  return text_.substr(begin, next - begin);
}

bool ParamReader::NextOdd(Param* param) {
  const size_t before = SkipBlanks(text_, at_);  // At the separator, when there is one.
  if (!ReadSeparators()) return false;
  const size_t begin = at_;
  while (at_ < text_.size() && !Is(text_[at_], kStructureChar)) ++at_;
  if (at_ == begin) return Fail();
  param->name = text_.substr(begin, at_ - begin);
  if (!ReadValue(param)) return false;
  param->text = text_.substr(begin, at_ - begin);

  const size_t next = SkipBlanks(text_, at_);
  if (next < text_.size() && text_[next] != separator_) return Fail();
  param->with_separator =
      before < begin ? text_.substr(before, at_ - before) : WithSeparatorBehind(begin, at_);
  marks_.GoTo(at_);
  return true;
}

bool IsParamList(LentText params, char separator) {
  ParamReader reader(params, separator);
  for (Param param; reader.Next(&param);) {
  }
  return reader.ok();
}

std::optional<Param> FindParam(LentText params, std::string_view name, char separator) {
  ParamReader reader(params, separator);
  for (Param param; reader.Next(&param);) {
    if (EqualsIgnoreCase(param.name, name)) return param;
  }
  return std::nullopt;
}

bool ListReader::Next(ListMember* member) {
  while (header_ != nullptr) {
    const PaddedView value = message_.Value(*header_);
    if (at_ > value.size()) {  // Past the comma that the value's end stands for.
      header_ = message_.FindNext(header_);
      at_ = 0;
      continue;
    }
    const size_t comma = FindComma(value, at_);
    const std::string_view text = Trim(value.substr(at_, comma - at_));
    at_ = comma + 1;
    if (text.empty()) {
      ++empty_count_;
      continue;
    }
    *member = {header_, PaddedView::Promise(text)};  // As the message is.
    return true;
  }
  return false;
}

bool HasOptionTag(const Message& message, HeaderId id, std::string_view tag) {
  ListReader reader(message, id);
  for (ListMember member; reader.Next(&member);) {
    if (EqualsIgnoreCase(member.text, tag)) return true;
  }
  return false;
}

std::string_view CutMember(LentText text, std::string_view* rest) {
  const std::string_view view = text.view();
  const size_t comma = text.padded() ? FindComma(PaddedView::Promise(view), 0) : FindComma(view, 0);
  *rest = view.substr(std::min(comma + 1, view.size()));
  return Trim(view.substr(0, comma));
}

}  // namespace sip
