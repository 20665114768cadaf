#include "tools/sim_worker.h"

#include "edge/limits.h"
#include "edge/worker.h"
#include "edge/worker_settings.h"

namespace tools {
namespace {

using edge::Side;

constexpr uint64_t kLateAnswerMsMax = 4'000;

}  // namespace

std::string SpiLedger::Take(uint32_t spi, uint64_t now_ms) {
  const auto [found, is_new] = given_.try_emplace(spi);
  const Entry before = found->second;
  found->second = {true, now_ms};
  if (is_new) return "";
  if (before.is_taken) return "an SPI is given out that the kernel may still have";
  const bool has_rested = now_ms >= before.since_ms + quarantine_ms_;
  return has_rested ? "" : "an SPI is given out within its quarantine";
}

SimWorker::SimWorker(const edge::Settings& all, size_t index, const Parts& parts)
    : settings_(edge::SettingsOf(all, index)),
      index_(index),
      host_(*parts.host),
      home_(*parts.home),
      ledger_(*parts.ledger),
      chance_(*parts.chance),
      records_(parts.journal->client(index)),
      now_ms_(host_.mono_ms()),
      ports_(edge::PortsOf(settings_)),
      core_(settings_, ports_, parts.spis, parts.random, now_ms_, parts.phones),
      queue_(this, this, settings_.ipsec.reqid, &core_.stats()),
      watch_(this, this),
      heard_(&core_) {
  records_->Attach(&core_.stats());
  core_.Restore(parts.journal->TakePhones(index), now_ms_, host_.epoch_ms(),
                parts.journal->first_id(index), edge::Journal::kIdStep);
  core_.registrar().sets().ForEach([&](edge::SaSet* set) {
    static_cast<void>(ledger_.Take(set->agreement.spis.client, now_ms_));
  });
}

edge::PortIndex SimWorker::PortAt(const reactor::Endpoint& local) const {
  for (size_t i = 0; i < ports_.size(); ++i) {
    if (ports_[i].local == local) return static_cast<edge::PortIndex>(i);
  }
  return kNoPort;
}

void SimWorker::Turn() {
  now_ms_ = host_.mono_ms();
  TakeAnswers();
  core_.SetJournalFails(records_->is_failing());
  records_->Take(now_ms_, [this](const edge::JournalTicket& ticket, bool is_kept) {
    core_.OnJournalled(ticket, is_kept, now_ms_, this);
  });
  TakeMessages();
  for (const edge::Letter& letter : std::exchange(letters_, {})) {
    core_.OnLetter(letter, now_ms_, this);
  }
  core_.OnTime(now_ms_, this, edge::kTimerWorkPerTurn);
  watch_.OnTime(now_ms_);
  queue_.OnTime(now_ms_);
  // The journal has a thread: it may be done before anything else leaves, or long after.
  const bool records_first = chance_.Percent(30);
  if (records_first) FlushToJournal();
  FlushSends();
  watch_.Flush(now_ms_);
  queue_.Flush(now_ms_);
  FlushSends();  // What found no room with the kernel is told at once.
  if (!records_first) FlushToJournal();
  heard_.Forget();
}

uint64_t SimWorker::NextExpiry() const {
  const uint64_t answer_ms = answers_.empty() ? UINT64_MAX : answers_.front().due_ms;
  return std::min({core_.NextExpiry(), queue_.NextExpiry(), watch_.NextExpiry(),
                   records_->NextExpiry(), answer_ms});
}

void SimWorker::TakeAnswers() {
  while (!answers_.empty() && answers_.front().due_ms <= now_ms_) {
    const std::vector<std::byte> bytes = std::move(answers_.front().bytes);
    answers_.pop_front();
    watch_.OnReply(bytes);
    queue_.OnReply(bytes);
  }
}

void SimWorker::TakeMessages() {
  for (SimMessage& message : std::exchange(inbox_, {})) {
    const edge::Flow flow{PortAt(message.to), message.from};
    const size_t size = message.text.size();
    const size_t sent_before = sends_.size();
    heard_.Before(flow, message.text);
    std::string padded = message.text;
    padded.append(sip::kPaddingSize, '\xff');
    core_.OnMessage(flow, sip::PaddedView::Promise({padded.data(), size}), now_ms_, this);
    Violation(heard_.After(message.text));
    if (ports_[flow.port].side != Side::kProtected || StatusOf(message.text) != 0) continue;
    for (size_t i = sent_before; i < sends_.size(); ++i) {
      if (sends_[i].first != Side::kCore) continue;
      Violation(heard_.Forwarded(message.text, sends_[i].second.text));
    }
  }
}

void SimWorker::Send(const edge::Flow& to, std::span<const std::string_view> pieces) {
  const Side side = ports_[to.port].side;
  SimMessage message{ports_[to.port].local, to.remote, {}};
  for (const std::string_view piece : pieces) message.text += piece;
  Violation(CheckSend(&core_, side, to, message.text));
  sends_.emplace_back(side, std::move(message));
}

void SimWorker::FlushSends() {
  for (const auto& [side, message] : std::exchange(sends_, {})) {
    if (host_.Effect()) home_.OnSent(message, side);
  }
}

void SimWorker::FlushToJournal() {
  if (!core_.records()->empty()) home_.OnRecords();
  records_->Flush(core_.records(), now_ms_, host_.epoch_ms());
}

void SimWorker::Install(edge::SetId set, std::span<const xfrm::Sa> sas) {
  const xfrm::SpiPair spis = core_.registrar().FindSet(set)->agreement.spis;
  Violation(ledger_.Take(spis.client, now_ms_));
  queue_.Install(set, sas);
}

void SimWorker::OnDeleted(edge::SetId set) {
  if (const edge::SaSet* gone = core_.registrar().FindSet(set); gone != nullptr) {
    ledger_.Give(gone->agreement.spis.client, now_ms_);
  }
  core_.OnDeleted(set, now_ms_, this);
}

bool SimWorker::Send(std::span<const std::byte> batch) {
  if (!host_.Effect()) return true;
  std::vector<std::vector<std::byte>> answers;
  host_.kernel().Send(batch, host_.epoch_ms() / 1000, &answers);
  if (host_.kernel_is_silent && chance_.Percent(50)) return true;
  uint64_t due_ms = now_ms_;
  if (host_.kernel_is_late) due_ms += chance_.Below(kLateAnswerMsMax);
  if (!answers_.empty()) due_ms = std::max(due_ms, answers_.back().due_ms);
  for (std::vector<std::byte>& answer : answers) answers_.push_back({due_ms, std::move(answer)});
  return true;
}

}  // namespace tools
