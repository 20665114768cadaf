#include "xfrm/spi_pool.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cassert>

#include "xfrm/permutation.h"

namespace xfrm {
namespace {

constexpr uint32_t kReservedSpis = 256;  // RFC 4303 2.1.
constexpr size_t kBitsPerWord = 64;
constexpr size_t kCacheLine = 64;
constexpr uint64_t kNoPair = ~uint64_t{0};
constexpr size_t kPageSize = 4096;

// What a try for a pair may yield instead of one.
constexpr SpiPair kNone{0, 0};
constexpr SpiPair kPassedBy{0, 1};  // One is free, but not for this caller or not yet.

constexpr size_t kPairsPerBlock = kPageSize / sizeof(uint32_t);

// Above so many pairs memory is given back: 4 MiB of states.
constexpr uint64_t kKeptPairsMax = uint64_t{1} << 20;
constexpr int kBlocksGivenBackMax = 64;  // At one time: less than 1 ms.

// The state of a pair is one word:
//
//   kFree ──Acquire, Reserve──► kUsed ──Release──► the epoch it rests from ──2 epochs──► as kFree
//
// Time is cut into epochs of quarantine_ms and a pair rests to the end of the epoch after the one
// it was released in: nobody has to come by and free it. Only its holder moves a pair in use, so
// Release is a plain store; who wants a free one competes by compare-and-swap, the one such
// instruction in an Acquire and a Release. Those cost more than all the rest, so nothing is counted
// on the way: counts() looks.
constexpr uint32_t kFree = 0;    // Also what pages nobody has touched read as.
constexpr uint32_t kUsed = 1;    // Odd: not free, however much time passes.
constexpr uint32_t kMoving = 3;  // Free, but its memory is being given back.
constexpr uint32_t kOneEpoch = 4;
constexpr uint32_t RestingFrom(uint64_t epoch) {
  return static_cast<uint32_t>(epoch * kOneEpoch) | 2;
}

// Thirty bits of epoch come round after 2^30 of them. Up to 2^18 epochs "to come" count as resting,
// for a caller that was held up while others saw time go on: so a pair that is looked at again only
// then may rest once more. With 10 s that is in 340 years.
constexpr bool IsResting(uint32_t state, uint32_t now) {
  constexpr uint32_t kAhead = kOneEpoch << 18;
  return now - state + kAhead < kAhead + 2 * kOneEpoch;
}
constexpr bool IsFree(uint32_t state, uint32_t now) {
  return state == kFree || ((state & 1) == 0 && !IsResting(state, now));
}

// A word of mapped memory, which starts as zero without being touched.
using Word = std::atomic_ref<uint64_t>;
using PairState = std::atomic_ref<uint32_t>;
static_assert(Word::is_always_lock_free && PairState::is_always_lock_free);

const SpiPool::Options& Checked(const SpiPool::Options& options) {
  assert(options.min_spi >= kReservedSpis && options.max_spi > options.min_spi);
  return options;
}

bool Hits(SpiPair pair, std::span<const uint32_t> avoid) {
  for (const uint32_t spi : avoid) {
    if (spi == pair.client || spi == pair.server) return true;
  }
  return false;
}

}  // namespace

// Pairs are kept in blocks of one page of states, in the order of the permutation.
struct SpiPool::State {
  explicit State(const Options& options);
  ~State();

  // What one Acquire looks for.
  struct Wish {
    uint64_t epoch;
    std::span<const uint32_t> avoid;
  };
  SpiPair TryPair(const Wish& wish, uint64_t index);
  SpiPair TryBlock(const Wish& wish, uint64_t from);
  [[gnu::noinline]] SpiPair TryAll(const Wish& wish);
  bool Take(uint64_t index, uint32_t* state);
  bool TakeFree(uint64_t index);

  uint64_t EnterEpoch(uint64_t now_ms);
  [[gnu::noinline]] uint64_t OpenEpoch(uint64_t current, uint64_t now_ms);
  void GiveBackMemory(uint64_t now);
  bool GiveBackBlock(size_t block, uint32_t now);

  uint64_t EndOf(size_t block) const { return std::min((block + 1) * kPairsPerBlock, capacity); }
  template <typename Visit>
  void ForEachTouched(Visit visit) const;
  bool IsTouched(size_t block) const;
  void Touch(size_t block);
  SpiPair PairAt(uint64_t index) const;
  uint64_t IndexOf(SpiPair pair) const;

