#include "sip/header_id.h"

#include <array>
#include <bit>
#include <cstring>

#include "sip/bytes16.h"
#include "sip/chars.h"

namespace sip {
namespace {

// Indexed by HeaderId.
constexpr std::array<std::string_view, kHeaderIdCount> kNames = {
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
static_assert(kNames.back() == "WWW-Authenticate");

struct Compact {
  char letter;
  HeaderId id;
};
// RFC 3261 7.3.3, and RFC 3515 (r), 3841 (a, d, j), 3892 (b), 4028 (x), 6665 (o, u).
constexpr Compact kCompactForms[] = {
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
constexpr std::array<HeaderId, 256> kOneLetter = [] {
  std::array<HeaderId, 256> ids{};
  for (const Compact& compact : kCompactForms) {
    ids[static_cast<size_t>(compact.letter)] = compact.id;
    ids[static_cast<size_t>(compact.letter - 'a' + 'A')] = compact.id;
  }
  return ids;
}();

// A perfect hash of the full names: length and three characters tell them all apart, and the
// multiplier, found by trial, sends no two of them to one slot (the build fails if it does).
constexpr int kSlotBits = 9;
constexpr uint32_t kMultiplier = 0xb80599e9;

constexpr uint32_t SlotOf(std::string_view name) {
  const auto at = [name](size_t i) {
    return static_cast<uint32_t>(static_cast<uint8_t>(name[i]) | 0x20U);
  };
  const uint32_t key = static_cast<uint32_t>(name.size()) << 24 | at(0) << 16 |
                       at(name.size() / 2) << 8 | at(name.size() - 1);
  return key * kMultiplier >> (32 - kSlotBits);
}

constexpr std::array<HeaderId, size_t{1} << kSlotBits> kSlots = [] {
  std::array<HeaderId, size_t{1} << kSlotBits> slots{};
  for (size_t id = 1; id < kNames.size(); ++id) {
    slots[SlotOf(kNames[id])] = static_cast<HeaderId>(id);
  }
  return slots;
}();

constexpr bool NoTwoInOneSlot() {
  for (size_t id = 1; id < kNames.size(); ++id) {
    if (kSlots[SlotOf(kNames[id])] != static_cast<HeaderId>(id)) return false;
  }
  return true;
}
static_assert(NoTwoInOneSlot());

// A name in lower case with ':' behind it, and the bits to set in a text so that its upper case
// letters become lower case and nothing else becomes a letter.
constexpr size_t kFoldedSize = 32;
struct Folded {
  alignas(16) char text[kFoldedSize];
  alignas(16) char case_bits[kFoldedSize];
};
constexpr std::array<Folded, kHeaderIdCount> kFolded = [] {
  std::array<Folded, kHeaderIdCount> folded{};
  for (size_t id = 0; id < kNames.size(); ++id) {
    size_t at = 0;
    for (const char c : kNames[id]) {
      folded[id].text[at] = ToLower(c);
      folded[id].case_bits[at++] = Is(c, kAlphaChar) ? 0x20 : 0;
    }
    folded[id].text[at] = ':';
  }
  return folded;
}();
constexpr bool NamesFit() {
  for (const std::string_view name : kNames) {
    if (name.size() >= kFoldedSize) return false;
  }
  return true;
}
static_assert(NamesFit());

// REQUIRES: 32 readable bytes from name on, size < 32.
bool IsFolded(const char* name, size_t size, const Folded& folded) {
  const Bytes16 low = Load16(name) | Load16(folded.case_bits);
  const Bytes16 high = Load16(name + 16) | Load16(folded.case_bits + 16);
  const uint32_t same =
      EqualBits(high, Load16(folded.text + 16)) << 16 | EqualBits(low, Load16(folded.text));
  return static_cast<uint32_t>(std::countr_one(same)) >= size && folded.text[size] == ':';
}

}  // namespace

HeaderId LookUpHeader(LentText name) {
  const size_t size = name.size();
  if (size == 1) return kOneLetter[static_cast<uint8_t>(name[0])];
  if (size == 0 || size >= kFoldedSize) return HeaderId::kOther;
  const HeaderId id = kSlots[SlotOf(name)];
  const Folded& folded = kFolded[static_cast<size_t>(id)];
  if (name.padded()) return IsFolded(name.data(), size, folded) ? id : HeaderId::kOther;
  char copy[kFoldedSize] = {};
  std::memcpy(copy, name.data(), size);
  return IsFolded(copy, size, folded) ? id : HeaderId::kOther;
}

std::string_view Name(HeaderId id) {
  return kNames[static_cast<size_t>(id)];
}

}  // namespace sip
