#include <gtest/gtest.h>

#include <array>

#include "sip/writer.h"

namespace sip {
namespace {

TEST(SipWriter, PutsTextAndNumbers) {
  std::array<char, 64> out;
  Writer writer(out);
  writer.Put("a").Put("").PutNumber(0).PutNumber(UINT64_MAX).PutHex(0x1fe, 4).PutHex(0xabc, 2);
  writer.Line("X", {"y", "z"});
  EXPECT_TRUE(writer.ok());
  EXPECT_EQ(writer.text(), "a01844674407370955161501febcX: yz\r\n");
  EXPECT_EQ(writer.size(), writer.text().size());
}

TEST(SipWriter, RemembersThatTheRoomRanOut) {
  std::array<char, 4> out;
  Writer writer(out);
  writer.Put("abc").Put("de");
  EXPECT_FALSE(writer.ok());
  EXPECT_EQ(writer.size(), 0U);
  EXPECT_EQ(writer.text(), "");
  writer.Put("f");  // It would fit, and the text would have a hole.
  EXPECT_EQ(writer.size(), 0U);

  Writer exact(out);
  exact.Put("abcd");
  EXPECT_TRUE(exact.ok());
  EXPECT_EQ(exact.text(), "abcd");
}

}  // namespace
}  // namespace sip
