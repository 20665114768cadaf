// Any edits of any message, against models that work on std::string:
//
//   | n | n edits of 4 bytes: what, where, how much, text | message |
//
// Once as plain edits of any bytes, compared byte for byte; once as edits of headers, members and
// parameters, compared by what the result reads as.
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/sip_check.h"
#include "sip/list.h"
#include "sip/message.h"
#include "tests/guard_page.h"

namespace sip_fuzz {
namespace {

using gmedge_test::GuardedText;
using sip::EditError;
using sip::Editor;
using sip::Header;
using sip::HeaderId;
using sip::Message;
using sip::ParseError;

using Texts = std::vector<std::string>;

struct Command {
  uint8_t what, where, size, text;
};

std::string TextOf(uint8_t seed) {
  return std::string(seed % 4, static_cast<char>('a' + seed / 4 % 26));
}

// Edits as ranges of bytes with the text that takes their place, in call order.
class ByteModel {
 public:
  explicit ByteModel(std::string_view bytes) : bytes_(bytes) {}

  void Add(size_t begin, size_t end, const std::string& text) {
    if (begin == end && text.empty()) return;
    edits_.push_back({begin, end, text});
  }

  // The error the Editor must tell, and the text when it tells none.
  EditError Run(std::string* result) const {
    if (edits_.size() > Editor::kEditsMax) return EditError::kTooManyEdits;
    for (const Edit& a : edits_) {
      for (const Edit& b : edits_) {
        if (&a != &b && Disagree(a, b)) return EditError::kOverlap;
      }
    }
    for (size_t at = 0; at <= bytes_.size(); ++at) {
      bool gone = false;
      for (const Edit& edit : edits_) {
        if (edit.begin == at && edit.end == at) *result += edit.text;
      }
      for (const Edit& edit : edits_) {
        if (edit.begin == at && edit.end > at) *result += edit.text;
        gone |= edit.begin <= at && at < edit.end;
      }
      if (!gone) *result += bytes_.substr(at, 1);
    }
    return EditError::kOk;
  }

 private:
  struct Edit {
    size_t begin, end;
    std::string text;
  };

  // An insertion inside what goes; a replacement that shares bytes with anything.
  static bool Disagree(const Edit& a, const Edit& b) {
    if (a.begin == a.end) return b.begin < a.begin && a.begin < b.end;
    return !a.text.empty() && a.begin < b.end && b.begin < a.end && b.begin != b.end;
  }

