#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "edge/settings_toml.h"

namespace edge {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::vector<TomlTable> Read(std::string_view text) {
  std::vector<TomlTable> tables;
  TomlError error;
  EXPECT_TRUE(ReadToml(text, &tables, &error)) << error.message;
  return tables;
}

TomlError ReadError(std::string_view text) {
  std::vector<TomlTable> tables;
  TomlError error;
  EXPECT_FALSE(ReadToml(text, &tables, &error));
  return error;
}

TomlValue One(const std::string& value) {
  const std::vector<TomlTable> tables = Read("[a]\nk = " + value);
  return tables.at(0).entries.at(0).value;
}

TEST(SettingsToml, KeepsKindsAndValues) {
  EXPECT_EQ(One("\"text\"").string, "text");
  EXPECT_EQ(One("0x10").integer, 16);
  EXPECT_TRUE(One("true").boolean);
  EXPECT_EQ(One("1.5").kind, TomlValue::Kind::kFloat);
  EXPECT_EQ(One("{b = 1}").kind, TomlValue::Kind::kTable);
  EXPECT_EQ(One("07:32:00").kind, TomlValue::Kind::kTime);
  const TomlValue array = One("[1, \"two\", [3]]");
  ASSERT_EQ(array.items.size(), 3u);
  EXPECT_EQ(array.items[1].string, "two");
  EXPECT_EQ(array.items[2].kind, TomlValue::Kind::kArray);
  EXPECT_TRUE(array.items[2].items.empty());
}

TEST(SettingsToml, KeepsTheLineOfTablesKeysAndItems) {
  const std::vector<TomlTable> tables = Read("# comment\n\n[a]\nx = [\n  1,\n  2,\n]\ny = 3\n");
  ASSERT_EQ(tables.size(), 1u);
  EXPECT_EQ(tables[0].line, 3u);
  EXPECT_EQ(tables[0].entries[0].line, 4u);
  EXPECT_EQ(tables[0].entries[0].value.items[1].line, 6u);
  EXPECT_EQ(tables[0].entries[1].line, 8u);
}

TEST(SettingsToml, TellsTablesFromArraysOfTables) {
  const std::vector<TomlTable> tables = Read("[a]\n[[b]]\nx = 1\n[[b]]\ny = 2\n");
  ASSERT_EQ(tables.size(), 3u);
  EXPECT_FALSE(tables[0].is_array);
  EXPECT_TRUE(tables[1].is_array);
  EXPECT_TRUE(tables[2].is_array);
  EXPECT_EQ(tables[1].line, 2u);
  EXPECT_EQ(tables[2].line, 4u);
  EXPECT_EQ(tables[1].entries.at(0).key, "x");
  EXPECT_EQ(tables[2].entries.at(0).key, "y");
}

TEST(SettingsToml, KeepsTheEntriesOfATableInATable) {
  for (const char* text : {"[[a]]\nb = {c = 1}\n", "[[a]]\n[a.b]\nc = 1\n", "[a]\nb.c = 1\n"}) {
    const std::vector<TomlTable> tables = Read(text);
    const TomlValue& value = tables.at(0).entries.at(0).value;
    EXPECT_EQ(value.kind, TomlValue::Kind::kTable);
    ASSERT_EQ(value.entries.size(), 1u) << text;
    EXPECT_EQ(value.entries[0].key, "c");
    EXPECT_EQ(value.entries[0].value.integer, 1);
  }
  const std::vector<TomlTable> deep = Read("[a]\nb = {c = {d = 1}}\n");
  EXPECT_TRUE(deep.at(0).entries.at(0).value.entries.at(0).value.entries.empty());
}

TEST(SettingsToml, WhatStandsAboveTheFirstTableHasNoTableName) {
  const std::vector<TomlTable> tables = Read("x = 1\n[a]\n");
  ASSERT_EQ(tables.size(), 2u);
  EXPECT_EQ(tables[1].name, "");
  EXPECT_EQ(tables[1].entries[0].key, "x");
}

TEST(SettingsToml, NamesTheLineOfASyntaxError) {
  EXPECT_EQ(ReadError("[a]\nx = 1\nx = 2\n").line, 3u);
  EXPECT_THAT(ReadError("[a]\nx = \"\n").message, HasSubstr("nothing else in the file"));
  EXPECT_FALSE(ReadError("\xff\xfe\xfa").message.empty());
}

// Each of these once stopped the parser, or sent it beyond what its authors had thought of.
TEST(SettingsToml, RefusesWhatTheParserDidNotExpect) {
  EXPECT_EQ(ReadError("[$a]\n").line, 1u);
  EXPECT_EQ(ReadError("[a]\n\u00e4 = 1\n").line, 2u);
  EXPECT_EQ(ReadError("\xef\xbb\x9bsec = 1\n").line, 1u);
  EXPECT_FALSE(ReadError("[[a").message.empty());
}

TEST(SettingsToml, BoundsTheFile) {
  EXPECT_THAT(ReadError(std::string(kSettingsBytesMax + 1, '\n')).message, HasSubstr("at most"));
  const TomlError error = ReadError("\n# " + std::string(kSettingsLineMax, 'x'));
  EXPECT_EQ(error.line, 2u);
  EXPECT_THAT(error.message, HasSubstr("at most 4096"));
}

// The deepest tables a file can have: a parser that recurses must survive them.
TEST(SettingsToml, SurvivesTheDeepestTables) {
  std::string key = "a";
  while (key.size() + 2 < kSettingsLineMax / 2) key += ".a";
  std::vector<TomlTable> tables;
  TomlError error;
  ReadToml("[" + key + "]\n" + key + " = 1\n", &tables, &error);
  std::string nested = key + " = 1";
  for (int i = 0; i < 6; ++i) nested = key + " = [\n{" + nested + "}]";
  tables.clear();
  ReadToml(nested, &tables, &error);
  EXPECT_THAT(ReadError("a = " + std::string(100, '[') + std::string(100, ']')).message,
              HasSubstr("nested"));
}

TEST(TomlValue, ShowsWhatWasRead) {
  EXPECT_EQ(One("-5").Show(), "-5");
  EXPECT_EQ(One("false").Show(), "false");
  EXPECT_EQ(One("[1,2]").Show(), "an array of 2");
  EXPECT_EQ(One("1e3").Show(), "a float");
  EXPECT_EQ(One("\"a\\tb\"").Show(), "\"a\\x09b\"");
  const std::string shown = One("\"" + std::string(200, 'x') + "\"").Show();
  EXPECT_THAT(shown, StartsWith("\"xxx"));
  EXPECT_LT(shown.size(), 70u);
}

}  // namespace
}  // namespace edge
