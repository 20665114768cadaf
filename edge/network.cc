#include "edge/network.h"

#include <charconv>
#include <cstring>

namespace edge {
namespace {

// The bits of byte `index` that a prefix covers.
uint8_t MaskOf(size_t index, uint8_t prefix) {
  const size_t begin = index * 8;
  if (prefix >= begin + 8) return 0xff;
  if (prefix <= begin) return 0;
  return static_cast<uint8_t>(0xff << (8 - (prefix - begin)));
}

}  // namespace

bool Network::Contains(const reactor::Endpoint& endpoint) const {
  if (endpoint.family() != family) return false;
  const std::span<const uint8_t> bytes = endpoint.address();
  const size_t whole = prefix / 8;
  if (std::memcmp(bytes.data(), address.data(), whole) != 0) return false;
  return whole == bytes.size() || (bytes[whole] & MaskOf(whole, prefix)) == address[whole];
}

NetworkError ParseNetwork(std::string_view text, Network* network) {
  const size_t slash = text.find('/');
  const std::string_view host = text.substr(0, slash);
  reactor::Endpoint endpoint;
  if (host.starts_with('[') || !reactor::ParseAddress(host, 0, &endpoint)) {
    return NetworkError::kMalformed;
  }
  const std::span<const uint8_t> bytes = endpoint.address();
  const auto bits = static_cast<unsigned>(bytes.size() * 8);
  unsigned prefix = bits;
  if (slash != text.npos) {
    const std::string_view digits = text.substr(slash + 1);
    const char* const end = digits.data() + digits.size();
    const auto [at, error] = std::from_chars(digits.data(), end, prefix);
    const bool has_zero = digits.size() > 1 && digits[0] == '0';
    if (error != std::errc{} || at != end || prefix > bits || has_zero) {
      return NetworkError::kMalformed;
    }
  }
  *network = {};
  network->family = endpoint.family();
  network->prefix = static_cast<uint8_t>(prefix);
  for (size_t i = 0; i < bytes.size(); ++i) {
    if ((bytes[i] & ~MaskOf(i, network->prefix)) != 0) return NetworkError::kHostBits;
    network->address[i] = bytes[i];
  }
  return NetworkError::kOk;
}

}  // namespace edge
