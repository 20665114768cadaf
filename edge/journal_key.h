// The key file of the journal, and what is sealed under it: IK and CK of each set, and the store's
// secret (design D9). AES-256-GCM.
//
//   sealed = | 1 | nonce: 8 random bytes of this JournalKey, 4 of a counter | text | tag (16) |
//
// A nonce comes once: the counter draws new random bytes before it comes round. What a text belongs
// to is authenticated with it, so that a sealed text put into another row does not open.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace edge {

class JournalKey {
 public:
  static constexpr size_t kSize = 32;
  static constexpr size_t kSealedExtra = 1 + 12 + 16;
  static constexpr size_t kPlainMax = 64;
  using Sealed = std::array<uint8_t, kPlainMax + kSealedExtra>;

  explicit JournalKey(std::span<const uint8_t, kSize> bytes);
  ~JournalKey();
  JournalKey(const JournalKey&) = delete;
  JournalKey& operator=(const JournalKey&) = delete;

  // Returns the size of what is in *sealed. REQUIRES: plain.size() <= kPlainMax.
  size_t Seal(std::span<const uint8_t> plain, std::span<const uint8_t> belongs_to, Sealed* sealed);
  // False: not sealed under this key for that, or changed since. REQUIRES: *plain has the size of
  // what was sealed, else it is false.
  [[nodiscard]] bool Open(std::span<const uint8_t> sealed, std::span<const uint8_t> belongs_to,
                          std::span<uint8_t> plain);

 private:
  struct Ciphers;
  std::unique_ptr<Ciphers> ciphers_;
  std::array<uint8_t, 8> prefix_{};
  uint32_t counter_ = 0;
};

// The file is 64 hex digits and a line feed, readable by its owner alone.
enum class KeyFileResult : uint8_t { kOk, kMissing, kFailed };
// kFailed: *error says what is wrong with it.
KeyFileResult ReadKeyFile(const std::string& path, std::unique_ptr<JournalKey>* key,
                          std::string* error);
// A new one (mode 0600) with a random key; there must be none. False: *error.
[[nodiscard]] bool CreateKeyFile(const std::string& path, std::unique_ptr<JournalKey>* key,
                                 std::string* error);

}  // namespace edge
