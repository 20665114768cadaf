#include <gtest/gtest.h>

#include <random>

#include "tools/byte_pieces.h"

namespace tools {
namespace {

// All pieces, "place:bytes" each.
std::string All(BytePieces pieces) {
  std::string text;
  while (!pieces.empty()) {
    text += std::to_string(pieces.begin()) + ":";
    text += pieces.TakeFront().bytes + " ";
  }
  return text;
}

TEST(BytePieces, KeepsOrder) {
  BytePieces pieces;
  pieces.Add(7, "ccc", {});
  pieces.Add(0, "aaa", {});
  pieces.Add(3, "bb", {});
  EXPECT_EQ(pieces.size(), 8U);
  EXPECT_EQ(All(pieces), "0:aaa 3:bb 7:ccc ");
}

TEST(BytePieces, WhatCameFirstStays) {
  BytePieces pieces;
  pieces.Add(2, "bb", {});
  pieces.Add(6, "dd", {});
  pieces.Add(1, "XXXXXXXXX", {});
  EXPECT_EQ(All(pieces), "1:X 2:bb 4:XX 6:dd 8:XX ");
  pieces.Add(1, "YYYYYYYYY", {});
  EXPECT_EQ(All(pieces), "1:X 2:bb 4:XX 6:dd 8:XX ");
  EXPECT_EQ(pieces.size(), 9U);
  EXPECT_EQ(pieces.count(), 5U);
}

TEST(BytePieces, EmptyOnesAreNone) {
  BytePieces pieces;
  pieces.Add(5, "", {});
  EXPECT_TRUE(pieces.empty());
}

TEST(BytePieces, FindsTheFirstHole) {
  BytePieces pieces;
  pieces.Add(0, "aa", {});
  pieces.Add(2, "bb", {});
  pieces.Add(5, "cc", {});
  EXPECT_EQ(pieces.SizeWithoutHole(0), 4U);
  EXPECT_EQ(pieces.SizeWithoutHole(3), 1U);
  EXPECT_EQ(pieces.SizeWithoutHole(4), 0U);
  EXPECT_EQ(pieces.SizeWithoutHole(5), 2U);
}

TEST(BytePieces, KnowsWhoBroughtAPiece) {
  BytePieces pieces;
  pieces.Add(0, "aa", {.number = 4, .time_us = 40});
  pieces.Add(1, "bb", {.number = 5, .time_us = 50});
  EXPECT_EQ(pieces.TakeFront().stamp.number, 4U);
  EXPECT_EQ(pieces.front().stamp.time_us, 50);
  pieces.Clear();
  EXPECT_EQ(pieces.size(), 0U);
}

// Beside a plain array in which each place is written once.
TEST(BytePieces, IsWhatAnArrayIs) {
  std::minstd_rand random(1);
  for (int round = 0; round < 300; ++round) {
    BytePieces pieces;
    std::string array(64, '.');
    for (int i = 0; i < 20; ++i) {
      const size_t at = random() % 60;
      const std::string bytes(random() % (64 - at), static_cast<char>('a' + i));
      pieces.Add(at, bytes, {});
      for (size_t j = 0; j < bytes.size(); ++j) {
        if (array[at + j] == '.') array[at + j] = bytes[j];
      }
    }
    std::string written(64, '.');
    size_t size = 0;
    while (!pieces.empty()) {
      const uint64_t at = pieces.begin();
      const std::string bytes = pieces.TakeFront().bytes;
      written.replace(at, bytes.size(), bytes);
      size += bytes.size();
    }
    EXPECT_EQ(written, array);
    EXPECT_EQ(size, 64U - static_cast<size_t>(std::count(array.begin(), array.end(), '.')));
  }
}

}  // namespace
}  // namespace tools
