// Where requests to the core go when nothing in them says so: the first of core.next_hop that
// serves. A pure part of the core.
//
// A hop is dead when what is sent to it cannot arrive (ICMP, a refused or silent connect), or when
// a request stayed unanswered and nothing came from it since that was sent: a REGISTER, or an
// OPTIONS of ours, a probe. It is back with its first answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "edge/context.h"

namespace edge {

class NextHops {
 public:
  // What a request that will be answered keeps: whom it went to, and since when that one is asked.
  struct Asked {
    uint64_t since_ms = 0;  // 0: nobody yet.
    uint16_t hop = 0;
  };

  explicit NextHops(Context* context);

  // Where a request goes now: to the first hop that serves. When none does it is the first of all,
  // since we may be wrong and a refusal would be certain.
  Flow Current() const { return To(current_); }
  // The same of a request that will be answered, again for its retransmission: one that nobody has
  // said anything to since makes its hop suspect.
  Flow Ask(Asked* asked, Actions* actions);
  // Where it went, also if that has died since.
  Flow To(size_t hop) const;

  // Something came that only the hop that was asked can have caused.
  void OnAnswered(const Asked& asked, Actions* actions) { Hear(asked.hop, actions); }
  // Nothing came.
  void OnUnanswered(const Asked& asked, Actions* actions);
  // What was sent there cannot have arrived.
  void OnUnreachable(const Flow& to, Actions* actions);
  // A response whose topmost Via, ours, has this branch. False: it answers no probe.
  bool OnResponse(const sip::Message& message, std::string_view branch, Actions* actions);
  void OnTimer(uint32_t index, Actions* actions);

 private:
  struct Hop {
    reactor::Endpoint endpoint;
    bool is_dead = false;
    uint64_t heard_ms = 0;   // When it answered last; 0: never.
    uint64_t probe = 0;      // Branch of the probe under way; 0: none.
    uint64_t probed_ms = 0;  // When that was sent first...
    int probe_sends = 0;     // ...and how often it was.
    reactor::Timer timer;    // The next send of a probe, or its end.
  };

  void Hear(size_t index, Actions* actions);
  void Die(size_t index, std::string_view why, Actions* actions);
  void Revive(size_t index, std::string_view why, Actions* actions);
  void Choose(size_t changed, std::string_view why, Actions* actions);
  // Asks a hop at once, unless that is being done or probes are off.
  void Probe(size_t index, Actions* actions);
  void SendProbe(size_t index, Actions* actions);
  void EndProbe(size_t index);
  uint64_t IntervalMs() const;

  Context& context_;
  std::vector<Hop> hops_;
  size_t current_ = 0;
};

// "next hop 10.0.0.1:5060 is dead: OPTIONS had no answer; requests go to 10.0.0.2:5060".
std::string FormatNextHop(const NextHopChange& change);

}  // namespace edge
