// Offsets over lent bytes, and the promise that lets a reader look past a text's end.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace sip {

// Readable bytes that must follow the last byte of every message handed to Parse().
// They may hold anything; they are read by wide loads and never looked at.
inline constexpr size_t kPaddingSize = 64;

// The largest message: offsets are 16 bits wide.
inline constexpr size_t kMessageSizeMax = 65535;

// A piece of a message, by offset from its first byte.
struct Span {
  uint16_t begin = 0;
  uint16_t size = 0;

  constexpr uint16_t end() const { return static_cast<uint16_t>(begin + size); }
  constexpr bool empty() const { return size == 0; }
  constexpr bool operator==(const Span&) const = default;
};

// Bytes with kPaddingSize readable bytes behind them: a promise its maker gives. A piece cut out of
// one is a plain std::string_view again; Part() keeps the promise.
class PaddedView : public std::string_view {
 public:
  PaddedView() = default;
  // REQUIRES: bytes.data()[bytes.size() .. bytes.size() + kPaddingSize) is readable.
  static PaddedView Promise(std::string_view bytes) { return PaddedView(bytes); }

  std::string_view bytes() const { return *this; }
  // What is inside a padded text is padded: by the rest of it and its padding. REQUIRES: inside.
  PaddedView Part(size_t begin, size_t size) const {
    assert(begin + size <= this->size());
    return PaddedView({data() + begin, size});
  }

 private:
  explicit PaddedView(std::string_view bytes) : std::string_view(bytes) {}
};

// What a decoder takes: any text, and whether it is padded. Values of a message are, and reading
// them is a little faster. Two registers wide: the promise is a bit of the size.
class LentText {
 public:
  template <typename Text>  // Whatever a std::string_view is made of.
  requires std::is_convertible_v<const Text&, std::string_view> LentText(
      const Text& text)  // NOLINT(google-explicit-constructor)
      : LentText(std::string_view(text), std::is_base_of_v<PaddedView, Text>) {}

  const char* data() const { return data_; }
  size_t size() const { return size_ & ~kPadded; }
  bool padded() const { return (size_ & kPadded) != 0; }
  std::string_view view() const { return {data(), size()}; }

 private:
  static constexpr size_t kPadded = ~(SIZE_MAX >> 1);
  LentText(std::string_view text, bool padded)
      : data_(text.data()), size_(text.size() | (padded ? kPadded : 0)) {}

  const char* data_;
  size_t size_;
};

}  // namespace sip
