// SimRun: who does something of his own accord, and what goes wrong.

#include <fmt/format.h>

#include "tools/sim_run.h"
#include "tools/sim_run_parts.h"

namespace tools {

// Somebody who does something again and again.
struct SimStir {
  void (SimRun::*deed)(uint32_t, Chance*);
  uint32_t who;
  uint64_t id;
  uint64_t mean_ms;
  Chance gaps;
  uint32_t count = 0;
};

void SimRun::StirAll() {
  for (uint32_t i = 0; i < plan_.phones; ++i) {
    if (!plan_.phones_out.contains(i)) Stir(&SimRun::PhoneActs, i, 5 * kSimMinuteMs);
  }
  Stir(&SimRun::CoreCalls, 0, kSimMinuteMs);
  const auto stir_fault = [this](SimFault fault, Deed deed, uint64_t mean_ms) {
    const uint32_t weight = plan_.weight(fault);
    if (weight > 0) Stir(deed, static_cast<uint32_t>(fault), mean_ms / weight);
  };
  stir_fault(SimFault::kHostile, &SimRun::HostileActs, 4 * kSimMinuteMs);
  stir_fault(SimFault::kPartition, &SimRun::FaultComes, kSimHourMs);
  stir_fault(SimFault::kCoreSilent, &SimRun::FaultComes, kSimHourMs);
  stir_fault(SimFault::kKernelRefuses, &SimRun::FaultComes, kSimHourMs);
  stir_fault(SimFault::kKernelSilent, &SimRun::FaultComes, kSimHourMs);
  stir_fault(SimFault::kDiskSlow, &SimRun::FaultComes, kSimHourMs);
  stir_fault(SimFault::kDiskFull, &SimRun::FaultComes, 2 * kSimHourMs);
  stir_fault(SimFault::kCrash, &SimRun::Crash, kSimHourMs);
  stir_fault(SimFault::kPowerLoss, &SimRun::LosePower, 4 * kSimHourMs);
}

void SimRun::Stir(Deed deed, uint32_t who, uint64_t mean_ms) {
  // Who it is does not depend on who else is there: a shrunk run does the same without the others.
  const uint64_t kind = deed == &SimRun::PhoneActs     ? 1
                        : deed == &SimRun::CoreCalls   ? 2
                        : deed == &SimRun::HostileActs ? 3
                                                       : 4;
  const uint64_t id = kind << 16 | who;
  StirNext(std::make_shared<SimStir>(
      SimStir{deed, who, id, mean_ms, Chance(plan_.seed * 104'729 + id)}));
}

void SimRun::StirNext(std::shared_ptr<SimStir> stir) {
  queue_.After(stir->gaps.Below(2 * stir->mean_ms), [this, stir] {
    const uint64_t stimulus = stir->id << 32 | stir->count++;
    if (!is_ending_ && !plan_.stimuli_out.contains(stimulus)) {
      Chance chance(plan_.seed * 15'485'863 + stimulus);
      stimuli_.push_back(stimulus);
      (this->*stir->deed)(stir->who, &chance);
    }
    if (!is_ending_) StirNext(stir);
  });
}

void SimRun::PhoneActs(uint32_t phone, Chance* chance) {
  Note([&] { return fmt::format("phone {} acts", phone); });
  phones_[phone]->Act(chance);
}

void SimRun::CoreCalls(uint32_t, Chance* chance) {
  const CoreRequest request = chance->Percent(80) ? core_.CallPhone() : core_.TellPhone();
  if (request.text.empty()) return;
  Note([&] { return "core sends " + FirstLine(request.text); });
  for (const std::unique_ptr<SimPhone>& phone : phones_) {
    if (request.ends.empty() || request.ends != "sip:" + phone->impi()) continue;
    phone->LosePromise(2 * kSimMinuteMs);
  }
  const SimMessage message{EndpointOf(std::string(kSimNextHop)), EndpointOf(request.to),
                           request.text};
  Launch(kSimCoreLink, [this, message] { ToEdge(message, 0); });
}

// In the name and from the address of a phone, by who has no keys.
void SimRun::HostileActs(uint32_t, Chance* chance) {
  const SimPhone& victim = *phones_[chance->Below(phones_.size())];
  PlainPhone forged = victim.texts();
  forged.cseq = static_cast<int>(chance->Below(1'000'000));
  const std::string call = "Call-ID: forged-" + std::to_string(chance->Below(1'000'000)) + "-";
  int count = 1;
  std::string garbage;
  switch (chance->Below(4)) {
    case 0:  // The phone itself, with other SPIs.
      forged.spi_uc = 3'000'000'000 + static_cast<uint32_t>(chance->Below(1'000'000));
      forged.spi_us = forged.spi_uc + 1;
      break;
    case 1:  // Somebody else at its address and port.
      forged.imsi = "90" + forged.imsi;
      break;
    case 2:  // Many.
      forged.spi_uc = 3'100'000'000;
      forged.spi_us = 3'100'000'001;
      count = 30;
      break;
    default:
      garbage = "REGISTER sip:x SIP/2.0\r\nVia: x\r\n\r\n";
  }
  for (int i = 0; i < count; ++i) {
    if (count > 1) forged.imsi = "91" + std::to_string(1'000 + i);
    std::string text = garbage;
    if (text.empty()) text = Replaced(forged.Initial(), "Call-ID: call-", call);
    OnSaid(forged.Clear(), forged.Gm(), text, 0);
  }
}

void SimRun::FaultComes(uint32_t which, Chance* chance) {
  const auto fault = static_cast<SimFault>(which);
  uint64_t lasts_ms = 5'000 + chance->Below(60'000);
  if (chance->Percent(20)) lasts_ms *= 10;
  if (fault == SimFault::kKernelRefuses || fault == SimFault::kKernelSilent) KernelFails();
  if (fault == SimFault::kPartition) {
    cut_link_ =
        chance->Percent(50) ? kSimCoreLink : static_cast<uint32_t>(chance->Below(phones_.size()));
  } else if (fault == SimFault::kCoreSilent) {
    core_is_slow_ = chance->Percent(50);
    core_is_silent_ = !core_is_slow_;
  } else if (fault == SimFault::kKernelSilent) {
    host_.kernel_is_late = chance->Percent(50);
    host_.kernel_is_silent = !host_.kernel_is_late;
  } else {
    SetFault(fault, true);
  }
  Note([&] { return fmt::format("{} for {} ms", Name(fault), lasts_ms); });
  queue_.After(lasts_ms, [this, fault] { SetFault(fault, false); });
}

// A kernel that does not take the longer lifetime ends the set of who asks for it (events 9, 19).
void SimRun::KernelFails() {
  for (const std::unique_ptr<SimPhone>& phone : phones_) {
    const bool is_busy = phone->promise() && phone->promise()->asked_ms + kSimFeltMs > now_ms();
    if (is_busy) phone->LosePromise();
  }
}

// What a fault still does after its end is felt for a while.
void SimRun::SetFault(SimFault fault, bool is_on) {
  if (!is_on) Note([&] { return fmt::format("end of {}", Name(fault)); });
  switch (fault) {
    case SimFault::kPartition:
      cut_link_ = UINT32_MAX;
      return;
    case SimFault::kCoreSilent:
      core_is_silent_ = core_is_slow_ = false;
      return;
    case SimFault::kKernelSilent:
      host_.kernel_is_late = host_.kernel_is_silent = false;
      host_.kernel_fault_ms = now_ms();
      return;
    case SimFault::kKernelRefuses:
      host_.kernel_refuses = is_on;
      host_.kernel_fault_ms = now_ms();
      host_.kernel().SetFault(nullptr);
      if (!is_on) return;
      host_.kernel().SetFault([this](uint16_t, int) {
        static constexpr std::errc kErrors[] = {std::errc::operation_not_permitted,
                                                std::errc::file_exists,
                                                std::errc::not_enough_memory};
        const uint64_t drawn = chance_.Below(5 * std::size(kErrors));
        return drawn < std::size(kErrors) ? kErrors[drawn] : std::errc{};
      });
      return;
    case SimFault::kDiskSlow:
      host_.disk_is_slow = is_on;
      host_.disk_fault_ms = now_ms();
      return;
    case SimFault::kDiskFull:
      host_.disk_is_full = is_on;
      host_.disk_fault_ms = now_ms();
      return;
    default:
      return;
  }
}

void SimRun::Crash(uint32_t, Chance* chance) {
  if (process_ == nullptr) return;
  const auto effects = static_cast<uint32_t>(1 + chance->Below(16));
  Note([&] { return fmt::format("the process is to die instead of its effect {}", effects); });
  host_.KillAfter(effects);
  queue_.After(3'000, [this, life = life_] {
    if (life != life_ || process_ == nullptr) return;
    host_.Kill();
    OnDeath();
  });
}

void SimRun::LosePower(uint32_t, Chance*) {
  ++result_.power_losses;
  CheckNumbers(false);
  if (numbers_in_doubt_) LoseNumbers();
  Note([&] { return std::string("power is lost"); });
  lost_power_ = true;
  host_.Boot();
  SetFault(SimFault::kKernelRefuses, host_.kernel_refuses);
  if (process_ == nullptr) return;
  host_.Kill();
  OnDeath();
}

}  // namespace tools
