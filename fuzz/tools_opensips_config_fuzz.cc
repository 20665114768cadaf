// Any bytes as an OpenSIPS configuration: what is printed is TOML, and if gmedge refuses it, a
// remark says so.
#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "edge/settings.h"
#include "edge/settings_toml.h"
#include "tools/opensips_config.h"
#include "tools/opensips_convert.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  uint32_t line = 0;
  for (const tools::OpensipsStatement& statement : tools::ReadOpensipsConfig(text)) {
    if (statement.line == 0 || statement.arguments.empty()) std::abort();
    line = std::max(line, statement.line);
  }
  if (line > 1 + static_cast<uint32_t>(std::count(text.begin(), text.end(), '\n'))) std::abort();

  const tools::Conversion conversion = tools::ConvertOpensips(text);
  std::vector<edge::TomlTable> tables;
  edge::TomlError error;
  const bool is_toml = edge::ReadToml(conversion.settings, &tables, &error);
  const bool is_small = conversion.settings.size() < edge::kSettingsBytesMax;
  if (!is_toml && is_small) std::abort();
  if (!conversion.has_sockets) return 0;
  if (!edge::ParseSettings(conversion.settings).ok() && conversion.remarks == 0) std::abort();
  return 0;
}
