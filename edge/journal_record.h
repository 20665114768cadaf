// What outlives the process: a record for each phone that is registered or whose sets still drain,
// and one for each confirmed or draining set. Plain values, without SIP and without SQL.
//
// Times are milliseconds: in a record that the core made those of its own clock, in a store those
// since the epoch, so that time that passes while nobody runs counts (JournalClient translates).
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "edge/flow.h"
#include "edge/rules.h"
#include "edge/sa_set.h"
#include "edge/set_state.h"
#include "xfrm/key.h"

namespace edge {

// Of a record, chosen by who makes it; 0 is none. They rise, so that new records lie side by side
// in a store.
using RecordId = uint64_t;

// What an outbound SA that is made again after its kernel has gone begins with: no packet of an
// earlier life has a number above the bound, and what the phone has seen it takes for a replay. No
// set sends as many packets as the stride: a phone would have to be sent a hundred a second for a
// week.
inline constexpr uint32_t kSequenceStride = 1u << 26;
// At this bound a set has no further life: its phone registers anew.
inline constexpr uint32_t kSequenceBoundMax = UINT32_MAX - kSequenceStride;

struct RegistrationRecord {
  RecordId id = 0;
  std::string impi;
  reactor::Endpoint ue;       // The port does not count.
  bool is_emergency = false;  // As in Binding.
  uint32_t reg_id = 0;
  uint64_t until_ms = 0;         // 0: not registered any more.
  std::string default_identity;  // As in Binding.
  std::string associated;
  std::string service_route;
  // Registered in clear: our port, where its REGISTER came from, where requests go.
  bool is_in_clear = false;
  reactor::Endpoint clear_local;
  reactor::Endpoint clear_from;
  reactor::Endpoint clear_to;
  Transport clear_transport = Transport::kUdp;
  uint16_t clear_connect_port = 0;
};

struct SetRecord {
  RecordId id = 0;
  RecordId registration = 0;
  SetState state = SetState::kCurrent;  // kNew, kCurrent or kOld.
  bool after_initial = true;
  Agreement agreement;
  xfrm::Key ik;
  xfrm::Key ck;
  RuleIndex rule = 0;
  uint64_t installed_ms = 0;
  uint64_t expires_ms = 0;
  uint32_t sequence_bound = kSequenceStride;
};

struct ErasedRegistration {
  RecordId id = 0;
};
struct ErasedSet {
  RecordId id = 0;
};

// Writing a record that is there replaces it; erasing one that is not does nothing. So of several
// for one record the last alone counts.
using JournalOp = std::variant<RegistrationRecord, SetRecord, ErasedRegistration, ErasedSet>;

// What waits for records to be kept: a set's 200, or that of a REGISTER in clear, by the branch of
// its transaction.
struct JournalTicket {
  enum class Kind : uint8_t { kSet, kTransaction };
  Kind kind = Kind::kSet;
  uint64_t id = 0;
};

// What one turn of a worker wants kept: all of it or nothing.
struct JournalBatch {
  std::vector<JournalOp> ops;
  std::vector<JournalTicket> tickets;
  bool is_kept = false;  // The answer.

  bool empty() const { return ops.empty() && tickets.empty(); }
  void Clear() {
    ops.clear();
    tickets.clear();
    is_kept = false;
  }
};

// All that a store holds.
struct JournalContents {
  std::vector<RegistrationRecord> registrations;
  std::vector<SetRecord> sets;
};

}  // namespace edge
