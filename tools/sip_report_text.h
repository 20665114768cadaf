// A report for people, in lines.
#pragma once

#include <string>

#include "tools/sip_report.h"

namespace tools {

// Start line, verdict with the faulty line and a caret below the fault, notes, fields. `report` is
// ReportOn()'s: what it holds may be shown.
std::string ReportText(const Json& report);
// The start line and the verdict alone.
std::string VerdictText(const Json& report);

}  // namespace tools
