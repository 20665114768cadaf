// The names behind HeaderId as the parser wants them: a perfect hash, and each name laid out for
// two wide comparisons. For header_id.cc and message.cc; others call LookUpHeader().
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

#include "sip/bytes16.h"
#include "sip/chars.h"
#include "sip/header_id.h"

namespace sip {

// Indexed by HeaderId.
inline constexpr std::array<std::string_view, kHeaderIdCount> kHeaderNames = {
    "",
    "Accept",
    "Accept-Contact",
    "Accept-Encoding",
    "Accept-Language",
    "Alert-Info",
    "Allow",
    "Allow-Events",
    "Authentication-Info",
    "Authorization",
    "Call-ID",
    "Call-Info",
    "Cellular-Network-Info",
    "Contact",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "CSeq",
    "Date",
    "Event",
    "Expires",
    "Feature-Caps",
    "From",
    "Geolocation",
    "History-Info",
    "Max-Forwards",
    "MIME-Version",
    "Min-Expires",
    "Min-SE",
    "P-Access-Network-Info",
    "P-Asserted-Identity",
    "P-Asserted-Service",
    "P-Associated-URI",
    "Path",
    "P-Called-Party-ID",
    "P-Charging-Function-Addresses",
    "P-Charging-Vector",
    "P-Early-Media",
    "P-Preferred-Identity",
    "P-Preferred-Service",
    "P-Profile-Key",
    "P-Served-User",
    "P-Visited-Network-ID",
    "Priority",
    "Privacy",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Require",
    "RAck",
    "Reason",
    "Record-Route",
    "Referred-By",
    "Refer-To",
    "Reject-Contact",
    "Replaces",
    "Request-Disposition",
    "Require",
    "Resource-Priority",
    "Retry-After",
    "Route",
    "RSeq",
    "Security-Client",
    "Security-Server",
    "Security-Verify",
    "Server",
    "Service-Route",
    "Session-Expires",
    "Session-ID",
    "SIP-ETag",
    "SIP-If-Match",
    "Subject",
    "Subscription-State",
    "Supported",
    "Timestamp",
    "To",
    "Unsupported",
    "User-Agent",
    "Via",
    "Warning",
    "WWW-Authenticate",
};
static_assert(kHeaderNames.back() == "WWW-Authenticate");

struct Compact {
  char letter;
  HeaderId id;
};
// RFC 3261 7.3.3, and RFC 3515 (r), 3841 (a, d, j), 3892 (b), 4028 (x), 6665 (o, u).
inline constexpr Compact kCompactForms[] = {
    {'a', HeaderId::kAcceptContact},
    {'b', HeaderId::kReferredBy},
    {'c', HeaderId::kContentType},
    {'d', HeaderId::kRequestDisposition},
    {'e', HeaderId::kContentEncoding},
    {'f', HeaderId::kFrom},
    {'i', HeaderId::kCallId},
    {'j', HeaderId::kRejectContact},
    {'k', HeaderId::kSupported},
    {'l', HeaderId::kContentLength},
    {'m', HeaderId::kContact},
    {'o', HeaderId::kEvent},
    {'r', HeaderId::kReferTo},
    {'s', HeaderId::kSubject},
    {'t', HeaderId::kTo},
    {'u', HeaderId::kAllowEvents},
    {'v', HeaderId::kVia},
    {'x', HeaderId::kSessionExpires},
};

// By character, both cases.
inline constexpr std::array<HeaderId, 256> kOneLetter = [] {
  std::array<HeaderId, 256> ids{};
  for (const Compact& compact : kCompactForms) {
    ids[static_cast<size_t>(compact.letter)] = compact.id;
    ids[static_cast<size_t>(compact.letter - 'a' + 'A')] = compact.id;
  }
  return ids;
}();

// Names by a perfect hash: length, the first two and the last two characters tell them all apart,
// and the multiplier, found by trial, sends no two of them to one slot (the build fails if it
// does).
inline constexpr int kSlotBits = 8;
inline constexpr uint32_t kMultiplier = 0x4aebaa0d;

// The two characters at `at` as a number, as a little-endian load has them.
constexpr uint32_t Two(std::string_view text, size_t at) {
  return static_cast<uint32_t>(static_cast<uint8_t>(text[at])) |
         static_cast<uint32_t>(static_cast<uint8_t>(text[at + 1])) << 8;
}
inline uint32_t LoadTwo(const char* text) {
  return Two({text, 2}, 0);
}
constexpr uint32_t SlotOf(std::string_view name) {
  const uint32_t ends = Two(name, name.size() - 2) << 16 | Two(name, 0) | 0x20202020;
  return (ends + static_cast<uint32_t>(name.size() << 9)) * kMultiplier >> (32 - kSlotBits);
}

// A name in lower case with ':' behind it, and in the last byte its id.
inline constexpr size_t kSlotSize = 32;
struct Slot {
  alignas(kSlotSize) char text[kSlotSize] = {};
  constexpr HeaderId id() const { return static_cast<HeaderId>(text[kSlotSize - 1]); }
};
inline constexpr std::array<Slot, size_t{1} << kSlotBits> kSlots = [] {
  std::array<Slot, size_t{1} << kSlotBits> slots{};
  for (size_t id = 1; id < kHeaderNames.size(); ++id) {
    Slot& slot = slots[SlotOf(kHeaderNames[id])];
    size_t at = 0;
    for (const char c : kHeaderNames[id]) slot.text[at++] = static_cast<char>(c | 0x20);
    slot.text[at] = ':';
    slot.text[kSlotSize - 1] = static_cast<char>(id);
  }
  return slots;
}();

constexpr bool EveryNameHasItsSlot() {
  for (size_t id = 1; id < kHeaderNames.size(); ++id) {
    if (kHeaderNames[id].size() > kSlotSize - 2) return false;
    if (kSlots[SlotOf(kHeaderNames[id])].id() != static_cast<HeaderId>(id)) return false;
  }
  return true;
}
static_assert(EveryNameHasItsSlot());

// Which header's name stands at `name`, with a ':' behind it. `colons` are the bits of the colons
// among the 32 bytes that are loaded, and of the last byte whatever it is. Setting 0x20 folds the
// case of letters and makes one more character look like part of a name: a CR becomes '-', so
// whoever finds a CR without LF in the line must not believe the name. A name that is found has no
// colon, blank or line feed in it: the first colon is the one that ends it, in the same line.
// REQUIRES: readable from name[-1] on.
inline HeaderId FindHeader(const char* name, uint32_t colons, Bytes16 low, Bytes16 high) {
  const uint32_t size = static_cast<uint32_t>(std::countr_zero(colons));
  if (size == 1) return kOneLetter[static_cast<uint8_t>(name[0])];
  const uint32_t ends = LoadTwo(name + size - 2) << 16 | LoadTwo(name) | 0x20202020;
  const Slot& slot = kSlots[(ends + (size << 9)) * kMultiplier >> (32 - kSlotBits)];
  const Bytes16 fold = Splat16(0x20);
  const uint32_t same = EqualBits(low | fold, Load16(slot.text)) |
                        EqualBits(high | fold, Load16(slot.text + 16)) << 16;
  const uint32_t up_to_colon = colons ^ (colons - 1);
  return (~same & up_to_colon) == 0 ? slot.id() : HeaderId::kOther;
}

}  // namespace sip
