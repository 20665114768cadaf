// The characters that structure a header value, found 64 at a time: quotes, commas, semicolons,
// angle brackets, equals signs, blanks. What a decoder has to look at is a dozen marks instead of a
// hundred characters, and whether a name is longer in the next message changes no branch.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "sip/bytes16.h"
#include "sip/span.h"

namespace sip {

// Walks the marks of a text. Marked are all that structures, " , ; < = >, every blank and control
// character; and, because two comparisons find them together, a few others: ! # $ % & ' ( ) * + ?
// and { | } ~ DEL and some bytes beyond ASCII. So a mark says "look here", and no mark says "no
// structure here".
class Marks {
 public:
  explicit Marks(LentText text) : text_(text.data()), size_(text.size()), padded_(text.padded()) {
    if (size_ != 0) bits_ = Load(0);
  }

  // Where the next mark is; the size of the text behind the last.
  size_t Next() {
    while (bits_ == 0) {
      block_ += kBlock;
      if (block_ >= size_) return size_;
      bits_ = Load(block_);
    }
    return block_ + static_cast<size_t>(std::countr_zero(bits_));
  }
  // Goes past it. REQUIRES: Next() found one.
  void Step() { bits_ &= bits_ - 1; }
  // Goes past all before `at`, forwards or back.
  void GoTo(size_t at) {
    block_ = at / kBlock * kBlock;
    bits_ = at >= size_ ? 0 : Load(block_) >> (at - block_) << (at - block_);
  }

 private:
  static constexpr size_t kBlock = 64;
  static_assert(kPaddingSize >= kBlock);

  static uint32_t Bits16(const char* text) {
    const Bytes16 bytes = Load16(text);
    const Bytes16 shape = (bytes & Splat16(0x3f)) - Splat16(0x3b);  // Of ; < = > ? and what else.
    const Bytes16 low = reinterpret_cast<Bytes16>(bytes <= Splat16(','));
    return Bits(low | reinterpret_cast<Bytes16>(shape <= Splat16(4)));
  }
  static uint64_t Bits64(const char* text) {
    return uint64_t{Bits16(text)} | uint64_t{Bits16(text + 16)} << 16 |
           uint64_t{Bits16(text + 32)} << 32 | uint64_t{Bits16(text + 48)} << 48;
  }
  uint64_t Load(size_t block) const {
    const size_t left = size_ - block;
    if (left >= kBlock) return Bits64(text_ + block);
    const uint64_t mask = (uint64_t{1} << left) - 1;
    if (padded_) return Bits64(text_ + block) & mask;
    char copy[kBlock] = {};
    if (left != 0) std::memcpy(copy, text_ + block, left);
    return Bits64(copy) & mask;
  }

  const char* text_;
  size_t size_;
  size_t block_ = 0;
  bool padded_;
  uint64_t bits_ = 0;
};

}  // namespace sip
