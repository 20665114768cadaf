#include <gtest/gtest.h>

#include <string>

#include "sip/list.h"
#include "sip/warning.h"
#include "tests/guard_page.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

// "code|agent|text", or the error's name.
std::string Decoded(std::string_view text) {
  const gmedge_test::GuardedText guarded(text, '"');
  Warning warning;
  const ParseError error = DecodeWarning(guarded.text(), &warning);
  if (error != ParseError::kOk) return std::string(Name(error));
  return std::to_string(warning.code) + "|" + std::string(warning.agent) + "|" +
         std::string(warning.text);
}

// The examples of RFC 3261 20.43.
TEST(SipWarning, Good) {
  EXPECT_EQ(Decoded("307 isi.edu \"Session parameter 'foo' not understood\""),
            "307|isi.edu|Session parameter 'foo' not understood");
  EXPECT_EQ(Decoded("301 isi.edu \"Incompatible network address type 'E.164'\""),
            "301|isi.edu|Incompatible network address type 'E.164'");
  EXPECT_EQ(Decoded(" 399\t[2001:db8::1]:5060\r\n \"a, \\\"b\\\"\""),
            "399|[2001:db8::1]:5060|a, \\\"b\\\"");
  EXPECT_EQ(Decoded("100 ~pseudonym! \"\""), "100|~pseudonym!|");
}

TEST(SipWarning, Bad) {
  for (const char* text :
       {"", "3", "307", "307 isi.edu", "307 \"a\"", "30 isi.edu \"a\"", "3070 isi.edu \"a\"",
        "099 isi.edu \"a\"", "x07 isi.edu \"a\"", "307isi.edu \"a\"", "307 isi.edu\"a\"",
        "307 isi.edu \"a", "307 isi.edu \"a\" b", "307 isi.edu a", "307 a b \"c\"",
        "307 [::1::2] \"a\"", "307 isi.edu \"a\\\"", " \"307 isi.edu \"", "-07 a \"b\""}) {
    EXPECT_EQ(Decoded(text), "BadHeaderValue") << text;
  }
}

TEST(SipWarning, SeveralInALine) {
  const gmedge_test::Parsed parsed(
      gmedge_test::RequestWith("Warning: 307 a \"x, y\", 399 b:1 \"z\"\r\n"));
  std::string all;
  ListReader reader(parsed.message, HeaderId::kWarning);
  for (ListMember member; reader.Next(&member);) all += Decoded(member.text) + "\n";
  EXPECT_EQ(all, "307|a|x, y\n399|b:1|z\n");
}

}  // namespace
}  // namespace sip
