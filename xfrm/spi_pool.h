// The SPIs this host may hand out, in pairs, from [min_spi, max_spi].
//
// Pair k is SPIs min_spi + k and min_spi + capacity + k; of an odd count the last SPI is left over.
// Pairs are handed out in a keyed order (xfrm/permutation.h) from a cursor that goes round, so that
// a pair is not used again before all others that are free.
//
// Thread safety: every method may be called by any worker at any time; no locks, no allocation
// after construction. Invariants:
// 1. free + used + quarantined == capacity.
// 2. An SPI is in one pair only, and a pair has one holder at most.
// 3. Nothing below 256 is ever handed out (RFC 4303 2.1).
// 4. The order cannot be told from SPIs seen: it is a permutation keyed at start, and a strong one.
//    Seeing one SPI of a pair gives the other, and an SPI seen is not the next one; more it does
//    not tell.
// 5. A released pair rests at least `quarantine_ms`; it is free again with the first call after
//    twice that time.
// 6. Memory is four octets a pair, above a million pairs only for those handed out lately: what has
//    rested is given back. Up to Permutation::kTableSizeMax pairs eight more are for the order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace xfrm {

// {} is no pair, since 0 is no SPI (RFC 4303 2.1). No std::optional around it: compilers return one
// by way of memory, written in parts and read as a whole, and that wait costs as much as an atomic
// instruction.
struct SpiPair {
  uint32_t client = 0;  // spi_pc
  uint32_t server = 0;  // spi_ps
  explicit operator bool() const { return client != 0; }
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

  // A pair in which neither SPI is one of `avoid` (the UE's own, TS 33.203 7.2), or nothing when no
  // such pair is free. `now_ms` is any monotonic clock, the same one for all calls; one worker may
  // lag. An exhausted pool looks at its pairs once a quarantine and refuses at once in between.
  SpiPair Acquire(uint64_t now_ms, std::span<const uint32_t> avoid = {});
  // The kernel has confirmed that no SA has these SPIs any more. REQUIRES: the pair is in use.
  void Release(SpiPair pair, uint64_t now_ms);
  // Takes a given pair out (restart: it lives on in the kernel). False: not free, or not a pair of
  // this pool. Pairs do not depend on the key: with the same range an earlier run's are pairs here.
  bool Reserve(SpiPair pair);
  // Takes out the pair that holds `spi` (restart with another range: a foreign SA has that SPI).
  // Nothing: no pair has it, or its pair is not free.
  SpiPair ReserveHolding(uint32_t spi);

  struct Counts {
    size_t free = 0;
    size_t used = 0;
    size_t quarantined = 0;
  };
  // In pairs; exact when no call is under way, and their sum is always the capacity. It looks at
  // every pair that memory is kept for: for statistics, not for every phone.
  Counts counts() const;
  size_t capacity() const;  // In pairs.
  // Those that rest now: for another process, which takes them by Reserve() and Release(), so that
  // they rest there anew.
  std::vector<SpiPair> Resting() const;

 private:
  struct State;
  struct Deleter {
    void operator()(State* state) const;
  };
  std::unique_ptr<State, Deleter> state_;
};

}  // namespace xfrm
