// Can the worker keep up? If not, who is refused: those who want to register first, then all that
// comes in at the unprotected ports. Registered phones and the core are served before either, so
// that what waits is what tells.
//
// Told the numbers of each turn; knows no clock, queue or socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace edge {

class Overload {
 public:
  enum class Level : uint8_t {
    kNone,
    kRefuseNew,          // New registrations.
    kRefuseUnprotected,  // And everything else at the unprotected ports.
  };

  // At the end of a turn. `strangers`: messages of the unprotected ports that still wait;
  // `kernel_waiting`: SA sets that wait for the kernel. True: the level is another one now.
  //
  //   either deep for kStandingMs     one level up, and after as long again the next
  //   both shallow for kCalmMs        one level down, likewise
  //   between                         as it is
  bool OnTurn(uint64_t now_ms, size_t strangers, size_t kernel_waiting);

  Level level() const { return level_; }
  // When the level may change if nothing comes in any more; UINT64_MAX: it will not.
  uint64_t NextExpiry() const;

 private:
  static constexpr uint64_t kNever = UINT64_MAX;
  bool Rise(uint64_t now_ms);
  bool Fall(uint64_t now_ms);

  Level level_ = Level::kNone;
  uint64_t deep_since_ms_ = kNever;
  uint64_t shallow_since_ms_ = kNever;
};

std::string_view Name(Overload::Level level);

}  // namespace edge
