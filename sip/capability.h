// What a peer can do: Allow's methods (RFC 3261 20.5), and the option tags of Supported, Require,
// Proxy-Require and Unsupported (20.37).
#pragma once

#include <cstdint>
#include <string_view>

#include "sip/error.h"
#include "sip/message.h"

namespace sip {

// The option tags that IMS phones and cores use. Others are kOther.
enum class Option : uint8_t {
  kOther,
  k100rel,
  kEventlist,
  kFromChange,
  kGeolocationHttp,
  kGeolocationSip,
  kGruu,
  kHistinfo,
  kJoin,
  kMultipleRefer,
  kNorefersub,
  kOutbound,
  kPath,
  kPrecondition,
  kPref,
  kPrivacy,
  kReplaces,
  kResourcePriority,
  kSdpAnat,
  kSecAgree,
  kTdialog,
  kTimer,
};

// Case-insensitive, as tokens are (RFC 3261 7.3.1).
Option LookUpOption(std::string_view text);
// "sec-agree"; "" for kOther.
std::string_view Name(Option option);

// A set of enumerators; kOther tells that there was one nobody here knows.
template <typename Enum>
class EnumSet {
 public:
  void Add(Enum value) { bits_ |= 1U << static_cast<uint32_t>(value); }
  bool Has(Enum value) const { return (bits_ >> static_cast<uint32_t>(value) & 1U) != 0; }
  bool empty() const { return bits_ == 0; }
  bool operator==(const EnumSet&) const = default;

 private:
  uint32_t bits_ = 0;
};
using MethodSet = EnumSet<Method>;
using OptionSet = EnumSet<Option>;

// All members of all lines of Allow; an empty set when there are none. kBadHeaderValue for a member
// that is no token. Methods keep their case: "invite" is kOther.
[[nodiscard]] ParseError DecodeMethods(const Message& message, HeaderId id, MethodSet* methods);
// The same for lists of option tags.
[[nodiscard]] ParseError DecodeOptions(const Message& message, HeaderId id, OptionSet* options);

// Who wants the members that are kOther walks the list: ListReader, and LookUpMethod() or
// LookUpOption() of each. That is how Unsupported of a 420 is written (RFC 3261 8.2.2.3).

}  // namespace sip
