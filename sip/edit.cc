#include "sip/edit.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "sip/list.h"

namespace sip {
namespace {

void Push(std::string_view piece, Slices* slices) {
  if (piece.empty()) return;
  slices->size += piece.size();
  slices->pieces[static_cast<size_t>(slices->count++)] = piece;
}

// Texts that were given one after the other and go to one place lie side by side: one slice.
void PushText(std::string_view text, bool after_text, Slices* slices) {
  if (after_text && !text.empty()) {
    std::string_view& last = slices->pieces[static_cast<size_t>(slices->count) - 1];
    if (last.data() + last.size() == text.data()) {
      last = {last.data(), last.size() + text.size()};
      slices->size += text.size();
      return;
    }
  }
  Push(text, slices);
}

}  // namespace

std::string_view Name(EditError error) {
  switch (error) {
    case EditError::kOk:
      return "Ok";
    case EditError::kTooManyEdits:
      return "TooManyEdits";
    case EditError::kTooMuchText:
      return "TooMuchText";
    case EditError::kOverlap:
      return "Overlap";
  }
  return "Unknown";
}

void Editor::Fail(EditError error) {
  if (error_ == EditError::kOk) error_ = error;
}

void Editor::Add(Span at, Text text) {
  const bool has_text =
      std::any_of(text.begin(), text.end(), [](std::string_view part) { return !part.empty(); });
  if (at.empty() && !has_text) return;  // Changes nothing.
  if (edit_count_ == kEditsMax) return Fail(EditError::kTooManyEdits);
  const uint16_t text_begin = text_size_;
  for (const std::string_view part : text) Copy(part);
  edits_[static_cast<size_t>(edit_count_++)] = {at.begin, at.end(), text_begin,
                                                static_cast<uint16_t>(text_size_ - text_begin)};
}

void Editor::Copy(std::string_view text) {
  if (text.size() > kTextMax - text_size_) return Fail(EditError::kTooMuchText);
  if (!text.empty()) std::memcpy(text_.data() + text_size_, text.data(), text.size());
  text_size_ = static_cast<uint16_t>(text_size_ + text.size());
}

void Editor::Cut(std::string_view from, std::string_view to) {
  const Span begin = message_.SpanOf(from);
  const Span end = message_.SpanOf(to);
  Add({begin.begin, static_cast<uint16_t>(end.begin - begin.begin)}, {});
}

void Editor::RemoveHeader(const Header& header) {
  Add(header.line, {});
}

int Editor::RemoveHeaders(HeaderId id) {
  int count = 0;
  for (const Header* header = message_.Find(id); header != nullptr;
       header = message_.FindNext(header)) {
    RemoveHeader(*header);
    ++count;
  }
  return count;
}

// Per line, a run of members that go is cut up to the next one that stays; the run at the end from
// the last one that stays:
//
//   Supported: path, sec-agree, gruu, sec-agree
//                    ^----------^   ^----------^
int Editor::RemoveListMembers(HeaderId id,
                              bool (*match)(std::string_view member, const void* context),
                              const void* context) {
  int count = 0;
  for (const Header* header = message_.Find(id); header != nullptr;
       header = message_.FindNext(header)) {
    const std::string_view value = message_.Value(*header);
    std::string_view kept;  // The last member that stays.
    std::string_view run;   // The first of those that go, since then.
    for (std::string_view rest = value; !rest.empty();) {
      const std::string_view member = CutMember(rest, &rest);
      if (member.empty()) continue;
      if (match(member, context)) {
        ++count;
        if (run.empty()) run = member;
        continue;
      }
      if (!run.empty()) Cut(run, member);
      run = {};
      kept = member;
    }
    if (run.empty()) continue;
    if (kept.empty()) {
      RemoveHeader(*header);
    } else {
      Cut(kept.substr(kept.size()), value.substr(value.size()));
    }
  }
  return count;
}

// As with members: a run up to the next that stays, or at the end from the last that stays. In a
// list that begins with a separator each parameter goes with the one before it.
int Editor::RemoveParams(std::string_view params, char separator, Text names) {
  const bool leading = Trim(params).starts_with(separator);
  int count = 0;
  std::string_view kept;
  std::string_view run;
  std::string_view last;
  ParamReader reader(params, separator);
  for (Param param; reader.Next(&param);) {
    const bool goes = std::any_of(names.begin(), names.end(), [&param](std::string_view name) {
      return EqualsIgnoreCase(param.name, name);
    });
    if (goes) {
      ++count;
      last = param.text;
      if (run.empty()) run = leading ? param.with_separator : param.text;
      continue;
    }
    if (!run.empty()) Cut(run, leading ? param.with_separator : param.text);
    run = {};
    kept = param.text;
  }
  if (!run.empty()) Cut(kept.empty() ? run : kept.substr(kept.size()), last.substr(last.size()));
  return count;
}

// Only between semicolons does the first parameter have a separator before it, too.
void Editor::SetParam(std::string_view params, char separator, std::string_view name, Text text) {
  bool is_set = false;
  std::string_view last;
  ParamReader reader(params, separator);
  for (Param param; reader.Next(&param);) {
    last = param.text;
    if (!EqualsIgnoreCase(param.name, name)) continue;
    is_set ? Remove(param.with_separator) : Replace(param.text, text);
    is_set = true;
  }
  if (is_set) return;
  const std::string_view place = last.empty() ? params.substr(0, 0) : last;
  if (!last.empty() || separator == ';') InsertAfter(place, {{&separator, 1}});
  InsertAfter(place, text);
}

bool Editor::RemoveFirstMember(HeaderId id) {
  ListMember first;
  if (!ListReader(message_, id).Next(&first)) return false;
  RemoveFirstMembers(id, 1);
  return true;
}

void Editor::RemoveFirstMembers(HeaderId id, int count) {
  for (const Header* header = message_.Find(id); count > 0; header = message_.FindNext(header)) {
    assert(header != nullptr);
    const PaddedView value = message_.Value(*header);
    std::string_view kept;  // The first member that stays.
    for (std::string_view rest = value; !rest.empty() && kept.empty();) {
      const std::string_view member = CutMember(PaddedView::Promise(rest), &rest);
      if (member.empty()) continue;
      if (count == 0) {
        kept = member;
      } else {
        --count;
      }
    }
    if (kept.empty()) {
      RemoveHeader(*header);
    } else {
      Cut(value, kept);
    }
  }
}

void Editor::Remove(std::string_view piece) {
  if (!piece.empty()) Add(message_.SpanOf(piece), {});
}

void Editor::Replace(std::string_view piece, Text text) {
  Add(message_.SpanOf(piece), text);
}

void Editor::InsertAfter(std::string_view piece, Text text) {
  Add({message_.SpanOf(piece).end(), 0}, text);
}

void Editor::InsertLineOnTop(HeaderId id, Text text) {
  const Header* const first = message_.Find(id);
  first != nullptr ? InsertLineBefore(*first, text) : AppendLine(text);
}

void Editor::InsertLineAtBottom(HeaderId id, Text text) {
  const Header* last = message_.Find(id);
  if (last == nullptr) return AppendLine(text);
  while (const Header* const next = message_.FindNext(last)) last = next;
  InsertLineAfter(*last, text);
}

void Editor::InsertLineBefore(const Header& header, Text text) {
  Add({header.line.begin, 0}, text);
}

void Editor::InsertLineAfter(const Header& header, Text text) {
  Add({header.line.end(), 0}, text);
}

void Editor::AppendLine(Text text) {
  Add({message_.headers_end(), 0}, text);
}

void Editor::PrependLine(Text text) {
  Add({message_.headers_begin(), 0}, text);
}

// By place; what is inserted at a place goes before what is cut from there on; else in call order.
// Edits come nearly sorted, and std::stable_sort would take heap memory.
void Editor::Sort() {
  const auto before = [](const Edit& a, const Edit& b) {
    if (a.begin != b.begin) return a.begin < b.begin;
    return a.begin == a.end && b.begin != b.end;
  };
  for (int i = 1; i < edit_count_; ++i) {
    Edit* const edit = edits_.data() + i;
    Edit* const place = std::upper_bound(edits_.data(), edit, *edit, before);
    std::rotate(place, edit, edit + 1);
  }
}

// One walk over the sorted edits: what lies between them is kept.
EditError Editor::Finish(Slices* slices) {
  slices->count = 0;
  slices->size = 0;
  Sort();
  const std::string_view bytes = message_.bytes();
  size_t at = 0;            // All before it is kept, cut or replaced.
  bool after_cut = false;   // What ends there was only cut: more may be cut from inside it.
  bool after_text = false;  // The last slice is an edit's text.
  for (int i = 0; i < edit_count_ && error_ == EditError::kOk; ++i) {
    const Edit& edit = edits_[static_cast<size_t>(i)];
    const bool cut = edit.text_size == 0;
    if (edit.begin < at && !(cut && after_cut)) Fail(EditError::kOverlap);
    if (edit.begin > at) {
      Push(bytes.substr(at, edit.begin - at), slices);
      after_text = false;
    }
    PushText({text_.data() + edit.text_begin, edit.text_size}, after_text, slices);
    after_text |= !cut;
    after_cut = cut;
    at = std::max<size_t>(at, edit.end);
  }
  if (error_ != EditError::kOk) {
    slices->count = 0;
    slices->size = 0;
    return error_;
  }
  Push(bytes.substr(at), slices);
  return EditError::kOk;
}

}  // namespace sip
