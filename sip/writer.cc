#include "sip/writer.h"

#include <cassert>
#include <charconv>
#include <cstring>

namespace sip {

Writer& Writer::Put(std::string_view text) {
  if (text.size() > out_.size() - size_) ok_ = false;
  if (!ok_ || text.empty()) return *this;
  std::memcpy(out_.data() + size_, text.data(), text.size());
  size_ += text.size();
  return *this;
}

Writer& Writer::PutNumber(uint64_t number) {
  char digits[20];
  const std::to_chars_result result = std::to_chars(digits, digits + sizeof(digits), number);
  return Put({digits, static_cast<size_t>(result.ptr - digits)});
}

Writer& Writer::PutHex(uint64_t number, int digits) {
  assert(digits > 0 && digits <= 16);
  char text[16];
  for (int i = digits - 1; i >= 0; --i, number >>= 4) text[i] = "0123456789abcdef"[number & 15];
  return Put({text, static_cast<size_t>(digits)});
}

Writer& Writer::Line(std::string_view name, std::initializer_list<std::string_view> text) {
  Put(name).Put(": ");
  for (const std::string_view part : text) Put(part);
  return Put("\r\n");
}

}  // namespace sip
