// The cases are data: tests/data/sip/edits.txt.
#include <gtest/gtest.h>

#include <charconv>
#include <sstream>
#include <string>
#include <vector>

#include "sip/digest.h"
#include "sip/edit.h"
#include "sip/list.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

using gmedge_test::Parsed;
using gmedge_test::ReadData;
using gmedge_test::RequestWith;
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

std::vector<Case> ReadCases() {
  std::vector<Case> cases;
  std::istringstream file(ReadData("sip/edits.txt"));
  std::string part;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("== ")) {
      cases.push_back({.name = line.substr(3), .message = {}, .edits = {}, .expected = {}});
      part = "message";
    } else if (line.starts_with("-- ")) {
      part = line.substr(3);
      if (part.starts_with("error ")) cases.back().error = part.substr(6);
    } else if (part == "message") {
      cases.back().message += line + "\n";
    } else if (part == "edits") {
      cases.back().edits.push_back(line);
    } else if (part == "expected") {
      cases.back().expected += line + "\n";
    }
  }
  // One empty line stands between two cases.
  for (Case& each : cases) {
    if (!each.expected.empty()) each.expected.pop_back();
  }
  return cases;
}

std::string Joined(const Slices& slices) {
  std::string text;
  for (const std::string_view piece : slices.view()) {
    EXPECT_FALSE(piece.empty());
    text += piece;
  }
  EXPECT_EQ(text.size(), slices.size);
  return text;
}

std::string_view CutWord(std::string_view* text) {
  const size_t blank = std::min(text->find(' '), text->size());
  const std::string_view word = text->substr(0, blank);
  text->remove_prefix(std::min(blank + 1, text->size()));
  return word;
}

// The first place in the message where that text stands.
std::string_view PieceOf(const Message& message, std::string_view text) {
  const size_t at = message.bytes().find(text);
  EXPECT_NE(at, std::string_view::npos) << text;
  return message.bytes().substr(at, text.size());
}

bool Matches(std::string_view member, const void* context) {
  return EqualsIgnoreCase(member, *static_cast<const std::string_view*>(context));
}

void RemoveParams(const Message& message, const Header& header, std::string_view names,
                  Editor* editor) {
  const std::string_view value = message.Value(header);
  Digest digest;
  const bool is_digest = header.id == HeaderId::kWwwAuthenticate;
  ASSERT_TRUE(!is_digest || DecodeDigest(value, &digest) == ParseError::kOk);
  const std::string_view params = is_digest ? digest.params : value.substr(value.find(">") + 1);
  const std::string_view first = CutWord(&names);
  const std::string_view second = CutWord(&names);
  editor->RemoveParams(params, is_digest ? ',' : ';', {first, second, names});
}

// One line of "-- edits".
void Apply(const Message& message, std::string_view edit, Editor* editor) {
  const std::string_view what = CutWord(&edit);
  const std::string line = std::string(edit) + "\r\n";
  if (what == "append") return editor->AppendLine({line});
  if (what == "prepend") return editor->PrependLine({edit, "\r\n"});
  if (what == "remove") return editor->Remove(PieceOf(message, edit));
  const size_t arrow = edit.find(" => ");
  if (arrow != std::string_view::npos) {
    const std::string_view piece = PieceOf(message, edit.substr(0, arrow));
    const std::string_view text = edit.substr(arrow + 4);
    if (what == "replace") return editor->Replace(piece, {text});
    if (what == "insert-before") return editor->Replace(piece.substr(0, 0), {text});
    if (what == "insert-after") return editor->InsertAfter(piece, {text});
  }
  const HeaderId id = LookUpHeader(edit.substr(0, edit.find(' ')));
  const Header* const header =
      id == HeaderId::kOther ? &message.headers()[0] : message.Find(id);  // "X" stands first.
  ASSERT_NE(header, nullptr) << edit;
  CutWord(&edit);
  if (what == "remove-headers") {
    if (id == HeaderId::kOther) return editor->RemoveHeader(*header);
    EXPECT_GT(editor->RemoveHeaders(id), 0);
  } else if (what == "remove-member") {
    editor->RemoveListMembers(id, &Matches, &edit);
  } else if (what == "remove-first-member") {
    EXPECT_TRUE(editor->RemoveFirstMember(id));
  } else if (what == "remove-first-members") {
    int count = 0;
    std::from_chars(edit.data(), edit.data() + edit.size(), count);
    editor->RemoveFirstMembers(id, count);
  } else if (what == "remove-params") {
    RemoveParams(message, *header, edit, editor);
  } else if (what == "line-before") {
    editor->InsertLineBefore(*header, {edit, "\r\n"});
  } else if (what == "line-after") {
    editor->InsertLineAfter(*header, {edit, "\r\n"});
  } else {
    FAIL() << "no such edit: " << what;
  }
}

