#include "edge/worker.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "edge/clock.h"
#include "edge/limits.h"
#include "edge/reload.h"
#include "edge/worker_settings.h"

namespace edge {
namespace {

constexpr uint64_t kDrainMaxMs = 5'000;
constexpr uint64_t kOverloadLogMs = 10'000;

}  // namespace

Worker::Worker(const Settings& all, size_t index, Kernel* kernel, xfrm::SpiPool* spis,
               Random* random, Exchange* exchange, Journal* journal)
    : settings_(SettingsOf(all, index)),
      index_(index),
      exchange_(exchange),
      journal_(journal),
      kernel_(kernel),
      ports_(PortsOf(settings_)),
      now_ms_(NowMs()),
      core_(settings_, ports_, spis, random, now_ms_, &exchange->phones()),
      queue_(kernel, this, settings_.ipsec.reqid, &core_.stats()),
      watch_(kernel, this),
      monitor_([kernel](xfrm::KernelCounters* counters) { return kernel->ReadCounters(counters); }),
      log_(&ports_),
      connections_(settings_, &ports_, &core_.stats(), this),
      resolver_(settings_.core, this) {}

// After Run() all is closed. Where Open() failed the ring goes first: then nothing is under way.
Worker::~Worker() {
  if (!sockets_.empty()) reactor_.reset();
  sockets_.clear();
}

bool Worker::Open(std::string* error) {
  reactor_ = reactor::Reactor::Create({}, error);
  if (reactor_ == nullptr) return false;
  buffers_ = reactor::BufferRing::Create(reactor_.get(), kReceiveBuffers, error);
  if (buffers_ == nullptr) return false;
  stranger_buffers_ = reactor::BufferRing::Create(reactor_.get(), kStrangerBuffers, error);
  stream_buffers_ = reactor::BufferRing::Create(reactor_.get(), kStrangerStreamBuffers, error);
  if (stranger_buffers_ == nullptr || stream_buffers_ == nullptr) return false;
  sends_ = std::make_unique<reactor::SendPool>(reactor::SendPoolOptions{});
  stranger_sends_ =
      std::make_unique<reactor::SendPool>(reactor::SendPoolOptions{.slots = kStrangerSends});
  if (!resolver_.Open(reactor_.get(), error)) return false;
  if (!exchange_->Open(index_, reactor_.get(), this, error)) return false;
  if (!kernel_->Attach(reactor_.get(), this, error)) return false;
  if (journal_ != nullptr) {
    records_ = journal_->client(index_);
    records_->Attach(&core_.stats());
  }
  if (rest_.is_heir()) return rest_.Restore(error);
  if (journal_ != nullptr) {
    now_ms_ = NowMs();
    const std::vector<RestoredPhone> phones = journal_->TakePhones(index_);
    core_.Restore(phones, now_ms_, EpochMs(), journal_->first_id(index_), Journal::kIdStep);
    if (!phones.empty()) {
      spdlog::info("worker {}: {} phones entered in {} ms", index_, phones.size(),
                   NowMs() - now_ms_);
    }
    core_.registrar().sets().ForEach([this](const SaSet* set) {
      queue_.policies().Need(set->id, set->agreement, settings_.ipsec.reqid);
    });
  }
  return OpenPorts(error);
}

void Worker::Run() {
  rest_.Serve();
  while (exchange_->stop_requests() == 0) {
    Turn(-1);
    if (exchange_->rest().asked() != Rest::Phase::kServe && !rest_.Stay()) return End();
  }
  Drain();
  End();
}

void Worker::Turn(int64_t wait_max_us) {
  now_ms_ = NowMs();
  connections_.OnTime(now_ms_);
  // Messages and kernel answers in; decisions taken.
  const bool is_full = reactor_->Dispatch() == reactor::Reactor::kDispatchMax;
  kernel_->Deliver();
  TakeFromJournal();
  ServeStrangers(is_full);
  resolver_.OnTime();
  core_.OnTime(now_ms_, this, kTimerWorkPerTurn);
  monitor_.OnTime(now_ms_);
  FlushToKernel();
  FlushToJournal();
  exchange_->Flush(index_, reactor_.get());
  NoteTraffic();
  NoteOverload();
  // A call whose ring this turn has answered would not end the wait.
  const int64_t wait_us = wait_max_us < 0 && exchange_->IsCalled() ? 0 : WaitUs();
  const bool is_longer = wait_us < 0 || wait_us > wait_max_us;
  reactor_->SubmitAndWait(wait_max_us >= 0 && is_longer ? wait_max_us : wait_us);
}

void Worker::NoteTraffic() {
  const Stats& stats = core_.stats();
  const uint64_t relayed = stats.sent - stats.responses_made;
  if (relayed == relayed_) return;
  relayed_ = relayed;
  relayed_ms_ = now_ms_;
}

// What came in at the unprotected ports, after all else of the turn: phones and the core wait for a
// few strangers at most, however many there are.
void Worker::ServeStrangers(bool is_full_turn) {
  size_t count =
      is_full_turn ? kStrangersPerFullTurn : kStrangersPerTurn[size_t(overload_.level())];
  for (; count > 0 && !strangers_.empty(); --count) {
    Stranger stranger = strangers_.Pop();
    lease_ = std::move(stranger.lease);
    core_.OnMessage(stranger.flow, stranger.text, now_ms_, this);
    lease_ = {};
  }
}

void Worker::NoteOverload() {
  const bool was_well = overload_.level() == Overload::Level::kNone;
  if (overload_.OnTurn(now_ms_, strangers_.size(), queue_.waiting())) {
    core_.SetOverload(overload_.level());
    if (was_well) ++core_.stats().overloads;
    if (was_well && now_ms_ >= overload_log_ms_) {
      overload_log_ms_ = now_ms_ + kOverloadLogMs;
      spdlog::warn("overload: {}", Name(overload_.level()));
    }
  }
  if (now_ms_ >= drops_read_ms_ + kDropsMs) NoteDrops();
}

void Worker::NoteDrops() {
  drops_read_ms_ = now_ms_;
  Stats& stats = core_.stats();
  stats.drop_socket_full = stats.receive_no_buffers = 0;
  for (const auto& socket : sockets_) {
    socket->ReadDrops();
    stats.drop_socket_full += socket->counters().dropped_by_kernel;
    stats.receive_no_buffers += socket->counters().receive_no_buffers;
  }
}

// One batch carries the whole turn's SAs; before it goes what is to be looked at.
void Worker::FlushToKernel() {
  watch_.OnTime(now_ms_);
  watch_.Flush(now_ms_);
  queue_.OnTime(now_ms_);
  queue_.Flush(now_ms_);
}

void Worker::TakeFromJournal() {
  if (records_ == nullptr) return;
  core_.SetJournalFails(records_->is_failing());
  records_->Take(now_ms_, [this](const JournalTicket& ticket, bool is_kept) {
    core_.OnJournalled(ticket, is_kept, now_ms_, this);
  });
}

// One batch has all that the turn wants kept.
void Worker::FlushToJournal() {
  if (records_ != nullptr) records_->Flush(core_.records(), now_ms_, EpochMs());
}

int64_t Worker::WaitUs() const {
  if (kernel_->has_answers() || !strangers_.empty()) return 0;
  const uint64_t next = std::min({core_.NextExpiry(), queue_.NextExpiry(), watch_.NextExpiry(),
                                  connections_.NextExpiry(), overload_.NextExpiry(),
                                  records_ != nullptr ? records_->NextExpiry() : UINT64_MAX});
  const int64_t dns_us = resolver_.WaitMs() < 0 ? -1 : resolver_.WaitMs() * 1000;
  if (next == reactor::TimerWheel::kNever) return dns_us;
  const int64_t wait_us = next <= now_ms_ ? 0 : static_cast<int64_t>(next - now_ms_) * 1000;
  return dns_us < 0 ? wait_us : std::min(wait_us, dns_us);
}

// Phones that come now are told to come later. What is under way may end, of all workers: a phone's
// next message may be another's.
void Worker::Drain() {
  constexpr int64_t kStepUs = 10'000;  // How often the others are looked at.
  core_.Drain();
  const uint64_t deadline_ms = NowMs() + uint64_t{settings_.process.drain_s} * 1000;
  const auto is_ready = [&] {
    return exchange_->stop_requests() > 1 || now_ms_ >= deadline_ms || IsQuiet();
  };
  while (!exchange_->MayLeave(index_, is_ready())) Turn(kStepUs);
  exchange_->Leave();
}

// REGISTERs are known; of other requests there is no memory, so they are taken for answered when
// for a while nothing was relayed.
bool Worker::IsQuiet() const {
  return core_.registers_under_way() == 0 && now_ms_ - relayed_ms_ >= kQuietMs;
}

// In order: no new messages; what waits for the kernel and the journal gets its answer; the SAs go,
// but for those that the journal has, which the next run takes over; the sockets close while the
// policies still guard the ports.
void Worker::End() {
  stopping_ = true;
  strangers_.Clear();
  NoteDrops();
  uint64_t deadline_ms = NowMs() + kDrainMaxMs;
  const auto turn_until = [&](auto done) {
    while (!done() && NowMs() < deadline_ms) {
      now_ms_ = NowMs();
      connections_.OnTime(now_ms_);
      reactor_->Dispatch();
      kernel_->Deliver();
      TakeFromJournal();
      FlushToKernel();
      FlushToJournal();
      if (!done()) reactor_->SubmitAndWait(kernel_->has_answers() ? 0 : 10'000);
    }
  };
  turn_until([&] { return queue_.idle() && exchange_->all_left(); });
  if (records_ == nullptr && !rest_.has_left()) core_.DeleteAll(now_ms_, this);
  const auto is_written = [&] { return records_ == nullptr || records_->idle(); };
  turn_until([&] { return queue_.idle() && sends_->in_flight() == 0 && is_written(); });
  if (!is_written()) spdlog::error("the journal has not taken all records within 5 s");
  if (!queue_.idle()) {
    spdlog::warn(
        "the kernel did not delete all SAs within {} s: they end by themselves, or with the "
        "next start",
        kDrainMaxMs / 1000);
  }
  core_.stats().send_failed += SendErrors();
  if (rest_.has_left()) turn_until([&] { return connections_.empty(); });
  for (const auto& socket : sockets_) socket->Close();
  connections_.Close();
  resolver_.Close();
  kernel_->Detach();
  exchange_->Close(index_);
  // Whatever the deletions took: nothing may be open.
  deadline_ms = NowMs() + kDrainMaxMs;
  turn_until([&] { return Settled(); });
  sockets_.clear();
}

bool Worker::Settled() const {
  return std::all_of(sockets_.begin(), sockets_.end(),
                     [](const auto& socket) { return socket->closed(); }) &&
         connections_.closed() && resolver_.closed() && kernel_->detached() &&
         exchange_->closed(index_);
}

uint64_t Worker::SendErrors() const {
  uint64_t errors = 0;
  for (const auto& socket : sockets_) errors += socket->counters().send_errors;
  return errors;
}

void Worker::OnDatagram(reactor::DatagramPort& port, const reactor::Datagram& datagram,
                        reactor::BufferLease lease) {
  if (stopping_) return;
  if (datagram.truncated) return core_.OnTruncated();
  const Flow flow{static_cast<PortIndex>(port.tag()), datagram.from};
  const sip::PaddedView text = sip::PaddedView::Promise(datagram.payload);
  if (ports_[flow.port].side == Side::kGm) {
    if (!strangers_.Push({flow, text, std::move(lease)})) ++core_.stats().drop_overload;
    return;
  }
  lease_ = std::move(lease);
  core_.OnMessage(flow, text, now_ms_, this);
  lease_ = {};
}

void Worker::OnStreamMessage(const Flow& flow, sip::PaddedView text, reactor::BufferLease lease) {
  if (stopping_) return;
  lease_ = std::move(lease);
  core_.OnMessage(flow, text, now_ms_, this);
  lease_ = {};
}

void Worker::SendOverUdp(const Flow& to, std::string_view text) {
  if (!sockets_[to.port]->Send(to.remote, {&text, 1}, {})) ++core_.stats().send_failed;
}

void Worker::Send(const Flow& to, std::span<const std::string_view> pieces) {
  if (to.transport == Transport::kTcp) return connections_.Send(to, pieces, lease_);
  if (!sockets_[to.port]->Send(to.remote, pieces, lease_)) ++core_.stats().send_failed;
}

// Which SAs a device takes part in is between the worker and the kernel; the core knows nothing of
// it.
std::span<const xfrm::Sa> Worker::Offloaded(std::span<const xfrm::Sa> sas, SaArray* copies) const {
  std::copy(sas.begin(), sas.end(), copies->begin());
  const std::span<xfrm::Sa> made(copies->data(), sas.size());
  for (xfrm::Sa& sa : made) {
    if (!sa.tunnel) sa.offload = kernel_->offload().For(sa.keys->algorithms(), now_ms_);
  }
  return made;
}

void Worker::Install(SetId set, std::span<const xfrm::Sa> sas) {
  SaArray copies;
  queue_.Install(set, Offloaded(sas, &copies));
}

void Worker::Extend(SetId set, std::span<const xfrm::Sa> sas, std::span<const xfrm::Sa> added) {
  SaArray copies;
  queue_.Extend(set, sas, Offloaded(added, &copies));
}

// The attempt is lost, the next one goes without the device.
void Worker::NoteRefusal(std::errc error) {
  if (error == std::errc{} || !kernel_->offload().OnRefused(error, now_ms_)) return;
  ++core_.stats().offload_fallbacks;
  spdlog::warn("an SA on the device {} was refused ({}): for {} s ESP stays in the kernel",
               settings_.ipsec.offload_device, xfrm::Explain(error), OffloadPlan::kRetryMs / 1000);
}

void Worker::OnInstalled(SetId set, std::errc error, std::string_view explanation) {
  NoteRefusal(error);
  core_.OnInstalled(set, error, explanation, now_ms_, this);
}

void Worker::OnExtended(SetId set, std::errc error, std::string_view explanation) {
  NoteRefusal(error);
  core_.OnExtended(set, error, explanation, now_ms_, this);
}

void Worker::OnDeleted(SetId set) {
  core_.OnDeleted(set, now_ms_, this);
}

void Worker::OnLooked(SetId set, const SaUse& use) {
  core_.OnLooked(set, use, now_ms_, this);
}

void Worker::TellOthers(const Letter& letter) {
  if (exchange_->workers() == 1) return;
  ++core_.stats().letters;
  core_.stats().letters_lost += exchange_->Tell(index_, letter);
}

void Worker::OnWake() {
  if (stopping_) return;
  exchange_->Take(index_, [this](const Letter& letter) { core_.OnLetter(letter, now_ms_, this); });
  if (const auto all = exchange_->TakeSettings(index_); all != nullptr) Reload(*all);
}

// Whoever looks at the settings looks at these.
void Worker::Reload(const Settings& all) {
  const std::vector<RuleIndex> rules = MapRules(settings_.rules, all.rules);
  settings_ = SettingsOf(all, index_);
  core_.OnSettings(rules);
}

void Worker::OnReply(std::span<const std::byte> bytes) {
  watch_.OnReply(bytes);
  queue_.OnReply(bytes);
}

void Worker::OnLoss() {
  watch_.OnLoss();
  queue_.OnLoss();
}

// What moved since the attempt began tells why one failed, not why one went well.
void Worker::Report(const Attempt& attempt) {
  if (attempt.status == 200) return log_.Write(attempt, now_ms_);
  const std::string moved = monitor_.MovedSince(now_ms_ - attempt.duration_ms, now_ms_);
  Attempt explained = attempt;
  explained.moved = moved;
  log_.Write(explained, now_ms_);
}

}  // namespace edge
