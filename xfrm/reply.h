// What the kernel says: acknowledgements, SAs and policies of dumps and gets, EXPIRE and MAPPING
// events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include "xfrm/sa.h"

namespace xfrm {

// An SA as the kernel describes it. Keys are never copied out of a dump.
struct SaInfo {
  Selector selector;
  SaId id;
  Address source;
  uint32_t reqid = 0;
  std::optional<Algorithms> algorithms;  // None: such as Batch::AddSa never asks for.
  // ESP in transport mode or in a UDP tunnel, for exact addresses and ports and any upper protocol,
  // as Batch::AddSa makes them. If not, `selector` does not tell all.
  bool is_exact = false;
  uint64_t hard_seconds = 0;  // 0: no limit.
  uint64_t hard_packets = 0;  // 0: no limit.
  uint64_t added_at = 0;      // Seconds since the epoch, by the kernel's clock.
  uint64_t used_at = 0;       // First use; 0: never used.
  uint64_t bytes = 0;         // That passed: inbound ones decrypted and in the replay window.
  uint64_t packets = 0;
  uint32_t replayed = 0;     // Inbound packets refused as seen before or too late...
  uint32_t undecrypted = 0;  // ...and those whose integrity check failed. Of a get or dump.
  uint16_t replay_window = 0;
  PacketMark mark;
  Offload offload;  // kNone, too, where a device was asked for and left out.
  UdpTunnel tunnel;
};

struct PolicyInfo {
  Direction direction = Direction::kIn;
  Address local;  // Of the exact side of the selector.
  uint16_t local_port = 0;
  uint32_t reqid = 0;  // Of the first template.
  uint32_t priority = 0;
  Offload offload;
  Address peer;  // AF_UNSPEC: any.
  uint16_t peer_port = 0;
  Address tunnel_source;  // AF_UNSPEC: the first template is not of tunnel mode.
  Address tunnel_destination;
};

// ESP of an SA in a UDP tunnel came from elsewhere than the SA says: the phone's NAT has another
// port for it. Only what could be decrypted and is no replay brings one.
struct Mapping {
  SaId id;
  uint32_t reqid = 0;
  Address source;
  uint16_t source_port = 0;
};

enum class ReplyKind : uint8_t {
  kAck,      // error == 0: success, asked for; else the kernel's refusal.
  kSa,       // An ESP SA of a get or dump.
  kPolicy,   // An inbound or outbound policy of a dump.
  kReplay,   // Where an SA's sequence numbers stand; `sa` has its id, source, reqid and counters.
  kExpire,   // An SA's soft or hard lifetime is over (multicast).
  kMapping,  // ESP in UDP came from another address or port (multicast).
  kDone,     // End of a dump; error as it says. `interrupted` when the dump is not consistent.
  kOther,    // Well-formed, of no interest.
};

struct Reply {
  ReplyKind kind = ReplyKind::kOther;
  uint32_t sequence = 0;
  std::errc error{};             // kAck, kDone.
  std::string_view explanation;  // The kernel's extended-ack text, or empty. Lies in the input.
  SaInfo sa;                     // kSa, kExpire, kReplay.
  ReplayState replay;            // kReplay.
  PolicyInfo policy;             // kPolicy.
  Mapping mapping;               // kMapping.
  bool hard = false;             // kExpire: the SA is gone, not only due.
  bool interrupted = false;      // NLM_F_DUMP_INTR.
};

// Walks one datagram from the kernel. Malformed input ends the walk with ok() false; nothing is
// read outside the input.
class ReplyReader {
 public:
  explicit ReplyReader(std::span<const std::byte> bytes) : bytes_(bytes) {}
  bool Next(Reply* reply);
  bool ok() const { return ok_; }

 private:
  std::span<const std::byte> bytes_;
  bool ok_ = true;
};

// Collects the answers to one batch. "Unknown" (fence lost, buffer overrun) is never success.
class BatchVerdict {
 public:
  // Of a batch with `count` requests from sequence `first`.
  void Start(uint32_t first, int count);
  // True when the reply belongs to this batch (it is then counted in). A dump is complete with its
  // kDone.
  bool Apply(const Reply& reply);
  // The fence has been answered: every verdict is known.
  bool complete() const { return complete_; }
  // Of request `index`; of a dump std::errc::interrupted when the table changed under it.
  // REQUIRES: complete().
  std::errc error(int index) const;
  bool all_ok() const { return complete_ && failures_.empty(); }

 private:
  struct Failure {
    int index;
    std::errc error;
  };
  std::vector<Failure>::const_iterator FailureAt(int index) const;

  uint32_t first_ = 0;
  int count_ = 0;
  bool complete_ = false;
  bool interrupted_ = false;
  std::vector<Failure> failures_;  // By index.
};

// A refusal in words an operator can act on: "EPROTONOSUPPORT: the kernel lacks XFRM or ESP
// (modules xfrm_user, esp4, esp6)". Static text.
std::string_view Explain(std::errc error);
// "EEXIST". Static text; "E?" for one this layer never meets.
std::string_view Name(std::errc error);

}  // namespace xfrm
