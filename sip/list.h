// Comma lists and semicolon parameters, the two shapes that nearly all SIP headers have. Readers
// walk text in place and yield views of it; both respect quoted strings and <...> (RFC 3261 25.1).
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "sip/marks.h"
#include "sip/message.h"

namespace sip {

// Case-insensitive comparison of ASCII tokens (RFC 3261 7.3.1).
bool EqualsFolded(std::string_view a, std::string_view b);  // REQUIRES: of one size.
inline bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  if (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0) return true;
  return ((a[0] ^ b[0]) & ~0x20) == 0 && EqualsFolded(a, b);
}

// Without white space (SP, HT, CR, LF of folds) at both ends.
std::string_view Trim(std::string_view text);

// The index behind the quoted string that begins at text[at], its escapes heeded; npos when the
// string does not end. REQUIRES: text[at] == '"'.
size_t SkipQuoted(std::string_view text, size_t at);

// One `name`, `name=value`, `name="quoted value"` or `name=<anything>`.
struct Param {
  std::string_view name;
  std::string_view value;  // Without the quotes; escapes stay as they are.
  bool has_value = false;
  bool quoted = false;
  std::string_view text;  // name through value, quotes included.
  // What to cut to remove this one parameter: from the separator before it through its value; for
  // the first of a list that begins without separator, through the separator behind it. To remove
  // several of one list, see Editor::RemoveParams.
  std::string_view with_separator;
};

// Walks `;a;b=c;d="e"` (or, for digest headers, `a=b, c="d"` with separator ','). Blanks and folds
// are allowed around separators and '='. Between commas nothing may stand (RFC 7230 7), between
// semicolons a parameter must.
class ParamReader {
 public:
  // `text` begins at the first separator, or at the first parameter. A padded one is read faster.
  explicit ParamReader(LentText text, char separator = ';')
      : text_(text.view()),
        separator_(separator),
        padded_(text.padded()),
        marks_(padded_ ? PaddedView::Promise(text_) : PaddedView()) {}
  // False at the end, or at a syntax error (then ok() is false).
  bool Next(Param* param) { return ok_ && ((padded_ && NextPlain(param)) || NextOdd(param)); }
  bool ok() const { return ok_; }

 private:
  bool NextPlain(Param* param);
  bool NextOdd(Param* param);
  std::string_view WithSeparatorBehind(size_t begin, size_t end) const;
  bool Fail();
  bool ReadSeparators();
  bool ReadValue(Param* param);
  bool EndsValue(char c) const;

  std::string_view text_;
  size_t at_ = 0;  // Behind the last parameter's value, or where reading goes on.
  char separator_;
  bool ok_ = true;
  bool padded_;
  Marks marks_;  // At or behind at_.
};

// True when the whole list reads without a syntax error. An empty one does.
bool IsParamList(LentText params, char separator = ';');

// The parameter of that name, or nothing. Names compare case-insensitively.
std::optional<Param> FindParam(LentText params, std::string_view name, char separator = ';');

// One member of a comma list that may go on over several header lines.
struct ListMember {
  const Header* header = nullptr;
  PaddedView text;  // Without the white space around it.
};

// Walks the members of all header lines of one id, in message order. Empty members (a trailing or
// doubled comma) are skipped and counted.
class ListReader {
 public:
  ListReader(const Message& message, HeaderId id) : message_(message), header_(message.Find(id)) {}
  bool Next(ListMember* member);
  int empty_count() const { return empty_count_; }

 private:
  const Message& message_;
  const Header* header_;
  size_t at_ = 0;
  int empty_count_ = 0;
};

// True when an option tag stands in the header lines of that id (Require, Proxy-Require,
// Supported).
bool HasOptionTag(const Message& message, HeaderId id, std::string_view tag);

// The first member of `text` up to an unquoted comma, trimmed; *rest gets what follows the comma.
std::string_view CutMember(LentText text, std::string_view* rest);

}  // namespace sip
