#include "tools/sim_run.h"

#include <fmt/format.h>

#include <cstring>

#include "tools/respond.h"
#include "tools/sim_run_parts.h"

namespace tools {

using edge::Side;

SimRun::SimRun(const SimPlan& plan, std::vector<std::string>* trace)
    : plan_(plan),
      trace_(trace),
      chance_(plan.seed * 7919 + 17),
      host_(&queue_),
      core_(&chance_, {.wrong = plan.weight(SimFault::kCoreWrong),
                       .granted_min = kSimGrantedMinS,
                       .granted_spread = 7'000,
                       .remembers = true}) {}

SimRun::~SimRun() = default;

SimResult SimRun::Run() {
  SimPhoneWorld* const world = this;
  for (uint32_t i = 0; i < plan_.phones; ++i) {
    phones_.push_back(std::make_unique<SimPhone>(i, plan_, world));
    if (plan_.phones_out.contains(i)) continue;
    queue_.After(chance_.Below(kSimHourMs), [phone = phones_.back().get()] { phone->Begin(); });
  }
  StirAll();
  Start();
  while (result_.violation.empty() && queue_.Step(plan_.end_ms)) {
  }
  if (result_.violation.empty()) End();
  if (process_ != nullptr) AddStats();
  if (result_.violation.empty()) result_.step = queue_.steps();
  return result_;
}

// --- The network ---

std::string SimRun::NewAddress(uint32_t phone) {
  const std::string parity = phone % 2 == 0 ? "a" : "b";
  std::erase_if(addresses_, [&](const auto& entry) { return entry.second == phone; });
  for (;;) {
    // So few that addresses are given to others again and again.
    const std::string address =
        fmt::format("198.51.{}.{}", 100 + plan_.phones / 200, 1 + chance_.Below(plan_.phones));
    const bool is_free = addresses_.try_emplace(address + parity, phone).second;
    if (is_free) return address;
  }
}

void SimRun::Launch(uint32_t link, std::function<void()> arrive) {
  const auto happens = [this](SimFault fault, uint64_t permille) {
    return chance_.Below(1000) < permille * plan_.weight(fault);
  };
  if (is_ending_ || link == cut_link_ || happens(SimFault::kLoss, 20)) return;
  const int copies = happens(SimFault::kDuplicate, 20) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    uint64_t delay_ms = 1 + chance_.Below(60);
    if (happens(SimFault::kDelay, 20)) delay_ms += chance_.Below(5'000);
    if (i + 1 < copies) {
      queue_.After(delay_ms, arrive);
    } else {
      queue_.After(delay_ms, std::move(arrive));
    }
  }
}

// The phone's that is at that address, or the first one's.
uint32_t SimRun::LinkOf(const std::string& address) const {
  for (uint32_t i = 0; i < phones_.size(); ++i) {
    if (phones_[i]->IsAt(address)) return i;
  }
  return 0;
}

bool SimRun::IsKernelBad() const {
  return host_.kernel_refuses || host_.kernel_is_late || host_.kernel_is_silent ||
         (host_.kernel_fault_ms != 0 && now_ms() < host_.kernel_fault_ms + kSimFeltMs);
}

void SimRun::OnSaid(const std::string& from, const std::string& to, const std::string& text,
                    uint32_t spi) {
  const uint32_t link = LinkOf(from);
  Note([&] {
    return fmt::format("phone {} at {} says to {}: {}", link, from, to, FirstLine(text));
  });
  if (IsKernelBad() && text.starts_with("REGISTER")) phones_[link]->LosePromise();
  const SimMessage message{EndpointOf(from), EndpointOf(to), text};
  Launch(link, [this, message, spi] { ToEdge(message, spi); });
}

// The kernel lets nothing into a protected port but through an SA (design D1).
void SimRun::ToEdge(const SimMessage& message, uint32_t spi) {
  Tick();
  if (spi != 0) {
    const xfrm::SaId id{edge::ToXfrm(message.to), spi};
    if (!host_.kernel().CountPacket(id, message.text.size(), host_.epoch_ms() / 1000)) return;
  }
  if (process_ == nullptr || !process_->Receive(message)) return;
  Note(
      [&] { return fmt::format("  in from {}: {}", Text(message.from), FirstLine(message.text)); });
  ScheduleTurn(now_ms());
}

void SimRun::OnSent(const SimMessage& message, Side side) {
  Digest(message.text);
  Note([&] {
    return fmt::format("  out {} to {}: {}", Text(message.from), Text(message.to),
                       FirstLine(message.text));
  });
  if (side == Side::kCore) {
    return Launch(kSimCoreLink, [this, message] { ToCore(message); });
  }
  uint32_t spi = 0;
  if (side == Side::kProtected) {
    const xfrm::Selector flow{edge::ToXfrm(message.from), edge::ToXfrm(message.to),
                              message.from.port(), message.to.port()};
    const std::optional<xfrm::SaId> carrier =
        host_.kernel().CarrierOf(flow, plan_.settings.ipsec.reqid);
    if (!carrier) return;
    static_cast<void>(
        host_.kernel().CountPacket(*carrier, message.text.size(), host_.epoch_ms() / 1000));
    spi = carrier->spi;
  }
  const bool is_kept = CheckKept(message);
  Launch(LinkOf(Text(message.to)),
         [this, message, spi, is_kept] { ToPhone(message, spi, is_kept && !IsKernelBad()); });
}

void SimRun::ToPhone(const SimMessage& message, uint32_t spi, bool is_kept) {
  const std::string to = Text(message.to);
  for (const std::unique_ptr<SimPhone>& phone : phones_) {
    if (!phone->IsAt(to)) continue;
    return phone->Hear(Text(message.from), to, message.text, spi, is_kept);
  }
}

void SimRun::ToCore(const SimMessage& message) {
  if (core_is_silent_) return;
  const std::string answer = core_.Hear(message.text);
  if (answer.empty()) return;
  Note([&] { return "core answers " + FirstLine(answer); });
  const SimMessage back{message.to, message.from, answer};
  queue_.After(core_is_slow_ ? chance_.Below(20'000) : 0,
               [this, back] { Launch(kSimCoreLink, [this, back] { ToEdge(back, 0); }); });
}

std::string SimRun::Clock() const {
  const uint64_t ms = now_ms();
  return fmt::format("{:02}:{:02}:{:02}.{:03} ", ms / kSimHourMs, ms / kSimMinuteMs % 60,
                     ms / 1000 % 60, ms % 1000);
}

// FNV-1a, eight bytes at a time.
void SimRun::Digest(const std::string& text) {
  uint64_t hash = result_.digest ^ now_ms();
  for (size_t i = 0; i + 8 <= text.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + i, 8);
    hash = (hash ^ word) * 0x100000001b3;
  }
  result_.digest = hash;
}

}  // namespace tools
