#include "tools/ue_fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sip/uri.h"
#include "sip/via.h"
#include "tools/respond.h"

namespace tools {
namespace {

constexpr uint64_t kUsPerMs = 1000;
constexpr double kUsPerSecond = 1e6;
constexpr uint16_t kPortMin = 1024;

// The address `count` further on.
reactor::Endpoint Add(reactor::Endpoint endpoint, uint32_t count) {
  const bool is_ipv6 = endpoint.family() == AF_INET6;
  uint8_t* const bytes =
      is_ipv6 ? endpoint.v6.sin6_addr.s6_addr : reinterpret_cast<uint8_t*>(&endpoint.v4.sin_addr);
  uint64_t carry = count;
  for (size_t i = is_ipv6 ? 16 : 4; i > 0 && carry != 0; --i) {
    carry += bytes[i - 1];
    bytes[i - 1] = static_cast<uint8_t>(carry);
    carry >>= 8;
  }
  return endpoint;
}

uint16_t AlternatePort(const FleetOptions& options) {
  const uint16_t next = static_cast<uint16_t>(options.port_c + 2);
  return next == options.port_s ? static_cast<uint16_t>(next + 1) : next;
}

}  // namespace

std::string Fleet::Check(const FleetOptions& options) {
  if (const std::string wrong = SubscriberRange::Check(options.subscribers); !wrong.empty()) {
    return wrong;
  }
  if (options.first_address.family() != options.phone.pcscf.family()) {
    return "the phones and the P-CSCF need addresses of one IP version";
  }
  if (options.phones_per_address == 0 || options.in_flight == 0 || options.scenario.empty()) {
    return "phones per address, phones in flight and steps: at least one";
  }
  const uint32_t last = std::max<uint32_t>(options.port_c, options.port_s) + 3 +
                        kPortStride * (options.phones_per_address - 1);
  if (std::min(options.port_c, options.port_s) < kPortMin || last > UINT16_MAX) {
    return fmt::format("protected ports: {} to {} are allowed, {} would be needed", kPortMin,
                       UINT16_MAX, last);
  }
  std::vector<uint16_t> ports = Ports(options);
  std::sort(ports.begin(), ports.end());
  const auto twice = std::adjacent_find(ports.begin(), ports.end());
  return twice == ports.end() ? "" : fmt::format("port {} would be used twice", *twice);
}

std::vector<uint16_t> Fleet::Ports(const FleetOptions& options) {
  std::vector<uint16_t> ports = {options.phone.unprotected_port};
  if (!options.phone.sec_agree) return ports;
  for (uint32_t i = 0; i < options.phones_per_address; ++i) {
    const uint32_t offset = i * kPortStride;
    for (const uint16_t port : {options.port_c, options.port_s, AlternatePort(options)}) {
      ports.push_back(static_cast<uint16_t>(port + offset));
    }
  }
  return ports;
}

std::vector<reactor::Endpoint> Fleet::Addresses(const FleetOptions& options) {
  std::vector<reactor::Endpoint> addresses;
  for (uint32_t i = 0; i < options.subscribers.count; i += options.phones_per_address) {
    addresses.push_back(Add(options.first_address, i / options.phones_per_address));
  }
  return addresses;
}

Fleet::Fleet(const FleetOptions& options, EspProvider* esp, uint64_t now_us)
    : options_(options),
      subscribers_(options.subscribers),
      esp_(esp),
      wheel_(now_us / kUsPerMs),
      started_us_(now_us),
      now_us_(now_us) {
  report_.phones = subscribers_.count();
  report_.expect_failure = options.expect_failure;
  PhoneHost* const host = this;
  for (uint32_t i = 0; i < subscribers_.count(); ++i) {
    slots_.emplace_back(&options_.phone, &subscribers_, IdentityOf(i), host, &violations_);
  }
}

Fleet::~Fleet() {
  for (Slot& slot : slots_) wheel_.Cancel(&slot);
}

PhoneIdentity Fleet::IdentityOf(uint32_t index) const {
  const uint32_t offset = kPortStride * (index % options_.phones_per_address);
  return {.index = index,
          .imsi = subscribers_.Imsi(index),
          .address = Add(options_.first_address, index / options_.phones_per_address),
          .port_uc = static_cast<uint16_t>(options_.port_c + offset),
          .port_us = static_cast<uint16_t>(options_.port_s + offset),
          .port_uc_alternate = static_cast<uint16_t>(AlternatePort(options_) + offset)};
}

// Responses find their phone by the branch, requests by the user of their Request-URI.
void Fleet::OnDatagram(const reactor::Endpoint& local, const reactor::Endpoint& source,
                       sip::PaddedView bytes, uint64_t now_us, Outbox* outbox) {
  sip::Message message;
  const sip::ParseError error = sip::Parse(bytes, &message);
  if (error == sip::ParseError::kEmpty) return;
  if (error != sip::ParseError::kOk) {
    return violations_.Add("datagram", "not SIP: " + std::string(sip::Name(error)));
  }
  std::optional<uint32_t> index;
  if (message.is_request()) {
    sip::Uri uri;
    if (sip::DecodeUri(message.request_uri(), &uri) == sip::ParseError::kOk) {
      index = subscribers_.Find(uri.user);
    }
    if (!index) return violations_.Add(message.method_text(), "for nobody here");
  } else {
    sip::Via via;
    if (sip::DecodeTopVia(message, &via) != sip::ParseError::kOk) return;
    const std::optional<UeBranch> branch = ParseBranch(via.branch);
    if (!branch || branch->boot_id != options_.phone.boot_id) return;  // Of an earlier run.
    index = branch->phone;
  }
  if (*index >= slots_.size()) return;
  now_us_ = now_us;
  Slot& slot = slots_[*index];
  slot.phone.OnMessage(message, local, source, now_us, outbox);
  Rearm(&slot);
  Settle(now_us, outbox);
}

void Fleet::OnSasReady(uint32_t phone, bool ok, uint64_t now_us, Outbox* outbox) {
  now_us_ = now_us;
  if (ok) report_.sas_installed += 4;
  slots_[phone].phone.OnSasReady(ok, now_us, outbox);
  Rearm(&slots_[phone]);
  Settle(now_us, outbox);
}

void Fleet::Advance(uint64_t now_us, Outbox* outbox) {
  now_us_ = now_us;
  if (holds_end_) {
    for (Slot& slot : slots_) {
      if (slot.holding) EndHold(&slot);
    }
  }
  wheel_.Advance(now_us / kUsPerMs, [&](reactor::Timer* timer) {
    Slot* const slot = static_cast<Slot*>(timer);
    if (slot->holding && now_us >= slot->hold_until_us) EndHold(slot);
    slot->phone.Advance(now_us, outbox);
    Rearm(slot);
  });
  Settle(now_us, outbox);
}

uint64_t Fleet::next_us() const {
  const uint64_t next_ms = wheel_.NextExpiry();
  const uint64_t wheel_us = next_ms == reactor::TimerWheel::kNever ? kNeverUs : next_ms * kUsPerMs;
  const bool room = active_ < options_.in_flight;
  if (room && !ready_.empty()) return now_us_;
  return room ? std::min(wheel_us, NextStartUs()) : wheel_us;
}

uint64_t Fleet::NextStartUs() const {
  if (phones_started_ == report_.phones) return kNeverUs;
  if (options_.rate <= 0) return started_us_;
  const double wait_us = kUsPerSecond * phones_started_ / options_.rate;
  return started_us_ + static_cast<uint64_t>(wait_us);
}

// What ended leads to the next step; where there is room, others begin.
void Fleet::Settle(uint64_t now_us, Outbox* outbox) {
  do {
    while (!ended_.empty()) {
      const Ended ended = ended_.back();
      ended_.pop_back();
      Slot& slot = slots_[ended.phone];
      if (!ended.ok) {
        ++report_.failed;
        --active_;
        continue;
      }
      ++slot.step;
      TakeStep(&slot, now_us, outbox);
    }
    StartPhones(now_us, outbox);
  } while (!ended_.empty());
}

void Fleet::StartPhones(uint64_t now_us, Outbox* outbox) {
  while (active_ < options_.in_flight) {
    if (!ready_.empty()) {
      Slot& slot = slots_[ready_.front()];
      ready_.pop_front();
      ++active_;
      ++slot.step;
      TakeStep(&slot, now_us, outbox);
    } else if (NextStartUs() <= now_us) {
      ++active_;
      TakeStep(&slots_[phones_started_++], now_us, outbox);
    } else {
      return;
    }
  }
}

// The phone counts in active_; it leaves there when it holds or is through.
void Fleet::TakeStep(Slot* slot, uint64_t now_us, Outbox* outbox) {
  if (slot->step == options_.scenario.size()) {
    ++report_.finished;
    --active_;
    return;
  }
  const Step step = options_.scenario[slot->step];
  if (step == Step::kHold) {
    --active_;
    slot->holding = true;
    slot->hold_until_us = now_us + (holds_end_ ? 0 : options_.hold_ms * kUsPerMs);
  } else {
    slot->phone.Start(step, now_us, outbox);
  }
  Rearm(slot);
}

void Fleet::EndHold(Slot* slot) {
  slot->holding = false;
  ready_.push_back(slot->phone.identity().index);
}

void Fleet::Rearm(Slot* slot) {
  uint64_t next = slot->phone.next_us();
  if (slot->holding) next = std::min(next, slot->hold_until_us);
  if (next == kNeverUs) return wheel_.Cancel(slot);
  wheel_.Arm(slot, (next + kUsPerMs - 1) / kUsPerMs);
}

bool Fleet::InstallSas(const PhoneIdentity& identity, const UeAgreement& agreement) {
  ++report_.algorithms[Name(agreement.algorithms)];
  if (esp_ == nullptr) return true;
  esp_->Install(identity, agreement);
  return false;
}

void Fleet::RemoveSas(const PhoneIdentity& identity, const UeAgreement& agreement) {
  const UeFlow flow = ProtectedFlow(options_.phone, identity, agreement);
  hangups_.emplace_back(flow.local, flow.peer);
  hangups_.emplace_back(flow.reply_local, flow.reply_peer);
  if (esp_ != nullptr) esp_->Remove(identity, agreement);
}

void Fleet::OnStepEnd(Phone* phone, const StepResult& result) {
  const bool ok = result.failure == Failure::kNone;
  ended_.push_back({phone->identity().index, ok});
  if (!ok) {
    ++report_.failures[fmt::format("{}: {}{}{}", Name(result.step), Name(result.failure),
                                   result.detail.empty() ? "" : " ", result.detail)];
    return;
  }
  report_.latencies[static_cast<size_t>(result.step)].Add(result.duration_us);
  if (result.step != Step::kRegister) return;
  last_registration_us_ = now_us_;
  // A scenario may register more than once.
  const uint32_t step = slots_[phone->identity().index].step;
  const auto first = options_.scenario.begin();
  if (std::find(first, first + step, Step::kRegister) == first + step) ++report_.registered;
}

void Fleet::OnAnswered(Phone*, sip::Method method) {
  ++report_.answered[std::string(sip::Name(method))];
}

std::string Fleet::Progress(uint64_t now_us) const {
  return fmt::format(
      "{:>6.1f} s  {} of {} phones started, {} registered, {} busy, {} finished, "
      "{} failed",
      static_cast<double>(now_us - started_us_) / kUsPerSecond, phones_started_, report_.phones,
      report_.registered, active_, report_.finished, report_.failed);
}

FleetReport Fleet::Report(uint64_t now_us) const {
  FleetReport report = report_;
  report.violations = violations_.by_reason();
  report.duration_s = static_cast<double>(now_us - started_us_) / kUsPerSecond;
  const size_t registrations = report.latencies[static_cast<size_t>(Step::kRegister)].count();
  const uint64_t spent_us = std::max<uint64_t>(last_registration_us_ - started_us_, 1);
  report.registrations_per_second =
      registrations == 0
          ? 0
          : static_cast<double>(registrations) * kUsPerSecond / static_cast<double>(spent_us);
  return report;
}

std::string Fleet::Details() const {
  std::string text;
  for (const Slot& slot : slots_) {
    const UeAgreement* const set = slot.phone.registration().current();
    if (set == nullptr) continue;
    const PhoneIdentity& identity = slot.phone.identity();
    text += fmt::format(
        "phone={} imsi={} address={} port_uc={} port_us={} spi_uc={} spi_us={} port_pc={} "
        "port_ps={} spi_pc={} spi_ps={} algorithms={}\n",
        identity.index, identity.imsi, AddressText(identity.address), set->port_uc, set->port_us,
        set->spi_uc, set->spi_us, set->port_pc, set->port_ps, set->spi_pc, set->spi_ps,
        Name(set->algorithms));
  }
  return text;
}

}  // namespace tools