class SipEdit : public testing::TestWithParam<Case> {};

TEST_P(SipEdit, GivesTheExpectedBytes) {
  const Parsed parsed(WithCrlf(GetParam().message));
  ASSERT_EQ(parsed.error, ParseError::kOk);
  ASSERT_FALSE(GetParam().edits.empty());
  Editor editor(parsed.message);
  for (const std::string& edit : GetParam().edits) Apply(parsed.message, edit, &editor);
  Slices slices;
  ASSERT_EQ(Name(editor.Finish(&slices)), GetParam().error);
  EXPECT_EQ(Joined(slices), WithCrlf(GetParam().expected));
}

INSTANTIATE_TEST_SUITE_P(Golden, SipEdit, testing::ValuesIn(ReadCases()),
                         [](const testing::TestParamInfo<Case>& each) { return each.param.name; });

TEST(SipEditor, WithoutEditsTheMessageIsOneSlice) {
  const Parsed parsed(RequestWith("l: 4\r\n") + "body");
  Editor editor(parsed.message);
  Slices slices;
  ASSERT_EQ(editor.Finish(&slices), EditError::kOk);
  ASSERT_EQ(slices.count, 1);
  EXPECT_EQ(slices.pieces[0].data(), parsed.message.bytes().data());
  EXPECT_EQ(slices.pieces[0], parsed.message.bytes());
}

TEST(SipEditor, CountsWhatItCuts) {
  const Parsed parsed(RequestWith("k: a,b\r\nRequire: a\r\nSupported: a\r\n"));
  Editor editor(parsed.message);
  const std::string_view a = "a";
  EXPECT_EQ(editor.RemoveListMembers(HeaderId::kSupported, &Matches, &a), 2);
  EXPECT_EQ(editor.RemoveListMembers(HeaderId::kProxyRequire, &Matches, &a), 0);
  EXPECT_EQ(editor.RemoveHeaders(HeaderId::kRequire), 1);
  EXPECT_EQ(editor.RemoveHeaders(HeaderId::kRoute), 0);
  EXPECT_FALSE(editor.RemoveFirstMember(HeaderId::kRoute));
  const std::string_view via = parsed.message.Value(HeaderId::kVia);
  EXPECT_EQ(editor.RemoveParams(via.substr(via.find(';')), ';', {"branch", "x"}), 1);
}

TEST(SipEditor, KeptBytesAreNeverCopied) {
  const Parsed parsed(RequestWith("Require: path\r\n"));
  Editor editor(parsed.message);
  editor.RemoveHeaders(HeaderId::kRequire);
  editor.RemoveHeaders(HeaderId::kCSeq);
  Slices slices;
  ASSERT_EQ(editor.Finish(&slices), EditError::kOk);
  ASSERT_EQ(slices.count, 2);
  EXPECT_EQ(slices.pieces[0].data(), parsed.message.bytes().data());
  EXPECT_EQ(slices.pieces[1].data(), parsed.message.bytes().data() + parsed.message.headers_end());
}

TEST(SipEditor, TextOfOnePlaceIsOneSlice) {
  const Parsed parsed(RequestWith(""));
  Editor editor(parsed.message);
  editor.AppendLine({"A: ", "1", "\r\n"});
  editor.AppendLine({"B: 2\r\n"});
  Slices slices;
  ASSERT_EQ(editor.Finish(&slices), EditError::kOk);
  ASSERT_EQ(slices.count, 3);
  EXPECT_EQ(slices.pieces[1], "A: 1\r\nB: 2\r\n");
}

