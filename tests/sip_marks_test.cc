#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "sip/marks.h"
#include "sip/message.h"
#include "tests/sip_both_ways.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

using gmedge_test::GuardedText;
using gmedge_test::Parsed;
using gmedge_test::ReadData;
using gmedge_test::TellAll;

std::vector<size_t> MarksOf(std::string_view text) {
  const GuardedText guarded(text, ';');
  Marks marks(guarded.padded());
  std::vector<size_t> found;
  for (size_t at = marks.Next(); at < text.size(); at = marks.Next()) {
    found.push_back(at);
    marks.Step();
  }
  EXPECT_EQ(marks.Next(), text.size());
  return found;
}

TEST(SipMarks, MarkEveryCharacterThatStructures) {
  for (int c = 0; c < 256; ++c) {
    const char text = static_cast<char>(c);
    const bool marked = !MarksOf(std::string_view(&text, 1)).empty();
    if (Is(text, kStructureChar) || c <= ' ' || c == '%' || c == 0x7f) {
      EXPECT_TRUE(marked) << c;
    }
    if (Is(text, kDigitChar | kAlphaChar) || text == '-' || text == '.' || text == '@') {
      EXPECT_FALSE(marked) << c;
    }
  }
}

TEST(SipMarks, AreFoundAtEveryPlaceAndNotInThePadding) {
  for (size_t size = 0; size < 200; ++size) {
    EXPECT_TRUE(MarksOf(std::string(size, 'a')).empty());
    for (size_t at = 0; at < size; ++at) {
      std::string text(size, 'a');
      text[at] = ';';
      EXPECT_EQ(MarksOf(text), std::vector{at});
    }
  }
}

TEST(SipMarks, CanBeGoneToForwardsAndBack) {
  const GuardedText guarded(std::string(150, ','), ';');
  Marks marks(guarded.padded());
  for (const size_t at : std::initializer_list<size_t>{0, 63, 64, 149, 3, 128, 150, 65}) {
    marks.GoTo(at);
    EXPECT_EQ(marks.Next(), at);
  }
  Marks none{PaddedView()};
  EXPECT_EQ(none.Next(), 0U);
}

TEST(SipMarks, FoldedWordsTellNamesApart) {
  const GuardedText guarded("SPI-C=1;port-s=2", 'x');
  EXPECT_EQ(LoadFoldedWord(guarded.text().data(), 5), FoldedWord("spi-c"));
  EXPECT_EQ(LoadFoldedWord(guarded.text().data() + 8, 6), FoldedWord("port-s"));
  EXPECT_NE(LoadFoldedWord(guarded.text().data() + 8, 6), FoldedWord("port-c"));
  EXPECT_EQ(LoadFoldedWord(guarded.text().data(), 0), 0U);
}

void ExpectBothWays(const std::string& value) {
  const GuardedText guarded(value, '"');
  ASSERT_EQ(TellAll(guarded.padded()), TellAll(guarded.text())) << value;
}

// Every header value of the test messages, whole and damaged: a value reads the same along its
// marks and character by character.
TEST(SipMarks, ChangeNothingOfWhatIsRead) {
  std::mt19937 random(1);  // Always the same damage.
  size_t values = 0;
  for (const char* folder : {"messages", "vectors/sip", "torture/rfc4475"}) {
    for (const auto& entry : std::filesystem::directory_iterator(GMEDGE_SOURCE_DIR "/tests/data/" +
                                                                 std::string(folder))) {
      if (entry.path().extension() == ".json") continue;
      const Parsed parsed(ReadData(std::string(folder) + "/" + entry.path().filename().string()));
      for (const Header& header : parsed.message.headers()) {
        std::string value(parsed.message.Value(header));
        ExpectBothWays(value);
        for (int round = 0; round < 20 && !value.empty(); ++round) {
          value[random() % value.size()] = "\"\\,;<=> \t\r\n%:@[]a1/\x7f\xe4"[random() % 22];
          ExpectBothWays(value);
        }
        ++values;
      }
    }
  }
  EXPECT_GT(values, 800U);
}

