#include "edge/settings_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "edge/limits.h"
#include "edge/settings_reader.h"

namespace edge {
namespace {

using Reader = SettingsReader;

constexpr std::string_view kCreate = "ipsec_create";
constexpr std::string_view kCreateTable = "rule.ipsec_create";

struct RuleKey {
  std::string_view key;
  void (*read)(Reader& reader, Rule& rule);
};

template <typename T>
void ReadWord(Reader& reader, std::span<const std::string_view> words, std::optional<T>* out) {
  size_t index = 0;
  reader.Word(words, &index);
  if (reader.is_good()) *out = static_cast<T>(index);
}

void ReadTransport(Reader& reader, Rule& rule) {
  ReadWord(reader, kTransportWords, &rule.transport);
}

void ReadSecAgree(Reader& reader, Rule& rule) {
  ReadWord(reader, kSecAgreeWords, &rule.sec_agree);
}

void ReadSecurityServer(Reader& reader, Rule& rule) {
  ReadWord(reader, kSecurityServerWords, &rule.security_server);
}

void ReadTimeout(Reader& reader, Rule& rule) {
  uint32_t seconds = 0;
  reader.Seconds(3600, &seconds);
  if (reader.is_good()) rule.temporary_timeout_s = seconds;
}

void ReadSize(Reader& reader, Rule& rule) {
  uint32_t size = 0;
  reader.UdpSize(&size);
  if (reader.is_good()) rule.udp_request_size_max = size;
}

void ReadQuirks(Reader& reader, Rule& rule) {
  constexpr std::array<std::string_view, 1> kWords = {"answer_to_port_uc"};  // As Quirk has them.
  std::vector<size_t> indices;
  reader.Words(kWords, &indices);
  for (const size_t index : indices) rule.quirks.Add(static_cast<Quirk>(index));
}

void ReadAlgos(Reader& reader, Rule& rule) {
  AlgorithmList list;
  reader.Algorithms(&list);
  if (reader.is_good()) rule.algos = list;
}

constexpr RuleKey kKeys[] = {
    {"source", [](Reader& reader, Rule& rule) { reader.Networks(&rule.sources); }},
    {"realm", [](Reader& reader, Rule& rule) { reader.Pattern(&rule.realm); }},
    {"user_agent", [](Reader& reader, Rule& rule) { reader.Pattern(&rule.user_agent); }},
    {"impi", [](Reader& reader, Rule& rule) { reader.Pattern(&rule.impi); }},
    {"transport", ReadTransport},
    {kCreate, nullptr},
    {"sec_agree", ReadSecAgree},
    {"security_server", ReadSecurityServer},
    {"temporary_timeout", ReadTimeout},
    {"udp_request_size_max", ReadSize},
    {"quirks", ReadQuirks},
};

constexpr RuleKey kCreateKeys[] = {
    {"port_server", [](Reader& reader, Rule& rule) { reader.Port(&rule.port_server); }},
    {"port_client", [](Reader& reader, Rule& rule) { reader.Port(&rule.port_client); }},
    {"algos", ReadAlgos},
};

// Null, and a note, when there is no such key.
const RuleKey* Find(std::span<const RuleKey> keys, std::string_view table, const TomlEntry& entry,
                    SettingsDraft* draft) {
  std::vector<std::string_view> names;
  for (const RuleKey& key : keys) {
    if (key.key == entry.key) return &key;
    names.push_back(key.key);
  }
  NoteUnknownKey(table, entry, names, draft);
  return nullptr;
}

void ReadCreate(const TomlEntry& create, Rule* rule, SettingsDraft::RuleLines* lines,
                SettingsDraft* draft) {
  if (create.value.kind != TomlValue::Kind::kTable) {
    return draft->Error(create.line,
                        fmt::format("rule.ipsec_create = {}: allowed is {{port_server = PORT, "
                                    "port_client = PORT, algos = \"...\"}}, any of them",
                                    create.value.Show()));
  }
  for (const TomlEntry& entry : create.value.entries) {
    const RuleKey* const key = Find(kCreateKeys, "rule.ipsec_create", entry, draft);
    if (key == nullptr) continue;
    Reader reader({kCreateTable, key->key}, entry.value, draft);
    key->read(reader, *rule);
    (key->key == "port_server"   ? lines->port_server
     : key->key == "port_client" ? lines->port_client
                                 : lines->algos) = entry.line;
  }
}

// TS 33.203 7.1: the two differ, wherever each comes from.
void CheckPorts(const Rule& rule, const SettingsDraft::RuleLines& lines, SettingsDraft* draft) {
  const Settings::Ipsec& ipsec = draft->settings.ipsec;
  if (rule.port_server) {
    CheckSocketPort("rule.ipsec_create.port_server", lines.port_server, *rule.port_server, draft);
  }
  if (rule.port_client) {
    CheckSocketPort("rule.ipsec_create.port_client", lines.port_client, *rule.port_client, draft);
  }
  const auto same = [&](uint32_t line, std::string_view mine, std::string_view other,
                        uint16_t port) {
    draft->Error(line, fmt::format("rule.ipsec_create.{} = {} = {}: they must differ (TS 33.203 "
                                   "7.1)",
                                   mine, other, port));
  };
  if (rule.port_server && rule.port_server == rule.port_client) {
    same(std::max(lines.port_server, lines.port_client), "port_client", "port_server",
         *rule.port_server);
  } else if (rule.port_server && !rule.port_client &&
             rule.port_server == ipsec.default_client_port) {
    same(lines.port_server, "port_server", "ipsec.default_client_port", *rule.port_server);
  } else if (rule.port_client && !rule.port_server &&
             rule.port_client == ipsec.default_server_port) {
    same(lines.port_client, "port_client", "ipsec.default_server_port", *rule.port_client);
  }
}

}  // namespace

void ReadRule(const TomlTable& table, SettingsDraft* draft) {
  if (!table.is_array) {
    return draft->Error(table.line, "[rule]: there may be several such tables, written [[rule]]");
  }
  if (draft->settings.rules.size() == kRulesMax) {
    return draft->Error(table.line, fmt::format("[[rule]]: at most {} are allowed", kRulesMax));
  }
  Rule rule;
  SettingsDraft::RuleLines lines{.rule = table.line};
  for (const TomlEntry& entry : table.entries) {
    if (entry.key == kCreate) {
      ReadCreate(entry, &rule, &lines, draft);
      continue;
    }
    const RuleKey* const key = Find(kKeys, "[[rule]]", entry, draft);
    if (key == nullptr) continue;
    Reader reader({kRuleTable, key->key}, entry.value, draft);
    key->read(reader, rule);
    lines.is_good = lines.is_good && reader.is_good();
  }
  draft->settings.rules.push_back(std::move(rule));
  draft->rule_lines.push_back(lines);
}

void CheckRules(SettingsDraft* draft) {
  uint32_t matches_all = 0;  // The line of the first such rule.
  for (size_t i = 0; i < draft->settings.rules.size(); ++i) {
    Rule& rule = draft->settings.rules[i];
    const SettingsDraft::RuleLines& lines = draft->rule_lines[i];
    CheckPorts(rule, lines, draft);
    if (rule.algos && draft->settings.ipsec.disable_deprecated_algorithms) {
      rule.algos = rule.algos->WithoutDeprecated();
      if (rule.algos->empty()) {
        draft->Error(lines.algos,
                     "ipsec.disable_deprecated_algorithms leaves nothing of "
                     "rule.ipsec_create.algos: not deprecated are null=aes-gcm and aes-gmac=null");
      }
    }
    if (matches_all != 0) {
      draft->Warning(lines.rule, fmt::format("[[rule]]: it is never reached: the one in line {} "
                                             "matches every phone",
                                             matches_all));
    }
    if (matches_all == 0 && lines.is_good && rule.matches_all()) matches_all = lines.rule;
  }
}

}  // namespace edge
