// A keyed permutation of [0, size): the order in which the SPI pool hands its pairs out.
//
//   i ──► | left | right | ──► 6 rounds: one half ^= F(round, other) ──► j, again while j >= size
//
// A Feistel network over the smallest power of two that holds `size`, with a keyed SipHash-1-3 step
// as F; a value outside is sent through again ("cycle walking"), less than twice on average. It
// costs no memory and needs no table to invert. Immutable, so any thread may use it.
#pragma once

#include <array>
#include <cstdint>

namespace xfrm {

class Permutation {
 public:
  // REQUIRES: 0 < size <= 2^32.
  Permutation(uint64_t size, std::array<uint64_t, 2> key);

  // Where `index` stands, and the index that stands there: Inverse(Forward(i)) == i.
  // REQUIRES: the argument is less than size.
  uint64_t Forward(uint64_t index) const;
  uint64_t Inverse(uint64_t value) const;

  uint64_t size() const { return size_; }

 private:
  uint64_t Round(uint64_t round, uint64_t half) const;

  uint64_t size_;
  std::array<uint64_t, 2> key_;
  int left_bits_;
  int right_bits_;
};

}  // namespace xfrm
