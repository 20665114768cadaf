#include <gtest/gtest.h>

#include "edge/settings_draft.h"

namespace edge {
namespace {

constexpr SettingsPath kGood = {"a", "good"};
constexpr SettingsPath kBad = {"a", "bad"};
constexpr SettingsPath kMissing = {"a", "missing"};
constexpr SettingsPath kElsewhere = {"b", "missing"};
constexpr SettingsPath kInBadTable = {"c", "missing"};

SettingsDraft Draft() {
  SettingsDraft draft;
  draft.seen_tables = {{"a", 1, true}, {"c", 9, false}};
  draft.seen = {{kGood, 2, true}, {kBad, 3, false}};
  return draft;
}

TEST(SettingsDraft, TellsGoodBadAndMissingApart) {
  const SettingsDraft draft = Draft();
  EXPECT_TRUE(draft.IsSet(kGood));
  EXPECT_FALSE(draft.IsBad(kGood));
  EXPECT_FALSE(draft.IsSet(kBad));
  EXPECT_TRUE(draft.IsBad(kBad));
  EXPECT_FALSE(draft.IsSet(kMissing));
  EXPECT_FALSE(draft.IsBad(kMissing));
  EXPECT_EQ(draft.Find(kMissing), nullptr);
}

TEST(SettingsDraft, AKeyOfABadTableIsBad) {
  EXPECT_TRUE(Draft().IsBad(kInBadTable));
  EXPECT_FALSE(Draft().IsBad(kElsewhere));
}

TEST(SettingsDraft, TheLineIsOfTheKeyElseOfTheTableElseNone) {
  EXPECT_EQ(Draft().LineOf(kBad), 3u);
  EXPECT_EQ(Draft().LineOf(kMissing), 1u);
  EXPECT_EQ(Draft().LineOf(kElsewhere), 0u);
}

TEST(SettingsDraft, KeepsErrorsAndWarningsInOrder) {
  SettingsDraft draft;
  draft.Warning(7, "remark");
  draft.Error(3, "mistake");
  ASSERT_EQ(draft.notes.size(), 2u);
  EXPECT_FALSE(draft.notes[0].is_error);
  EXPECT_TRUE(draft.notes[1].is_error);
  EXPECT_EQ(draft.notes[1].line, 3u);
  EXPECT_EQ(draft.notes[1].message, "mistake");
}

}  // namespace
}  // namespace edge
