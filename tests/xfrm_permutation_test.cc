// A permutation of every size, its inverse, and that its key decides.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "xfrm/permutation.h"

namespace xfrm {
namespace {

using Key = std::array<uint64_t, 2>;
constexpr Key kKey = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

std::vector<uint64_t> Order(uint64_t size, Key key = kKey) {
  const Permutation permutation(size, key);
  std::vector<uint64_t> order;
  for (uint64_t i = 0; i < size; ++i) order.push_back(permutation.Forward(i));
  return order;
}

TEST(XfrmPermutation, VisitsEveryValueOnce) {
  for (uint64_t size = 1; size < 300; ++size) {
    std::vector<bool> seen(size);
    for (const uint64_t value : Order(size)) {
      ASSERT_LT(value, size);
      EXPECT_FALSE(seen[value]) << value << " twice of " << size;
      seen[value] = true;
    }
  }
}

TEST(XfrmPermutation, InverseFindsTheIndexAgain) {
  for (const uint64_t size :
       {uint64_t{1}, uint64_t{98304}, uint64_t{0x7fffff80}, uint64_t{1} << 32}) {
    const Permutation permutation(size, kKey);
    const uint64_t step = size / 1000 + 1;
    for (uint64_t i = 0; i < size; i += step) {
      ASSERT_EQ(permutation.Inverse(permutation.Forward(i)), i) << size;
      ASSERT_EQ(permutation.Forward(permutation.Inverse(i)), i) << size;
    }
  }
}

TEST(XfrmPermutation, EitherHalfOfTheKeyDecides) {
  const std::vector<uint64_t> order = Order(1000);
  EXPECT_EQ(Order(1000), order);
  EXPECT_NE(Order(1000, {kKey[0] ^ 1, kKey[1]}), order);
  EXPECT_NE(Order(1000, {kKey[0], kKey[1] ^ 1}), order);
}

// Of a random order two neighbours and one fixed point are expected, whatever the size.
TEST(XfrmPermutation, NeighboursDoNotStayNeighbours) {
  const std::vector<uint64_t> order = Order(98304);
  int neighbours = 0;
  int fixed_points = 0;
  for (size_t i = 1; i < order.size(); ++i) {
    neighbours += order[i] == order[i - 1] + 1 || order[i - 1] == order[i] + 1 ? 1 : 0;
    fixed_points += order[i] == i ? 1 : 0;
  }
  EXPECT_LT(neighbours, 20);
  EXPECT_LT(fixed_points, 20);
}

// 24 orders of four, each 1000 times but for chance: 5 deviations of a count are about 155.
TEST(XfrmPermutation, EveryOrderOfFewValuesIsAsLikely) {
  std::map<std::vector<uint64_t>, int> found;
  for (uint64_t key = 0; key < 24'000; ++key) ++found[Order(4, {1, key})];
  EXPECT_EQ(found.size(), 24u);
  for (const auto& [order, count] : found) EXPECT_NEAR(count, 1000, 155);
}

// The same words for what is kept as a table and what is worked out.
TEST(XfrmPermutation, VisitsEveryValueOnceOnEitherSideOfTheTable) {
  for (const uint64_t size : {Permutation::kTableSizeMax, Permutation::kTableSizeMax + 1}) {
    std::vector<bool> seen(size);
    for (const uint64_t value : Order(size)) seen[value] = true;
    EXPECT_THAT(seen, ::testing::Not(::testing::Contains(false))) << size;
  }
}

TEST(XfrmPermutation, RefusesValuesOutside) {
  const Permutation permutation(10, kKey);
  EXPECT_DEATH(static_cast<void>(permutation.Forward(10)), "size_");
  EXPECT_DEATH(static_cast<void>(permutation.Inverse(10)), "size_");
  EXPECT_DEATH(Permutation(0, kKey), "size");
}

}  // namespace
}  // namespace xfrm
