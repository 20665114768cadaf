#include "edge/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "edge/kernel_check.h"
#include "edge/settings_draft.h"
#include "edge/settings_toml.h"

namespace edge {

bool SettingsResult::ok() const {
  return std::none_of(notes.begin(), notes.end(),
                      [](const SettingsNote& note) { return note.is_error; });
}

std::string SettingsNote::Text(std::string_view file_name) const {
  const std::string_view kind = is_error ? "error" : "warning";
  if (line == 0) return fmt::format("{}: {}: {}", file_name, kind, message);
  return fmt::format("{}:{}: {}: {}", file_name, line, kind, message);
}

std::string SettingsResult::Report(std::string_view file_name) const {
  std::string report;
  for (const SettingsNote& note : notes) report += note.Text(file_name) + "\n";
  return report;
}

SettingsResult ParseSettings(std::string_view text, const KernelProbe& probe) {
  SettingsDraft draft;
  KernelVerdict kernel;
  if (ReadSettingsValues(text, &draft)) {
    CheckSettings(&draft);
    if (probe) kernel = CheckKernel(probe(FamiliesOf(draft.settings)), &draft);
  }
  std::stable_sort(draft.notes.begin(), draft.notes.end(),
                   [](const SettingsNote& a, const SettingsNote& b) { return a.line < b.line; });
  return {std::move(draft.settings), std::move(draft.notes), std::move(kernel)};
}

SettingsResult LoadSettings(const std::string& path, const KernelProbe& probe) {
  SettingsResult unreadable;
  FILE* const file = std::fopen(path.c_str(), "re");
  if (file == nullptr) {
    unreadable.notes.push_back({true, 0, fmt::format("cannot open it: {}", strerror(errno))});
    return unreadable;
  }
  // One byte more than allowed, so that ReadToml() sees and says that there are too many.
  std::string text(kSettingsBytesMax + 1, '\0');
  errno = 0;
  text.resize(std::fread(text.data(), 1, text.size(), file));
  const int error = std::ferror(file) != 0 ? errno : 0;
  std::fclose(file);
  if (error != 0) {
    unreadable.notes.push_back({true, 0, fmt::format("cannot read it: {}", strerror(error))});
    return unreadable;
  }
  return ParseSettings(text, probe);
}

}  // namespace edge
