// A run in which something did not hold, made as small as it gets by leaving things out and trying
// again: faults, phones, single stimuli, the time after.
#pragma once

#include <cstdint>

#include "tools/sim_plan.h"
#include "tools/sim_run.h"

namespace tools {

// Do they differ in no more than names and numbers?
bool IsSameViolation(const std::string& a, const std::string& b);

// `found`: how the run of `plan` ended. Runs at most `tries_max` times. The result ends likewise.
SimPlan Shrink(SimPlan plan, const SimResult& found, int tries_max = 400);

}  // namespace tools
