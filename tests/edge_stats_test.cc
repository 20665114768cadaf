#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "edge/stats.h"

namespace edge {
namespace {

TEST(EdgeStats, EveryFieldIsInTheListOnce) {
  EXPECT_EQ(Counters().size() * sizeof(uint64_t), sizeof(Stats));
  std::set<std::string_view> names;
  Stats stats;
  for (const CounterInfo& counter : Counters()) {
    EXPECT_TRUE(names.insert(counter.name).second) << counter.name;
    EXPECT_EQ(stats.*counter.field, 0u) << counter.name;
    ++(stats.*counter.field);  // A field named twice would be 1 at its second visit.
  }
}

TEST(EdgeStats, Pitfall32ACounterIsFoundUnderItsName) {
  Stats stats;
  stats.drop_no_set = 3;
  for (const CounterInfo& counter : Counters()) {
    EXPECT_EQ(stats.*counter.field, counter.name == "drop_no_set" ? 3u : 0u) << counter.name;
  }
}

TEST(EdgeStats, TheSumOfWorkersIsThatOfEachCounter) {
  Stats a;
  Stats b;
  uint64_t number = 0;
  for (const CounterInfo& counter : Counters()) {
    a.*counter.field = ++number;
    b.*counter.field = 1000 * number;
  }
  Stats sum;
  Add(a, &sum);
  Add(b, &sum);
  number = 0;
  for (const CounterInfo& counter : Counters()) {
    EXPECT_EQ(sum.*counter.field, 1001 * ++number) << counter.name;
  }
}

TEST(EdgeStats, EachOfTheKernelIsExplained) {
  std::ifstream file(GMEDGE_SOURCE_DIR "/docs/kernel.md");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  int explained = 0;
  for (const CounterInfo& counter : Counters()) {
    if (!counter.name.starts_with("sets_") && !counter.name.starts_with("kernel_")) continue;
    EXPECT_NE(text.find("`" + std::string(counter.name) + "`"), std::string::npos) << counter.name;
    ++explained;
  }
  EXPECT_GT(explained, 10);
}

// Names become metrics, texts their help lines: neither may break a line.
TEST(EdgeStats, NamesAndTextsArePlain) {
  for (const CounterInfo& counter : Counters()) {
    EXPECT_EQ(counter.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), counter.name.npos)
        << counter.name;
    EXPECT_FALSE(counter.text.empty()) << counter.name;
    EXPECT_EQ(counter.text.find_first_of("\r\n\"\\"), counter.text.npos) << counter.name;
  }
}

}  // namespace
}  // namespace edge
