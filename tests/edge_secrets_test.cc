#include <gtest/gtest.h>

#include <set>
#include <string>

#include "edge/secrets.h"

namespace edge {
namespace {

class FixedRandom final : public Random {
 public:
  explicit FixedRandom(uint64_t first) : next_(first) {}
  uint64_t Next() override { return next_++; }

 private:
  uint64_t next_;
};

KeyedHash HashOf(uint64_t seed) {
  FixedRandom random(seed);
  return KeyedHash(&random);
}

TEST(EdgeSecrets, TheSamePiecesHashAlike) {
  const KeyedHash hash = HashOf(1);
  EXPECT_EQ(hash.Hash({"branch", "call-id"}), hash.Hash({"branch", "call-id"}));
  const KeyedHash copy = hash;
  EXPECT_EQ(copy.Hash({"branch"}), hash.Hash({"branch"}));
}

TEST(EdgeSecrets, TheBordersBetweenPiecesCount) {
  const KeyedHash hash = HashOf(1);
  const std::set<uint64_t> hashes = {hash.Hash({"ab", "c"}),  hash.Hash({"a", "bc"}),
                                     hash.Hash({"abc"}),      hash.Hash({"abc", ""}),
                                     hash.Hash({"", "abc"}),  hash.Hash({"a", "b", "c"}),
                                     hash.Hash({}),           hash.Hash({""}),
                                     hash.Hash({"", "", ""}), hash.Hash({"c", "ab"})};
  EXPECT_EQ(hashes.size(), 10u);
}

TEST(EdgeSecrets, AnotherKeyGivesAnotherHash) {
  EXPECT_NE(HashOf(1).Hash({"x"}), HashOf(7).Hash({"x"}));
}

TEST(EdgeSecrets, EveryByteOfALongInputCounts) {
  const KeyedHash hash = HashOf(1);
  for (const size_t size : {1u, 500u, 1021u, 1022u, 1023u, 1024u, 5000u, 70'000u}) {
    const std::string text(size, 'x');
    const uint64_t whole = hash.Hash({text, "tail"});
    for (const size_t at : {size_t{0}, size / 2, size - 1}) {
      std::string other = text;
      other[at] = 'y';
      EXPECT_NE(hash.Hash({other, "tail"}), whole) << size << " at " << at;
    }
    EXPECT_NE(hash.Hash({text, "tali"}), whole) << size;
    EXPECT_NE(hash.Hash({text}), whole) << size;
    EXPECT_EQ(hash.Hash({text, "tail"}), whole) << size;
  }
}

TEST(EdgeSecrets, HexGoesThereAndBack) {
  for (const uint64_t number :
       {uint64_t{0}, uint64_t{1}, uint64_t{0x0123456789abcdef}, UINT64_MAX, uint64_t{1} << 63}) {
    const HexText text = WriteHex(number);
    uint64_t back = ~number;
    ASSERT_TRUE(ReadHex(View(text), &back));
    EXPECT_EQ(back, number);
  }
  const HexText text = WriteHex(0x0123456789abcdef);
  EXPECT_EQ(View(text), "0123456789abcdef");
}

TEST(EdgeSecrets, AnythingButSixteenLowerCaseDigitsIsNoHex) {
  for (const std::string_view text :
       {"", "0", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF", "0123456789abcdeg",
        " 123456789abcdef", "0x23456789abcdef", "-123456789abcdef", "0123456789abcde "}) {
    uint64_t number = 42;
    EXPECT_FALSE(ReadHex(text, &number)) << text;
    EXPECT_EQ(number, 42u) << text;
  }
}

TEST(EdgeSecrets, TheSystemsNumbersDiffer) {
  SystemRandom random;
  std::set<uint64_t> numbers;
  for (int i = 0; i < 1000; ++i) numbers.insert(random.Next());
  EXPECT_EQ(numbers.size(), 1000u);
}

}  // namespace
}  // namespace edge
