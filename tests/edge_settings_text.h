// A settings file that is good, and one with an entry changed.
#pragma once

#include <string>

#include "edge/settings.h"

namespace edge {

inline constexpr const char* kGood =
    "[ipsec]\nsocket = [\"ipsec:192.0.2.10:5100\", \"ipsec:192.0.2.10:6100\"]\n"
    "[gm]\nlisten = \"192.0.2.10\"\n[core]\nlisten = \"198.51.100.10\"\n"
    "next_hop = \"198.51.100.20\"\n";

// kGood with one more entry in a table, or with an entry of it replaced.
inline SettingsResult With(const std::string& table, const std::string& entry) {
  std::string text = kGood;
  const std::string key = entry.substr(0, entry.find(' ') + 1);
  const size_t old = text.find("[" + table + "]\n" + key);
  if (old != std::string::npos) {
    const size_t begin = text.find('\n', old) + 1;
    text.replace(begin, text.find('\n', begin) - begin, entry);
  } else if (const size_t at = text.find("[" + table + "]\n"); at != std::string::npos) {
    text.insert(text.find('\n', at) + 1, entry + "\n");
  } else {
    text += "[" + table + "]\n" + entry + "\n";
  }
  return ParseSettings(text);
}

}  // namespace edge
