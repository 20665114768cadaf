// A core with a recording world around it: what it sends, and a fake kernel that answers at once.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/core.h"
#include "edge/kernel_queue.h"
#include "edge/memory_store.h"
#include "edge/reload.h"
#include "edge/report_log.h"
#include "edge/sa_watch.h"
#include "edge/worker.h"
#include "tests/edge_values.h"
#include "xfrm/fake_kernel.h"

namespace edge {

class World final : public Actions, KernelLink, KernelSink, SaWatchSink {
 public:
  explicit World(const Settings& settings, uint32_t min_spi = 65536, uint32_t max_spi = 262144)
      : settings_(settings),
        spis_({.min_spi = min_spi,
               .max_spi = max_spi,
               .quarantine_ms = 1000,
               .permutation_key = {1, 2}}),
        ports_(PortsOf(settings_)),
        core_(settings_, ports_, &spis_, &random_, now_ms_),
        queue_(this, this, settings_.ipsec.reqid, &core_.stats()),
        watch_(this, this) {}

  static std::vector<Port> PortsOf(const Settings& settings) { return edge::PortsOf(settings); }

  // Delivers one message and lets the kernel answer. REQUIRES: `to` is one of our ports.
  void Deliver(std::string_view from, std::string_view to, std::string_view text,
               Transport over = Transport::kUdp) {
    Receive(from, to, text, over);
    Settle();
  }
  // One message of several of one turn; Settle() ends it.
  void Receive(std::string_view from, std::string_view to, std::string_view text,
               Transport over = Transport::kUdp) {
    std::string padded(text);
    padded.append(sip::kPaddingSize, '\xff');
    const Flow flow{PortAt(to), At(from), over};
    core_.OnMessage(flow, sip::PaddedView::Promise({padded.data(), text.size()}), now_ms_, this);
  }
  // A TCP connection that comes to be; false: the core wants it closed. And one that goes.
  bool Connect(std::string_view from, std::string_view to) {
    return core_.OnConnection({PortAt(to), At(from), Transport::kTcp});
  }
  void Hangup(std::string_view from, std::string_view to) {
    core_.OnDisconnection({PortAt(to), At(from), Transport::kTcp});
  }
  // A name the core wants to know, and DNS's answer to the oldest of them. Unless the test answers
  // itself there are no names.
  void set_answers_dns(bool by_test) { test_answers_dns_ = by_test; }
  struct Lookup {
    SlotId name = 0;
    std::string host;
    uint16_t port = 0;
    std::string transport;  // "UDP", "TCP", "".
  };
  const std::vector<Lookup>& lookups() const { return lookups_; }
  void Resolved(const std::vector<Target>& targets, uint32_t ttl_s = 60, bool is_silent = false) {
    if (lookups_.empty()) abort();
    const SlotId name = lookups_.front().name;
    lookups_.erase(lookups_.begin());
    core_.OnResolved(name, {targets, ttl_s, is_silent}, now_ms_, this);
  }
  // What was sent there from the core's port did not arrive.
  void Unreachable(std::string_view to, Transport over = Transport::kUdp) {
    const Flow flow{static_cast<PortIndex>(ports_.size() - 1), At(to), over};
    core_.OnUnreachable(flow, now_ms_, this);
  }
  // "OUR-END THEIR-END" of those the core had closed.
  const std::vector<std::string>& disconnected() const { return disconnected_; }

  // What other workers would be told; and what another tells us.
  const std::vector<Letter>& letters() const { return letters_; }
  void Hear(const Letter& letter) { core_.OnLetter(letter, now_ms_, this); }

  // ESP in UDP comes in on an SA from there; the kernel tells if that is another place than it was.
  bool ReceiveInUdp(const xfrm::SaId& sa, std::string_view from) {
    const reactor::Endpoint source = At(from);
    std::vector<std::vector<std::byte>> events;
    if (!kernel_.ReceiveInUdp(sa, ToXfrm(source), source.port(), now_ms_ / 1000, &events)) {
      return false;
    }
    for (const std::vector<std::byte>& event : events) {
      xfrm::Reply reply;
      xfrm::ReplyReader reader(event);
      if (reader.Next(&reply)) core_.OnMapping(reply.mapping, now_ms_, this);
    }
    return true;
  }
  const FlowPolicies& policies() { return queue_.policies(); }

