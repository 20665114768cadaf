#include "xfrm/spi_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cassert>

#include "xfrm/permutation.h"

namespace xfrm {
namespace {

constexpr uint32_t kReservedSpis = 256;  // RFC 4303 2.1.
constexpr size_t kBitsPerWord = 64;
constexpr size_t kWordsPerBlock = 64;  // One summary bit stands for this many words.
constexpr size_t kCacheLine = 64;

// Epochs. Time is cut into slices of quarantine_ms, and pairs released in one epoch go to one of
// four resting bitmaps, by the epoch's number modulo 4. Entering an epoch drains the bitmaps of the
// second-last epoch and older into the free one, so a pair rests one to two slices. The number
// grows by one with the next slice and by two when more than one has passed: then everything has
// rested.
//
//   | slice, 44 bits | number, 20 bits |   one word, so that both change at once
constexpr uint64_t kSlots = 4;
constexpr int kNumberBits = 20;
constexpr uint64_t kNumberMask = (uint64_t{1} << kNumberBits) - 1;

constexpr uint64_t SliceOf(uint64_t epoch) {
  return epoch >> kNumberBits;
}
constexpr size_t SlotOf(uint64_t epoch, uint64_t ahead = 0) {
  return (epoch + ahead) % kSlots;
}

// A word of mapped memory, which starts as zero without being touched.
using Word = std::atomic_ref<uint64_t>;
static_assert(Word::is_always_lock_free);

const SpiPool::Options& Checked(const SpiPool::Options& options) {
  assert(options.min_spi >= kReservedSpis && options.max_spi > options.min_spi);
  return options;
}

bool Hits(SpiPair pair, std::span<const uint32_t> avoid) {
  return std::any_of(avoid.begin(), avoid.end(),
                     [pair](uint32_t spi) { return spi == pair.client || spi == pair.server; });
}

}  // namespace

// Where a pair is, by its bits:           taken   used   one of resting
//                              free         0       0        0
//                              in use       1       1        0
//                              quarantined  1       0        1
// "Taken" and not "free", so that pages nobody has touched read as free. Bits move one at a time by
// atomic read-modify-write: whoever turns a bit owns the step. The counters are shared words of
// their own; `free` is a promise taken before a bit is looked for: whoever has counted it down will
// find one.
struct SpiPool::State {
  explicit State(const Options& options);
  ~State();

  std::optional<SpiPair> Claim(std::span<const uint32_t> avoid);
  std::optional<SpiPair> ClaimInWord(size_t at, uint64_t candidates,
                                     std::span<const uint32_t> avoid, bool* avoided);
  bool TakePromise();
  bool TakeIndex(uint64_t index);

  uint64_t EnterEpoch(uint64_t now_ms);
  void Drain(uint64_t now, uint64_t ahead);
  void DrainWord(uint64_t now, uint64_t ahead, size_t at);
  void Rest(uint64_t now, size_t at, uint64_t bits);

  SpiPair PairAt(uint64_t index) const;
  std::optional<uint64_t> IndexOf(SpiPair pair) const;

  const uint32_t min_spi;
  const uint64_t capacity;
  const uint64_t quarantine_ms;
  const Permutation permutation;
  const size_t words;
  const size_t summary_words;

  size_t mapped_size = 0;
  uint64_t* taken = nullptr;
  uint64_t* used = nullptr;
  std::array<uint64_t*, kSlots> resting{};
  std::array<uint64_t*, kSlots> summary{};  // Which blocks of `resting` have a bit.

