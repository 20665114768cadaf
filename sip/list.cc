#include "sip/list.h"

#include "sip/chars.h"

namespace sip {
namespace {

// The first comma from `at` on that stands in no quoted string and no <...>, or text.size().
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
  return text.size();  // Also after npos: what does not close goes on to the end.
}

}  // namespace

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
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

bool ParamReader::Next(Param* param) {
  if (!ok_) return false;
  const size_t before = SkipBlanks(text_, at_);  // At the separator, when there is one.
  if (!ReadSeparators()) return false;
  const size_t begin = at_;
  while (at_ < text_.size() && !EndsName(text_[at_])) ++at_;
  if (at_ == begin) return Fail();
  param->name = text_.substr(begin, at_ - begin);
  if (!ReadValue(param)) return false;
  param->text = text_.substr(begin, at_ - begin);

  size_t next = SkipBlanks(text_, at_);
  if (next < text_.size() && text_[next] != separator_) return Fail();
  if (before < begin) {
    param->with_separator = text_.substr(before, at_ - before);
    return true;
  }
  while (next < text_.size() && (text_[next] == separator_ || Is(text_[next], kBlankChar))) ++next;
  param->with_separator = text_.substr(begin, next - begin);
  return true;
}

bool IsParamList(std::string_view params, char separator) {
  ParamReader reader(params, separator);
  for (Param param; reader.Next(&param);) {
  }
  return reader.ok();
}

std::optional<Param> FindParam(std::string_view params, std::string_view name, char separator) {
  ParamReader reader(params, separator);
  for (Param param; reader.Next(&param);) {
    if (EqualsIgnoreCase(param.name, name)) return param;
  }
  return std::nullopt;
}

bool ListReader::Next(ListMember* member) {
  while (header_ != nullptr) {
    const std::string_view value = message_.Value(*header_);
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

std::string_view CutMember(std::string_view text, std::string_view* rest) {
  const size_t comma = FindComma(text, 0);
  *rest = comma < text.size() ? text.substr(comma + 1) : text.substr(text.size());
  return Trim(text.substr(0, comma));
}

}  // namespace sip
