// A phone as the called side: answers the requests that the network sends it.
#pragma once

#include <cstdint>
#include <string>

#include "sip/message.h"
#include "tools/outbox.h"
#include "tools/ue_options.h"
#include "tools/ue_transaction.h"

namespace tools {

class UeServer {
 public:
  UeServer(const PhoneOptions* options, const PhoneIdentity* identity)
      : options_(options), identity_(identity) {}

  enum class Event : uint8_t {
    kNone,       // A retransmission, an ACK, the start of a call.
    kAnswered,   // MESSAGE, OPTIONS or another request answered at once.
    kCallEnded,  // BYE of the call under way answered.
  };
  // Answers along `flow`, the way the request came.
  Event OnRequest(const sip::Message& request, const UeFlow& flow, uint64_t now_us, Outbox* outbox);

  // The 200 to an INVITE is repeated until its ACK (RFC 3261 13.3.1.4).
  uint64_t next_us() const { return waits_for_ack_ ? next_us_ : kNeverUs; }
  void Advance(uint64_t now_us, Outbox* outbox);

 private:
  void OnInvite(const sip::Message& request, const UeFlow& flow, uint64_t now_us, Outbox* outbox);
  void SendFinal(uint64_t now_us, Outbox* outbox);

  const PhoneOptions* options_;
  const PhoneIdentity* identity_;
  std::string call_id_;  // Of the call under way, or empty.
  bool waits_for_ack_ = false;
  std::string final_;  // The 200 to its INVITE...
  reactor::Endpoint final_local_;
  reactor::Endpoint final_peer_;  // ...and its way.
  uint64_t interval_us_ = 0;
  uint64_t next_us_ = 0;
  uint64_t deadline_us_ = 0;
};

}  // namespace tools
