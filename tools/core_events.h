// The notifier of registrations (RFC 3680, RFC 6665): who has subscribed to a subscriber's
// registration state is told of it, the edge and the phone alike.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "reactor/endpoint.h"
#include "reactor/timer_wheel.h"
#include "sip/message.h"
#include "tools/core_mt.h"
#include "tools/core_registrar.h"
#include "tools/outbox.h"

namespace tools {

struct EventCounters {
  uint64_t subscribes = 0;  // Answered 200; refreshes and ends included.
  uint64_t notifies = 0;    // Retransmissions not counted.
  uint64_t answered = 0;    // NOTIFYs that got a 200.
  uint64_t failed = 0;      // Those that got anything else, or nothing.
};

// What a NOTIFY tells of a contact: RFC 3680 5.1.
struct RegState {
  bool is_active = true;
  std::string_view event = "registered";
  std::string contact_uri;
  uint64_t expires_s = 0;
};

class RegSubscriptions {
 public:
  // Both outlive this.
  RegSubscriptions(const SubscriberRange* subscribers, reactor::TimerWheel* wheel);
  ~RegSubscriptions();

  // REQUIRES: a valid SUBSCRIBE of the reg package. Answers it, and tells the state.
  void OnSubscribe(const sip::Message& request, const RegState& state,
                   const reactor::Endpoint& local, const reactor::Endpoint& source, uint64_t now_ms,
                   Outbox* outbox);
  // Something changed. `control` hears how the first subscription took it. False: nobody has
  // subscribed.
  bool Tell(uint32_t subscriber, const RegState& state, const ControlPeer& control, uint64_t now_ms,
            Outbox* outbox);
  // False: the response belongs to no NOTIFY of ours.
  bool OnResponse(const sip::Message& response, Outbox* outbox);
  // A timer of kind kEventTimer is due.
  void OnTimer(reactor::Timer* timer, uint64_t now_ms, Outbox* outbox);

  const EventCounters& counters() const { return counters_; }
  size_t count() const { return subscriptions_.size(); }

 private:
  struct Subscription;
  Subscription* Find(std::string_view call_id);
  void Notify(Subscription* subscription, const RegState& state, uint64_t now_ms, Outbox* outbox);
  std::string Write(const Subscription& subscription, const RegState& state, uint64_t now_ms) const;
  std::string Body(const Subscription& subscription, const RegState& state) const;
  void Finish(Subscription* subscription, std::string_view verdict, Outbox* outbox);

  const SubscriberRange* subscribers_;
  reactor::TimerWheel* wheel_;
  uint32_t next_id_ = 1;
  EventCounters counters_;
  absl::flat_hash_map<uint32_t, std::unique_ptr<Subscription>> subscriptions_;
  absl::flat_hash_map<std::string, uint32_t> by_call_id_;
  absl::flat_hash_map<uint32_t, std::vector<uint32_t>> by_subscriber_;
};

}  // namespace tools
