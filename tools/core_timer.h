// Whom a timer of the core belongs to.
#pragma once

#include <cstdint>

namespace tools {

// Values of reactor::Timer::kind.
enum CoreTimer : uint32_t { kMoCallTimer, kMtCallTimer, kEventTimer };

}  // namespace tools
