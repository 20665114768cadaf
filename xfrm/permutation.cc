#include "xfrm/permutation.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <numeric>
#include <utility>

namespace xfrm {
namespace {

constexpr uint64_t kRounds = 6;

struct SipState {
  uint64_t v0, v1, v2, v3;

  void Mix() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
};

constexpr uint64_t Mask(int bits) {
  return (uint64_t{1} << bits) - 1;
}

}  // namespace

Permutation::Permutation(uint64_t size, std::array<uint64_t, 2> key) : size_(size), key_(key) {
  assert(size > 0 && size <= uint64_t{1} << 32);
  const int bits = std::max(2, static_cast<int>(std::bit_width(size - 1)));
  left_bits_ = bits / 2;
  right_bits_ = bits - left_bits_;
  if (size <= kTableSizeMax) Shuffle();
}

// Fisher and Yates. A cipher of so few bits would not do: with two, some of the 24 orders come
// twice as often as others.
void Permutation::Shuffle() {
  table_ = std::make_unique<uint32_t[]>(2 * size_);
  uint32_t* const forward = table_.get();
  uint32_t* const inverse = forward + size_;
  std::iota(forward, forward + size_, 0u);
  for (uint64_t left = size_; left > 1; --left) {
    // 44 random bits times 18 fit a word and leave no bias worth the name.
    const uint64_t drawn = ((Round(0, left) >> 20) * left) >> 44;
    std::swap(forward[left - 1], forward[drawn]);
  }
  for (uint64_t index = 0; index < size_; ++index) {
    inverse[forward[index]] = static_cast<uint32_t>(index);
  }
}

// Even rounds change the left part, odd ones the right: each undoes itself, so the inverse is the
// same rounds backwards.
uint64_t Permutation::Encrypt(uint64_t index) const {
  do {
    uint64_t left = index >> right_bits_;
    uint64_t right = index & Mask(right_bits_);
    for (uint64_t round = 0; round < kRounds; round += 2) {
      left ^= Round(round, right) & Mask(left_bits_);
      right ^= Round(round + 1, left) & Mask(right_bits_);
    }
    index = left << right_bits_ | right;
  } while (index >= size_);
  return index;
}

uint64_t Permutation::Decrypt(uint64_t value) const {
  do {
    uint64_t left = value >> right_bits_;
    uint64_t right = value & Mask(right_bits_);
    for (uint64_t round = kRounds; round > 0; round -= 2) {
      right ^= Round(round - 1, left) & Mask(right_bits_);
      left ^= Round(round - 2, right) & Mask(left_bits_);
    }
    value = left << right_bits_ | right;
  } while (value >= size_);
  return value;
}

// SipHash-1-3 of one word: every input has the same length, so the length block is left out.
uint64_t Permutation::Round(uint64_t round, uint64_t half) const {
  const uint64_t word = round << 32 | half;
  SipState state = {key_[0] ^ 0x736f6d6570736575, key_[1] ^ 0x646f72616e646f6d,
                    key_[0] ^ 0x6c7967656e657261, key_[1] ^ 0x7465646279746573 ^ word};
  state.Mix();
  state.v0 ^= word;
  state.v2 ^= 0xff;
  state.Mix();
  state.Mix();
  state.Mix();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

}  // namespace xfrm
