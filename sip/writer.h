// Text into a buffer: what messages of our own are written with.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

namespace sip {

// Appends to a buffer the caller owns. Running out of room is remembered, never an overrun:
// size() is 0 then.
class Writer {
 public:
  explicit Writer(std::span<char> out) : out_(out) {}

  Writer& Put(std::string_view text);
  Writer& PutNumber(uint64_t number);
  // Lower case, the lowest `digits` digits. REQUIRES: 1 <= digits <= 16.
  Writer& PutHex(uint64_t number, int digits);
  // `name: text...CRLF`.
  Writer& Line(std::string_view name, std::initializer_list<std::string_view> text);

  bool ok() const { return ok_; }
  size_t size() const { return ok_ ? size_ : 0; }
  std::string_view text() const { return {out_.data(), size()}; }

 private:
  std::span<char> out_;
  size_t size_ = 0;
  bool ok_ = true;
};

}  // namespace sip
