// The edits that the header rules consist of, as data: every file of tests/data/edits. A file holds
// cases:
//
//   == NameOfTheCase
//   the message (or "-- message FILE", a name under tests/data)
//   -- edits
//   one edit a line, see kVerbs
//   -- expected
//   the result (or "-- expected FILE", or "-- error Name")
//
// Lines end with CRLF in the messages. Text before the first case is for the reader.
#include <gtest/gtest.h>

#include <charconv>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "sip/address.h"
#include "sip/edit.h"
#include "sip/list.h"
#include "sip/via.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

using gmedge_test::Parsed;
using gmedge_test::ReadData;
using gmedge_test::WithCrlf;

struct Case {
  std::string name;
  std::string message;
  std::vector<std::string> edits;
  std::string expected;
  std::string error = "Ok";
};

void PrintTo(const Case& each, std::ostream* out) {
  *out << each.name;
}

std::string_view CutWord(std::string_view* text) {
  const size_t blank = std::min(text->find(' '), text->size());
  const std::string_view word = text->substr(0, blank);
  text->remove_prefix(std::min(blank + 1, text->size()));
  return word;
}

// --- Reading files -------------------------------------------------------------------------------

// "-- expected vectors/sip/05_401_to_ue.sip": the part that begins, and its text when it is a file.
void BeginPart(std::string_view line, std::string* part, Case* each) {
  *part = CutWord(&line);
  if (*part == "error") each->error = line;
  if (line.empty() || *part == "error") return;
  (*part == "message" ? each->message : each->expected) = ReadData(std::string(line));
}

std::vector<Case> CasesOf(const std::filesystem::path& path) {
  std::vector<Case> cases;
  std::istringstream file(ReadData("edits/" + path.filename().string()));
  std::string part;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("== ")) {
      // One empty line stands between two cases.
      if (!cases.empty() && part == "expected")
        cases.back().expected.resize(cases.back().expected.size() - 2);
      cases.push_back({.name = path.stem().string() + "_" + line.substr(3),
                       .message = {},
                       .edits = {},
                       .expected = {}});
      part = "message";
    } else if (line.starts_with("-- ")) {
      BeginPart(std::string_view(line).substr(3), &part, &cases.back());
    } else if (part == "message") {
      cases.back().message += line + "\r\n";
    } else if (part == "edits") {
      cases.back().edits.push_back(line);
    } else if (part == "expected") {
      cases.back().expected += line + "\r\n";
    }
  }
  return cases;
}

std::vector<Case> ReadCases() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry :
       std::filesystem::directory_iterator(GMEDGE_SOURCE_DIR "/tests/data/edits")) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Case> cases;
  for (const std::filesystem::path& path : paths) {
    for (Case& each : CasesOf(path)) cases.push_back(std::move(each));
  }
  return cases;
}

// --- The line language ---------------------------------------------------------------------------

// The message, where the edits go, and the rest of the line.
struct Line {
  const Message& message;
  Editor* editor;
  std::string_view rest;

  std::string_view Word() { return CutWord(&rest); }
  HeaderId Id() {
    const std::string_view name = Word();
    const HeaderId id = LookUpHeader(name);
    EXPECT_NE(id, HeaderId::kOther) << name;
    return id;
  }
  const Header& First() {
    const Header* const header = message.Find(Id());
    EXPECT_NE(header, nullptr) << rest;
    return header != nullptr ? *header : message.headers().front();
  }
  std::string TextLine() const { return std::string(rest) + "\r\n"; }
};

bool IsDigest(HeaderId id) {
  return id == HeaderId::kWwwAuthenticate || id == HeaderId::kProxyAuthenticate ||
         id == HeaderId::kAuthorization || id == HeaderId::kProxyAuthorization;
}

// Where they are or would be: without any, via.params is no piece of the message.
std::string_view ParamsOf(const Via& via) {
  return via.params.empty() ? via.text.substr(via.text.size()) : via.params;
}

// The parameters of one list member, or of the value of a digest header.
std::string_view ParamsOf(HeaderId id, std::string_view member) {
  Via via;
  Address address;
  if (IsDigest(id)) return member.substr(member.find_first_of(" \t"));
  if (id == HeaderId::kPChargingVector) return member;  // They are all there is.
  if (id == HeaderId::kVia && DecodeVia(member, &via) == ParseError::kOk) return ParamsOf(via);
  if (DecodeAddress(member, &address) == ParseError::kOk && address.bracketed) {
    return address.params;
  }
  return member.substr(std::min(member.find(';'), member.size()));
}

// remove-header NAME: every line of it. Names that the parser does not know are compared as text.
void RemoveHeader(Line line) {
  const std::string_view name = line.Word();
  const HeaderId id = LookUpHeader(name);
  if (id != HeaderId::kOther) return static_cast<void>(line.editor->RemoveHeaders(id));
  for (const Header& header : line.message.headers()) {
    if (EqualsIgnoreCase(line.message.Text(header.name), name)) line.editor->RemoveHeader(header);
  }
}

// remove-member NAME TEXT: the members that begin so.
void RemoveMember(Line line) {
  const auto match = [](std::string_view member, const void* context) {
    const std::string_view wanted = *static_cast<const std::string_view*>(context);
    return EqualsIgnoreCase(member.substr(0, wanted.size()), wanted);
  };
  const HeaderId id = line.Id();
  line.editor->RemoveListMembers(id, match, &line.rest);
}

