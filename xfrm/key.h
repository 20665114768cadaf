// Key bytes that wipe themselves.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace xfrm {

// Overwrites memory in a way the compiler keeps.
inline void Wipe(void* data, size_t size) {
  explicit_bzero(data, size);
}

// IK or CK: 128 bits. Copies wipe themselves too; there is no way to print one.
class Key {
 public:
  static constexpr size_t kSize = 16;

  Key() = default;
  explicit Key(std::span<const uint8_t, kSize> bytes) {
    std::memcpy(bytes_.data(), bytes.data(), kSize);
  }
  Key(const Key&) = default;
  Key& operator=(const Key&) = default;
  ~Key() { Wipe(bytes_.data(), kSize); }

  std::span<const uint8_t, kSize> bytes() const { return bytes_; }

 private:
  std::array<uint8_t, kSize> bytes_{};
};

}  // namespace xfrm
