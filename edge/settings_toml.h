// The settings file as plain values with line numbers; all that is known of TOML is behind this.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace edge {

// What a file may be, so that no file can exhaust the parser's stack: dots and brackets nest.
inline constexpr size_t kSettingsBytesMax = 1 << 20;
inline constexpr size_t kSettingsLineMax = 4096;

struct TomlEntry;

struct TomlValue {
  enum class Kind : uint8_t { kString, kInteger, kFloat, kBoolean, kArray, kTable, kTime };

  Kind kind = Kind::kString;
  uint32_t line = 0;
  int64_t integer = 0;             // kInteger.
  bool boolean = false;            // kBoolean.
  std::string string;              // kString.
  std::vector<TomlValue> items;    // kArray; an array in an array comes without its items.
  std::vector<TomlEntry> entries;  // kTable in a table; one within it comes without.

  // As one would write it, on one line and shortened: for messages.
  std::string Show() const;
};

struct TomlEntry {
  std::string key;
  uint32_t line = 0;
  TomlValue value;
};

// One [table]. What stands above the first of them is the table "".
struct TomlTable {
  std::string name;
  uint32_t line = 0;
  bool is_array = false;  // [[table]]: each one is a table of its own here.
  std::vector<TomlEntry> entries;
};

struct TomlError {
  uint32_t line = 0;
  std::string message;
};

// False: the text is not TOML (the parser gives up at the first mistake of that kind).
bool ReadToml(std::string_view text, std::vector<TomlTable>* tables, TomlError* error);

// "a string", "an integer"...: for messages.
std::string_view Name(TomlValue::Kind kind);

}  // namespace edge
