// What a gmedge under load needs on disk, and what it leaves there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bench/edge_load_messages.h"

namespace bench {

// A directory that goes with us; "" where none can be made.
class Scratch {
 public:
  // Its name begins with that of the program.
  explicit Scratch(std::string_view program);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::string File(std::string_view name) const;
  // "" when there is none.
  std::string Text(std::string_view name) const;

 private:
  std::string path_;
};

// gmedge's protected ports.
inline constexpr uint16_t kLoadPorts[] = {6100, 6101, 6102};

// Settings of gmedge in this network: one worker, its ports, the core, SPIs up to `max_spi`. What
// else a bench wants goes behind: the last table is [core].
std::string LoadSettings(const LoadNetwork& network, uint32_t max_spi,
                         std::string_view log_level = "warn");

}  // namespace bench
