// Requests that terminate at phones: the core sends them along the stored Path, on demand.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "reactor/endpoint.h"
#include "reactor/timer_wheel.h"
#include "sip/message.h"
#include "tools/core_registrar.h"
#include "tools/outbox.h"

namespace tools {

// Who asked for a request over the control socket and waits for "ok 200" or "error timeout".
struct ControlPeer {
  reactor::Endpoint local;
  reactor::Endpoint peer;
  bool waits = false;
};

struct MtCounters {
  uint64_t started = 0;
  uint64_t answered = 0;  // 2xx; of an INVITE also its BYE.
  uint64_t refused = 0;   // Any other final response.
  uint64_t timeouts = 0;
};

struct MtOptions {
  bool over_tcp = false;
  uint32_t body_size = 0;  // At least, of each MESSAGE.
  uint32_t call_ms = 0;    // How long a call lasts before its BYE.
};

// A client transaction each (RFC 3261 17.1). An INVITE is acknowledged and ended with BYE.
class MtCalls {
 public:
  // Both outlive this.
  MtCalls(const SubscriberRange* subscribers, reactor::TimerWheel* wheel, uint32_t timeout_ms,
          const MtOptions& options = {});
  ~MtCalls();

  // REQUIRES: method is MESSAGE, OPTIONS or INVITE.
  void Start(sip::Method method, uint32_t subscriber, const Binding& binding,
             const ControlPeer& control, uint64_t now_ms, Outbox* outbox);
  // False: the response belongs to no request of ours.
  bool OnResponse(const sip::Message& response, uint64_t now_ms, Outbox* outbox);
  // A timer of kind kMtCallTimer is due.
  void OnTimer(reactor::Timer* timer, uint64_t now_ms, Outbox* outbox);

  const MtCounters& counters() const { return counters_; }
  size_t call_count() const { return calls_.size(); }

 private:
  struct Call;
  // The message; `to` is To's value, `route` Route's.
  struct Parts {
    std::string_view method = {};
    std::string_view uri = {};
    std::string_view branch = {};
    std::string_view route = {};
    std::string_view to = {};
    std::string_view extra = {};
    std::string_view body = {};
  };
  std::string Write(const Call& call, const Parts& parts) const;
  void StartRequest(Call* call, std::string text, uint64_t now_ms, Outbox* outbox);
  void OnInviteFinal(Call* call, const sip::Message& response, uint64_t now_ms, Outbox* outbox);
  void Finish(Call* call, std::string_view verdict, Outbox* outbox);

  const SubscriberRange* subscribers_;
  reactor::TimerWheel* wheel_;
  uint32_t timeout_ms_;
  MtOptions options_;
  uint32_t next_id_ = 1;
  MtCounters counters_;
  absl::flat_hash_map<uint32_t, std::unique_ptr<Call>> calls_;
};

}  // namespace tools
