// Headers whose values only those read who need them: is each what its RFC says?
#pragma once

#include <span>
#include <string_view>

#include "sip/error.h"
#include "sip/header_id.h"

namespace tools {

struct ValueCheck {
  sip::HeaderId id;
  bool is_list;  // `check` takes a list member, else the whole value.
  sip::ParseError (*check)(std::string_view text);
};

// One for each header that has a decoder of its own, beyond those that a report takes apart; and
// for Contact and identities what their decoders ask of a good address.
std::span<const ValueCheck> ValueChecks();

}  // namespace tools
