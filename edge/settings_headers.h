// The [[header]] tables of the settings file.
#pragma once

#include <string_view>

#include "edge/settings_draft.h"
#include "edge/settings_toml.h"

namespace edge {

inline constexpr std::string_view kHeaderTable = "header";

// Reads one of them; what is wrong becomes a note.
void ReadHeader(const TomlTable& table, SettingsDraft* draft);

}  // namespace edge
