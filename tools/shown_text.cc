#include "tools/shown_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstdint>

#include "sip/chars.h"
#include "sip/list.h"

namespace tools {
namespace {

constexpr size_t npos = std::string_view::npos;
// Of a long line, what is shown before and behind the place.
constexpr size_t kBeforeMax = 60;
constexpr size_t kBehindMax = 60;
constexpr std::string_view kEllipsis = "...";

// Characters that are not seen, or turn the direction of those that are.
bool IsInvisible(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0xad || code == 0x61c ||
         (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2060 && code <= 0x206f) || code == 0xfeff ||
         (code >= 0xfff9 && code <= 0xfffb) || (code >= 0xe0000 && code <= 0xe0fff);
}

// The size of the UTF-8 character at the front, and what it is; 0 for what is none (RFC 3629 4).
size_t CharacterAt(std::string_view text, uint32_t* code) {
  const uint8_t first = static_cast<uint8_t>(text[0]);
  *code = first;
  if (first < 0x80) return 1;
  const size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
  *code = first & (0xffU >> (size + 1));
  for (size_t i = 1; i < size; ++i) {
    const uint8_t next = static_cast<uint8_t>(text[i]);
    if ((next & 0xc0) != 0x80) return 0;
    *code = *code << 6 | (next & 0x3fU);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = *code >= 0xd800 && *code < 0xe000;
  return *code < kSmallest[size] || *code > 0x10ffff || is_surrogate ? 0 : size;
}

// Moves the character at the front of *text to the end of *shown.
void MoveEscaped(std::string_view* text, std::string* shown) {
  uint32_t code = 0;
  size_t size = CharacterAt(*text, &code);
  const bool is_plain = size > 0 && !IsInvisible(code) && !text->starts_with("\\x");
  size = std::max<size_t>(size, 1);
  const bool is_backslash = text->front() == '\\';
  for (const char c : text->substr(0, size)) {
    if (is_plain) {
      *shown += c;
    } else {
      *shown += is_backslash ? "\\x5c" : fmt::format("\\x{:02x}", static_cast<uint8_t>(c));
    }
  }
  text->remove_prefix(size);
}

// As a terminal counts, for text without wide characters.
size_t CountCharacters(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }));
}

std::string_view FirstCharacters(std::string_view text, size_t count) {
  size_t end = 0;
  for (; end < text.size() && count > 0; --count) {
    ++end;
    while (end < text.size() && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) ++end;
  }
  return text.substr(0, end);
}

// The end of the line with its folds, without its line end; of the last one, the end of the text.
size_t LineEnd(std::string_view text, size_t at) {
  for (size_t lf = text.find('\n', at); lf != npos; lf = text.find('\n', lf + 1)) {
    const char next = lf + 1 < text.size() ? text[lf + 1] : '\n';
    if (next != ' ' && next != '\t') return lf;
  }
  return text.size();
}

bool IsKeyName(std::string_view text, size_t at) {
  if (at + 2 > text.size() || sip::ToLower(text[at + 1]) != 'k') return false;
  const char first = sip::ToLower(text[at]);
  if (first != 'i' && first != 'c') return false;
  return at == 0 || !sip::Is(text[at - 1], sip::kTokenChar);
}

}  // namespace

std::string Escaped(std::string_view text) {
  std::string shown;
  while (!text.empty()) MoveEscaped(&text, &shown);
  return shown;
}

ShownText::ShownText(std::string_view bytes, bool reveal_keys) : bytes_(bytes) {
  if (!reveal_keys) FindKeys();
}

