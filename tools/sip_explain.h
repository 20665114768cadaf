// The rules of the parser, each in a sentence for people.
#pragma once

#include <string_view>

#include "sip/error.h"
#include "sip/framer.h"
#include "sip/security.h"

namespace tools {

std::string_view Explain(sip::ParseError error);
std::string_view Explain(sip::FrameError error);
// "" for kNone.
std::string_view Explain(sip::MechanismFault fault);

}  // namespace tools
