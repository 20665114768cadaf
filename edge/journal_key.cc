#include "edge/journal_key.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstring>

namespace edge {
namespace {

constexpr uint8_t kForm = 1;
constexpr size_t kNonceSize = 12;
constexpr size_t kTagSize = 16;
constexpr size_t kHexSize = 2 * JournalKey::kSize;

std::string Failed(const std::string& path, std::string_view what) {
  return fmt::format("journal.key_file {}: {}: {}", path, what, std::strerror(errno));
}

}  // namespace

// The key schedule is made once each way; a text then costs its nonce and its blocks.
struct JournalKey::Ciphers {
  EVP_CIPHER_CTX* seal = EVP_CIPHER_CTX_new();
  EVP_CIPHER_CTX* open = EVP_CIPHER_CTX_new();
  ~Ciphers() {
    EVP_CIPHER_CTX_free(seal);
    EVP_CIPHER_CTX_free(open);
  }
};

JournalKey::JournalKey(std::span<const uint8_t, kSize> bytes)
    : ciphers_(std::make_unique<Ciphers>()) {
  const bool is_ready =
      EVP_EncryptInit_ex(ciphers_->seal, EVP_aes_256_gcm(), nullptr, bytes.data(), nullptr) == 1 &&
      EVP_DecryptInit_ex(ciphers_->open, EVP_aes_256_gcm(), nullptr, bytes.data(), nullptr) == 1;
  assert(is_ready);
  static_cast<void>(is_ready);
  randombytes_buf(prefix_.data(), prefix_.size());
}

JournalKey::~JournalKey() = default;

size_t JournalKey::Seal(std::span<const uint8_t> plain, std::span<const uint8_t> belongs_to,
                        Sealed* sealed) {
  assert(plain.size() <= kPlainMax);
  if (++counter_ == 0) randombytes_buf(prefix_.data(), prefix_.size());
  uint8_t* const nonce = sealed->data() + 1;
  uint8_t* const text = nonce + kNonceSize;
  (*sealed)[0] = kForm;
  std::memcpy(nonce, prefix_.data(), prefix_.size());
  std::memcpy(nonce + prefix_.size(), &counter_, sizeof(counter_));
  EVP_CIPHER_CTX* const cipher = ciphers_->seal;
  int size = 0;
  const bool is_sealed =
      EVP_EncryptInit_ex(cipher, nullptr, nullptr, nullptr, nonce) == 1 &&
      EVP_EncryptUpdate(cipher, nullptr, &size, belongs_to.data(),
                        static_cast<int>(belongs_to.size())) == 1 &&
      EVP_EncryptUpdate(cipher, text, &size, plain.data(), static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(cipher, text + plain.size(), &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, kTagSize, text + plain.size()) == 1;
  assert(is_sealed);
  static_cast<void>(is_sealed);
  return plain.size() + kSealedExtra;
}

bool JournalKey::Open(std::span<const uint8_t> sealed, std::span<const uint8_t> belongs_to,
                      std::span<uint8_t> plain) {
  if (sealed.size() != plain.size() + kSealedExtra || sealed[0] != kForm) return false;
  const uint8_t* const nonce = sealed.data() + 1;
  const uint8_t* const text = nonce + kNonceSize;
  std::array<uint8_t, kTagSize> tag;
  std::memcpy(tag.data(), text + plain.size(), kTagSize);
  EVP_CIPHER_CTX* const cipher = ciphers_->open;
  int size = 0;
  return EVP_DecryptInit_ex(cipher, nullptr, nullptr, nullptr, nonce) == 1 &&
         EVP_DecryptUpdate(cipher, nullptr, &size, belongs_to.data(),
                           static_cast<int>(belongs_to.size())) == 1 &&
         EVP_DecryptUpdate(cipher, plain.data(), &size, text, static_cast<int>(plain.size())) ==
             1 &&
         EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, kTagSize, tag.data()) == 1 &&
         EVP_DecryptFinal_ex(cipher, plain.data() + plain.size(), &size) == 1;
}

KeyFileResult ReadKeyFile(const std::string& path, std::unique_ptr<JournalKey>* key,
                          std::string* error) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return KeyFileResult::kMissing;
  if (fd < 0) {
    *error = Failed(path, "cannot open it");
    return KeyFileResult::kFailed;
  }
  std::array<char, kHexSize + 2> text{};
  struct stat status {};
  const ssize_t size = fstat(fd, &status) == 0 ? read(fd, text.data(), text.size()) : -1;
  if (size < 0) *error = Failed(path, "cannot read it");
  close(fd);
  if (size < 0) return KeyFileResult::kFailed;
  if ((status.st_mode & 077) != 0) {
    *error =
        fmt::format("journal.key_file {}: others may read or write it (mode {:04o}): chmod 600",
                    path, status.st_mode & 07777);
    return KeyFileResult::kFailed;
  }
  std::array<uint8_t, JournalKey::kSize> bytes;
  size_t count = 0;
  const char* end = nullptr;
  const bool is_key =
      size == kHexSize + 1 && text[kHexSize] == '\n' &&
      sodium_hex2bin(bytes.data(), bytes.size(), text.data(), kHexSize, "", &count, &end) == 0 &&
      count == bytes.size() && end == text.data() + kHexSize;
  if (is_key) *key = std::make_unique<JournalKey>(bytes);
  sodium_memzero(bytes.data(), bytes.size());
  sodium_memzero(text.data(), text.size());
  if (is_key) return KeyFileResult::kOk;
  *error = fmt::format("journal.key_file {}: it is no key: 64 hex digits and a line feed", path);
  return KeyFileResult::kFailed;
}

bool CreateKeyFile(const std::string& path, std::unique_ptr<JournalKey>* key, std::string* error) {
  std::array<uint8_t, JournalKey::kSize> bytes;
  randombytes_buf(bytes.data(), bytes.size());
  std::array<char, kHexSize + 1> text;
  sodium_bin2hex(text.data(), text.size(), bytes.data(), bytes.size());
  text[kHexSize] = '\n';
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const bool is_written =
      fd >= 0 && write(fd, text.data(), text.size()) == std::ssize(text) && fsync(fd) == 0;
  if (!is_written) *error = Failed(path, "cannot create it");
  if (fd >= 0) close(fd);
  if (fd >= 0 && !is_written) unlink(path.c_str());
  if (is_written) *key = std::make_unique<JournalKey>(bytes);
  sodium_memzero(bytes.data(), bytes.size());
  sodium_memzero(text.data(), text.size());
  return is_written;
}

}  // namespace edge