  // Lets the kernel work until nothing is left to do at this instant.
  void Settle() {
    while (!test_answers_dns_ && !lookups_.empty()) Resolved({});
    for (int i = 0; i < 10; ++i) {
      watch_.Flush(now_ms_);
      queue_.Flush(now_ms_);
      std::vector<std::vector<std::byte>> answers;
      answers.swap(answers_);
      for (const std::vector<std::byte>& answer : answers) {
        if (!kernel_is_deaf_) OnKernelAnswer(answer);
      }
      if (!journal_is_held_) WriteJournal();
    }
  }

  // What a restart would find, and a disk with faults. Its clock is ours.
  MemoryStore& store() { return store_; }
  // The disk hangs, until it does not.
  void HoldJournal() { journal_is_held_ = true; }
  void ReleaseJournal() {
    journal_is_held_ = false;
    Settle();
  }

  // Hands over what HoldAnswers(true) kept back.
  void ReleaseAnswers() {
    kernel_.HoldAnswers(false);
    kernel_.ReleaseAnswers(&answers_);
    Settle();
  }

  void Advance(uint64_t ms) {
    now_ms_ += ms;
    kernel_.Advance(now_ms_ / 1000);
    core_.OnTime(now_ms_, this);
    watch_.OnTime(now_ms_);
    queue_.OnTime(now_ms_);
    Settle();
  }

  PortIndex PortAt(std::string_view text) const {
    for (size_t i = 0; i < ports_.size(); ++i) {
      if (ports_[i].local == At(text)) return static_cast<PortIndex>(i);
    }
    abort();
  }

  Side side(PortIndex port) const { return ports_[port].side; }

  Sent Pop() {
    if (sent_.empty()) return {};
    Sent first = sent_.front();
    sent_.erase(sent_.begin());
    return first;
  }

  // Everything that ever left towards a phone or went into a report, for the key test.
  const std::string& phone_bytes() const { return phone_bytes_; }
  const std::vector<Sent>& sent() const { return sent_; }
  // Lines about next hops.
  const std::vector<std::string>& next_hops() const { return next_hops_; }
  // Lines of the access log.
  const std::vector<std::string>& accesses() const { return accesses_; }
  // "IMPI HEADER" of each header that told keys.
  const std::vector<std::string>& reveals() const { return reveals_; }
  const std::vector<AttemptLine>& attempts() const { return attempts_; }
  // Told of each message as it is sent; what is kept of the past is forgotten. For long runs.
  void set_watch(std::function<void(const Flow&, const Sent&)> watch_sends) {
    watch_sends_ = std::move(watch_sends);
  }
  void Forget() {
    phone_bytes_.clear();
    attempts_.clear();
    accesses_.clear();
    disconnected_.clear();
    letters_.clear();
  }
  Core& core() { return core_; }
  xfrm::FakeKernel& kernel() { return kernel_; }
  xfrm::SpiPool& spis() { return spis_; }
  // A kernel in place of the fake one; its answers come back by OnKernelAnswer.
  void set_link(KernelLink* link) { link_ = link; }
  void OnKernelAnswer(std::span<const std::byte> bytes) {
    watch_.OnReply(bytes);
    queue_.OnReply(bytes);
  }
  void set_log(ReportLog* log) { log_ = log; }
  // The core reads them as it goes.
  Settings& settings() { return settings_; }
  // As a worker does at SIGHUP.
  void Reload(const Settings& settings) {
    const std::vector<RuleIndex> rules = MapRules(settings_.rules, settings.rules);
    settings_ = settings;
    core_.OnSettings(rules);
  }
  void set_kernel_deaf(bool deaf) { kernel_is_deaf_ = deaf; }
  uint64_t now_ms() const { return now_ms_; }

