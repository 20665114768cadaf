// What an earlier run left in the kernel, against what we know: done once at start, before a port
// is open (design D3, D4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <system_error>

#include "xfrm/batch.h"
#include "xfrm/reconcile.h"
#include "xfrm/reply.h"
#include "xfrm/sa.h"

namespace edge {

// Sends a batch to a kernel and waits for its verdicts; each record of the answer is shown to
// `look`. An error means that the outcome is unknown (xfrm::Transact).
using Transaction = std::function<std::errc(xfrm::Batch* batch, xfrm::BatchVerdict* verdict,
                                            const std::function<void(const xfrm::Reply&)>& look)>;

// What the kernel is to hold of ours. A set that a store remembers comes in `sas`, with its keys,
// which outlive the call; everything of ours beside is nobody's and goes.
struct Known {
  std::span<const xfrm::Sa> sas;
  std::span<const xfrm::Policy> policies;
  xfrm::Lifetimes lifetimes = {};
  // Asked once for each SA that the kernel lacks, with their indices, before it is given any.
  std::function<void(std::span<const uint32_t> missing)> before_install = {};
};

struct RestartCounts {
  size_t sas_kept = 0;          // As known: their sequence numbers live on.
  size_t sas_extended = 0;      // Of these: the kernel would have ended them too early.
  size_t sas_installed = 0;     // Missing, or there with other contents.
  size_t sas_removed = 0;       // Nobody knows them, or about to be installed anew.
  size_t sas_blocked = 0;       // Cannot be installed: another program's SA has the id.
  size_t sas_foreign = 0;       // Another program's (another reqid): untouched.
  size_t policies_removed = 0;  // Of ports that are not ours any more, of flows that are over.
  size_t policies_foreign = 0;
  size_t batches = 0;  // That changed something.
};
// "SAs: 0 kept, 4 removed, ...": the line of the log.
std::string Describe(const RestartCounts& counts);

// Makes the kernel hold of ours, which is what carries `reqid`, what is known and nothing else, in
// batches of at most kKernelRequestsPerTurn requests. `seed` is random. What is refused or unknown
// is looked at again from a new dump, some times over. False: it could not be done; *error says
// what the kernel refused and what to do.
[[nodiscard]] bool PutRight(const Transaction& transact, const Known& known, uint32_t reqid,
                            uint64_t seed, RestartCounts* counts, std::string* error);

}  // namespace edge