// Wherever a block of marks ends: between a '=' and its quote, before a separator, behind one.
TEST(SipMarks, ReadAlikeWhereverABlockEnds) {
  for (size_t size = 1; size < 140; ++size) {
    const std::string name(size, 'n');
    ExpectBothWays("SIP/2.0/UDP " + name +
                   ";rport=5060;branch=z9hG4bK1;x=\"y;,\";received=::1,SIP");
    ExpectBothWays("<sip:" + name + ";lr=\"a>;a=\"b\";c=d;tag=x;e=\"f\",<sip:a>");
    ExpectBothWays("<sip:" + name + ">;a=\"b\";c=d;tag=x;e=\"f\"");
    ExpectBothWays("Digest " + name +
                   "=\"a\", nonce=\"b==\",ik=\"\", ck=\"1\",qop=auth,uri=sip:a;b");
    ExpectBothWays("ipsec-3gpp;spi-c=4294967295;alg=" + name + ";q=0.1, ipsec-3gpp;mod=trans");
    ExpectBothWays("ipsec-3gpp;alg=" + name + ";spi-c=300;q=0.1,ipsec-3gpp;alg=" + name +
                   ";spi-c=301;q=0.1,ipsec-3gpp;alg=" + name + ";spi-c=302,ipsec-3gpp;alg=" + name);
    ExpectBothWays(";" + name + "=\"\"; b=\"c\\\"\";d");
  }
}

// Nothing but digits is a number, at any place of it.
TEST(SipMarks, ReadNumbersAlike) {
  for (const char* name : {"spi-c", "port-s", "q"}) {
    for (size_t size = 1; size <= 11; ++size) {
      for (size_t at = 0; at < size; ++at) {
        for (const char c : std::string_view("*-./0159:?@Aiy\xaf\xb0\xb9\xba\xff")) {
          std::string digits(size, '9');
          digits[at] = c;
          ExpectBothWays("ipsec-3gpp;" + std::string(name) + "=" + digits);
        }
      }
    }
  }
}

TEST(SipMarks, PlainFormsEndWhereTheTextDoes) {
  for (const char* value :
       {"SIP/2.0/UDP a;branch=",
        "SIP/2.0/UDP a;",
        "SIP/2.0/UDP a;rport",
        "SIP/2.0/UDP",
        "SIP/2.0/",
        "SIP/2.0/UDP ",
        "SIP/2.0/UDP [::1]:5;rport=9;branch=z",
        "SIP/2.0/UDP a;rport=0",
        "SIP/2.0/UDP a;rport=\"1\"",
        "SIP/2.0/UDP a,b",
        "SIP/2.0/UDP a;x,b",
        "SIP/2.0/UDP a;x =1",
        "SIP/2.0/TCP a_b:1",
        "SIP/2.0/TCP a/b",
        "<sip:a>",
        "<sip:a",
        "<sip:>",
        "<sip:a>;",
        "<>",
        "<sip:a>;tag",
        "<sip:a>;tag=",
        "<sip:a>;tag=1;tag=2",
        "<sip:a> ;tag=1",
        "<sip:%41>",
        "<sip:%4>",
        "<sips:a>;a=\"b\\\"c\"",
        "<sip:a>,b",
        "ipsec-3gpp",
        "ipsec-3gpp,",
        "ipsec-3gpp;alg",
        "ipsec-3gpp;spi-c=4294967296",
        "ipsec-3gpp;spi-c=00000000001",
        "ipsec-3gpp;spi-c=12345678x;spi-s=x1234567",
        "ipsec-3gpp;q=0.5,ipsec-3gpp;q=0.55",
        "ipsec-3gpp;alg=null;alg=null,ipsec-3gpp;alg=null;alg=aes-gmac",
        "ipsec-3gpp;prot=esp;mod=trans,ipsec-3gpp;prot=esp;mod=tun,ipsec-3gpp;prot=esp;mod",
        "Digest a=\"b",
        "Digest a=\"b\\\"\"",
        "Digest a=\"b\",ik=1,IK=2",
        "Digest uri=sip:a;b,c=d"}) {
    ExpectBothWays(value);
  }
}

}  // namespace
}  // namespace sip
