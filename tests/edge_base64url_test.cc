#include <gmock/gmock.h>
#include <sodium.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "edge/base64url.h"

namespace edge {
namespace {

std::string Write(std::span<const uint8_t> bytes) {
  std::string text(Base64UrlSize(bytes.size()), '?');
  EXPECT_EQ(WriteBase64Url(bytes, text.data()), text.data() + text.size());
  return text;
}

// Nothing: refused.
std::optional<std::string> Read(std::string_view text, size_t room = 64) {
  std::vector<uint8_t> bytes(room);
  size_t size = 0;
  if (!ReadBase64Url(text, bytes, &size)) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(bytes.data()), size);
}

constexpr int kAsLibsodium = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

TEST(EdgeBase64Url, TextsOfRfc4648ComeOutAndBack) {  // Section 10, without padding.
  const std::pair<std::string, std::string> kTexts[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff", "-_8"},
  };
  for (const auto& [plain, text] : kTexts) {
    EXPECT_EQ(Write({reinterpret_cast<const uint8_t*>(plain.data()), plain.size()}), text);
    EXPECT_EQ(Read(text), plain);
  }
}

TEST(EdgeBase64Url, AnyBytesAreAsLibsodiumWritesThem) {
  for (size_t size = 0; size <= 100; ++size) {
    std::vector<uint8_t> bytes(size + 1);  // Never of none: libsodium wants a pointer.
    randombytes_buf(bytes.data(), bytes.size());
    bytes.pop_back();
    std::string theirs(sodium_base64_encoded_len(size, kAsLibsodium), '\0');
    sodium_bin2base64(theirs.data(), theirs.size(), bytes.data(), size, kAsLibsodium);
    theirs.pop_back();  // NUL.
    EXPECT_EQ(Write(bytes), theirs);
    EXPECT_EQ(Read(theirs, size), std::string(bytes.begin(), bytes.end()));
  }
}

// All texts of up to three characters, also of bytes that are no digits.
TEST(EdgeBase64Url, WhatIsReadIsWrittenTheSame) {
  int read = 0;
  const auto check = [&read](const std::string& text) {
    const std::optional<std::string> bytes = Read(text);
    if (!bytes) return;
    ++read;
    EXPECT_EQ(Write({reinterpret_cast<const uint8_t*>(bytes->data()), bytes->size()}), text);
  };
  for (int a = 0; a < 256; ++a) {
    check({static_cast<char>(a)});
    for (int b = 0; b < 256; ++b) {
      check({static_cast<char>(a), static_cast<char>(b)});
      check({'A', static_cast<char>(a), static_cast<char>(b)});
      check({static_cast<char>(a), 'A', 'A', static_cast<char>(b)});
    }
  }
  // Of two digits the last has 4 values, of three 16.
  EXPECT_EQ(read, 64 * 4 + 64 * 16 + 64 * 64);
}

TEST(EdgeBase64Url, WhatDoesNotFitIsRefused) {
  EXPECT_EQ(Read("Zm9vYmFy", 6), "foobar");
  EXPECT_EQ(Read("Zm9vYmFy", 5), std::nullopt);
  EXPECT_EQ(Read("Zm9vYmE", 4), std::nullopt);
}

}  // namespace
}  // namespace edge
