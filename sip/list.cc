#include "sip/list.h"

#include <algorithm>

#include "sip/chars.h"

namespace sip {
namespace {

// The first comma from `at` on that stands in no quoted string and no <...>, or text.size(). What
// does not close goes on to the end.
size_t FindComma(LentText text, size_t at) {
  const std::string_view view = text.view();
  Marks marks(text);
  marks.GoTo(at);
  for (at = marks.Next(); at < view.size(); at = marks.Next()) {
    marks.Step();
    if (view[at] == ',') return at;
    if (view[at] != '"' && view[at] != '<') continue;
    const size_t close = view[at] == '"' ? SkipQuoted(view, at) : view.find('>', at);
    if (close == std::string_view::npos) break;
    marks.GoTo(close);
  }
  return view.size();
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

bool ParamReader::EndsName(char c) const {
  return c == separator_ || c == '=' || c == '"' || c == '<' || c == '>' || c == ',' || c == ';' ||
         Is(c, kBlankChar);
}

// A ';' may stand in an unquoted value of a comma list: `uri=sip:a;b`.
bool ParamReader::EndsValue(char c) const {
  return c == separator_ || c == '"' || c == '<' || c == '>' || c == ',' || Is(c, kBlankChar);
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

// Where a name ends, or a value without quotes, when that is at a character of these shapes.
size_t ParamReader::FindEnd(bool of_name) {
  for (;;) {
    const size_t at = marks_.Next();
    if (at == text_.size() || (of_name ? EndsName(text_[at]) : EndsValue(text_[at]))) return at;
    marks_.Step();
  }
}

// Where the quoted string ends that begins before `at`: at a quote that no backslash precedes. The
// end of the text when there is none, or when a backslash wants a closer look.
size_t ParamReader::FindQuote() {
  for (;;) {
    const size_t at = marks_.Next();
    if (at == text_.size()) return at;
    marks_.Step();
    if (text_[at] == '"') return text_[at - 1] == '\\' ? text_.size() : at;
  }
}

// The form that nearly all parameters have: a separator, a name, and `=value` or `="value"` behind
// it, without a blank but one behind the separator. Anything else is left to NextOdd(), which reads
// it again from the same place. REQUIRES: marks_ is at at_.
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
  const size_t name_end = FindEnd(true);
  size_t value = name_end;
  size_t value_end = name_end;
  size_t end = name_end;
  bool quoted = false;
  if (name_end < size && text[name_end] == '=') {
    marks_.Step();
    ++value;
    quoted = value < size && text[value] == '"';
    if (quoted) {
      marks_.Step();
      value_end = FindQuote();
      end = value_end + 1;
      ++value;
    } else {
      end = value_end = FindEnd(false);
      if (value == end) return false;
    }
  }
  if (begin == name_end || end > size || (end < size && text[end] != separator_)) return false;

  param->name = {text + begin, name_end - begin};
  param->value = {text + value, value_end - value};
  param->has_value = end != name_end;
  param->quoted = quoted;
  param->text = {text + begin, end - begin};
  param->with_separator =
      begin != at_ ? std::string_view(text + at_, end - at_) : WithSeparatorBehind(begin, end);
  at_ = end;
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
  while (at_ < text_.size() && !EndsName(text_[at_])) ++at_;
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
    *member = {header_, text};
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
  const size_t comma = FindComma(text, 0);
  *rest = view.substr(std::min(comma + 1, view.size()));
  return Trim(view.substr(0, comma));
}

}  // namespace sip
