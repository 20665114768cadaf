#include "edge/settings_headers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "edge/limits.h"
#include "edge/settings_reader.h"
#include "edge/settings_rules.h"

namespace edge {
namespace {

using Reader = SettingsReader;

struct HeaderKey {
  std::string_view key;
  void (*read)(Reader& reader, HeaderLine& line);
};

void ReadDirection(Reader& reader, HeaderLine& line) {
  constexpr std::array<std::string_view, 2> kWords = {"to_core", "to_phone"};
  size_t index = 0;
  reader.Word(kWords, &index);
  line.direction = static_cast<Direction>(index);
}

constexpr HeaderKey kKeys[] = {
    {"name", [](Reader& reader, HeaderLine& line) { reader.HeaderName(&line.name); }},
    {"value", [](Reader& reader, HeaderLine& line) { reader.Format(&line.value); }},
    {"direction", ReadDirection},
    {"condition", [](Reader& reader, HeaderLine& line) { reader.When(&line.condition); }},
    {"reveal_keys", [](Reader& reader, HeaderLine& line) { reader.Boolean(&line.reveal_keys); }},
};

const HeaderKey* Find(const TomlEntry& entry, SettingsDraft* draft) {
  std::vector<std::string_view> names;
  for (const HeaderKey& key : kKeys) {
    if (key.key == entry.key) return &key;
    names.push_back(key.key);
  }
  NoteUnknownKey("[[header]]", entry, names, draft);
  return nullptr;
}

// What every message could have added to it; more than the editor takes would cost messages.
size_t SizeOf(const HeaderLine& line) {
  constexpr std::string_view kAround = ": \r\n";
  return line.name.size() + kAround.size() + line.value.size_max();
}

// Keys are shown to the core where an operator has said so twice, and to a phone never.
void CheckKeys(const HeaderLine& line, uint32_t where, SettingsDraft* draft) {
  if (!line.value.reveals_keys()) return;
  if (line.direction == Direction::kToPhone) {
    draft->Error(where, "header.value: ik and ck are never sent to a phone");
  } else if (!line.reveal_keys) {
    draft->Error(where,
                 "header.value: ik and ck are secrets: only with reveal_keys = true beside it");
  }
}

void CheckSize(uint32_t where, SettingsDraft* draft) {
  size_t size = 0;
  for (const HeaderLine& line : draft->settings.headers) size += SizeOf(line);
  if (size <= kHeaderLinesSizeMax) return;
  draft->Error(where, fmt::format("[[header]]: with this one the lines may come to {} bytes: at "
                                  "most {} in all",
                                  size, kHeaderLinesSizeMax));
}

}  // namespace

void ReadHeader(const TomlTable& table, SettingsDraft* draft) {
  if (!table.is_array) {
    return draft->Error(table.line,
                        "[header]: there may be several such tables, written [[header]]");
  }
  if (draft->settings.headers.size() == kHeaderLinesMax) {
    return draft->Error(table.line,
                        fmt::format("[[header]]: at most {} are allowed", kHeaderLinesMax));
  }
  HeaderLine line;
  bool is_good = true;
  uint32_t name_line = 0;
  uint32_t value_line = 0;
  for (const TomlEntry& entry : table.entries) {
    if (entry.key == "name") name_line = entry.line;
    if (entry.key == "value") value_line = entry.line;
    const HeaderKey* const key = Find(entry, draft);
    if (key == nullptr) continue;
    Reader reader({kHeaderTable, key->key}, entry.value, draft);
    key->read(reader, line);
    is_good = is_good && reader.is_good();
  }
  if (name_line == 0) draft->Error(table.line, "[[header]]: name is not set: name = \"X-IPsec\"");
  if (value_line == 0) {
    draft->Error(table.line, "[[header]]: value is not set: value = \"$ipsec(alg)\"");
  }
  if (is_good) CheckKeys(line, value_line, draft);
  draft->settings.headers.push_back(std::move(line));
  if (is_good) CheckSize(table.line, draft);
}

}  // namespace edge
