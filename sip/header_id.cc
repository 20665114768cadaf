#include "sip/header_id.h"

#include <array>
#include <cstring>

#include "sip/chars.h"

namespace sip {
namespace {

// Indexed by HeaderId.
constexpr std::array<std::string_view, kHeaderIdCount> kNames = {
    "",
    "Allow",
    "Authorization",
    "Call-ID",
    "Contact",
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
    "P-Preferred-Identity",
    "P-Preferred-Service",
    "P-Profile-Key",
    "P-Served-User",
    "P-Visited-Network-ID",
    "Privacy",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Require",
    "RAck",
    "Reason",
    "Record-Route",
    "Refer-To",
    "Replaces",
    "Require",
    "Retry-After",
    "Route",
    "RSeq",
    "Security-Client",
    "Security-Server",
    "Security-Verify",
    "Server",
    "Service-Route",
    "Session-Expires",
    "Subject",
    "Subscription-State",
    "Supported",
    "To",
    "Unsupported",
    "User-Agent",
    "Via",
    "Warning",
    "WWW-Authenticate",
};
static_assert(kNames.back() == "WWW-Authenticate");

// RFC 3261 7.3.3, RFC 3515 (r), RFC 4028 (x), RFC 6665 (o).
constexpr HeaderId CompactForm(char c) {
  switch (c) {
    case 'c':
      return HeaderId::kContentType;
    case 'e':
      return HeaderId::kContentEncoding;
    case 'f':
      return HeaderId::kFrom;
    case 'i':
      return HeaderId::kCallId;
    case 'k':
      return HeaderId::kSupported;
    case 'l':
      return HeaderId::kContentLength;
    case 'm':
      return HeaderId::kContact;
    case 'o':
      return HeaderId::kEvent;
    case 'r':
      return HeaderId::kReferTo;
    case 's':
      return HeaderId::kSubject;
    case 't':
      return HeaderId::kTo;
    case 'v':
      return HeaderId::kVia;
    case 'x':
      return HeaderId::kSessionExpires;
    default:
      return HeaderId::kOther;
  }
}

// A perfect hash of the full names: length and three characters tell them all apart, and the
// multiplier, found by trial, sends no two of them to one slot (the build fails if it does).
constexpr int kSlotBits = 8;
constexpr uint32_t kMultiplier = 0x54d4e8e5;

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

bool SameName(std::string_view name, std::string_view canonical) {
  // Nearly every sender writes names as the RFCs do.
  if (std::memcmp(name.data(), canonical.data(), canonical.size()) == 0) return true;
  for (size_t i = 0; i < canonical.size(); ++i) {
    if (ToLower(name[i]) != ToLower(canonical[i])) return false;
  }
  return true;
}

}  // namespace

HeaderId LookUpHeader(std::string_view name) {
  if (name.size() < 2) {
    return name.empty() ? HeaderId::kOther : CompactForm(ToLower(name[0]));
  }
  const HeaderId id = kSlots[SlotOf(name)];
  const std::string_view canonical = Name(id);
  if (canonical.size() != name.size()) return HeaderId::kOther;
  return SameName(name, canonical) ? id : HeaderId::kOther;
}

std::string_view Name(HeaderId id) {
  return kNames[static_cast<size_t>(id)];
}

}  // namespace sip
