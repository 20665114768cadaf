#include <gtest/gtest.h>

#include <string>

#include "reactor/backlog.h"

namespace reactor {
namespace {

constexpr size_t kChunk = ChunkPool::kChunkSize;

// Takes out at most `step` bytes at a time.
std::string TakeAll(Backlog* backlog, size_t step, ChunkPool* pool) {
  std::string text;
  while (!backlog->empty()) {
    const std::string_view front = backlog->front().substr(0, step);
    text += front;
    backlog->Drop(front.size(), pool);
  }
  return text;
}

std::string Pattern(size_t size, char first) {
  std::string text(size, ' ');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(first + static_cast<char>(i % 23));
  return text;
}

TEST(ReactorBacklog, GivesBackWhatWasAppendedInOrderAcrossChunks) {
  ChunkPool pool(8);
  for (const size_t step : {size_t{1}, size_t{7}, size_t{5000}, size_t{100'000}}) {
    Backlog backlog;
    const std::string first = Pattern(100, 'a');
    const std::string second = Pattern(2 * kChunk + 11, 'A');
    const std::string third = Pattern(kChunk - 111, 'a');
    for (const std::string& text : {first, second, third}) backlog.Append(text, &pool);
    EXPECT_EQ(backlog.size(), first.size() + second.size() + third.size());
    EXPECT_EQ(pool.in_use(), 3u) << "chunks are filled to their end";
    EXPECT_EQ(TakeAll(&backlog, step, &pool), first + second + third);
    EXPECT_EQ(pool.in_use(), 0u);
    EXPECT_EQ(backlog.front(), "");
  }
}

TEST(ReactorBacklog, KnowsHowMuchThePoolCanStillTake) {
  ChunkPool pool(2);
  Backlog one;
  Backlog other;
  EXPECT_TRUE(one.HasRoom(2 * kChunk, pool));
  EXPECT_FALSE(one.HasRoom(2 * kChunk + 1, pool));
  one.Append("x", &pool);
  EXPECT_TRUE(one.HasRoom(2 * kChunk - 1, pool));
  EXPECT_FALSE(one.HasRoom(2 * kChunk, pool));
  EXPECT_TRUE(other.HasRoom(kChunk, pool));
  EXPECT_FALSE(other.HasRoom(kChunk + 1, pool));
  one.Append(std::string(2 * kChunk - 1, 'y'), &pool);
  EXPECT_TRUE(one.HasRoom(0, pool));
  EXPECT_FALSE(one.HasRoom(1, pool));
  one.Clear(&pool);
  EXPECT_EQ(pool.available(), 2u);
}

TEST(ReactorBacklog, SplicesBehindWhatIsThereAndGoesOnFromThere) {
  ChunkPool pool(8);
  Backlog first;
  Backlog second;
  second.Append("world", &pool);
  first.Splice(&second);  // Into an empty one.
  EXPECT_TRUE(second.empty());
  second.Append(" and", &pool);
  first.Splice(&second);
  first.Splice(&second);  // Nothing more.
  first.Append(" more", &pool);
  EXPECT_EQ(first.size(), 14u);
  EXPECT_EQ(pool.in_use(), 2u) << "the last chunk is filled on";
  EXPECT_EQ(TakeAll(&first, 3, &pool), "world and more");
}

TEST(ReactorBacklog, DroppingNothingKeepsEverything) {
  ChunkPool pool(1);
  Backlog backlog;
  backlog.Drop(0, &pool);
  backlog.Append("", &pool);
  EXPECT_EQ(pool.in_use(), 0u);
  backlog.Append("abc", &pool);
  backlog.Drop(0, &pool);
  EXPECT_EQ(backlog.front(), "abc");
  backlog.Clear(&pool);
  EXPECT_TRUE(backlog.empty());
}

}  // namespace
}  // namespace reactor
