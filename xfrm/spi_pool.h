// The SPIs this host may hand out, in pairs, from [min_spi, max_spi].
//
// Thread safety: every method may be called by any worker at any time; no locks, no allocation
// after construction.
// Invariants: 1. free + used + quarantined == capacity. 2. An SPI is in at most one pair that is
// not free. 3. Nothing below 256 is ever handed out (RFC 4303 2.1). 4. The order cannot be told
// from SPIs seen: a permutation keyed at start. 5. A released pair rests at least `quarantine_ms`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace xfrm {

struct SpiPair {
  uint32_t client = 0;  // spi_pc
  uint32_t server = 0;  // spi_ps
  bool operator==(const SpiPair&) const = default;
};

class SpiPool {
 public:
  struct Options {
    uint32_t min_spi = 65536;   // As proto_ipsec's settings; REQUIRES min_spi >= 256,
    uint32_t max_spi = 262144;  // max_spi > min_spi (settings swap them with a warning).
    uint64_t quarantine_ms = 10'000;
    std::array<uint64_t, 2> permutation_key{};  // Random at start; fixed in tests.
  };
  explicit SpiPool(const Options& options);

  // A pair in which neither SPI is one of `avoid` (the UE's own, TS 33.203 7.2), or nothing when
  // none is free. `now_ms` is any monotonic clock, the same one for all calls.
  std::optional<SpiPair> Acquire(uint64_t now_ms, std::span<const uint32_t> avoid = {});
  // The kernel has confirmed that no SA has these SPIs any more. REQUIRES: the pair is in use.
  void Release(SpiPair pair, uint64_t now_ms);
  // Takes a given pair out (restart: it lives on in the kernel). False: not free, or not a pair of
  // this pool.
  bool Reserve(SpiPair pair);

  struct Counts {
    size_t free = 0;
    size_t used = 0;
    size_t quarantined = 0;
  };
  Counts counts() const;    // In pairs; exact when no call is under way.
  size_t capacity() const;  // In pairs.

 private:
  struct State;
  struct Deleter {
    void operator()(State* state) const;
  };
  std::unique_ptr<State, Deleter> state_;
};

}  // namespace xfrm
