// One line per message that came over a tunnel ([log] access_format), where an operator wants it.
#pragma once

#include <cstdint>
#include <string_view>

#include "edge/actions.h"

namespace edge {

struct Context;

// Expands the format for a message that came through `set`, hands the line out and wipes it where
// it has keys. REQUIRES: the format is not empty.
void LogAccess(Context* context, const SaSet& set, const sip::Message& message, Actions* actions);

// Writes the line at level info, and one at warn when keys were revealed by it.
void WriteAccess(const AccessLine& line);
// That keys of a phone were told by a header of that name, or what else `by` is; at warn.
void WriteReveal(std::string_view impi, std::string_view by);

}  // namespace edge
