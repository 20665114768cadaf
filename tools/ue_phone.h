// One phone as a pure machine: messages and the time in, datagrams out.
//
// It follows TS 33.203: over UDP its protected requests and responses leave port_uc for port_ps,
// and what the network sends arrives at port_us from port_pc. It does one step at a time and
// answers whatever it is asked meanwhile.
#pragma once

#include <cstdint>
#include <string>

#include "sip/message.h"
#include "tools/outbox.h"
#include "tools/subscriber.h"
#include "tools/ue_options.h"
#include "tools/ue_registration.h"
#include "tools/ue_server.h"
#include "tools/ue_step.h"
#include "tools/ue_transaction.h"
#include "tools/violations.h"

namespace tools {

class Phone;

struct StepResult {
  Step step = Step::kRegister;
  Failure failure = Failure::kNone;
  std::string detail;  // A status code, or what was wrong; may be empty.
  uint64_t duration_us = 0;
};

// What surrounds the phones. The defaults are those of phones without IPsec.
class PhoneHost {
 public:
  virtual ~PhoneHost() = default;
  // Puts the SAs in place. True: done. False: Phone::OnSasReady() comes later.
  virtual bool InstallSas(const PhoneIdentity& identity, const UeAgreement& agreement);
  virtual void RemoveSas(const PhoneIdentity& identity, const UeAgreement& agreement);
  // The step given to Start() has ended. The phone may be started again after the call that told.
  virtual void OnStepEnd(Phone* phone, const StepResult& result);
  // A request of the network was answered; of a call, its BYE.
  virtual void OnAnswered(Phone* phone, sip::Method method);
};

// Not thread-safe. Time is any monotonic clock in microseconds.
class Phone {
 public:
  // All outlive the phone.
  Phone(const PhoneOptions* options, const SubscriberRange* subscribers, PhoneIdentity identity,
        PhoneHost* host, Violations* violations);
  Phone(const Phone&) = delete;
  Phone& operator=(const Phone&) = delete;

  // REQUIRES: !busy(), step != kHold. The step may end at once.
  void Start(Step step, uint64_t now_us, Outbox* outbox);
  // A message for this phone: a response with its branch, or a request to its contact.
  void OnMessage(const sip::Message& message, const reactor::Endpoint& local,
                 const reactor::Endpoint& source, uint64_t now_us, Outbox* outbox);
  // The answer to InstallSas(): are the four SAs in place?
  void OnSasReady(bool ok, uint64_t now_us, Outbox* outbox);
  // Retransmissions and time-outs up to now_us.
  void Advance(uint64_t now_us, Outbox* outbox);
  // When Advance() has something to do, or kNeverUs.
  uint64_t next_us() const;

  bool busy() const { return busy_; }
  const PhoneIdentity& identity() const { return identity_; }
  const UeRegistration& registration() const { return registration_; }

 private:
  // What requests other than REGISTER differ in.
  struct Request {
    std::string_view method;
    std::string uri;
    std::string route;
    std::string to;
    uint32_t cseq = 1;
    bool outside_dialog = false;
    std::string_view content_type = {};
    std::string_view body = {};
  };
  void StartRequest(uint64_t now_us, Outbox* outbox);
  void EndCall(const sip::Message& response, uint64_t now_us, Outbox* outbox);
  std::string CalledUri() const;
  std::string InitialRoute(const UeFlow& flow) const;
  std::string Write(const UeFlow& flow, const UeBranch& branch, const Request& request) const;
  void OnResponse(const sip::Message& response, uint64_t now_us, Outbox* outbox);
  void OnRequest(const sip::Message& request, const reactor::Endpoint& local,
                 const reactor::Endpoint& source, uint64_t now_us, Outbox* outbox);
  void OnOutcome(UeRegistration::Outcome outcome, uint64_t now_us, Outbox* outbox);
  void OnCallMeProgress(uint64_t now_us);
  void End(Failure failure, std::string detail, uint64_t now_us);

  const PhoneOptions* options_;
  const SubscriberRange* subscribers_;
  const PhoneIdentity identity_;
  PhoneHost* host_;
  Violations* violations_;
  UeTransaction transaction_;
  UeRegistration registration_;
  UeServer server_;

  bool busy_ = false;
  Step step_ = Step::kRegister;
  uint64_t started_us_ = 0;
  uint32_t calls_made_ = 0;        // For Call-IDs...
  std::string call_id_;            // ...as this one, of the request under way.
  bool own_request_done_ = false;  // Of a step that asks to be called...
  bool request_came_ = false;      // ...its two halves, in any order.
};

}  // namespace tools
