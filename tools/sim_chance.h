// Numbers of a simulated run: all of its luck comes from here, so a seed tells it all.
#pragma once

#include <cstdint>
#include <random>

namespace tools {

class Chance {
 public:
  explicit Chance(uint64_t seed) : engine_(seed) {}
  uint64_t Below(uint64_t count) { return engine_() % count; }
  bool Percent(uint64_t percent) { return Below(100) < percent; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace tools
