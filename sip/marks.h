// The characters that structure a header value, found 64 at a time: quotes, commas, semicolons,
// angle brackets, equals signs, blanks. What a decoder has to look at is a dozen marks instead of a
// hundred characters, and whether a name is longer in the next message changes no branch.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "sip/bytes16.h"
#include "sip/chars.h"
#include "sip/span.h"

namespace sip {

// Walks the marks of a padded text. Marked are all that structures, " , ; < = >, every blank and
// control character; and, because two comparisons find them together, a few others: ! # $ % & ' ( )
// * + ? and { | } ~ DEL and some bytes beyond ASCII. So a mark says "look here", and no mark says
// "no structure here".
class Marks {
 public:
  explicit Marks(PaddedView text) : text_(text.data()), size_(text.size()) {
    if (size_ != 0) bits_ = Load(0);
  }

  // Where the next mark is; the size of the text behind the last.
  size_t Next() {
    while (bits_ == 0) [[unlikely]] {
        block_ += kBlock;
        if (block_ >= size_) return size_;
        bits_ = Load(block_);
      }
    return block_ + static_cast<size_t>(std::countr_zero(bits_));
  }
  // Goes past it.
  void Step() {
    if (bits_ == 0) [[unlikely]]
      Next();  // It is in a block not looked at yet.
    bits_ &= bits_ - 1;
  }
  // Goes past all before `at`, forwards or back.
  void GoTo(size_t at) {
    block_ = at / kBlock * kBlock;
    bits_ = at >= size_ ? 0 : Load(block_) >> (at - block_) << (at - block_);
  }

 private:
  static constexpr size_t kBlock = 64;
  static_assert(kPaddingSize >= kBlock);

  static uint64_t Bits16(const char* text) {
    const Bytes16 bytes = Load16(text);
    const Bytes16 shape = (bytes & Splat16(0x3f)) - Splat16(0x3b);  // Of ; < = > ? and what else.
    const Bytes16 low = reinterpret_cast<Bytes16>(bytes <= Splat16(','));
    return Bits(low | reinterpret_cast<Bytes16>(shape <= Splat16(4)));
  }
  uint64_t Load(size_t block) const {
    const char* const text = text_ + block;
    const uint64_t bits =
        Bits16(text) | Bits16(text + 16) << 16 | Bits16(text + 32) << 32 | Bits16(text + 48) << 48;
    const size_t left = size_ - block;
    return left >= kBlock ? bits : bits & ((uint64_t{1} << left) - 1);
  }

  const char* text_;
  size_t size_;
  size_t block_ = 0;
  uint64_t bits_ = 0;
};

// A parameter in the form that nearly all have: `name`, `name=value` or `name="value"`, without
// blanks in it. Offsets in the text.
struct PlainParam {
  size_t name;
  size_t name_end;
  size_t value;  // Without the quotes; name_end when there is no '='.
  size_t value_end;
  size_t end;
  bool quoted;

  bool has_value() const { return end != name_end; }
};

// Reads the plain parameter that begins at `at`, with the marks before `at` passed, up to a
// character that may stand behind it: a comma, a semicolon, or the end of the text. False when it
// is not plain; the marks are anywhere then. In a list with commas an unquoted value may hold ';'.
[[gnu::always_inline]] inline bool ReadPlainParam(const char* text, size_t size, size_t at,
                                                  bool semicolon_ends, Marks* marks,
                                                  PlainParam* param) {
  param->name = at;
  size_t end = marks->Next();
  while (end < size && !Is(text[end], kStructureChar)) {
    marks->Step();
    end = marks->Next();
  }
  param->name_end = param->value = param->value_end = param->end = end;
  param->quoted = false;
  if (end == at) return false;
  if (end == size || text[end] == ';' || text[end] == ',') return true;
  if (text[end] != '=') return false;
  marks->Step();
  param->value = end + 1;
  if (end + 1 < size && text[end + 1] == '"') {
    // Ends at a quote that no backslash precedes; where one does, it is not plain.
    param->quoted = true;
    marks->Step();
    ++param->value;
    do {
      end = marks->Next();
      if (end == size) return false;
      marks->Step();
    } while (text[end] != '"');
    if (text[end - 1] == '\\') return false;
    param->value_end = end;
    param->end = end + 1;
    return end + 1 == size || text[end + 1] == ';' || text[end + 1] == ',';
  }
  end = marks->Next();
  while (end < size && (!Is(text[end], kStructureChar) || text[end] == '=' ||
                        (text[end] == ';' && !semicolon_ends))) {
    marks->Step();
    end = marks->Next();
  }
  param->value_end = param->end = end;
  return end != param->value && (end == size || text[end] == ';' || text[end] == ',');
}

// Up to eight characters in lower case as a number, to compare names by. A few other characters
// fold too, but into none that a name is made of. REQUIRES: eight readable bytes.
inline uint64_t LoadFoldedWord(const char* text, size_t size) {
  uint64_t word;
  std::memcpy(&word, text, sizeof(word));
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  word |= 0x2020202020202020;
  return size >= 8 ? word : word & ((uint64_t{1} << (8 * size)) - 1);
}
constexpr uint64_t FoldedWord(std::string_view name) {
  uint64_t word = 0;
  for (size_t i = 0; i < name.size(); ++i) {
    word |= uint64_t{static_cast<uint8_t>(name[i] | 0x20)} << (8 * i);
  }
  return word;
}

}  // namespace sip
