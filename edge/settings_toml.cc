#include "edge/settings_toml.h"

// With kSettingsLineMax this bounds how deep tables lie in one another (toml++ 3.3 frees them
// recursively): our own settings need two levels.
#define TOML_MAX_NESTED_VALUES 8
#define TOML_ENABLE_FORMATTERS 0
#include <fmt/format.h>
#include <toml++/toml.h>

namespace edge {
namespace {

TomlValue Convert(const toml::node& node, bool with_items) {
  TomlValue value;
  value.line = node.source().begin.line;
  if (const toml::value<std::string>* const string = node.as_string()) {
    value.kind = TomlValue::Kind::kString;
    value.string = string->get();
  } else if (const toml::value<int64_t>* const integer = node.as_integer()) {
    value.kind = TomlValue::Kind::kInteger;
    value.integer = integer->get();
  } else if (const toml::value<bool>* const boolean = node.as_boolean()) {
    value.kind = TomlValue::Kind::kBoolean;
    value.boolean = boolean->get();
  } else if (const toml::array* const array = node.as_array()) {
    value.kind = TomlValue::Kind::kArray;
    for (const toml::node& item : *array) {
      if (with_items) value.items.push_back(Convert(item, false));
    }
  } else if (node.is_table()) {
    value.kind = TomlValue::Kind::kTable;
  } else if (node.is_floating_point()) {
    value.kind = TomlValue::Kind::kFloat;
  } else {
    value.kind = TomlValue::Kind::kTime;
  }
  return value;
}

TomlEntry ConvertEntry(const toml::key& key, const toml::node& node) {
  return {std::string(key.str()), key.source().begin.line, Convert(node, true)};
}

// toml++ reports a mistake by line; these two it does not look for.
bool CheckSizes(std::string_view text, TomlError* error) {
  if (text.size() > kSettingsBytesMax) {
    *error = {0, fmt::format("the file has {} bytes: at most {}", text.size(), kSettingsBytesMax)};
    return false;
  }
  uint32_t line = 1;
  for (size_t begin = 0; begin < text.size(); ++line) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    if (end - begin > kSettingsLineMax) {
      *error = {line,
                fmt::format("the line has {} bytes: at most {}", end - begin, kSettingsLineMax)};
      return false;
    }
    begin = end + 1;
  }
  return true;
}

}  // namespace

bool ReadToml(std::string_view text, std::vector<TomlTable>* tables, TomlError* error) {
  if (!CheckSizes(text, error)) return false;

  const toml::parse_result result = toml::parse(text);
  if (!result) {
    const toml::parse_error& parse_error = result.error();
    error->line = parse_error.source().begin.line;
    error->message = fmt::format("{} (nothing else in the file was checked)",
                                 std::string_view(parse_error.description()));
    return false;
  }
  TomlTable top;
  for (auto&& [key, node] : result.table()) {
    const bool is_array_of_tables = node.is_array_of_tables();
    if (!node.is_table() && !is_array_of_tables) {
      top.entries.push_back(ConvertEntry(key, node));
      continue;
    }
    TomlTable table{std::string(key.str()), key.source().begin.line, is_array_of_tables, {}};
    if (const toml::table* const inner = node.as_table()) {
      for (auto&& [inner_key, inner_node] : *inner) {
        table.entries.push_back(ConvertEntry(inner_key, inner_node));
      }
    }
    tables->push_back(std::move(table));
  }
  if (!top.entries.empty()) tables->push_back(std::move(top));
  return true;
}

std::string TomlValue::Show() const {
  constexpr size_t kShownMax = 60;
  switch (kind) {
    case Kind::kInteger:
      return std::to_string(integer);
    case Kind::kBoolean:
      return boolean ? "true" : "false";
    case Kind::kArray:
      return fmt::format("an array of {}", items.size());
    case Kind::kFloat:
    case Kind::kTable:
    case Kind::kTime:
      return fmt::format("a {}", Name(kind));
    case Kind::kString:
      break;
  }
  std::string shown = "\"";
  for (const char c : string) {
    if (shown.size() > kShownMax) return shown + "...\"";
    const bool is_printable = static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
    shown +=
        is_printable ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return shown + "\"";
}

std::string_view Name(TomlValue::Kind kind) {
  switch (kind) {
    case TomlValue::Kind::kString:
      return "string";
    case TomlValue::Kind::kInteger:
      return "integer";
    case TomlValue::Kind::kFloat:
      return "float";
    case TomlValue::Kind::kBoolean:
      return "boolean";
    case TomlValue::Kind::kArray:
      return "array";
    case TomlValue::Kind::kTable:
      return "table";
    case TomlValue::Kind::kTime:
      return "date or time";
  }
  return "?";
}

}  // namespace edge
