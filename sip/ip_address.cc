#include "sip/ip_address.h"

#include <algorithm>

#include "sip/chars.h"
#include "sip/escape.h"

namespace sip {
namespace {

// dec-octet = "0" / ( %x31-39 *2DIGIT ), up to 255. Cuts it from the front of *text.
bool CutOctet(std::string_view* text, uint8_t* octet) {
  size_t end = 0;
  unsigned value = 0;
  while (end < text->size() && end < 3 && Is((*text)[end], kDigitChar)) {
    value = value * 10 + static_cast<unsigned>((*text)[end++] - '0');
  }
  if (end == 0 || value > 255 || (end > 1 && text->front() == '0')) return false;
  *octet = static_cast<uint8_t>(value);
  text->remove_prefix(end);
  return true;
}

// h16 = 1*4HEXDIG, its end. 0 when there is none.
size_t DecodeGroup(std::string_view text, uint8_t* bytes) {
  size_t end = 0;
  unsigned value = 0;
  while (end < text.size() && end < 4 && Is(text[end], kHexChar)) {
    value = value << 4 | HexValue(text[end++]);
  }
  bytes[0] = static_cast<uint8_t>(value >> 8);
  bytes[1] = static_cast<uint8_t>(value);
  return end;
}

}  // namespace

// IPv4address = dec-octet 3( "." dec-octet )
bool DecodeIpv4(std::string_view text, Ipv4Bytes* bytes) {
  for (size_t i = 0; i < bytes->size(); ++i) {
    if (i > 0) {
      if (text.empty() || text[0] != '.') return false;
      text.remove_prefix(1);
    }
    if (!CutOctet(&text, &(*bytes)[i])) return false;
  }
  return text.empty();
}

// IPv6address = [ groups ] "::" [ groups ] / 8 groups; groups = h16 *( ":" h16 ), and the last two
// of all may be ls32 = IPv4address.
bool DecodeIpv6(std::string_view text, Ipv6Bytes* bytes) {
  constexpr size_t kNone = 17;
  size_t count = 0;    // Of bytes.
  size_t gap = kNone;  // Where "::" stands among them.
  *bytes = {};
  if (text.starts_with("::")) {
    gap = 0;
    text.remove_prefix(2);
    if (text.empty()) return true;
  }
  while (!text.empty()) {
    if (count == bytes->size()) return false;
    const size_t end = DecodeGroup(text, bytes->data() + count);
    if (end < text.size() && text[end] == '.') {
      Ipv4Bytes tail;
      if (count + tail.size() > bytes->size() || !DecodeIpv4(text, &tail)) return false;
      std::copy(tail.begin(), tail.end(), bytes->begin() + static_cast<std::ptrdiff_t>(count));
      count += tail.size();
      break;
    }
    if (end == 0) return false;
    count += 2;
    text.remove_prefix(end);
    if (text.empty()) break;
    if (text[0] != ':' || text.size() == 1) return false;
    text.remove_prefix(1);
    if (text[0] != ':') continue;
    if (gap != kNone) return false;
    gap = count;
    text.remove_prefix(1);
  }
  if (gap == kNone) return count == bytes->size();
  if (count == bytes->size()) return false;  // Nothing is left for "::" to mean.
  // What follows the gap belongs to the end.
  std::copy_backward(bytes->begin() + static_cast<std::ptrdiff_t>(gap),
                     bytes->begin() + static_cast<std::ptrdiff_t>(count), bytes->end());
  const size_t zeros = bytes->size() - count;
  std::fill_n(bytes->begin() + static_cast<std::ptrdiff_t>(gap), zeros, uint8_t{0});
  return true;
}

}  // namespace sip
