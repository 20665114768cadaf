// New settings for a gmedge that runs (SIGHUP): what of them it takes over, and what needs a
// restart.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edge/rules.h"
#include "edge/settings.h"

namespace edge {

struct Reload {
  Settings settings;                 // What holds from now on.
  std::vector<std::string> taken;    // "limits.half_open_max": what changed...
  std::vector<std::string> refused;  // ...and what would have, after a restart.
};

// Ports, workers, SPIs and whatever else was handed to the kernel at start stay. So does what would
// not fit what stays: phones in clear beside several workers, algorithms that the offload device
// was not asked for.
Reload PlanReload(const Settings& running, const Settings& wanted);

// Does a running gmedge take that setting ("limits", "retry_after") over? Nothing: it is not
// compared, and whoever changes it hears nothing.
std::optional<bool> IsReloadable(std::string_view table, std::string_view key);

// Where the rules are now, by RuleIndex before. A phone stays with the rule that asks the same of
// it; where there is none, with what holds for everybody, until it registers in clear again.
std::vector<RuleIndex> MapRules(std::span<const Rule> before, std::span<const Rule> now);

}  // namespace edge
