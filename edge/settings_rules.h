// The [[rule]] tables of the settings file.
#pragma once

#include <span>
#include <string_view>

#include "edge/settings_draft.h"
#include "edge/settings_toml.h"

namespace edge {

inline constexpr std::string_view kRuleTable = "rule";

// Reads one of them; what is wrong becomes a note.
void ReadRule(const TomlTable& table, SettingsDraft* draft);
// What joins a rule with other settings. REQUIRES: protected sockets have their ports, and
// disable_deprecated_algorithms is known.
void CheckRules(SettingsDraft* draft);

// A key that `table`, written as in the file, does not have; `keys` are those it has.
void NoteUnknownKey(std::string_view table, const TomlEntry& entry,
                    std::span<const std::string_view> keys, SettingsDraft* draft);

}  // namespace edge
