// Debian's Kamailio under the same load as gmedge: forwarding alone, one worker, no IMS.
#pragma once

#include <string>
#include <vector>

#include "bench/edge_load_process.h"
#include "bench/edge_load_traffic.h"

namespace bench {

struct PeerSetup {
  std::string name;
  bool is_stateful;  // By transaction (tm), as its P-CSCF does; else core and sl alone.
  bool is_tuned;     // Its fast allocator (-x fm -X fm); else as Debian starts it.
};
const std::vector<PeerSetup>& PeerSetups();

// Starts `program` with `config` at network.edge_gm; false and *error when it does not come up.
bool StartPeer(const std::string& program, const std::string& config, const PeerSetup& setup,
               const LoadNetwork& network, int cpu, const std::string& log_path,
               LoadProcess* process, std::string* error);

}  // namespace bench
