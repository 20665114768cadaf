// SimRun: what must hold.

#include <fmt/format.h>

#include "tools/sim_run.h"
#include "tools/sim_run_parts.h"
#include "xfrm/batch.h"

namespace tools {
namespace {

// A set gives way that long before its end (edge::kDrainMs), and a promise ends before that.
constexpr uint64_t kPromiseSlackMs = 200'000;

}  // namespace

void SimRun::Violate(const std::string& what) {
  if (host_.is_dead() || !result_.violation.empty()) return;
  result_.violation = what;
  result_.at_ms = now_ms();
  result_.step = queue_.steps();
  Note([&] { return "VIOLATION: " + what; });
}

// No 200 before its commit, but where the disk fails: then as journal.on_failure says.
bool SimRun::CheckKept(const SimMessage& message) {
  const std::string& text = message.text;
  if (StatusOf(text) != 200 || !ValueOf(text, "CSeq").ends_with("REGISTER")) return false;
  const uint64_t granted_s = std::strtoull(ValueOf(text, "Expires").c_str(), nullptr, 10);
  if (granted_s == 0) return false;
  const std::string to = ValueOf(text, "To");
  const std::string impi = to.substr(5, to.find('>') - 5);  // <sip:IMPI>
  const edge::SaSet* const towards = process_->SetTowards(impi, message);
  const bool is_first = told_.insert(to + ValueOf(text, "CSeq")).second;
  if (towards == nullptr) return false;
  const uint64_t until_ms = host_.epoch_ms() + granted_s * 1000 - kSimFeltMs;
  const auto& registrations = host_.disk().registrations();
  for (const auto& [id, set] : host_.disk().sets()) {
    if (set.agreement.spis.client != towards->agreement.spis.client ||
        set.agreement.spi_us != towards->agreement.spi_us ||
        !reactor::SameAddress(set.agreement.ue, message.to)) {
      continue;
    }
    const auto found = registrations.find(set.registration);
    if (found == registrations.end() || found->second.until_ms < until_ms) continue;
    if (found->second.impi == impi) return true;
  }
  const bool is_strict = plan_.settings.journal.durability == edge::Durability::kStrict;
  const bool is_disk_bad =
      host_.disk_is_full || host_.disk_is_slow ||
      (host_.disk_fault_ms != 0 && now_ms() < host_.disk_fault_ms + kSimFeltMs);
  if (is_first && is_strict && !is_disk_bad) Violate("a 200 before its commit:\n" + text);
  return false;
}

void SimRun::CheckPromises() {
  if (process_ == nullptr || host_.is_dead()) return;
  for (const std::unique_ptr<SimPhone>& phone : phones_) {
    const std::optional<SimPromise>& promise = phone->promise();
    if (!promise || now_ms() + kPromiseSlackMs > promise->until_ms) continue;
    ++result_.promises_checked;
    if (process_->Serves(phone->impi(), EndpointOf(promise->client), EndpointOf(promise->server))) {
      continue;
    }
    return Violate(fmt::format("{} has got its 200 and is not registered with its set {} {}",
                               phone->impi(), promise->client, promise->server));
  }
}

// No number of an SA is used twice, or its phone takes what it is sent for a replay (DESIGN.md D4).
void SimRun::CheckNumbers(bool is_new_kernel) {
  std::map<std::pair<uint64_t, uint32_t>, uint32_t> numbers;
  for (const xfrm::SaInfo& sa : host_.kernel().Sas()) {
    if (sa.id.destination == edge::ToXfrm(plan_.settings.ipsec.sockets[0])) continue;
    xfrm::Batch batch;
    batch.Clear(1);
    batch.GetReplay(sa.id);
    std::vector<std::vector<std::byte>> answers;
    host_.kernel().Send(batch.Seal(), host_.epoch_ms() / 1000, &answers);
    for (const std::vector<std::byte>& answer : answers) {
      xfrm::ReplyReader reader(answer);
      for (xfrm::Reply reply; reader.Next(&reply);) {
        if (reply.kind == xfrm::ReplyKind::kReplay) {
          numbers[{sa.hard_packets, sa.id.spi}] = reply.replay.sent;
        }
      }
    }
  }
  for (const auto& [sa, sent] : numbers) {
    const auto before = numbers_.find(sa);
    const bool goes_back = before != numbers_.end() && sent <= before->second;
    const bool is_known = !numbers_in_doubt_ && !unnumbered_.contains(sa);
    if (is_new_kernel && goes_back && is_known) {
      Violate(fmt::format("an SA made again, {:x} {}, would repeat its numbers: {} after {}",
                          sa.first, sa.second, sent, before->second));
    }
  }
  numbers_ = std::move(numbers);
  // What could not be written down holds for one life only.
  numbers_in_doubt_ = numbers_in_doubt_ || host_.disk_is_full;
}

// The process that made these SAs again has gone before it could write down where they began
// (docs/simulator.md, "What is not promised").
void SimRun::LoseNumbers() {
  for (const xfrm::SaInfo& sa : host_.kernel().Sas()) {
    unnumbered_.insert({sa.hard_packets, sa.id.spi});
  }
  numbers_in_doubt_ = false;
}

// With a world that works again, and nobody who says anything more, all goes back to where it came
// from.
void SimRun::End() {
  is_ending_ = true;
  for (size_t fault = 0; fault < kSimFaults; ++fault) SetFault(static_cast<SimFault>(fault), false);
  const uint64_t end_ms = now_ms() + 4 * kSimHourMs;
  while (result_.violation.empty() && queue_.Step(end_ms)) {
  }
  if (!result_.violation.empty() || process_ == nullptr) return;
  process_->Scan();
  if (host_.kernel().sa_count() != 0) Violate("SAs are left at the end");
  for (const std::unique_ptr<SimWorker>& worker : process_->workers()) {
    edge::Core& core = worker->core();
    const bool is_empty = core.registrar().sets().in_use() == 0 &&
                          core.registrar().bindings().in_use() == 0 && core.transactions() == 0 &&
                          core.registers_under_way() == 0 &&
                          core.reg_events().subscriptions().in_use() == 0;
    if (!is_empty) Violate("sets, bindings, transactions or subscriptions are left at the end");
  }
  const edge::JournalContents contents = host_.disk().Contents();
  if (!contents.registrations.empty() || !contents.sets.empty()) {
    Violate("records are left at the end");
  }
}

}  // namespace tools
