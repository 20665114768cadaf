// What of the settings one worker has: its own ports, its share of the limits (design D6).
#pragma once

#include <cstddef>

#include "edge/settings.h"

namespace edge {

// The settings as worker `index` of process.workers reads them.
//
//   ipsec.socket  of each address, the ports in the order of the list are cut into as many pieces
//                 as there are workers, the first ones larger by one where it does not come out
//                 even
//   core.listen   the one of its own, and core.host with it unless that is a name
//   limits        what is counted in all is divided, rounded up; of one source, each counts itself
Settings SettingsOf(const Settings& all, size_t index);

// What a worker needs on every address: a client and a server port (TS 33.203 7.1).
inline constexpr size_t kPortsPerWorkerMin = 2;

}  // namespace edge