// remove-members-with NAME PARAM: the members that have that parameter.
void RemoveMembersWith(Line line) {
  const auto match = [](std::string_view member, const void* context) {
    const std::string_view params = member.substr(std::min(member.find(';'), member.size()));
    return FindParam(params, *static_cast<const std::string_view*>(context)).has_value();
  };
  const HeaderId id = line.Id();
  line.editor->RemoveListMembers(id, match, &line.rest);
}

// pop NAME COUNT: the first members.
void Pop(Line line) {
  const HeaderId id = line.Id();
  int count = 0;
  std::from_chars(line.rest.data(), line.rest.data() + line.rest.size(), count);
  ASSERT_GT(count, 0);
  line.editor->RemoveFirstMembers(id, count);
}

// remove-params NAME PARAM PARAM: of every member of every line.
void RemoveParams(Line line) {
  const HeaderId id = line.Id();
  const std::string_view first = line.Word();
  const std::string_view second = line.Word();
  if (IsDigest(id)) {
    for (const Header* header = line.message.Find(id); header != nullptr;
         header = line.message.FindNext(header)) {
      line.editor->RemoveParams(ParamsOf(id, line.message.Value(*header)), ',', {first, second});
    }
    return;
  }
  ListReader reader(line.message, id);
  for (ListMember member; reader.Next(&member);) {
    line.editor->RemoveParams(ParamsOf(id, member.text), ';', {first, second});
  }
}

// set-param NAME PARAM TEXT: of the first member.
void SetParam(Line line) {
  const HeaderId id = line.Id();
  const std::string_view name = line.Word();
  ListMember member;
  ASSERT_TRUE(ListReader(line.message, id).Next(&member));
  const std::string_view whole = IsDigest(id) ? line.message.Value(*member.header) : member.text;
  line.editor->SetParam(ParamsOf(id, whole), IsDigest(id) ? ',' : ';', name, {line.rest});
}

// fill-via RECEIVED PORT: what a server notes in the topmost Via (RFC 3261 18.2.1, RFC 3581 4).
void FillVia(Line line) {
  Via via;
  ASSERT_EQ(DecodeTopVia(line.message, &via), ParseError::kOk);
  line.editor->SetParam(ParamsOf(via), ';', "received", {"received=", line.Word()});
  if (via.has_rport) line.editor->SetParam(via.params, ';', "rport", {"rport=", line.Word()});
}

struct Verb {
  std::string_view name;
  void (*run)(Line line);
};

constexpr Verb kVerbs[] = {
    {"remove-header", &RemoveHeader},
    {"remove-member", &RemoveMember},
    {"remove-members-with", &RemoveMembersWith},
    {"pop", &Pop},
    {"remove-params", &RemoveParams},
    {"set-param", &SetParam},
    {"fill-via", &FillVia},
    // set-value NAME TEXT: of the first line of that name.
    {"set-value",
     [](Line line) {
       const std::string_view value = line.message.Value(line.First());
       line.editor->Replace(value, {line.rest});
     }},
    // before, after NAME LINE: around the first line of that name.
    {"before",
     [](Line line) {
       const Header& header = line.First();
       line.editor->InsertLineBefore(header, {line.TextLine()});
     }},
    {"after",
     [](Line line) {
       const Header& header = line.First();
       line.editor->InsertLineAfter(header, {line.TextLine()});
     }},
    // on-top, at-bottom NAME LINE: of the lines of that name.
    {"on-top",
     [](Line line) {
       const HeaderId id = line.Id();
       line.editor->InsertLineOnTop(id, {line.TextLine()});
     }},
    {"at-bottom",
     [](Line line) {
       const HeaderId id = line.Id();
       line.editor->InsertLineAtBottom(id, {line.TextLine()});
     }},
    // first, last LINE: of all headers.
    {"first", [](Line line) { line.editor->PrependLine({line.TextLine()}); }},
    {"last", [](Line line) { line.editor->AppendLine({line.TextLine()}); }},
};

// One line of "-- edits"; "12 x EDIT" does it twelve times.
void Apply(const Message& message, std::string_view edit, Editor* editor) {
  int count = 1;
  if (edit.find(" x ") < edit.find_first_not_of("0123456789 ")) {
    const std::string_view number = CutWord(&edit);
    std::from_chars(number.data(), number.data() + number.size(), count);
    CutWord(&edit);
  }
  const std::string_view name = CutWord(&edit);
  for (const Verb& verb : kVerbs) {
    if (verb.name != name) continue;
    for (int i = 0; i < count; ++i) verb.run({message, editor, edit});
    return;
  }
  FAIL() << "no such edit: " << name;
}

class SipEditData : public testing::TestWithParam<Case> {};

TEST_P(SipEditData, GivesTheExpectedBytes) {
  const Parsed parsed(GetParam().message);
  ASSERT_EQ(parsed.error, ParseError::kOk);
  ASSERT_FALSE(GetParam().edits.empty());
  Editor editor(parsed.message);
  for (const std::string& edit : GetParam().edits) Apply(parsed.message, edit, &editor);
  Slices slices;
  ASSERT_EQ(Name(editor.Finish(&slices)), GetParam().error);
  std::string result;
  for (const std::string_view piece : slices.view()) result += piece;
  EXPECT_EQ(result, GetParam().expected);
  EXPECT_EQ(result.size(), slices.size);
  EXPECT_EQ(Parsed(result).error, result.empty() ? ParseError::kEmpty : ParseError::kOk);
}

INSTANTIATE_TEST_SUITE_P(Golden, SipEditData, testing::ValuesIn(ReadCases()),
                         [](const testing::TestParamInfo<Case>& each) { return each.param.name; });

TEST(SipEditDataFiles, CoverTheirRules) {
  EXPECT_GT(ReadCases().size(), 50U);
}

}  // namespace
}  // namespace sip
