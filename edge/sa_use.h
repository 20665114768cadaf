// What the kernel counted on SAs of one set, those of one direction together.
#pragma once

#include <cstdint>

namespace edge {

struct SaUse {
  bool is_known = false;  // The kernel has answered, for each of them.
  uint64_t packets = 0;   // Decrypted and passed on...
  uint64_t bytes = 0;
  uint32_t undecrypted = 0;  // ...with a wrong check value: another key or algorithm...
  uint32_t replayed = 0;     // ...seen before, or too late for the replay window.

  bool has_arrivals() const { return packets > 0 || undecrypted > 0 || replayed > 0; }
};

}  // namespace edge
