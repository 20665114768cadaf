// A phone's registration: REGISTER, challenge, security agreement, answer (TS 24.229 5.1.1, TS
// 33.203 6 and 7).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sip/message.h"
#include "tools/outbox.h"
#include "tools/subscriber.h"
#include "tools/ue_agreement.h"
#include "tools/ue_options.h"
#include "tools/ue_step.h"
#include "tools/ue_transaction.h"

namespace tools {

// Which of its steps Begin() takes: kRegister, kReregister, kReauth, kDeregister.
class UeRegistration {
 public:
  // All outlive this.
  UeRegistration(const PhoneOptions* options, const SubscriberRange* subscribers,
                 const PhoneIdentity* identity, UeTransaction* transaction);

  // False: the step needs a registration and there is none.
  bool Begin(Step step, uint64_t now_us, Outbox* outbox);

  enum class Outcome : uint8_t {
    kWaiting,  // Another REGISTER is under way.
    kInstall,  // The SAs of pending() are to be put in place, then Answer().
    kDone,
    kFailed,  // failure() and detail() say why.
  };
  // The final response to the REGISTER under way.
  Outcome OnResponse(const sip::Message& response, uint64_t now_us, Outbox* outbox);
  // Sends the REGISTER that answers the challenge.
  void Answer(uint64_t now_us, Outbox* outbox);

  Failure failure() const { return failure_; }
  const std::string& detail() const { return detail_; }

  bool registered() const { return registered_; }
  // The set in use, the one before it, and the one that waits for its 200; null where there is
  // none.
  const UeAgreement* current() const { return Get(current_); }
  const UeAgreement* previous() const { return Get(previous_); }
  const UeAgreement* pending() const { return Get(pending_); }
  // Sets whose SAs are to be deleted; the caller takes them.
  std::vector<UeAgreement> TakeRetired();
  // Gives up pending(): its SAs too are retired.
  void DropPending();

  const std::string& service_route() const { return service_route_; }
  // The way of the requests of a registered phone.
  UeFlow Flow() const;

 private:
  static const UeAgreement* Get(const std::optional<UeAgreement>& agreement) {
    return agreement ? &*agreement : nullptr;
  }
  Outcome OnChallenge(const sip::Message& response, uint64_t now_us, Outbox* outbox);
  Outcome OnAccepted(const sip::Message& response);
  Outcome Fail(Failure failure, std::string detail);
  void OfferNewSet();
  void NoteNat(const sip::Message& challenge);
  void Send(const UeFlow& flow, uint64_t now_us, Outbox* outbox);
  std::string DigestText(std::string_view nonce, std::string_view password,
                         std::string_view auts) const;

  const PhoneOptions* options_;
  const SubscriberRange* subscribers_;
  const PhoneIdentity* identity_;
  UeTransaction* transaction_;

  Step step_ = Step::kRegister;
  bool answered_ = false;  // The REGISTER under way answers a challenge.
  int challenges_ = 0;     // In this step.
  uint32_t cseq_ = 0;
  uint32_t sets_offered_ = 0;
  uint64_t sqn_ms_ = 0;        // The USIM's (TS 33.102 6.3.3).
  std::string authorization_;  // Of the REGISTER under way; kept for the next refresh.
  std::string service_route_;
  bool registered_ = false;
  Failure failure_ = Failure::kNone;
  std::string detail_;
  std::optional<UeAgreement> current_;
  std::optional<UeAgreement> previous_;
  std::optional<UeAgreement> pending_;
  std::vector<UeAgreement> retired_;
};

}  // namespace tools
