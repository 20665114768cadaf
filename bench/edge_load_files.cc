#include "bench/edge_load_files.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "bench/edge_load_process.h"

namespace bench {

Scratch::Scratch(std::string_view program) {
  std::string pattern = fmt::format("/tmp/{}.XXXXXX", program);
  if (mkdtemp(pattern.data()) != nullptr) path_ = pattern;
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Scratch::File(std::string_view name) const {
  return fmt::format("{}/{}", path_, name);
}

std::string Scratch::Text(std::string_view name) const {
  std::ifstream file(File(name));
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string LoadSettings(const LoadNetwork& network, uint32_t max_spi, std::string_view log_level) {
  const std::string edge = IpText(network.edge_gm.ip);
  std::string text = fmt::format("[log]\nlevel = \"{}\"\n[ipsec]\nsocket = [", log_level);
  for (const uint16_t port : kLoadPorts) {
    text += fmt::format("\"ipsec:{}:{}\", ", edge, port);
  }
  text += fmt::format("]\nmin_spi = 65536\nmax_spi = {}\n", max_spi);
  text += fmt::format("[gm]\nlisten = \"{}:{}\"\n", edge, network.edge_gm.port);
  text += fmt::format("[core]\nlisten = \"{}:{}\"\n", IpText(network.edge_core.ip),
                      network.edge_core.port);
  return text + fmt::format("next_hop = \"{}:{}\"\nreg_event = false\n", IpText(network.core.ip),
                            network.core.port);
}

}  // namespace bench
