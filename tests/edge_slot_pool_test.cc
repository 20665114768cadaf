#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <vector>

#include "edge/slot_pool.h"

namespace edge {
namespace {

struct Thing {
  SlotId id = 0;
  int number = 7;
  std::shared_ptr<int> owned;
};

TEST(EdgeSlotPool, AnObjectIsFoundByItsId) {
  SlotPool<Thing> pool;
  Thing* a = pool.Take();
  Thing* b = pool.Take();
  EXPECT_NE(a, b);
  EXPECT_NE(a->id, b->id);
  EXPECT_EQ(pool.Find(a->id), a);
  EXPECT_EQ(pool.Find(b->id), b);
  EXPECT_EQ(pool.in_use(), 2u);
}

TEST(EdgeSlotPool, AnIdGoesStaleWithItsObject) {
  SlotPool<Thing> pool;
  Thing* first = pool.Take();
  const SlotId stale = first->id;
  pool.Give(first);
  EXPECT_EQ(pool.Find(stale), nullptr);
  Thing* second = pool.Take();
  EXPECT_EQ(second, first);  // The slot is used again...
  EXPECT_NE(second->id, stale);
  EXPECT_EQ(pool.Find(stale), nullptr);  // ...and the old id does not find the new one.
  EXPECT_EQ(pool.Find(second->id), second);
}

TEST(EdgeSlotPool, ZeroAndUnknownIdsFindNothing) {
  SlotPool<Thing> pool;
  EXPECT_EQ(pool.Find(0), nullptr);
  EXPECT_EQ(pool.Find(uint64_t{1} << 32), nullptr);
  Thing* thing = pool.Take();
  EXPECT_EQ(pool.Find(0), nullptr);
  EXPECT_EQ(pool.Find(thing->id + 1), nullptr);
  EXPECT_EQ(pool.Find(thing->id + (uint64_t{1} << 32)), nullptr);
}

TEST(EdgeSlotPool, ATakenObjectIsFresh) {
  SlotPool<Thing> pool;
  Thing* thing = pool.Take();
  thing->number = 99;
  thing->owned = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = thing->owned;
  pool.Give(thing);
  EXPECT_TRUE(watch.expired());  // Destroyed when given back, not when taken again.
  EXPECT_EQ(pool.Take()->number, 7);
}

TEST(EdgeSlotPool, AnIndexFindsOnlyWhatLives) {
  SlotPool<Thing> pool;
  EXPECT_EQ(pool.FindIndex(0), nullptr);
  Thing* thing = pool.Take();
  const uint32_t index = static_cast<uint32_t>(thing->id);
  EXPECT_EQ(pool.FindIndex(index), thing);
  EXPECT_EQ(pool.FindIndex(index + 1), nullptr);
  pool.Give(thing);
  EXPECT_EQ(pool.FindIndex(index), nullptr);
}

TEST(EdgeSlotPool, ObjectsDoNotMoveWhileThePoolGrows) {
  SlotPool<Thing> pool;
  Thing* first = pool.Take();
  first->number = 1;
  for (int i = 0; i < 10'000; ++i) pool.Take();
  EXPECT_EQ(pool.Find(first->id), first);
  EXPECT_EQ(first->number, 1);
}

TEST(EdgeSlotPool, AVisitSeesEveryLivingObjectOnce) {
  SlotPool<Thing> pool;
  std::vector<Thing*> things;
  for (int i = 0; i < 10; ++i) things.push_back(pool.Take());
  std::set<SlotId> expected;
  for (int i = 0; i < 10; ++i) {
    if (i % 3 == 0) {
      pool.Give(things[static_cast<size_t>(i)]);
    } else {
      expected.insert(things[static_cast<size_t>(i)]->id);
    }
  }
  std::set<SlotId> seen;
  pool.ForEach([&](Thing* thing) { EXPECT_TRUE(seen.insert(thing->id).second); });
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(pool.in_use(), expected.size());
}

}  // namespace
}  // namespace edge
