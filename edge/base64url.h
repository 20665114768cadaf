// base64url without padding (RFC 4648 5), written into memory of the caller: what the libraries at
// hand either do in constant time, at a hundred times the cost, or into strings on the heap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace edge {

// Characters that so many bytes take.
constexpr size_t Base64UrlSize(size_t bytes) {
  return (bytes * 4 + 2) / 3;
}

// Writes Base64UrlSize(bytes.size()) characters, and returns what is behind them.
char* WriteBase64Url(std::span<const uint8_t> bytes, char* out);

// Reads what WriteBase64Url() writes and no other spelling of it: no padding, no blanks, no bits
// beyond the last byte. False, too, when it does not fit into *out; else *size bytes are there.
[[nodiscard]] bool ReadBase64Url(std::string_view text, std::span<uint8_t> out, size_t* size);

}  // namespace edge
