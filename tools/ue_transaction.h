// A phone's client transaction (RFC 3261 17.1): the request, its retransmissions over UDP, its end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sip/message.h"
#include "sip/via.h"
#include "tools/outbox.h"
#include "tools/ue_options.h"

namespace tools {

inline constexpr uint64_t kNeverUs = UINT64_MAX;

// "z9hG4bK-<boot>-<phone>-<counter>", all hex: what a response is found by.
struct UeBranch {
  uint32_t boot_id = 0;
  uint32_t phone = 0;
  uint32_t counter = 0;
};
std::string Text(const UeBranch& branch);
std::optional<UeBranch> ParseBranch(std::string_view text);

// At most one is under way at a time. Time in microseconds.
class UeTransaction {
 public:
  explicit UeTransaction(const PhoneOptions* options) : options_(options) {}

  // The branch the next request is to be written with; unique for the phone.
  UeBranch NextBranch(uint32_t phone) { return {options_->boot_id, phone, ++counter_}; }
  // Sends `text`, which carries the branch given last.
  void Start(sip::Method method, const UeFlow& flow, std::string_view text, uint64_t now_us,
             Outbox* outbox);
  void End() { active_ = false; }
  // What the next request goes over.
  bool NextOverTcp() const {
    return options_->transport == UeTransport::kTcp ||
           (options_->transport == UeTransport::kMixed && counter_ % 2 == 1);
  }
  // The branch given last.
  UeBranch branch(uint32_t phone) const { return {options_->boot_id, phone, counter_}; }

  bool active() const { return active_; }
  sip::Method method() const { return method_; }
  const UeFlow& flow() const { return flow_; }

  // Does the response with this branch belong to the request under way?
  bool Matches(const UeBranch& branch) const { return active_ && branch.counter == counter_; }
  // A provisional response: an INVITE is not sent again.
  void OnProvisional() { proceeding_ = true; }
  // When Advance() has something to do, or kNeverUs.
  uint64_t next_us() const { return active_ ? next_us_ : kNeverUs; }
  // Sends again what is due. False: the time is over and the transaction has ended.
  bool Advance(uint64_t now_us, Outbox* outbox);

 private:
  const PhoneOptions* options_;
  uint32_t counter_ = 0;
  bool active_ = false;
  bool proceeding_ = false;
  sip::Method method_ = sip::Method::kOther;
  UeFlow flow_;
  std::string text_;
  uint64_t interval_us_ = 0;
  uint64_t next_us_ = 0;
  uint64_t deadline_us_ = 0;
};

}  // namespace tools
