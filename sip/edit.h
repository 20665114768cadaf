// Changes to a message that leave its bytes where they are: a list of edits becomes a list of
// slices for sendmsg(2).
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "sip/message.h"

namespace sip {

enum class EditError : uint8_t {
  kOk,
  kTooManyEdits,  // Over Editor::kEditsMax.
  kTooMuchText,   // The inserted text does not fit into Editor::kTextMax bytes.
  kOverlap,       // Two edits want the same bytes and do not agree on them (see Editor).
};
std::string_view Name(EditError error);

// The message after its edits, in order. Slices lie in the message's bytes or in the Editor.
struct Slices {
  static constexpr int kMax = 129;  // 2 * Editor::kEditsMax + 1.
  std::array<std::string_view, kMax> pieces;
  int count = 0;
  size_t size = 0;  // In bytes, of all pieces.

  std::span<const std::string_view> view() const {
    return {pieces.data(), static_cast<size_t>(count)};
  }
};

// Collects edits in any order; Finish() puts them in place. Text given to it is copied into the
// Editor; what it removes or keeps is never copied. An error is kept and told by Finish(), so that
// a rule can be written as a plain list of edits; a failed Finish() yields nothing, never a
// truncated message. Pieces passed in must lie in the message's bytes.
//
// Edits of one place: cuts may overlap or lie inside one another and count as one. Right before and
// right after what is cut something may be inserted. An insertion inside a cut, and a replacement
// that touches a cut or another replacement, are kOverlap.
class Editor {
 public:
  static constexpr int kEditsMax = 64;
  static constexpr size_t kTextMax = 8192;
  using Text = std::initializer_list<std::string_view>;

  explicit Editor(const Message& message) : message_(message) {}

  // Cuts a whole header line. Cutting it twice is the same as once.
  void RemoveHeader(const Header& header);
  // Cuts every line of that id. Returns how many.
  int RemoveHeaders(HeaderId id);
  // Cuts members of a comma list for which `match` is true, with their commas; a line left empty
  // goes as a whole. Call at most once per header id. Returns how many members were cut.
  int RemoveListMembers(HeaderId id, bool (*match)(std::string_view member, const void* context),
                        const void* context);
  // Cuts the first member of the first line of that id (own Via, own Route). False: no such header.
  bool RemoveFirstMember(HeaderId id);
  // Cuts the first `count` members, over line borders. REQUIRES: there are that many.
  void RemoveFirstMembers(HeaderId id, int count);
  // Cuts the parameters of these names from a list as ParamReader reads it, with as many separators
  // as leave a good list. Returns how many were cut. What lies behind a syntax error is not seen:
  // decode the list first.
  int RemoveParams(std::string_view params, char separator, Text names);
  // Puts `text` (`name=value`, without separator) in the place of the parameter of that name, or
  // behind the last one when there is none; any others of that name are cut. As above, `params` is
  // a list that has been decoded; an empty one begins where its first parameter is to stand. What
  // was not there takes two edits.
  void SetParam(std::string_view params, char separator, std::string_view name, Text text);
  // Cuts any piece, e.g. Param::with_separator.
  void Remove(std::string_view piece);
  // Puts text in the place of a piece; an empty piece inserts before it.
  void Replace(std::string_view piece, Text text);
  // Inserts after the last byte of a piece (a parameter to the end of a value).
  void InsertAfter(std::string_view piece, Text text);
  // Inserts whole lines; the texts include their CRLF. Several at one place stand in call order.
  void InsertLineBefore(const Header& header, Text text);
  void InsertLineAfter(const Header& header, Text text);
  // Before the first line of that id, or after its last one: the top and the bottom of a list that
  // goes on over lines (Record-Route, Path). Without such a line both are AppendLine().
  void InsertLineOnTop(HeaderId id, Text text);
  void InsertLineAtBottom(HeaderId id, Text text);
  // Before the empty line that ends the headers.
  void AppendLine(Text text);
  // Before the first header line.
  void PrependLine(Text text);

  [[nodiscard]] EditError Finish(Slices* slices);

 private:
  struct Edit {
    uint16_t begin;  // Offset in the message...
    uint16_t end;    // ...and where it goes on after the edit.
    uint16_t text_begin;
    uint16_t text_size;
  };
  void Fail(EditError error);
  void Add(Span at, Text text);
  void Copy(std::string_view text);
  void Cut(std::string_view from, std::string_view to);  // [from.begin, to.begin).
  void Sort();

  const Message& message_;
  std::array<Edit, kEditsMax> edits_;
  int edit_count_ = 0;
  std::array<char, kTextMax> text_;
  uint16_t text_size_ = 0;
  EditError error_ = EditError::kOk;
};

}  // namespace sip
