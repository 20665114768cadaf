#include "sip/capability.h"

#include <array>

#include "sip/chars.h"
#include "sip/list.h"

namespace sip {
namespace {

// Indexed by Option.
constexpr std::array<std::string_view, 22> kOptions = {
    "",
    "100rel",            // RFC 3262.
    "eventlist",         // RFC 4662.
    "from-change",       // RFC 4916.
    "geolocation-http",  // RFC 6442.
    "geolocation-sip",
    "gruu",               // RFC 5627.
    "histinfo",           // RFC 7044.
    "join",               // RFC 3911.
    "multiple-refer",     // RFC 5368.
    "norefersub",         // RFC 4488.
    "outbound",           // RFC 5626.
    "path",               // RFC 3327.
    "precondition",       // RFC 3312.
    "pref",               // RFC 3840.
    "privacy",            // RFC 3323.
    "replaces",           // RFC 3891.
    "resource-priority",  // RFC 4412.
    "sdp-anat",           // RFC 4092.
    "sec-agree",          // RFC 3329.
    "tdialog",            // RFC 4538.
    "timer",              // RFC 4028.
};
static_assert(kOptions[static_cast<size_t>(Option::kTimer)] == "timer");
static_assert(kOptions.size() <= 32, "EnumSet has 32 bits");
static_assert(static_cast<int>(Method::kUpdate) < 32, "EnumSet has 32 bits");

template <typename Enum, typename LookUp>
ParseError DecodeSet(const Message& message, HeaderId id, LookUp look_up, EnumSet<Enum>* set) {
  *set = {};
  ListReader reader(message, id);
  for (ListMember member; reader.Next(&member);) {
    if (!IsToken(member.text)) return ParseError::kBadHeaderValue;
    set->Add(look_up(member.text));
  }
  return ParseError::kOk;
}

}  // namespace

Option LookUpOption(std::string_view text) {
  for (size_t i = 1; i < kOptions.size(); ++i) {
    if (EqualsIgnoreCase(text, kOptions[i])) return static_cast<Option>(i);
  }
  return Option::kOther;
}

std::string_view Name(Option option) {
  return kOptions[static_cast<size_t>(option)];
}

// Allow = [ Method *( COMMA Method ) ]
ParseError DecodeMethods(const Message& message, HeaderId id, MethodSet* methods) {
  return DecodeSet(message, id, LookUpMethod, methods);
}

// Supported = [ option-tag *( COMMA option-tag ) ]; option-tag = token
ParseError DecodeOptions(const Message& message, HeaderId id, OptionSet* options) {
  return DecodeSet(message, id, LookUpOption, options);
}

}  // namespace sip
