// Many XFRM requests in one sendmsg(2), one acknowledgement.
//
//   | NEWSA seq=n | NEWSA seq=n+1 | DELSA seq=n+2 | ... | last, NLM_F_ACK: the fence |
//
// The kernel works in order, goes on after a failure and reports each failure by its sequence
// number, asked or not; a success only where NLM_F_ACK is set. So the last request alone asks, and
// "no word before the fence" is success. Checked on Linux 6.1 and 6.18.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "xfrm/sa.h"

struct nlmsghdr;

namespace xfrm {

// A reusable buffer of requests. Not thread-safe. Holds key bytes while filled; Clear() and the
// destructor wipe them.
class Batch {
 public:
  static constexpr int kRequestsMax = 256;
  static constexpr size_t kRequestSizeMax = 768;  // The largest NEWSA with its attributes.

  Batch();
  ~Batch();
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  // Empties it; the next request has sequence `first`. Sequences wrap at 2^32; 0 is skipped by the
  // caller.
  void Clear(uint32_t first);

  // Each returns the request's index (its sequence is first() + index). REQUIRES: !full().
  int AddSa(const Sa& sa);  // NEWSA, EEXIST when the id is taken. REQUIRES: sa.keys != nullptr.
  // UPDSA: new lifetimes, counted from the add time, which stays, and the ports of a UDP tunnel;
  // EINVAL when one of the two SAs is in one and the other is not. ESRCH when gone. The kernel
  // takes nothing else over, so sa.keys may be null: then no key leaves the process.
  int UpdateSa(const Sa& sa);
  int DeleteSa(const SaId& id);   // ESRCH when gone.
  int GetSa(const SaId& id);      // Answered by an SA or ESRCH.
  int GetReplay(const SaId& id);  // GETAE, answered by a ReplayState or ESRCH.
  // NEWAE. EINVAL when the SA has a window over 32 and the state one of another size.
  int SetReplay(const SaId& id, const ReplayState& state);
  int AddPolicy(const Policy& policy);     // NEWPOLICY, EEXIST when there is one.
  int UpdatePolicy(const Policy& policy);  // Adds or replaces.
  int DeletePolicy(const Policy& policy);  // ENOENT when gone.
  int GetPolicy(const Policy& policy);     // Answered by a policy or ENOENT.
  // A dump must be alone in its batch: REQUIRES count() == 0, and nothing is added after it.
  int DumpSas();
  int DumpPolicies();

  // Marks the last request as the fence and yields the bytes to send. REQUIRES: count() > 0.
  std::span<const std::byte> Seal();

  int count() const { return count_; }
  bool empty() const { return count_ == 0; }
  bool full() const { return count_ == kRequestsMax; }
  uint32_t first() const { return first_; }

 private:
  nlmsghdr* Begin(uint16_t type, uint16_t flags);
  int End(nlmsghdr* header);
  int PutSa(uint16_t type, uint16_t flags, const Sa& sa);
  int PutPolicy(uint16_t type, uint16_t flags, const Policy& policy);
  int PutPolicyId(uint16_t type, const Policy& policy);
  int PutDump(uint16_t type);

  std::unique_ptr<std::byte[]> bytes_;
  size_t size_ = 0;
  int count_ = 0;
  uint32_t first_ = 1;
  nlmsghdr* last_ = nullptr;
  bool is_dump_ = false;
};

}  // namespace xfrm
