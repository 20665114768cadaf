#include <gtest/gtest.h>

#include <string>

#include "sip/privacy.h"
#include "tests/guard_page.h"

namespace sip {
namespace {

// One letter a flag: n h s u i H c ?; or the error's name.
std::string Decoded(std::string_view value) {
  const gmedge_test::GuardedText guarded(value, ';');
  Privacy privacy;
  const ParseError error = DecodePrivacy(guarded.text(), &privacy);
  if (error != ParseError::kOk) return std::string(Name(error));
  std::string text;
  if (privacy.none) text += 'n';
  if (privacy.header) text += 'h';
  if (privacy.session) text += 's';
  if (privacy.user) text += 'u';
  if (privacy.id) text += 'i';
  if (privacy.history) text += 'H';
  if (privacy.critical) text += 'c';
  if (privacy.unknown) text += '?';
  return text;
}

TEST(SipPrivacy, Values) {
  EXPECT_EQ(Decoded("none"), "n");
  EXPECT_EQ(Decoded("id"), "i");
  EXPECT_EQ(Decoded("header;session;user;id;history;critical"), "hsuiHc");
  EXPECT_EQ(Decoded(" ID ;\r\n Critical "), "ic");
  EXPECT_EQ(Decoded("critical;user"), "uc");
  EXPECT_EQ(Decoded("location"), "?");
  EXPECT_EQ(Decoded("ids;user"), "u?");
  EXPECT_EQ(Decoded("id;id"), "i");
}

TEST(SipPrivacy, Refuses) {
  for (const char* text : {"", " ", ";", "id;", ";id", "id;;user", "id user", "id,user", "id=1",
                           "\"id\"", "none;id", "id;none", "none;critical", "critical"}) {
    EXPECT_EQ(Decoded(text), "BadHeaderValue") << text;
  }
}

TEST(SipPrivacy, NoneTwiceIsNone) {
  EXPECT_EQ(Decoded("none;NONE"), "n");
}

}  // namespace
}  // namespace sip
