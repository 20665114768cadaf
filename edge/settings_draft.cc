#include "edge/settings_draft.h"

#include <utility>

namespace edge {

void SettingsDraft::Error(uint32_t line, std::string message) {
  notes.push_back({true, line, std::move(message)});
}

void SettingsDraft::Warning(uint32_t line, std::string message) {
  notes.push_back({false, line, std::move(message)});
}

const SettingsDraft::Seen* SettingsDraft::Find(SettingsPath path) const {
  for (const Seen& one : seen) {
    if (one.path == path) return &one;
  }
  return nullptr;
}

bool SettingsDraft::IsSet(SettingsPath path) const {
  const Seen* const found = Find(path);
  return found != nullptr && found->is_good;
}

bool SettingsDraft::IsBad(SettingsPath path) const {
  if (const Seen* const found = Find(path); found != nullptr) return !found->is_good;
  for (const SeenTable& table : seen_tables) {
    if (table.name == path.table) return !table.is_good;
  }
  return false;
}

uint32_t SettingsDraft::LineOf(SettingsPath path) const {
  if (const Seen* const found = Find(path); found != nullptr) return found->line;
  for (const SeenTable& table : seen_tables) {
    if (table.name == path.table) return table.line;
  }
  return 0;
}

}  // namespace edge
