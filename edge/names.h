// Names that requests to the core go to: what DNS says of them, for as long as it holds, and the
// requests that wait for its answer. A pure part of the core; who asks DNS is the worker.
//
// An answer that has run out is used once more while it is asked for anew, and for as long as no
// server answers (RFC 8767).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "edge/context.h"
#include "edge/flow_key.h"
#include "edge/target.h"

namespace edge {

// A request without a next hop yet.
struct HeldRequest {
  std::string text;  // Its topmost Via is ours.
  uint64_t spread = 0;
  uint64_t transaction = 0;  // Of a REGISTER, which answers by itself; 0: of anything else...
  std::string refusal;       // ...which gets this answer if there is no next hop; "": none.
  Flow refusal_to;
};

class Names {
 public:
  enum class State : uint8_t { kKnown, kPending, kNone, kFull };
  struct Found {
    State state = State::kNone;
    Flow flow;        // kKnown.
    SlotId name = 0;  // kPending: for Hold().
    // The request may go, or wait.
    bool is_open() const { return state == State::kKnown || state == State::kPending; }
  };

  explicit Names(Context* context);

  // Where a request to that name goes. Requests with the same `spread` go to the same target while
  // it lives (RFC 3263 4.4 wants that of a stateless proxy).
  Found Find(const NameQuery& query, uint64_t spread, Actions* actions);
  // Until OnResolved(). False: too much waits.
  bool Hold(SlotId name, HeldRequest request);
  // DNS's answer. Returns what waited for it.
  std::vector<HeldRequest> OnResolved(SlotId name, const Resolved& resolved);
  // Where a request goes that has waited. Only kKnown or kNone.
  Found FindHeld(SlotId name, uint64_t spread) const;
  // For a while nothing goes there.
  void OnUnreachable(const Flow& flow);

  size_t size() const { return names_.in_use(); }
  size_t held() const { return held_; }

 private:
  struct Name {
    SlotId id = 0;
    uint64_t key = 0;  // Of what was asked, a keyed hash.
    bool is_asked = false;
    uint64_t expires_ms = 0;  // Of what is known, be it nothing.
    uint64_t stale_ms = 0;    // When `targets` are not even used for want of better.
    std::vector<Target> targets;
    std::vector<HeldRequest> waiting;
  };

  Name* Add(uint64_t key);
  bool MakeRoom();
  bool Ask(Name* name, const NameQuery& query, Actions* actions);
  Flow Choose(const Name& name, uint64_t spread) const;
  bool IsDead(const Target& target) const;
  Flow FlowOf(const Target& target) const {
    return {context_.core_port, target.endpoint, target.transport};
  }

  Context& context_;
  SlotPool<Name> names_;
  absl::flat_hash_map<uint64_t, SlotId> by_key_;
  size_t asked_ = 0;
  size_t held_ = 0;
  size_t held_size_ = 0;
  // By transport: until when.
  std::array<absl::flat_hash_map<FlowKey, uint64_t>, 2> dead_;
};

}  // namespace edge