  std::string_view bytes_;
  std::vector<Edit> edits_;
};

// One plain edit, told to both.
void EditBytes(const Message& message, Command command, Editor* editor, ByteModel* model) {
  const std::string_view bytes = message.bytes();
  const size_t begin = command.where * (bytes.size() + 1) / 256;
  const std::string_view piece = bytes.substr(begin, command.size % 32);
  const size_t end = begin + piece.size();
  const std::string text = TextOf(command.text);
  const auto headers = message.headers();
  const Header* const header = headers.empty() ? nullptr : &headers[command.where % headers.size()];
  switch (command.what % 8) {
    case 0:
      editor->Remove(piece);
      return model->Add(begin, end, "");
    case 1:
      editor->Replace(piece, {text, "-"});
      return model->Add(begin, end, text + "-");
    case 2:
      editor->InsertAfter(piece, {text});
      return model->Add(end, end, text);
    case 3:
      editor->AppendLine({text, "\r\n"});
      return model->Add(message.headers_end(), message.headers_end(), text + "\r\n");
    case 4:
      editor->PrependLine({"x", text});
      return model->Add(message.headers_begin(), message.headers_begin(), "x" + text);
    default:
      break;
  }
  if (header == nullptr) return;
  const size_t line_end = size_t{header->line.begin} + header->line.size;
  switch (command.what % 8) {
    case 5:
      editor->RemoveHeader(*header);
      return model->Add(header->line.begin, line_end, "");
    case 6:
      editor->InsertLineBefore(*header, {text});
      return model->Add(header->line.begin, header->line.begin, text);
    default:
      editor->InsertLineAfter(*header, {text});
      return model->Add(line_end, line_end, text);
  }
}

void CheckBytes(const Message& message, const std::vector<Command>& commands) {
  const auto editor = std::make_unique<Editor>(message);
  ByteModel model(message.bytes());
  for (const Command command : commands) EditBytes(message, command, editor.get(), &model);
  const auto slices = std::make_unique<sip::Slices>();
  std::string wanted;
  const EditError error = editor->Finish(slices.get());
  CheckNamed(error);
  Check(error == model.Run(&wanted), "the error of the model");
  Check(Joined(*slices) == (error == EditError::kOk ? wanted : ""), "the bytes of the model");
  Check(slices->count <= sip::Slices::kMax, "no more slices than there may be");
}

// --- Edits of what headers mean ------------------------------------------------------------------

constexpr HeaderId kLists[] = {HeaderId::kVia,     HeaderId::kRoute,
                               HeaderId::kRequire, HeaderId::kSupported,
                               HeaderId::kContact, HeaderId::kPAccessNetworkInfo};

Texts MembersOf(const Message& message, HeaderId id) {
  Texts members;
  sip::ListReader reader(message, id);
  for (sip::ListMember member; reader.Next(&member);) members.emplace_back(member.text);
  return members;
}

// nullopt: no parameter list.
std::optional<Texts> ParamsOf(std::string_view params, char separator) {
  Texts texts;
  sip::ParamReader reader(params, separator);
  for (sip::Param param; reader.Next(&param);) texts.emplace_back(param.text);
  return reader.ok() ? std::optional(texts) : std::nullopt;
}

bool IsDigest(HeaderId id) {
  return id == HeaderId::kWwwAuthenticate || id == HeaderId::kAuthorization;
}

// Where the parameters of a header line begin that has them as a whole.
std::string_view ParamsIn(const Message& message, const Header& header) {
  const std::string_view value = message.Value(header);
  const size_t begin = IsDigest(header.id) ? value.find_first_of(" \t") : value.find(';');
  return value.substr(std::min(begin, value.size()));
}

bool NameIs(std::string_view param, std::string_view name) {
  return param.size() >= name.size() && sip::EqualsIgnoreCase(param.substr(0, name.size()), name) &&
         (param.size() == name.size() ||
          std::string_view("= \t\r\n").find(param[name.size()]) != std::string_view::npos);
}

// What each header id must read as afterwards; an id without entry has its lines untouched.
struct Wanted {
  std::map<HeaderId, Texts> members;
  std::map<HeaderId, Texts> params;
};

bool IsOdd(std::string_view member, const void*) {
  return member.size() % 2 != 0;
}

void EditList(const Message& message, HeaderId id, uint8_t size, Editor* editor, Wanted* wanted) {
  if (wanted->members.contains(id) || wanted->params.contains(id)) return;
  Texts members = MembersOf(message, id);
  if (size % 2 == 0) {
    const int count = editor->RemoveListMembers(id, &IsOdd, nullptr);
    Check(std::erase_if(members, [](const std::string& text) { return IsOdd(text, nullptr); }) ==
              static_cast<size_t>(count),
          "as many members as match");
  } else {
    const size_t count = std::min<size_t>(size / 2, members.size());
    editor->RemoveFirstMembers(id, static_cast<int>(count));
    members.erase(members.begin(), members.begin() + static_cast<ptrdiff_t>(count));
  }
  wanted->members[id] = members;
}

void EditParams(const Message& message, const Header& header, Command command, Editor* editor,
                Wanted* wanted) {
  if (wanted->members.contains(header.id) || wanted->params.contains(header.id)) return;
  if (message.FindNext(message.Find(header.id)) != nullptr) return;
  const char separator = IsDigest(header.id) ? ',' : ';';
  const std::string_view params = ParamsIn(message, header);
  std::optional<Texts> texts = ParamsOf(params, separator);
  if (!texts.has_value() || (texts->empty() && !params.empty())) return;
  const std::string name = texts->empty() ? "n" : texts->at(command.size % texts->size());
  const std::string_view word = std::string_view(name).substr(0, name.find_first_of("= \t\r\n"));
  const auto matches = [word](const std::string& text) { return NameIs(text, word); };
  if (command.text % 3 == 0) {
    const int count = editor->RemoveParams(params, separator, {word, "absent"});
    const auto goes = [&matches](const std::string& text) {
      return matches(text) || NameIs(text, "absent");
    };
    Check(std::erase_if(*texts, goes) == static_cast<size_t>(count), "as many as match");
  } else if (separator == ';' || !params.empty()) {
    const std::string_view set = command.text % 3 == 1 ? word : std::string_view("absent");
    const std::string text = std::string(set) + "=\"1;2,3\"";
    editor->SetParam(params, separator, set, {set, "=", "\"1;2,3\""});
    const auto first = std::find_if(texts->begin(), texts->end(),
                                    [set](const std::string& each) { return NameIs(each, set); });
    if (first == texts->end()) {
      texts->push_back(text);
    } else {
      *first = text;
      texts->erase(std::remove_if(first + 1, texts->end(),
                                  [set](const std::string& each) { return NameIs(each, set); }),
                   texts->end());
    }
  } else {
    return;
  }
  wanted->params[header.id] = *texts;
}

// The lines of headers that nobody edited, in order.
Texts UntouchedLines(const Message& message, const Wanted& wanted) {
  Texts lines;
  for (const Header& header : message.headers()) {
    const std::string_view line = message.Text(header.line);
    const bool ours = line.starts_with("X-Edit: ");
    if (ours || wanted.members.contains(header.id) || wanted.params.contains(header.id)) continue;
    lines.emplace_back(line);
  }
  return lines;
}

void CheckMeaning(const Message& message, const std::vector<Command>& commands) {
  const auto editor = std::make_unique<Editor>(message);
  Wanted wanted;
  for (const Command command : commands) {
    const auto headers = message.headers();
    const HeaderId list = kLists[command.where % std::size(kLists)];
    if (command.what % 4 == 0) EditList(message, list, command.size, editor.get(), &wanted);
    if (command.what % 4 == 1 && !headers.empty()) {
      const Header& header = headers[command.where % headers.size()];
      const bool fixed = header.id == HeaderId::kOther || header.id == HeaderId::kContentLength;
      if (!fixed) EditParams(message, header, command, editor.get(), &wanted);
    }
    if (command.what % 4 == 2) editor->InsertLineOnTop(list, {"X-Edit: 1\r\n"});
    if (command.what % 4 == 3) editor->InsertLineAtBottom(list, {"X-Edit: 1\r\n"});
  }
  const auto slices = std::make_unique<sip::Slices>();
  const EditError error = editor->Finish(slices.get());
  Check(error != EditError::kOverlap, "edits of different headers agree");
  if (error != EditError::kOk) return Check(slices->count == 0, "an error yields nothing");

  const std::string text = Joined(*slices);
  if (text.size() > sip::kMessageSizeMax) return;
  const GuardedText guarded(text);
  const auto edited = std::make_unique<Message>();
  const ParseError parsed = sip::Parse(guarded.padded(), edited.get());
  if (parsed == ParseError::kTooManyHeaders) return;
  Check(parsed == ParseError::kOk, "an edited message is a message");
  Check(edited->start_line() == message.start_line(), "the start line stays");
  Check(edited->body() == message.body(), "the body stays");
  Check(UntouchedLines(*edited, wanted) == UntouchedLines(message, wanted), "other lines stay");
  for (const auto& [id, members] : wanted.members) {
    Check(MembersOf(*edited, id) == members, "the members that stay");
  }
  for (const auto& [id, params] : wanted.params) {
    const Header* const header = edited->Find(id);
    Check(header != nullptr, "a line stays when its parameters go");
    const char separator = IsDigest(id) ? ',' : ';';
    Check(ParamsOf(ParamsIn(*edited, *header), separator) == params, "the parameters that stay");
  }
}

}  // namespace
}  // namespace sip_fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sip_fuzz;
  if (size == 0) return 0;
  const size_t count = std::min<size_t>(data[0], Editor::kEditsMax + 6);
  if (size - 1 < 4 * count) return 0;
  std::vector<Command> commands;
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* const at = data + 1 + 4 * i;
    commands.push_back({at[0], at[1], at[2], at[3]});
  }
  const GuardedText guarded(AsText(data + 1 + 4 * count, size - 1 - 4 * count));
  const auto message = std::make_unique<Message>();
  if (sip::Parse(guarded.padded(), message.get()) != ParseError::kOk) return 0;
  CheckBytes(*message, commands);
  CheckMeaning(*message, commands);
  return 0;
}
