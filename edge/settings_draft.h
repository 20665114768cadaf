// Settings while they are being read: the values so far, where each was written, what was noted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "edge/settings.h"

namespace edge {

// The table and key a value stands under; both live as long as the program.
struct SettingsPath {
  std::string_view table;
  std::string_view key;
  bool operator==(const SettingsPath&) const = default;
};

struct SettingsDraft {
  // An address with the line of its array item.
  struct Socket {
    reactor::Endpoint endpoint;
    uint32_t line = 0;
    bool has_port = true;  // False: the port is ipsec.port, put in by CheckSettings().
  };
  // What the file names.
  struct Seen {
    SettingsPath path;
    uint32_t line = 0;
    bool is_good = true;
  };
  struct SeenTable {
    std::string name;
    uint32_t line = 0;
    bool is_good = true;
  };

  // Where of settings.rules something stands; 0: nowhere.
  struct RuleLines {
    uint32_t rule = 0;
    uint32_t port_server = 0;
    uint32_t port_client = 0;
    uint32_t algos = 0;
    bool is_good = true;  // All it matches by could be read.
  };

  Settings settings;
  std::vector<RuleLines> rule_lines;  // Of each of settings.rules.
  std::vector<SettingsNote> notes;
  std::vector<Socket> protected_sockets;
  std::vector<Socket> gm_sockets;
  std::vector<Socket> core_sockets;
  std::vector<Socket> next_hops;
  std::vector<Socket> resolvers;
  bool is_pinned = false;  // process.pin_cpus = true, or a list.
  std::vector<Seen> seen;
  std::vector<SeenTable> seen_tables;

  void Error(uint32_t line, std::string message);
  void Warning(uint32_t line, std::string message);

  // Null when the file does not name it.
  const Seen* Find(SettingsPath path) const;
  // Named, and its value could be read.
  bool IsSet(SettingsPath path) const;
  // Named, and it or its table could not be read: what depends on it is not judged.
  bool IsBad(SettingsPath path) const;
  // Of the key; without one, of its table; without that, 0.
  uint32_t LineOf(SettingsPath path) const;
};

// Reads every value into the draft; each mistake becomes a note. False: not even TOML.
bool ReadSettingsValues(std::string_view text, SettingsDraft* draft);
// The rules that join several values; completes what is left out.
void CheckSettings(SettingsDraft* draft);
// `port`, set as `name`, must be one of the protected sockets; better of each of their addresses.
void CheckSocketPort(std::string_view name, uint32_t line, uint16_t port, SettingsDraft* draft);
// Those of workers: how many, on which CPUs, and their addresses towards the core (core.listens).
// REQUIRES: protected sockets have their ports.
void CheckWorkers(SettingsDraft* draft);

// Where requests to the core go. REQUIRES: CheckWorkers() was there.
void CheckNextHops(SettingsDraft* draft);

}  // namespace edge