  alignas(kCacheLine) std::atomic<uint64_t> epoch{0};
  alignas(kCacheLine) std::atomic<uint64_t> cursor{0};
  alignas(kCacheLine) std::atomic<uint64_t> free_count;
  std::atomic<uint64_t> used_count{0};
  std::atomic<uint64_t> resting_count{0};
};

SpiPool::SpiPool(const Options& options) : state_(new State(Checked(options))) {}

void SpiPool::Deleter::operator()(State* state) const {
  delete state;
}

std::optional<SpiPair> SpiPool::Acquire(uint64_t now_ms, std::span<const uint32_t> avoid) {
  state_->EnterEpoch(now_ms);
  return state_->Claim(avoid);
}

void SpiPool::Release(SpiPair pair, uint64_t now_ms) {
  const std::optional<uint64_t> index = state_->IndexOf(pair);
  assert(index.has_value());
  const uint64_t epoch = state_->EnterEpoch(now_ms);
  const size_t at = *index / kBitsPerWord;
  const uint64_t bit = uint64_t{1} << (*index % kBitsPerWord);

  const uint64_t before = Word(state_->used[at]).fetch_and(~bit);
  assert((before & bit) != 0);  // Released twice, or never acquired.
  static_cast<void>(before);
  state_->used_count.fetch_sub(1);
  if (state_->quarantine_ms == 0) {
    Word(state_->taken[at]).fetch_and(~bit);
    state_->free_count.fetch_add(1);
  } else {
    state_->resting_count.fetch_add(1);
    state_->Rest(epoch, at, bit);
  }
}

bool SpiPool::Reserve(SpiPair pair) {
  const std::optional<uint64_t> index = state_->IndexOf(pair);
  return index.has_value() && state_->TakeIndex(*index);
}

std::optional<SpiPair> SpiPool::ReserveHolding(uint32_t spi) {
  const uint64_t offset = uint64_t{spi} - state_->min_spi;
  if (spi < state_->min_spi || offset >= 2 * state_->capacity) return std::nullopt;
  const uint64_t place = offset % state_->capacity;
  const uint64_t index = state_->permutation.Inverse(place);
  if (!state_->TakeIndex(index)) return std::nullopt;
  return state_->PairAt(index);
}

SpiPool::Counts SpiPool::counts() const {
  return {state_->free_count.load(), state_->used_count.load(), state_->resting_count.load()};
}

size_t SpiPool::capacity() const {
  return state_->capacity;
}

SpiPool::State::State(const Options& options)
    : min_spi(options.min_spi),
      capacity((uint64_t{options.max_spi} - options.min_spi + 1) / 2),
      quarantine_ms(options.quarantine_ms),
      permutation(capacity, options.permutation_key),
      words((capacity + kBitsPerWord - 1) / kBitsPerWord),
      summary_words((words + kWordsPerBlock * kBitsPerWord - 1) / (kWordsPerBlock * kBitsPerWord)),
      free_count(capacity) {
  // Reserved and zero, not touched: the full range of 2^31 pairs is 1.5 GiB of addresses and, used
  // in cursor order, as much memory as its pairs in circulation need.
  const size_t total_words = (2 + kSlots) * words + kSlots * summary_words;
  mapped_size = total_words * sizeof(uint64_t);
  void* region = mmap(nullptr, mapped_size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  assert(region != MAP_FAILED);

  taken = static_cast<uint64_t*>(region);
  used = taken + words;
  for (uint64_t slot = 0; slot < kSlots; ++slot) {
    resting[slot] = taken + (2 + slot) * words;
    summary[slot] = taken + (2 + kSlots) * words + slot * summary_words;
  }
  // The last word's bits past the capacity are never free.
  const size_t tail = capacity % kBitsPerWord;
  if (tail != 0) taken[words - 1] = ~uint64_t{0} << tail;
}

SpiPool::State::~State() {
  munmap(taken, mapped_size);
}

// Finds and takes a free bit, from the cursor on, lap after lap. Without `avoid` it ends with a bit
// since one was promised; a lap that saw nothing but avoided pairs gives the promise back.
std::optional<SpiPair> SpiPool::State::Claim(std::span<const uint32_t> avoid) {
  if (!TakePromise()) return std::nullopt;
  for (;;) {
    bool avoided = false;
    const uint64_t start = cursor.load(std::memory_order_relaxed);
    // The cursor's word comes first from the cursor on and last as a whole: a full lap.
    uint64_t candidates = ~uint64_t{0} << (start % kBitsPerWord);
    for (size_t step = 0; step <= words; ++step) {
      const size_t at = (start / kBitsPerWord + step) % words;
      const std::optional<SpiPair> pair = ClaimInWord(at, candidates, avoid, &avoided);
      if (pair) return pair;
      candidates = ~uint64_t{0};
    }
    if (!avoided) continue;
    free_count.fetch_add(1);
    return std::nullopt;
  }
}

// Takes the lowest free bit of one word among `candidates` whose pair is not to be avoided, and
// moves the cursor behind it. A pair to be avoided is looked at, never taken, so it cannot get
// lost.
std::optional<SpiPair> SpiPool::State::ClaimInWord(size_t at, uint64_t candidates,
                                                   std::span<const uint32_t> avoid, bool* avoided) {
  uint64_t taken_bits = Word(taken[at]).load(std::memory_order_relaxed);
  while ((candidates & ~taken_bits) != 0) {
    const int place = std::countr_zero(candidates & ~taken_bits);
    const uint64_t bit = uint64_t{1} << place;
    const uint64_t index = at * kBitsPerWord + static_cast<uint64_t>(place);
    const SpiPair pair = PairAt(index);
    candidates &= ~bit;
    if (Hits(pair, avoid)) {
      *avoided = true;
      continue;
    }
    taken_bits = Word(taken[at]).fetch_or(bit);
    if ((taken_bits & bit) != 0) continue;  // Another worker was faster.
    Word(used[at]).fetch_or(bit);
    used_count.fetch_add(1);
    cursor.store(index + 1 < capacity ? index + 1 : 0, std::memory_order_relaxed);
    return pair;
  }
  return std::nullopt;
}

bool SpiPool::State::TakePromise() {
  uint64_t count = free_count.load();
  while (count > 0) {
    if (free_count.compare_exchange_weak(count, count - 1)) return true;
  }
  return false;
}

bool SpiPool::State::TakeIndex(uint64_t index) {
  if (!TakePromise()) return false;
  const size_t at = index / kBitsPerWord;
  const uint64_t bit = uint64_t{1} << (index % kBitsPerWord);
  if ((Word(taken[at]).fetch_or(bit) & bit) != 0) {
    free_count.fetch_add(1);
    return false;
  }
  Word(used[at]).fetch_or(bit);
  used_count.fetch_add(1);
  return true;
}

// Moves time on and yields the epoch that `now_ms`, or a later call, belongs to. The one caller
// that opens an epoch drains what has rested; the others go on meanwhile.
uint64_t SpiPool::State::EnterEpoch(uint64_t now_ms) {
  if (quarantine_ms == 0) return 0;
  const uint64_t slice = now_ms / quarantine_ms;
  uint64_t current = epoch.load();
  while (SliceOf(current) < slice) {
    const uint64_t step = slice - SliceOf(current) == 1 ? 1 : 2;
    const uint64_t next = slice << kNumberBits | ((current + step) & kNumberMask);
    if (!epoch.compare_exchange_weak(current, next)) continue;
    // Slots, counted from the new epoch's own: +3 is the number before, which still rests or was
    // skipped; +2 is older; +1 is older still, with what slow releasers left there.
    Drain(next, 2);
    Drain(next, 1);
    return next;
  }
  return current;
}

// Frees what rests in the slot `ahead` of the epoch's own.
void SpiPool::State::Drain(uint64_t now, uint64_t ahead) {
  for (size_t i = 0; i < summary_words; ++i) {
    const Word flags(summary[SlotOf(now, ahead)][i]);
    if (flags.load() == 0) continue;
    for (uint64_t blocks = flags.exchange(0); blocks != 0; blocks &= blocks - 1) {
      const size_t block = i * kBitsPerWord + static_cast<size_t>(std::countr_zero(blocks));
      const size_t end = std::min((block + 1) * kWordsPerBlock, words);
      for (size_t at = block * kWordsPerBlock; at < end; ++at) DrainWord(now, ahead, at);
    }
  }
}

// Bits are taken out of the slot first and looked at then: if meanwhile the epoch has come that
// fills this slot anew, some may be fresh, and all of them rest once more. A fresh bit cannot be
// missed: its releaser saw the new epoch before it set the bit, so whoever took the bit sees it
// too.
void SpiPool::State::DrainWord(uint64_t now, uint64_t ahead, size_t at) {
  const Word word(resting[SlotOf(now, ahead)][at]);
  if (word.load() == 0) return;
  const uint64_t bits = word.exchange(0);
  const uint64_t latest = epoch.load();
  if (((latest - now) & kNumberMask) >= ahead) {
    Rest(latest, at, bits);
    return;
  }
  Word(taken[at]).fetch_and(~bits);
  const uint64_t count = static_cast<uint64_t>(std::popcount(bits));
  resting_count.fetch_sub(count);
  free_count.fetch_add(count);  // After the bits: a promise is always backed by one.
}

void SpiPool::State::Rest(uint64_t now, size_t at, uint64_t bits) {
  const size_t block = at / kWordsPerBlock;
  Word(resting[SlotOf(now)][at]).fetch_or(bits);
  Word(summary[SlotOf(now)][block / kBitsPerWord]).fetch_or(uint64_t{1} << (block % kBitsPerWord));
}

// The two SPIs of a pair stand half the range apart. That does not depend on the key, so pairs of
// an earlier run are pairs of this one as long as the range is the same.
SpiPair SpiPool::State::PairAt(uint64_t index) const {
  const uint64_t place = permutation.Forward(index);
  return {static_cast<uint32_t>(min_spi + place),
          static_cast<uint32_t>(min_spi + capacity + place)};
}

std::optional<uint64_t> SpiPool::State::IndexOf(SpiPair pair) const {
  const uint64_t place = uint64_t{pair.client} - min_spi;
  if (pair.client < min_spi || place >= capacity) return std::nullopt;
  if (pair.server != min_spi + capacity + place) return std::nullopt;
  return permutation.Inverse(place);
}

}  // namespace xfrm