// Wherever `ik=` or `ck=` stands, blanks and folds around '=' included: a header that is broken
// hides its keys no worse. The value goes to the comma, or to the end of the line when there is
// none outside quotes.
void ShownText::FindKeys() {
  for (size_t at = 0; at + 2 < bytes_.size(); ++at) {
    if (!IsKeyName(bytes_, at)) continue;
    const size_t equals = sip::SkipBlanks(bytes_, at + 2);
    if (equals == bytes_.size() || bytes_[equals] != '=') continue;
    const size_t begin = sip::SkipBlanks(bytes_, equals + 1);
    const size_t line_end = std::max(begin, LineEnd(bytes_, begin));
    const std::string_view line = bytes_.substr(0, line_end);
    size_t end = begin;
    while (end < line_end && line[end] != ',') {
      end = line[end] == '"' ? std::min(sip::SkipQuoted(line, end), line_end) : end + 1;
    }
    while (end > begin && sip::Is(bytes_[end - 1], sip::kBlankChar)) --end;
    if (end == begin) continue;
    hidden_.push_back({begin, end});
    at = end - 1;
  }
}

std::string ShownText::Of(std::string_view piece) const {
  if (piece.empty()) return {};
  assert(piece.data() >= bytes_.data() &&
         piece.data() + piece.size() <= bytes_.data() + bytes_.size());
  const size_t begin = static_cast<size_t>(piece.data() - bytes_.data());
  return Show(begin, begin + piece.size(), true);
}

std::string ShownText::Show(size_t begin, size_t end, bool join_folds) const {
  std::string shown;
  auto hidden = std::find_if(hidden_.begin(), hidden_.end(),
                             [&](const Range& range) { return range.end > begin; });
  for (size_t at = begin; at < end;) {
    if (hidden != hidden_.end() && at >= hidden->begin) {
      shown += kHidden;
      at = hidden->end;
      ++hidden;
      continue;
    }
    const size_t behind_fold = join_folds ? SkipFold(at, end) : at;
    if (behind_fold > at) {
      while (shown.ends_with(' ')) shown.pop_back();
      shown += ' ';
      at = behind_fold;
      continue;
    }
    const size_t stop = hidden != hidden_.end() ? std::min(end, hidden->begin) : end;
    std::string_view rest = bytes_.substr(at, stop - at);
    const size_t before = rest.size();
    MoveEscaped(&rest, &shown);
    at += before - rest.size();
  }
  return shown;
}

// fold = [CR] LF 1*WSP, blanks before it aside (RFC 3261 7.3.1). Where none begins, `at` itself.
size_t ShownText::SkipFold(size_t at, size_t end) const {
  size_t next = bytes_[at] == '\r' ? at + 1 : at;
  if (next >= end || bytes_[next] != '\n') return at;
  const size_t blank = ++next;
  while (next < end && (bytes_[next] == ' ' || bytes_[next] == '\t')) ++next;
  return next == blank ? at : next;
}

TextPlace ShownText::PlaceOf(size_t offset) const {
  assert(offset <= bytes_.size());
  const std::string_view before = bytes_.substr(0, offset);
  const size_t lf_before = before.rfind('\n');
  const size_t begin = lf_before == npos ? 0 : lf_before + 1;
  size_t end = std::min(bytes_.find('\n', offset), bytes_.size());
  if (end > begin && bytes_[end - 1] == '\r') --end;

  TextPlace place;
  place.line = 1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n'));
  place.column = offset - begin + 1;
  // A place within a key is the key's.
  size_t split = std::min(offset, end);
  for (const Range& range : hidden_) {
    if (offset > range.begin && offset < range.end) split = std::max(range.begin, begin);
  }
  std::string head = Show(begin, split, false);
  std::string tail = Show(split, end, false);
  const size_t head_count = CountCharacters(head);
  if (head_count > kBeforeMax + kEllipsis.size()) {
    const size_t cut = FirstCharacters(head, head_count - kBeforeMax).size();
    head = std::string(kEllipsis) + head.substr(cut);
  }
  if (CountCharacters(tail) > kBehindMax + kEllipsis.size()) {
    tail = std::string(FirstCharacters(tail, kBehindMax)) + std::string(kEllipsis);
  }
  place.caret = CountCharacters(head);
  place.text = head + tail;
  return place;
}

}  // namespace tools
