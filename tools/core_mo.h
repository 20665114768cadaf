// Requests that phones originate: the core answers them as the other side of the call would.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <memory>
#include <string>

#include "reactor/endpoint.h"
#include "reactor/timer_wheel.h"
#include "sip/message.h"
#include "tools/outbox.h"

namespace tools {

struct MoCounters {
  uint64_t messages = 0;
  uint64_t options = 0;
  uint64_t invites = 0;    // Retransmissions not counted.
  uint64_t answered = 0;   // INVITEs whose 200 was acknowledged.
  uint64_t cancelled = 0;  // INVITEs ended by CANCEL.
  uint64_t byes = 0;
  uint64_t others = 0;  // SUBSCRIBE, UPDATE, PRACK...
};

// Answers everything with 200 at once, but an INVITE: 100, 180, and after the answer delay 200,
// repeated until its ACK (RFC 3261 13.3.1.4); a CANCEL in between ends it with 487.
class MoCalls {
 public:
  // The wheel outlives this. `answer_delay_ms` 0: the 200 follows the 180 at once.
  MoCalls(reactor::TimerWheel* wheel, uint32_t answer_delay_ms);
  ~MoCalls();

  // REQUIRES: a valid request that is not REGISTER, received on `local` from `source`.
  void OnRequest(const sip::Message& request, const reactor::Endpoint& local,
                 const reactor::Endpoint& source, uint64_t now_ms, Outbox* outbox);
  // A timer of kind kMoCallTimer is due.
  void OnTimer(reactor::Timer* timer, uint64_t now_ms, Outbox* outbox);

  const MoCounters& counters() const { return counters_; }
  size_t call_count() const { return calls_.size(); }

 private:
  struct Call;
  void OnInvite(const sip::Message& request, const reactor::Endpoint& local,
                const reactor::Endpoint& source, uint64_t now_ms, Outbox* outbox);
  void OnCancel(const sip::Message& request, const reactor::Endpoint& local,
                const reactor::Endpoint& source, uint64_t now_ms, Outbox* outbox);
  void OnAck(const sip::Message& request);
  void SendFinal(Call* call, uint64_t now_ms, Outbox* outbox);
  void End(Call* call);

  reactor::TimerWheel* wheel_;
  uint32_t answer_delay_ms_;
  MoCounters counters_;
  // By Call-ID.
  absl::flat_hash_map<std::string, std::unique_ptr<Call>> calls_;
};

}  // namespace tools
