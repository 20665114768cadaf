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

// Input of any length through a buffer that stays on the stack: when it is full, its hash takes its
// place. The hashes between are known to nobody.
class KeyedHash::Stream {
 public:
  explicit Stream(const std::array<unsigned char, 16>& key) : key_(key) {}

  void Put(const void* data, size_t size) {
    const unsigned char* from = static_cast<const unsigned char*>(data);
    while (size > 0) {
      if (size_ == buffer_.size()) {
        const uint64_t hash = Finish();
        std::memcpy(buffer_.data(), &hash, sizeof(hash));
        size_ = sizeof(hash);
      }
      const size_t taken = std::min(size, buffer_.size() - size_);
      std::memcpy(buffer_.data() + size_, from, taken);
      size_ += taken;
      from += taken;
      size -= taken;
    }
  }
  uint64_t Finish() const {
    uint64_t hash;
    crypto_shorthash(reinterpret_cast<unsigned char*>(&hash), buffer_.data(), size_, key_.data());
    return hash;
  }

 private:
  const std::array<unsigned char, 16>& key_;
  std::array<unsigned char, 1024> buffer_;
  size_t size_ = 0;
};

uint64_t KeyedHash::Hash(std::initializer_list<std::string_view> pieces) const {
  Stream stream(key_);
  for (const std::string_view piece : pieces) {
    const uint64_t size = piece.size();
    stream.Put(&size, sizeof(size));
    stream.Put(piece.data(), piece.size());
  }
  return stream.Finish();
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
