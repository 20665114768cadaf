// A keyed permutation of [0, size): the order in which the SPI pool hands its pairs out.
//
//   i ──► | left | right | ──► 6 rounds: one half ^= F(round, other) ──► j, again while j >= size
//
// Up to kTableSizeMax values the order is shuffled once, by the constructor, with what a keyed
// SipHash-1-3 yields for dice, and looked up both ways. Above that it costs no memory: a Feistel
// network over the smallest power of two that holds `size`, with the same SipHash as F; a value
// outside is sent through again ("cycle walking"), less than twice on average. Immutable, so any
// thread may use it.
//
// What an observer learns from values seen: which values are gone. The next is any of the others
// with the same probability, for whoever cannot try a 128-bit key.
#pragma once

#include <array>
#include <cassert>
#include <cstdint>
#include <memory>

namespace xfrm {

class Permutation {
 public:
  static constexpr uint64_t kTableSizeMax = 1 << 18;  // Two tables of 1 MiB, some milliseconds.

  // REQUIRES: 0 < size <= 2^32.
  Permutation(uint64_t size, std::array<uint64_t, 2> key);

  // Where `index` stands, and the index that stands there: Inverse(Forward(i)) == i.
  // REQUIRES: the argument is less than size.
  uint64_t Forward(uint64_t index) const {
    assert(index < size_);
    return table_ != nullptr ? table_[index] : Encrypt(index);
  }
  uint64_t Inverse(uint64_t value) const {
    assert(value < size_);
    return table_ != nullptr ? table_[size_ + value] : Decrypt(value);
  }

  uint64_t size() const { return size_; }

 private:
  void Shuffle();
  uint64_t Encrypt(uint64_t index) const;
  uint64_t Decrypt(uint64_t value) const;
  uint64_t Round(uint64_t round, uint64_t half) const;

  uint64_t size_;
  std::array<uint64_t, 2> key_;
  int left_bits_;
  int right_bits_;
  std::unique_ptr<uint32_t[]> table_;  // Forward, then inverse; null: too large.
};

}  // namespace xfrm
