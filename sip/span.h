// Offsets over lent bytes, and the promise that lets a scanner read past a message's end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

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

// Bytes with kPaddingSize readable bytes behind them: a promise its maker gives.
class PaddedView {
 public:
  PaddedView() = default;
  // REQUIRES: bytes.data()[bytes.size() .. bytes.size() + kPaddingSize) is readable.
  static PaddedView Promise(std::string_view bytes) { return PaddedView(bytes); }

  std::string_view bytes() const { return bytes_; }
  size_t size() const { return bytes_.size(); }

 private:
  explicit PaddedView(std::string_view bytes) : bytes_(bytes) {}
  std::string_view bytes_;
};

}  // namespace sip