  const uint32_t min_spi;
  const uint64_t capacity;
  const uint64_t quarantine_ms;
  const Permutation permutation;
  const size_t blocks;

  size_t mapped_size = 0;
  uint32_t* states = nullptr;
  uint64_t* full_in = nullptr;  // By block: the epoch in which no pair of it was or will be free.
  uint64_t* touched = nullptr;  // By bit: blocks in which a pair may not be kFree.

  // Grows with time or, when nothing rests, with each release. While it stays the same no pair can
  // become free, so what was seen to be full is full until it moves on. Starts at 1: in epoch 0
  // nothing was seen.
  alignas(kCacheLine) std::atomic<uint64_t> epoch{1};
  std::atomic<uint64_t> exhausted_in{0};
  alignas(kCacheLine) std::atomic<uint64_t> cursor{0};
};

// What every call goes through comes first: it is inlined.

// The two SPIs of a pair stand half the range apart. That does not depend on the key, so pairs of
// an earlier run are pairs of this one as long as the range is the same.
inline SpiPair SpiPool::State::PairAt(uint64_t index) const {
  const uint64_t place = permutation.Forward(index);
  return {static_cast<uint32_t>(min_spi + place),
          static_cast<uint32_t>(min_spi + capacity + place)};
}

inline uint64_t SpiPool::State::IndexOf(SpiPair pair) const {
  const uint64_t place = uint64_t{pair.client} - min_spi;  // Huge below min_spi.
  if (place >= capacity || pair.server != min_spi + capacity + place) return kNoPair;
  return permutation.Inverse(place);
}

inline bool SpiPool::State::IsTouched(size_t block) const {
  const uint64_t bits = Word(touched[block / kBitsPerWord]).load(std::memory_order_acquire);
  return (bits >> (block % kBitsPerWord) & 1) != 0;
}

// Moves time on and yields the epoch that `now_ms`, or a later call, belongs to.
inline uint64_t SpiPool::State::EnterEpoch(uint64_t now_ms) {
  const uint64_t current = epoch.load(std::memory_order_acquire);
  // A product and not a quotient: this is asked in every call.
  if (now_ms < current * quarantine_ms || quarantine_ms == 0) return current;
  return OpenEpoch(current, now_ms);
}

// Takes a pair seen in a state that is free; if another worker was faster, yields what it is now.
// The flag of a block is set once and stays, so looking is enough nearly always.
inline bool SpiPool::State::Take(uint64_t index, uint32_t* state) {
  if (!PairState(states[index]).compare_exchange_strong(*state, kUsed)) return false;
  const size_t block = index / kPairsPerBlock;
  if (!IsTouched(block)) Touch(block);
  return true;
}

// Takes a pair if it is free and not to be avoided, and moves the cursor behind it. A pair to be
// avoided is looked at, never taken, so it cannot get lost. Several workers may set the cursor at a
// time and turn it back a little: what they have taken is in use or rests.
[[gnu::always_inline]] inline SpiPair SpiPool::State::TryPair(const Wish& wish, uint64_t index) {
  uint32_t state = PairState(states[index]).load(std::memory_order_relaxed);
  if (IsFree(state, RestingFrom(wish.epoch))) {
    const SpiPair pair = PairAt(index);
    if (Hits(pair, wish.avoid)) return kPassedBy;
    if (Take(index, &state)) {
      cursor.store(index + 1 < capacity ? index + 1 : 0, std::memory_order_relaxed);
      return pair;
    }
  }
  return state == kMoving ? kPassedBy : kNone;
}

template <typename Visit>
void SpiPool::State::ForEachTouched(Visit visit) const {
  for (size_t first = 0; first < blocks; first += kBitsPerWord) {
    uint64_t bits = Word(touched[first / kBitsPerWord]).load(std::memory_order_acquire);
    for (; bits != 0; bits &= bits - 1) visit(first + static_cast<size_t>(std::countr_zero(bits)));
  }
}

SpiPool::SpiPool(const Options& options) : state_(new State(Checked(options))) {}

void SpiPool::Deleter::operator()(State* state) const {
  delete state;
}

// The pair at the cursor is free nearly always.
SpiPair SpiPool::Acquire(uint64_t now_ms, std::span<const uint32_t> avoid) {
  State& state = *state_;
  for (;;) {
    const State::Wish wish = {state.EnterEpoch(now_ms), avoid};
    if (state.exhausted_in.load(std::memory_order_relaxed) == wish.epoch) return kNone;
    SpiPair pair = state.TryPair(wish, state.cursor.load(std::memory_order_relaxed));
    if (pair) return pair;
    pair = state.TryAll(wish);
    if (pair) return pair;
    // Time that went on meanwhile may have freed what seemed to rest.
    if (state.epoch.load() != wish.epoch) continue;
    if (pair == kNone) state.exhausted_in.store(wish.epoch, std::memory_order_relaxed);
    return kNone;
  }
}

void SpiPool::Release(SpiPair pair, uint64_t now_ms) {
  const uint64_t index = state_->IndexOf(pair);
  assert(index != kNoPair);
  const uint64_t epoch = state_->EnterEpoch(now_ms);
  const PairState state(state_->states[index]);
  // Else it was released twice, or never acquired.
  assert(state.load(std::memory_order_relaxed) == kUsed);
  if (state_->quarantine_ms > 0) {
    state.store(RestingFrom(epoch), std::memory_order_release);
  } else {
    state.store(kFree, std::memory_order_release);
    state_->epoch.fetch_add(1);  // After the store: who sees the old epoch may have missed it.
  }
}

bool SpiPool::Reserve(SpiPair pair) {
  const uint64_t index = state_->IndexOf(pair);
  return index != kNoPair && state_->TakeFree(index);
}

SpiPair SpiPool::ReserveHolding(uint32_t spi) {
  const uint64_t offset = uint64_t{spi} - state_->min_spi;
  if (spi < state_->min_spi || offset >= 2 * state_->capacity) return kNone;
  const uint64_t index = state_->permutation.Inverse(offset % state_->capacity);
  return state_->TakeFree(index) ? state_->PairAt(index) : kNone;
}

SpiPool::Counts SpiPool::counts() const {
  Counts counts = {.free = state_->capacity};
  const uint32_t now = RestingFrom(state_->epoch.load());
  state_->ForEachTouched([this, now, &counts](size_t block) {
    const uint64_t end = state_->EndOf(block);
    counts.free -= end - block * kPairsPerBlock;
    for (uint64_t index = block * kPairsPerBlock; index < end; ++index) {
      const uint32_t state = PairState(state_->states[index]).load(std::memory_order_acquire);
      const bool free = state == kMoving || IsFree(state, now);
      counts.free += free ? 1 : 0;
      counts.used += state == kUsed ? 1 : 0;
      counts.quarantined += !free && state != kUsed ? 1 : 0;
    }
  });
  assert(counts.free + counts.used + counts.quarantined == state_->capacity);
  return counts;
}

std::vector<SpiPair> SpiPool::Resting() const {
  std::vector<SpiPair> resting;
  const uint32_t now = RestingFrom(state_->epoch.load());
  state_->ForEachTouched([&](size_t block) {
    const uint64_t end = state_->EndOf(block);
    for (uint64_t index = block * kPairsPerBlock; index < end; ++index) {
      const uint32_t state = PairState(state_->states[index]).load(std::memory_order_acquire);
      if (state == kFree || (state & 1) != 0 || !IsResting(state, now)) continue;
      resting.push_back(state_->PairAt(index));
    }
  });
  return resting;
}

size_t SpiPool::capacity() const {
  return state_->capacity;
}

SpiPool::State::State(const Options& options)
    : min_spi(options.min_spi),
      capacity((uint64_t{options.max_spi} - options.min_spi + 1) / 2),
      quarantine_ms(options.quarantine_ms),
      permutation(capacity, options.permutation_key),
      blocks((capacity + kPairsPerBlock - 1) / kPairsPerBlock) {
  const size_t touched_words = (blocks + kBitsPerWord - 1) / kBitsPerWord;
  mapped_size = blocks * kPageSize + (blocks + touched_words) * sizeof(uint64_t);
  // A small pool has its memory from the start, so no call waits for a page. The full range is
  // 8 GiB of addresses, reserved and zero, and as much memory as its pairs in circulation need. No
  // huge pages: 2 MiB would be cleared for the first pair of each.
  const int mode = capacity <= kKeptPairsMax ? MAP_POPULATE : MAP_NORESERVE;
  void* region =
      mmap(nullptr, mapped_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | mode, -1, 0);
  assert(region != MAP_FAILED);
  if (capacity > kKeptPairsMax) madvise(region, mapped_size, MADV_NOHUGEPAGE);

  states = static_cast<uint32_t*>(region);
  full_in = static_cast<uint64_t*>(region) + blocks * kPageSize / sizeof(uint64_t);
  touched = full_in + blocks;
}

SpiPool::State::~State() {
  munmap(states, mapped_size);
}

// Tries pairs from index `from` to the end of its block.
SpiPair SpiPool::State::TryBlock(const Wish& wish, uint64_t from) {
  const size_t block = from / kPairsPerBlock;
  if (Word(full_in[block]).load(std::memory_order_relaxed) == wish.epoch) return kNone;
  const uint64_t end = EndOf(block);
  SpiPair result = kNone;
  for (uint64_t index = from; index < end; ++index) {
    const SpiPair pair = TryPair(wish, index);
    if (pair) return pair;
    if (pair == kPassedBy) result = kPassedBy;
  }
  if (result == kNone && from % kPairsPerBlock == 0) {
    Word(full_in[block]).store(wish.epoch, std::memory_order_relaxed);
  }
  return result;
}

// Tries all, from the cursor on: its block comes first from there on and last as a whole.
SpiPair SpiPool::State::TryAll(const Wish& wish) {
  const uint64_t start = cursor.load(std::memory_order_relaxed);
  SpiPair pair = TryBlock(wish, start);
  if (pair) return pair;
  SpiPair result = kNone;
  size_t block = start / kPairsPerBlock;
  for (size_t step = 0; step < blocks; ++step) {
    block = block + 1 < blocks ? block + 1 : 0;
    pair = TryBlock(wish, block * kPairsPerBlock);
    if (pair) return pair;
    if (pair == kPassedBy) result = kPassedBy;
  }
  return result;
}

bool SpiPool::State::TakeFree(uint64_t index) {
  const uint32_t now = RestingFrom(epoch.load());
  uint32_t state = PairState(states[index]).load(std::memory_order_relaxed);
  do {
    // Another worker has it, but not for itself and for a microsecond only.
    while (state == kMoving) state = PairState(states[index]).load(std::memory_order_relaxed);
    if (!IsFree(state, now)) return false;
  } while (!Take(index, &state));
  return true;
}

uint64_t SpiPool::State::OpenEpoch(uint64_t current, uint64_t now_ms) {
  const uint64_t next = now_ms / quarantine_ms + 1;
  while (current < next) {
    if (!epoch.compare_exchange_weak(current, next)) continue;
    if (capacity > kKeptPairsMax) GiveBackMemory(next);
    return next;
  }
  return current;
}

void SpiPool::State::Touch(size_t block) {
  Word(touched[block / kBitsPerWord]).fetch_or(uint64_t{1} << (block % kBitsPerWord));
}

// Where a lap takes months, the states of pairs long free are not worth their memory.
void SpiPool::State::GiveBackMemory(uint64_t now) {
  static const bool pages_are_blocks = sysconf(_SC_PAGESIZE) == static_cast<long>(kPageSize);
  if (!pages_are_blocks) return;
  const size_t current = cursor.load(std::memory_order_relaxed) / kPairsPerBlock;
  int given_back = 0;
  ForEachTouched([this, now, current, &given_back](size_t block) {
    if (block == current || given_back == kBlocksGivenBackMax) return;
    given_back += GiveBackBlock(block, RestingFrom(now)) ? 1 : 0;
  });
}

// Takes every pair of a block away, which works when all are free, and drops the page: then all
// read as kFree. Nobody else writes to it meanwhile, since nobody holds a pair of it or gets one.
bool SpiPool::State::GiveBackBlock(size_t block, uint32_t now) {
  const uint64_t begin = block * kPairsPerBlock;
  const uint64_t end = EndOf(block);
  for (uint64_t index = begin; index < end; ++index) {
    if (!IsFree(PairState(states[index]).load(std::memory_order_relaxed), now)) return false;
  }
  uint64_t index = begin;
  for (; index < end; ++index) {
    uint32_t state = PairState(states[index]).load(std::memory_order_relaxed);
    if (!IsFree(state, now)) break;
    if (!PairState(states[index]).compare_exchange_strong(state, kMoving)) break;
  }
  if (index == end) {
    Word(touched[block / kBitsPerWord]).fetch_and(~(uint64_t{1} << (block % kBitsPerWord)));
    if (madvise(&states[begin], kPageSize, MADV_DONTNEED) == 0) return true;
  }
  while (index > begin) PairState(states[--index]).store(kFree, std::memory_order_release);
  return false;
}

}  // namespace xfrm