 private:
  void WriteJournal() {
    JournalBatch batch;
    std::swap(batch, *core_.records());
    if (batch.empty()) return;
    std::vector<const JournalOp*> ops;
    for (const JournalOp& op : batch.ops) ops.push_back(&op);
    std::string error;
    const bool is_kept = store_.Commit(ops, &error);
    core_.SetJournalFails(!is_kept);
    for (const JournalTicket& ticket : batch.tickets) {
      core_.OnJournalled(ticket, is_kept, now_ms_, this);
    }
  }
  void Send(const Flow& to, std::span<const std::string_view> pieces) override {
    Sent sent{TextOf(ports_[to.port].local),
              TextOf(to.remote),
              {},
              to.transport,
              to.or_udp,
              to.connect_port};
    for (const std::string_view piece : pieces) sent.text += piece;
    if (ports_[to.port].side != Side::kCore) phone_bytes_ += sent.text;
    if (watch_sends_) watch_sends_(to, sent);
    sent_.push_back(std::move(sent));
  }
  void Disconnect(const Flow& flow) override {
    disconnected_.push_back(TextOf(ports_[flow.port].local) + " " + TextOf(flow.remote));
    core_.OnDisconnection(flow);
  }
  void Install(SetId set, std::span<const xfrm::Sa> sas) override { queue_.Install(set, sas); }
  void Extend(SetId set, std::span<const xfrm::Sa> sas, std::span<const xfrm::Sa> added) override {
    queue_.Extend(set, sas, added);
  }
  void Delete(SetId set, const SaIds& sas, bool certain) override {
    queue_.Delete(set, sas, certain);
  }
  void Redirect(SetId set, std::span<const xfrm::Sa> sas) override { queue_.Redirect(set, sas); }
  void Look(SetId set, std::span<const xfrm::SaId> sas) override { watch_.Look(set, sas); }
  void TellOthers(const Letter& letter) override { letters_.push_back(letter); }
  void Report(const Attempt& attempt) override {
    attempts_.push_back({std::string(attempt.impi), std::string(attempt.result), attempt.status,
                         attempt.kernel, std::string(attempt.explanation),
                         FormatAttempt(attempt, ports_)});
    if (log_ != nullptr) log_->Write(attempt, now_ms_);
  }
  void Resolve(SlotId name, const NameQuery& query) override {
    lookups_.push_back({name, std::string(query.host), query.port,
                        query.transport ? std::string(Name(*query.transport)) : ""});
  }
  void Access(const AccessLine& line) override { accesses_.emplace_back(line.text); }
  void TellNextHop(const NextHopChange& change) override {
    next_hops_.push_back(FormatNextHop(change));
  }
  void KeysRevealed(std::string_view impi, std::string_view header) override {
    reveals_.push_back(std::string(impi) + " " + std::string(header));
  }
  bool Send(std::span<const std::byte> batch) override {
    if (link_ != nullptr) return link_->Send(batch);
    kernel_.Send(batch, now_ms_ / 1000, &answers_);
    return true;
  }
  void OnInstalled(SetId set, std::errc error, std::string_view why) override {
    core_.OnInstalled(set, error, why, now_ms_, this);
  }
  void OnExtended(SetId set, std::errc error, std::string_view why) override {
    core_.OnExtended(set, error, why, now_ms_, this);
  }
  void OnDeleted(SetId set) override { core_.OnDeleted(set, now_ms_, this); }
  void OnRedirected(SetId set) override { core_.OnRedirected(set); }
  void OnLooked(SetId set, const SaUse& use) override { core_.OnLooked(set, use, now_ms_, this); }

  Settings settings_;
  CountingRandom random_;
  uint64_t now_ms_ = 1'000'000;
  xfrm::SpiPool spis_;
  xfrm::FakeKernel kernel_;
  const std::vector<Port> ports_;
  Core core_;
  KernelQueue queue_;
  SaWatch watch_;
  std::vector<Sent> sent_;
  std::vector<AttemptLine> attempts_;
  std::vector<std::string> accesses_;
  std::vector<std::string> next_hops_;
  std::vector<std::string> reveals_;
  std::vector<Lookup> lookups_;
  bool test_answers_dns_ = false;
  std::vector<std::vector<std::byte>> answers_;
  std::string phone_bytes_;
  std::vector<std::string> disconnected_;
  std::vector<Letter> letters_;
  std::function<void(const Flow&, const Sent&)> watch_sends_;
  bool kernel_is_deaf_ = false;
  MemoryStore store_;
  bool journal_is_held_ = false;
  KernelLink* link_ = nullptr;
  ReportLog* log_ = nullptr;
};

}  // namespace edge