TEST(SipEditor, RefusesTooManyEditsAndYieldsNothing) {
  const Parsed parsed(RequestWith(""));
  Editor editor(parsed.message);
  // The worst case for slices: text and kept bytes in turns.
  for (uint16_t i = 0; i < Editor::kEditsMax; ++i) {
    editor.Replace(parsed.message.bytes().substr(1 + 2U * i, 1), {"x"});
  }
  Slices slices;
  ASSERT_EQ(editor.Finish(&slices), EditError::kOk);
  EXPECT_EQ(slices.count, Slices::kMax);
  EXPECT_EQ(Joined(slices).size(), parsed.message.bytes().size());

  editor.AppendLine({"X: y\r\n"});
  EXPECT_EQ(editor.Finish(&slices), EditError::kTooManyEdits);
  EXPECT_EQ(slices.count, 0);
  EXPECT_EQ(slices.size, 0U);
}

TEST(SipEditor, RefusesTooMuchTextAndYieldsNothing) {
  const Parsed parsed(RequestWith(""));
  const std::string half(Editor::kTextMax / 2, 'x');
  Editor editor(parsed.message);
  editor.AppendLine({half, half});
  Slices slices;
  ASSERT_EQ(editor.Finish(&slices), EditError::kOk);
  EXPECT_EQ(slices.size, parsed.message.bytes().size() + Editor::kTextMax);
  editor.AppendLine({"x"});
  EXPECT_EQ(editor.Finish(&slices), EditError::kTooMuchText);
  EXPECT_EQ(slices.count, 0);
  editor.RemoveHeaders(HeaderId::kVia);  // The first error is kept.
  EXPECT_EQ(editor.Finish(&slices), EditError::kTooMuchText);
}

TEST(SipEditor, SetsTheFirstParameterOfAnEmptyList) {
  const Parsed parsed(RequestWith("Subject: a\r\nAuthorization: X \r\n"));
  const std::string_view subject = parsed.message.Value(HeaderId::kSubject);
  const std::string_view scheme = parsed.message.Value(HeaderId::kAuthorization);
  Editor editor(parsed.message);
  editor.SetParam(subject.substr(1), ';', "x", {"x=", "1"});
  editor.InsertAfter(scheme, {" "});
  editor.SetParam(scheme.substr(1), ',', "y", {"y=2"});
  Slices slices;
  ASSERT_EQ(editor.Finish(&slices), EditError::kOk);
  EXPECT_NE(Joined(slices).find("Subject: a;x=1\r\nAuthorization: X y=2 \r\n"), std::string::npos);
}

TEST(SipEditor, EditsThatChangeNothingCostNothing) {
  const Parsed parsed(RequestWith(""));
  Editor editor(parsed.message);
  for (int i = 0; i < 2 * Editor::kEditsMax; ++i) {
    editor.Remove(parsed.message.bytes().substr(5, 0));
    editor.AppendLine({""});
  }
  Slices slices;
  EXPECT_EQ(editor.Finish(&slices), EditError::kOk);
  EXPECT_EQ(slices.count, 1);
  for (int i = 0; i < Editor::kEditsMax; ++i) editor.RemoveHeaders(HeaderId::kVia);
  editor.AppendLine({"", ""});  // Not even when all are taken.
  EXPECT_EQ(editor.Finish(&slices), EditError::kOk);
}

TEST(SipEditorDeathTest, FirstMembersMustBeThere) {
  const Parsed parsed(RequestWith("Route: <sip:1>\r\n"));
  Editor editor(parsed.message);
  EXPECT_DEATH(editor.RemoveFirstMembers(HeaderId::kRoute, 2), "");
  EXPECT_DEATH(editor.Remove("not of the message"), "");
}

TEST(SipEditError, EveryErrorHasItsName) {
  EXPECT_EQ(Name(EditError::kOk), "Ok");
  EXPECT_EQ(Name(EditError::kTooManyEdits), "TooManyEdits");
  EXPECT_EQ(Name(EditError::kTooMuchText), "TooMuchText");
  EXPECT_EQ(Name(EditError::kOverlap), "Overlap");
}

}  // namespace
}  // namespace sip
