// Many phones that go through one scenario, at a given pace: datagrams and the time in, datagrams
// out. gmue puts sockets around it; tests drive it directly.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "reactor/endpoint.h"
#include "reactor/timer_wheel.h"
#include "sip/span.h"
#include "tools/outbox.h"
#include "tools/subscriber.h"
#include "tools/ue_options.h"
#include "tools/ue_phone.h"
#include "tools/ue_report.h"
#include "tools/ue_step.h"
#include "tools/violations.h"

namespace tools {

struct FleetOptions {
  PhoneOptions phone;
  SubscriberOptions subscribers;  // As many phones as subscribers.
  // The first phone's address; the next phones count up from it...
  reactor::Endpoint first_address;
  uint32_t phones_per_address = 1;  // ...after so many share one, kPortStride ports apart.
  uint16_t port_c = 37001;
  uint16_t port_s = 37002;
  std::vector<Step> scenario = {Step::kRegister};
  double rate = 0;              // Phones started a second; 0: as in_flight allows.
  uint32_t in_flight = 256;     // Phones busy with a step at once; holding ones do not count.
  uint64_t hold_ms = 1000;      // Of Step::kHold.
  bool expect_failure = false;  // A run is right when every phone fails.
};

// Who puts SAs in place for the phones of a fleet.
class EspProvider {
 public:
  virtual ~EspProvider() = default;
  // The answer comes as Fleet::OnSasReady().
  virtual void Install(const PhoneIdentity& identity, const UeAgreement& agreement) = 0;
  virtual void Remove(const PhoneIdentity& identity, const UeAgreement& agreement) = 0;
};

// Not thread-safe. Time is any monotonic clock in microseconds.
class Fleet : private PhoneHost {
 public:
  static constexpr uint16_t kPortStride = 4;

  // `esp` null: agreements are made, but no ESP is done. It outlives the fleet.
  Fleet(const FleetOptions& options, EspProvider* esp, uint64_t now_us);
  ~Fleet() override;

  // What is wrong with the options, or "".
  static std::string Check(const FleetOptions& options);
  // Every local port the phones use, the unprotected one first.
  static std::vector<uint16_t> Ports(const FleetOptions& options);
  // Addresses of the phones, each once.
  static std::vector<reactor::Endpoint> Addresses(const FleetOptions& options);

  void OnDatagram(const reactor::Endpoint& local, const reactor::Endpoint& source,
                  sip::PaddedView bytes, uint64_t now_us, Outbox* outbox);
  // Connections, by their two ends, whose SAs are gone: to be closed.
  std::vector<std::pair<reactor::Endpoint, reactor::Endpoint>> TakeHangups() {
    return std::exchange(hangups_, {});
  }
  void OnSasReady(uint32_t phone, bool ok, uint64_t now_us, Outbox* outbox);
  // Starts phones, ends holds, sends again.
  void Advance(uint64_t now_us, Outbox* outbox);
  // When Advance() has something to do, or kNeverUs.
  uint64_t next_us() const;

  // Ends the holds, those under way and those to come.
  void EndHolds() { holds_end_ = true; }
  // Every phone has finished or failed.
  bool done() const { return report_.finished + report_.failed == report_.phones; }

  // How far it is, on one line.
  std::string Progress(uint64_t now_us) const;
  // The result so far; `security` and `sas_installed` are the caller's to fill in.
  FleetReport Report(uint64_t now_us) const;
  // A line for each phone that is registered: its identity, ports, SPIs and algorithms.
  std::string Details() const;
  // REQUIRES: index < phones.
  const Phone& phone(uint32_t index) const { return slots_[index].phone; }
  Violations* violations() { return &violations_; }

 private:
  struct Slot : reactor::Timer {
    Slot(const PhoneOptions* options, const SubscriberRange* subscribers, PhoneIdentity identity,
         PhoneHost* host, Violations* violations)
        : phone(options, subscribers, std::move(identity), host, violations) {}
    Phone phone;
    uint32_t step = 0;  // Of the scenario.
    bool holding = false;
    uint64_t hold_until_us = 0;
  };
  struct Ended {
    uint32_t phone;
    bool ok;
  };

  // PhoneHost
  bool InstallSas(const PhoneIdentity& identity, const UeAgreement& agreement) override;
  void RemoveSas(const PhoneIdentity& identity, const UeAgreement& agreement) override;
  void OnStepEnd(Phone* phone, const StepResult& result) override;
  void OnAnswered(Phone* phone, sip::Method method) override;

  PhoneIdentity IdentityOf(uint32_t index) const;
  void Settle(uint64_t now_us, Outbox* outbox);
  void TakeStep(Slot* slot, uint64_t now_us, Outbox* outbox);
  void StartPhones(uint64_t now_us, Outbox* outbox);
  uint64_t NextStartUs() const;
  void EndHold(Slot* slot);
  void Rearm(Slot* slot);

  FleetOptions options_;
  SubscriberRange subscribers_;
  EspProvider* esp_;
  reactor::TimerWheel wheel_;
  Violations violations_;
  std::vector<std::pair<reactor::Endpoint, reactor::Endpoint>> hangups_;
  std::deque<Slot> slots_;
  uint64_t started_us_;
  uint64_t last_registration_us_ = 0;
  uint64_t now_us_;  // Of the call under way.
  uint32_t phones_started_ = 0;
  uint32_t active_ = 0;         // Busy with a step.
  std::deque<uint32_t> ready_;  // Held long enough; wait for room.
  std::vector<Ended> ended_;    // Steps that ended in the call under way.
  bool holds_end_ = false;
  FleetReport report_;
};

}  // namespace tools
