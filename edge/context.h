// What the parts of the core share: settings, tables, secrets, time. One per worker.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edge/actions.h"
#include "edge/branch_cookie.h"
#include "edge/flow.h"
#include "edge/overload.h"
#include "edge/record_keeper.h"
#include "edge/registrar.h"
#include "edge/secrets.h"
#include "edge/settings.h"
#include "edge/stats.h"
#include "edge/token_bucket.h"
#include "reactor/timer_wheel.h"
#include "sip/edit.h"
#include "sip/message.h"
#include "sip/response.h"
#include "sip/via.h"
#include "xfrm/spi_pool.h"

namespace edge {

// Whose time is over.
enum class TimerKind : uint32_t { kSet, kBinding, kTransaction, kNextHop, kSubscription };

// A message as it came, and what is known of where it came from.
struct Arrival {
  const sip::Message& message;
  const sip::Via& via;  // The topmost.
  Flow flow;
  SaSet* set = nullptr;      // On a protected port: whose SAs it came through.
  Binding* clear = nullptr;  // On an unprotected one: who is registered there without any.
};

struct Context {
  // `phones`: what all workers name phones by; null: a key of its own. Needed for this call only.
  Context(const Settings& settings, std::vector<Port> ports, xfrm::SpiPool* spis, Random* random,
          uint64_t now_ms, const KeyedHash* phones = nullptr);

  // `settings` has changed: what was made of it is made anew.
  void OnSettings();

  // Where the phone of a set gets the answer to what came on `port` (spec sheet 2.1): over UDP
  // port_pc → port_us, over TCP on the connection of the request, or if that is gone on one
  // port_pc → port_us.
  Flow FlowTo(const SaSet& set, Transport transport, PortIndex port) const;
  Flow FlowTo(const SaSet& set, const Flow& came) const {
    return FlowTo(set, came.transport, came.port);
  }
  // Where a request to the phone goes over that transport: any connection there is, ours first.
  Flow RequestFlow(const SaSet& set, Transport transport) const;
  bool HasConnection(const SaSet& set) const;
  bool AnswersToPortUc(const SaSet& set) const {
    return HasQuirk(settings, set.rule, Quirk::kAnswerToPortUc);
  }
  // Where an answer to a request of a phone goes.
  Flow AnswerFlow(const Arrival& arrival) const;
  // The port an `rport` in the phone's Via is filled with.
  uint16_t RportFor(const Arrival& arrival) const;
  // Do the settings let any phone be registered without a security agreement?
  bool AllowsClear() const {
    return settings.gm.sec_agree != SecAgree::kRequire || rules_allow_clear;
  }
  // Who is registered in clear at that flow; null on any but an unprotected port.
  Binding* InClear(const Flow& flow) {
    if (ports[flow.port].side != Side::kGm || !registrar.has_clear()) return nullptr;
    Binding* const binding = registrar.FindInClear(flow);
    return binding != nullptr && MayBeInClear(*binding) ? binding : nullptr;
  }
  bool MayBeInClear(const Binding& binding) const { return binding.is_caller || AllowsClear(); }
  // The set whose SAs carry what is sent to that flow; null: it goes in clear.
  const SaSet* TunnelTo(const Flow& flow) {
    return ports[flow.port].side == Side::kProtected ? registrar.FindSet(flow) : nullptr;
  }
  // Is host:port, as a URI has it, one of ours? A port of 0 is 5060.
  bool IsOurs(std::string_view host, uint16_t port) const;

  // Finishes the edits and sends; a message with too much to change is dropped and counted.
  bool SendEdited(const Flow& to, sip::Editor* editor, Actions* actions);
  // The same for a request: what is too large for UDP goes over TCP first (RFC 3261 18.1.1), with
  // our Via told so. `set`: of the phone it goes to; null: to the core.
  bool SendRequest(Flow to, const SaSet* set, sip::Editor* editor, Actions* actions);
  // A response of our own, the tag and what its Via gets filled in; "" when the request lacks what
  // one needs.
  std::string_view WriteResponse(const Arrival& arrival, sip::ResponseHead head,
                                 std::span<char> buffer, std::string_view extra = {}) const;
  void Respond(const Arrival& arrival, const sip::ResponseHead& head, Actions* actions) {
    RespondTo(AnswerFlow(arrival), arrival, head, actions);
  }
  // 503 with a Retry-After, counted in `refused`; or, when many are refused, silence, counted in
  // `dropped`. No retransmission of what is under way may get here: it would end it.
  void Refuse(const Arrival& arrival, uint64_t Stats::*refused, uint64_t Stats::*dropped,
              Actions* actions);
  // Seconds, between limits.retry_after and twice that: the same for a transaction, others for
  // others, so that phones do not come back together.
  uint32_t RetryAfter(const Arrival& arrival) const;
  // The same, for an answer that takes another way than its request's.
  // `extra`: whole lines.
  void RespondTo(const Flow& to, const Arrival& arrival, const sip::ResponseHead& head,
                 Actions* actions, std::string_view extra = {});
  // The SAs of a phone may end while its REGISTER is under way. What is sent then the kernel drops,
  // and nobody would know: false, and counted.
  bool CanReach(const Flow& to);
  // A binding that is not registered lives as long as a set or a REGISTER of it does.
  void ForgetIfIdle(SlotId binding);
  // Its registration is over; what of its sets drains lives on.
  void Unregister(Binding* binding);
  // The same bytes for the same transaction: tags and icids of a retransmission do not change.
  HexText Derive(std::string_view purpose, const Arrival& arrival) const;

  const Settings& settings;  // May change between messages: OnSettings().
  const std::vector<Port> ports;
  xfrm::SpiPool* const spis;
  Random* const random;
  KeyedHash hash;
  CookieJar jar;
  Registrar registrar;
  RecordKeeper records;
  reactor::TimerWheel timers;
  Stats stats;
  uint64_t now_ms;
  PortIndex core_port = 0;
  bool rules_allow_clear = false;
  bool journal_fails = false;  // Who is new is refused, or not (journal.on_failure).
  bool draining = false;       // No REGISTER in clear is taken any more.
  Overload::Level overload = Overload::Level::kNone;
  TokenBucket refusals;       // limits.refusals_per_second_max.
  TokenBucket new_registers;  // limits.registers_per_second_max.
  // What follows the token in our Path, up to the icid of the P-Charging-Vector that we open for a
  // request of a phone (RFC 7315 4.6), and what follows that.
  std::string path_tail;
  std::string charging_tail;
  // What stands at the end of the vector of a phone's answer: ";term-ioi=..." or "".
  std::string term_ioi;
};

}  // namespace edge
