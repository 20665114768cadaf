// Where requests to the core go: to the address that their Route names, or what DNS says of the
// name there; where there is none, to the first of core.next_hop that serves, and where that is not
// set to what DNS says of the Request-URI (RFC 3263). A pure part of the core.
//
// A hop is dead when what is sent to it cannot arrive (ICMP, a refused or silent connect), or when
// a request stayed unanswered and nothing came from it since that was sent: a REGISTER, or an
// OPTIONS of ours, a probe. It is back with its first answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/context.h"
#include "edge/names.h"

namespace edge {

class NextHops {
 public:
  using Way = Names::Found;
  // What a request that will be answered keeps: whom it went to, and since when that one is asked.
  struct Asked {
    uint64_t since_ms = 0;  // 0: nobody yet.
    Flow to;
    uint16_t hop = 0;          // Of core.next_hop, where that is set.
    uint8_t moves = 0;         // How many were given up for this one, since they refused.
    bool is_answered = false;  // By whom DNS named.
  };

  NextHops(Context* context, Names* names);

  // Where a request with that URI at the head of its Route goes ("": without one), or, if
  // !is_route, with that Request-URI.
  Way Find(std::string_view uri, bool is_route, const sip::Message& message, Actions* actions);
  // The same of a request that is no message yet; without a Route `uri` is the Request-URI, or "".
  Way Find(std::string_view uri, bool is_route, uint64_t spread, Actions* actions);
  // What chooses among the targets of a name: one for all requests of a call.
  uint64_t Spread(std::string_view call_id) const {
    return context_.hash.Hash({"spread", call_id});
  }
  // Where a REGISTER goes now, again for its retransmission: one that nobody has said anything to
  // since makes its hop suspect.
  Way Ask(Asked* asked, const sip::Message& message, Actions* actions);
  // Is there ever another to ask?
  bool has_choice() const { return hops_.size() != 1; }
  // Who was asked refuses (503): *asked is whom to ask next. False: nobody is left. `uri`: the
  // Request-URI.
  bool Move(Asked* asked, std::string_view uri, uint64_t spread, Actions* actions);
  // The hop of core.next_hop that serves now; nothing where none is set.
  std::optional<Flow> Configured() const {
    if (hops_.empty()) return std::nullopt;
    return To(current_);
  }
  // DNS is asked before it matters.
  void Prepare(std::string_view route, Actions* actions);

  // Sends what has been edited, or holds it until DNS has answered. False: it must be refused.
  // REQUIRES: the way is kKnown or kPending. `transaction`: of a REGISTER, or 0.
  [[nodiscard]] bool Send(const Way& way, const Arrival& arrival, uint64_t transaction,
                          sip::Editor* editor, Actions* actions);
  // Sends what was held, or answers it. Nothing: there is no way.
  std::optional<Flow> Release(SlotId name, HeldRequest* request, Actions* actions);
  // Sends a request to the core that is a text already. Its topmost Via, ours, is told the
  // transport. Returns where it went.
  Flow SendText(Flow to, std::string* text, Actions* actions);
  // The answer to what has no way, or must be refused.
  void Refuse(const Way& way, const Arrival& arrival, Actions* actions);

  // Something came that only the hop that was asked can have caused.
  void OnAnswered(Asked* asked, Actions* actions);
  // Nothing came.
  void OnUnanswered(const Asked& asked, Actions* actions);
  // What was sent there cannot have arrived.
  void OnUnreachable(const Flow& to, Actions* actions);
  // A response whose topmost Via, ours, has this branch. False: it answers no probe.
  bool OnResponse(const sip::Message& message, std::string_view branch, Actions* actions);
  void OnTimer(uint32_t index, Actions* actions);

  // To another process, or from one (edge/carry_core.cc).
  void Carry(class StateArchive* archive);
  size_t size() const { return hops_.size(); }

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

  // The first of core.next_hop that serves. When none does it is the first of all, since we may be
  // wrong and a refusal would be certain.
  Flow To(size_t hop) const;
  Way Default() const;
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
  Names& names_;
  std::vector<Hop> hops_;
  size_t current_ = 0;
};

// "next hop 10.0.0.1:5060 is dead: OPTIONS had no answer; requests go to 10.0.0.2:5060".
std::string FormatNextHop(const NextHopChange& change);

}  // namespace edge
