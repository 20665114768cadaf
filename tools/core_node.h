// The stand-in IMS core as a pure machine: datagrams and the time in, datagrams out.
//
// I-CSCF, S-CSCF, HSS and the other side of every call in one. gmcore puts sockets around it; tests
// and simulations drive it directly.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "reactor/endpoint.h"
#include "reactor/timer_wheel.h"
#include "sip/message.h"
#include "sip/span.h"
#include "tools/core_checks.h"
#include "tools/core_events.h"
#include "tools/core_mo.h"
#include "tools/core_mt.h"
#include "tools/core_registrar.h"
#include "tools/outbox.h"
#include "tools/violations.h"

namespace tools {

struct CoreOptions {
  RegistrarOptions registrar;
  uint32_t answer_delay_ms = 0;    // Of MO INVITEs.
  uint32_t mt_timeout_ms = 32000;  // 64*T1.
  MtOptions mt;                    // Of terminating requests.
};

// Not thread-safe. Time is any monotonic clock in milliseconds.
class CoreNode {
 public:
  CoreNode(const CoreOptions& options, uint64_t now_ms);
  CoreNode(const CoreNode&) = delete;
  CoreNode& operator=(const CoreNode&) = delete;

  // One datagram that arrived on the core's address `local` from `source`. Answers, and the
  // terminating request that a MESSAGE "call-me METHOD" asks for, go to the outbox.
  void OnDatagram(const reactor::Endpoint& local, const reactor::Endpoint& source,
                  sip::PaddedView bytes, uint64_t now_ms, Outbox* outbox);

  // One line of the control socket, answered to `source`:
  //   mt MESSAGE|OPTIONS|INVITE IDENTITY   "ok STATUS" or "error WHY" when it has ended
  //   dereg IDENTITY               the core ends the registration; the same, of the NOTIFY
  //   shorten IDENTITY SECONDS     it leaves it no more than that; likewise
  //   stats                                the counters at once
  void OnControl(const reactor::Endpoint& local, const reactor::Endpoint& source,
                 std::string_view line, uint64_t now_ms, Outbox* outbox);

  // Retransmissions and time-outs up to now_ms.
  void Advance(uint64_t now_ms, Outbox* outbox);
  // When Advance() has something to do; reactor::TimerWheel::kNever for never.
  uint64_t NextExpiry() const { return wheel_.NextExpiry(); }

  const Registrar& registrar() const { return registrar_; }
  const MoCounters& mo() const { return mo_.counters(); }
  const MtCounters& mt() const { return mt_.counters(); }
  const EventCounters& events() const { return events_.counters(); }
  uint64_t malformed() const { return malformed_; }  // Not SIP at all; each is also a violation.
  Violations* violations() { return &violations_; }
  // "registers=... challenges=... violations=...", one line without its end.
  std::string Summary() const;

 private:
  void OnRequest(const sip::Message& request, const CheckContext& context, uint64_t now_ms,
                 Outbox* outbox);
  void OnSubscribe(const sip::Message& request, const CheckContext& context, uint64_t now_ms,
                   Outbox* outbox);
  RegState StateOf(uint32_t subscriber, uint64_t now_ms) const;
  std::string_view EndByCore(std::string_view identity, std::optional<uint32_t> seconds,
                             const ControlPeer& control, uint64_t now_ms, Outbox* outbox);
  // "" when the request is under way, else why not.
  std::string_view StartMt(std::string_view method, std::string_view identity,
                           const ControlPeer& control, uint64_t now_ms, Outbox* outbox);

  CoreOptions options_;
  reactor::TimerWheel wheel_;
  Registrar registrar_;
  MoCalls mo_;
  MtCalls mt_;
  RegSubscriptions events_;
  Violations violations_;
  uint64_t malformed_ = 0;
};

}  // namespace tools
