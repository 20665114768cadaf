#include "edge/secrets.h"

#include <sodium.h>

#include <algorithm>
#include <cassert>
#include <cstring>

namespace edge {

static_assert(crypto_shorthash_KEYBYTES == 16);
static_assert(crypto_shorthash_BYTES == sizeof(uint64_t));

uint64_t SystemRandom::Next() {
  uint64_t number;
  randombytes_buf(&number, sizeof(number));
  return number;
}

KeyedHash::KeyedHash(Random* random) {
  const uint64_t words[2] = {random->Next(), random->Next()};
  std::memcpy(key_.data(), words, key_.size());
}

KeyedHash::~KeyedHash() {
  sodium_memzero(key_.data(), key_.size());
}

uint64_t KeyedHash::Hash(std::initializer_list<std::string_view> pieces) const {
  unsigned char input[kInputMax];
  size_t size = 0;
  for (const std::string_view piece : pieces) {
    if (size + 2 > kInputMax) break;
    input[size++] = static_cast<unsigned char>(piece.size() >> 8);
    input[size++] = static_cast<unsigned char>(piece.size());
    const size_t taken = std::min(piece.size(), kInputMax - size);
    std::memcpy(input + size, piece.data(), taken);
    size += taken;
  }
  uint64_t hash;
  crypto_shorthash(reinterpret_cast<unsigned char*>(&hash), input, size, key_.data());
  return hash;
}

HexText WriteHex(uint64_t number) {
  constexpr char kDigits[] = "0123456789abcdef";
  HexText text;
  for (size_t i = 0; i < text.size(); ++i) {
    text[i] = kDigits[(number >> (60 - 4 * i)) & 15];
  }
  return text;
}

bool ReadHex(std::string_view text, uint64_t* number) {
  if (text.size() != std::tuple_size_v<HexText>) return false;
  uint64_t value = 0;
  for (const char c : text) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return false;
    value = value << 4 | static_cast<uint64_t>(digit);
  }
  *number = value;
  return true;
}

}  // namespace edge
