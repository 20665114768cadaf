// Asked at start: does the kernel of this machine do what the settings ask for (pitfalls 12)?
#pragma once

#include "edge/settings_draft.h"
#include "xfrm/probe.h"

namespace edge {

// Asks this kernel: the right in the network namespace we are in, the SAs in one made for it, which
// is gone afterwards. Where none may be made (CAP_SYS_ADMIN), by requests that change nothing.
// Blocks for milliseconds, longer when the kernel has modules to load.
xfrm::ProbeReport ProbeThisKernel(xfrm::ProbeFamilies families);

// Which families the protected sockets need.
xfrm::ProbeFamilies FamiliesOf(const Settings& settings);

// What the report means for the settings: algorithms that the kernel lacks are an error, or leave
// the offer with a warning (ipsec.missing_algorithms). What no setting can mend is in the verdict.
KernelVerdict CheckKernel(const xfrm::ProbeReport& report, SettingsDraft* draft);

}  // namespace edge
