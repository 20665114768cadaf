// Keyed hashes for names that a peer must not be able to guess or forge: branches, tokens, icids.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace edge {

// Unpredictable numbers, handed in so that a simulator can hand in predictable ones.
class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t Next() = 0;
};

// The kernel's generator.
class SystemRandom final : public Random {
 public:
  uint64_t Next() override;
};

// SipHash-2-4 (libsodium) under a key drawn once. Copies share the key; it is wiped at the end.
class KeyedHash {
 public:
  explicit KeyedHash(Random* random);
  KeyedHash(const KeyedHash&) = default;
  KeyedHash& operator=(const KeyedHash&) = default;
  // To another process, or from one.
  void Carry(class StateArchive* archive);
  ~KeyedHash();

  // Of the pieces one after the other, each with its length, so that borders count. Every byte
  // does, however long they are.
  uint64_t Hash(std::initializer_list<std::string_view> pieces) const;

 private:
  class Stream;

  std::array<unsigned char, 16> key_;
};

// 16 lower-case hex digits, and back. False for anything else.
using HexText = std::array<char, 16>;
HexText WriteHex(uint64_t number);
bool ReadHex(std::string_view text, uint64_t* number);

inline std::string_view View(const HexText& text) {
  return {text.data(), text.size()};
}

}  // namespace edge
