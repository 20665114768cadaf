// Any bytes as a settings file: an answer, and words for whatever is wrong.
#include <cstdlib>

#include "edge/settings.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const edge::SettingsResult result = edge::ParseSettings(text);
  uint32_t line = 0;
  for (const edge::SettingsNote& note : result.notes) {
    if (note.message.empty() || note.line < line) std::abort();
    line = note.line;
  }
  const std::string report = result.Report("fuzz.toml");
  if (report.empty() != result.notes.empty()) std::abort();
  if (!result.ok()) return 0;

  // What the rest of the program relies on.
  const edge::Settings& settings = result.settings;
  if (settings.ipsec.sockets.size() < 2 || settings.gm.listen.empty()) std::abort();
  if (settings.ipsec.min_spi < 256 || settings.ipsec.min_spi >= settings.ipsec.max_spi) {
    std::abort();
  }
  if (settings.ipsec.allowed_algorithms.empty() || settings.core.host.empty()) std::abort();
  for (const reactor::Endpoint& hop : settings.core.next_hops) {
    if (settings.core.listen.family() != hop.family()) std::abort();
  }
  for (const edge::Rule& rule : settings.rules) {
    if (rule.algos && rule.algos->empty()) std::abort();
  }
  // What every text of a phone meets.
  const edge::RuleFacts facts = {settings.core.listen, text, text, text};
  if (edge::FindRule(settings.rules, facts) > settings.rules.size()) std::abort();
  return 0;
}
