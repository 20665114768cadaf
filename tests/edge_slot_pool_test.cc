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

// As another process had it: its ids are good, and those it has given back are not.
TEST(EdgeSlotPool, GoesOnWhereAnotherPoolWas) {
  SlotPool<Thing> before;
  std::vector<SlotId> ids;
  for (int i = 0; i < 300; ++i) ids.push_back(before.Take()->id);
  before.Give(before.Find(ids[7]));
  const SlotId stale = ids[7];
  ids[7] = before.Take()->id;
  before.Give(before.Find(ids[8]));

  SlotPool<Thing> after;
  const std::span<const uint32_t> generations = before.generations();
  after.Continue({generations.begin(), generations.end()});
  EXPECT_EQ(after.TakeAt(0), nullptr);
  EXPECT_EQ(after.TakeAt(stale), nullptr);
  EXPECT_EQ(after.TakeAt(uint64_t{1} << 32 | 300), nullptr);
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i == 8) continue;
    ASSERT_NE(after.TakeAt(ids[i]), nullptr) << i;
    EXPECT_EQ(after.TakeAt(ids[i]), nullptr) << "once";
  }
  after.FreeTheRest();
  EXPECT_EQ(after.in_use(), 299u);
  EXPECT_EQ(after.Find(stale), nullptr);
  EXPECT_NE(after.Find(ids[7]), nullptr);
  EXPECT_EQ(after.Take()->id, (uint64_t{2} << 32 | 8)) << "the free slot, under a new id";
  EXPECT_EQ(after.Take()->id, (uint64_t{1} << 32 | 300));
}

}  // namespace
}  // namespace edge
