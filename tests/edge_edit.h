// What the tests of header rules share: a message before and after the edits of one rule.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>

#include "sip/edit.h"
#include "sip/message.h"
#include "tests/sip_fixture.h"

namespace edge {

using EditRule = std::function<void(const sip::Message& message, sip::Editor* editor)>;

// The whole message after `rule`.
inline std::string Edited(std::string_view text, const EditRule& rule) {
  const gmedge_test::Parsed parsed(text);
  EXPECT_EQ(parsed.error, sip::ParseError::kOk) << text;
  sip::Editor editor(parsed.message);
  rule(parsed.message, &editor);
  sip::Slices slices;
  EXPECT_EQ(editor.Finish(&slices), sip::EditError::kOk) << text;
  std::string edited;
  for (const std::string_view piece : slices.view()) edited += piece;
  return edited;
}

// What a rule makes of `lines` in an otherwise plain request: the header lines behind CSeq, LF for
// CRLF in and out. The rest of the message must come out as it went in.
inline std::string EditedLines(std::string_view lines, const EditRule& rule) {
  const std::string before = gmedge_test::RequestWith("");
  const std::string head = before.substr(0, before.size() - 2);
  const std::string text = gmedge_test::RequestWith(gmedge_test::WithCrlf(lines));
  const std::string edited = Edited(text, rule);
  EXPECT_TRUE(edited.starts_with(head)) << edited;
  EXPECT_TRUE(edited.ends_with("\r\n\r\n")) << edited;
  std::string behind;
  for (size_t i = head.size(); i + 2 < edited.size(); ++i) {
    if (edited[i] != '\r') behind += edited[i];
  }
  return behind;
}

}  // namespace edge
