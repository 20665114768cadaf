#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tools/shown_text.h"

namespace tools {
namespace {

std::string Shown(std::string_view text) {
  return ShownText(text, false).Of(text);
}

TEST(ShownText, EscapesWhatActsOnATerminal) {
  EXPECT_EQ(Escaped("a\x1b[31mred\x07"), "a\\x1b[31mred\\x07");
  EXPECT_EQ(Escaped(std::string_view("\0\t\r\n\x7f", 5)), "\\x00\\x09\\x0d\\x0a\\x7f");
  EXPECT_EQ(Escaped("\xc2\x9b"), "\\xc2\\x9b");           // CSI as one C1 character.
  EXPECT_EQ(Escaped("\xe2\x80\xae"), "\\xe2\\x80\\xae");  // Right-to-left override.
  EXPECT_EQ(Escaped("\xe2\x81\xa6"), "\\xe2\\x81\\xa6");  // An isolate.
  EXPECT_EQ(Escaped("\xe2\x80\x8b"), "\\xe2\\x80\\x8b");  // A blank without width.
}

TEST(ShownText, LeavesOtherUtf8) {
  EXPECT_EQ(Escaped("J\xc3\xbcrgen \xe5\xa4\xa7 \xf0\x9f\x93\x9e"), "Jürgen 大 📞");
}

TEST(ShownText, EscapesWhatIsNoUtf8) {
  EXPECT_EQ(Escaped("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(Escaped("\xc3"), "\\xc3");  // Cut short.
  EXPECT_EQ(Escaped("\xc3("), "\\xc3(");
  EXPECT_EQ(Escaped("\xc0\x9b"), "\\xc0\\x9b");  // ESC the long way.
  EXPECT_EQ(Escaped("\xe0\x80\x9b"), "\\xe0\\x80\\x9b");
  EXPECT_EQ(Escaped("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // A surrogate.
  EXPECT_EQ(Escaped("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
}

TEST(ShownText, AnEscapeIsAlwaysAByte) {
  EXPECT_EQ(Escaped(R"(\x1b)"), R"(\x5cx1b)");
  EXPECT_EQ(Escaped(R"("a \" b \\")"), R"("a \" b \\")");
}

TEST(ShownText, JoinsFolds) {
  EXPECT_EQ(Shown("a ,\r\n \t b\n c"), "a , b c");
  EXPECT_EQ(Shown("a\rb"), "a\\x0db");
  EXPECT_EQ(Shown("a\r\nb"), "a\\x0d\\x0ab");
}

TEST(ShownText, HidesKeys) {
  EXPECT_EQ(Shown(R"(Digest nonce="n",ik="00aa",ck="bb11",qop="auth")"),
            R"(Digest nonce="n",ik=(hidden),ck=(hidden),qop="auth")");
  EXPECT_EQ(Shown("Digest IK = 00aa , Ck\r\n\t=\r\n \"bb\" ,x=1"),
            "Digest IK = (hidden) , Ck = (hidden) ,x=1");
  EXPECT_EQ(ShownText(R"(ik="00aa")", true).Of(R"(ik="00aa")").size(), 0U + 9);
}

TEST(ShownText, HidesKeysOfBrokenHeaders) {
  EXPECT_EQ(Shown("ik=\"00aa,ck=bb\r\nVia: x"), "ik=(hidden)\\x0d\\x0aVia: x");
  EXPECT_EQ(Shown("WWW-Auth: Digest;;ik=00;aa bb,ck=\"cc\" dd\r\nA: b"),
            "WWW-Auth: Digest;;ik=(hidden),ck=(hidden)\\x0d\\x0aA: b");
  EXPECT_EQ(Shown("ik=00aa"), "ik=(hidden)");
  EXPECT_EQ(Shown("ik=\"00\xff\x1b\""), "ik=(hidden)");
  EXPECT_EQ(Shown("ik=\"00\"aa\"bb,\",x"), "ik=(hidden),x");
}

TEST(ShownText, OtherNamesAreNoKeys) {
  EXPECT_EQ(Shown("tik=1,ikk=2,lack=3,ck-x=4"), "tik=1,ikk=2,lack=3,ck-x=4");
  EXPECT_EQ(Shown("ik, ck"), "ik, ck");
  EXPECT_EQ(Shown("ik=,ck="), "ik=,ck=");
}

TEST(ShownText, HidesKeysInPieces) {
  const std::string_view text = R"(a,ik="00aa",b)";
  const ShownText shown(text, false);
  EXPECT_EQ(shown.Of(text.substr(6, 4)), "(hidden)");  // Without the quotes.
  EXPECT_EQ(shown.Of(text.substr(7, 1)), "(hidden)");
  EXPECT_EQ(shown.Of(text.substr(0, 8)), "a,ik=(hidden)");
  EXPECT_EQ(shown.Of(text.substr(8)), "(hidden),b");
  EXPECT_EQ(shown.Of(text.substr(12)), "b");
  EXPECT_EQ(shown.Of({}), "");
}

TEST(ShownText, SaysWhereAndShowsTheLine) {
  const std::string_view text = "INVITE x\r\nVia: \x1b<bad>\r\n\r\n";
  const ShownText shown(text, false);
  TextPlace place = shown.PlaceOf(text.find('<'));
  EXPECT_EQ(place.line, 2U);
  EXPECT_EQ(place.column, 7U);
  EXPECT_EQ(place.text, "Via: \\x1b<bad>");
  EXPECT_EQ(place.caret, 9U);
  place = shown.PlaceOf(0);
  EXPECT_EQ(place.line, 1U);
  EXPECT_EQ(place.column, 1U);
  EXPECT_EQ(place.text, "INVITE x");
  place = shown.PlaceOf(text.size());
  EXPECT_EQ(place.line, 4U);
  EXPECT_EQ(place.column, 1U);
  EXPECT_EQ(place.text, "");
  place = shown.PlaceOf(text.find("\r\n"));
  EXPECT_EQ(place.text, "INVITE x");
  EXPECT_EQ(place.caret, 8U);
}

TEST(ShownText, TheCaretCountsCharacters) {
  const std::string_view text = "Subject: J\xc3\xbcrgen!";
  const TextPlace place = ShownText(text, false).PlaceOf(text.find('!'));
  EXPECT_EQ(place.column, 17U);
  EXPECT_EQ(place.caret, 15U);
}

TEST(ShownText, OfALongLineOnlyThePartAroundThePlace) {
  const std::string text = std::string(500, 'a') + "!" + std::string(500, 'b');
  const TextPlace place = ShownText(text, false).PlaceOf(500);
  EXPECT_EQ(place.column, 501U);
  EXPECT_EQ(place.text, "..." + std::string(60, 'a') + "!" + std::string(59, 'b') + "...");
  EXPECT_EQ(place.text[place.caret], '!');
}

TEST(ShownText, HidesKeysInTheLineOfAPlace) {
  const std::string_view text = "A: b\r\nWWW-Authenticate: Digest ik=\"00aa\",ck=\"bb";
  for (size_t offset = 0; offset <= text.size(); ++offset) {
    const TextPlace place = ShownText(text, false).PlaceOf(offset);
    EXPECT_EQ(place.text, offset < 6 ? "A: b" : "WWW-Authenticate: Digest ik=(hidden),ck=(hidden)");
    EXPECT_LE(place.caret, place.text.size());
  }
  // Within a key it points at where the key stands.
  const TextPlace place = ShownText(text, false).PlaceOf(text.find("aa"));
  EXPECT_EQ(place.text.substr(place.caret, 8), "(hidden)");
}

// Whatever stands around it, a key's digits never come out.
TEST(ShownText, NoKeyComesOut) {
  constexpr std::string_view kParts[] = {"\"", ",",  " ", "=", "\r\n", "\r\n ",  ";",     "\\",
                                         "ik", "ck", "x", ":", "\xff", "Digest", "ik=\"", "<"};
  std::minstd_rand random(3);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    const auto add = [&] {
      for (size_t i = random() % 6; i > 0; --i) text += kParts[random() % std::size(kParts)];
    };
    add();
    text += random() % 2 == 0 ? ",ik=" : " ck = ";
    const bool is_quoted = random() % 2 == 0;
    text += is_quoted ? "\"01234567\"" : "01234567";
    add();
    const ShownText shown(text, false);
    EXPECT_EQ(shown.Of(text).find("4567"), std::string::npos) << text;
    EXPECT_EQ(shown.PlaceOf(random() % text.size()).text.find("4567"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace tools
