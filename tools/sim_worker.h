// A worker of a simulated process: the real core, kernel queue, SA watch and journal client, with
// simulated things around them. What edge/worker.h is to sockets this is to a simulated network.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "edge/core.h"
#include "edge/journal.h"
#include "edge/kernel_queue.h"
#include "edge/sa_watch.h"
#include "tools/sim_chance.h"
#include "tools/sim_heard.h"
#include "tools/sim_host.h"

namespace tools {

struct SimMessage {
  reactor::Endpoint from;
  reactor::Endpoint to;
  std::string text;
};

// Who holds which SPIs, as the process's own words to the kernel tell.
class SpiLedger {
 public:
  explicit SpiLedger(uint64_t quarantine_ms) : quarantine_ms_(quarantine_ms) {}
  // "" or what does not hold.
  std::string Take(uint32_t spi, uint64_t now_ms);
  void Give(uint32_t spi, uint64_t now_ms) { given_[spi] = {false, now_ms}; }

 private:
  struct Entry {
    bool is_taken = false;
    uint64_t since_ms = 0;
  };
  const uint64_t quarantine_ms_;
  std::map<uint32_t, Entry> given_;
};

// Where a worker belongs.
class SimWorkerHome {
 public:
  virtual ~SimWorkerHome() = default;
  virtual void OnSent(const SimMessage& message, edge::Side side) = 0;
  virtual void OnViolation(const std::string& what) = 0;
  // A letter from `worker` to all others.
  virtual void OnLetter(size_t worker, const edge::Letter& letter) = 0;
  // Records were handed over.
  virtual void OnRecords() = 0;
};

class SimWorker final : edge::Actions, edge::KernelLink, edge::KernelSink, edge::SaWatchSink {
 public:
  struct Parts {
    SimHost* host;
    SimWorkerHome* home;
    xfrm::SpiPool* spis;
    edge::Random* random;
    SpiLedger* ledger;
    Chance* chance;
    const edge::KeyedHash* phones;
    edge::Journal* journal;
  };
  SimWorker(const edge::Settings& all, size_t index, const Parts& parts);

  // Is that one of its addresses?
  bool Has(const reactor::Endpoint& local) const { return PortAt(local) != kNoPort; }
  // What comes with the next turn.
  void Receive(SimMessage message) { inbox_.push_back(std::move(message)); }
  void Hear(const edge::Letter& letter) { letters_.push_back(letter); }
  // As edge::Worker::Turn: all that has come is decided on, then the world is told.
  void Turn();
  // When there is something to do by itself next, by the monotonic clock; UINT64_MAX.
  uint64_t NextExpiry() const;

  edge::Core& core() { return core_; }
  edge::PortIndex PortAt(const reactor::Endpoint& local) const;
  static constexpr edge::PortIndex kNoPort = UINT16_MAX;

 private:
  struct KernelAnswer {
    uint64_t due_ms;
    std::vector<std::byte> bytes;
  };

  void TakeAnswers();
  void TakeMessages();
  void FlushSends();
  void FlushToJournal();
  void Violation(const std::string& what) {
    if (!what.empty()) home_.OnViolation(what);
  }

  void Send(const edge::Flow& to, std::span<const std::string_view> pieces) override;
  void Disconnect(const edge::Flow& flow) override { core_.OnDisconnection(flow); }
  void Install(edge::SetId set, std::span<const xfrm::Sa> sas) override;
  void Extend(edge::SetId set, std::span<const xfrm::Sa> sas,
              std::span<const xfrm::Sa> added) override {
    queue_.Extend(set, sas, added);
  }
  void Delete(edge::SetId set, const edge::SaIds& sas, bool certain) override {
    queue_.Delete(set, sas, certain);
  }
  void Look(edge::SetId set, std::span<const xfrm::SaId> sas) override { watch_.Look(set, sas); }
  void TellOthers(const edge::Letter& letter) override { home_.OnLetter(index_, letter); }
  void Report(const edge::Attempt&) override {}

  bool Send(std::span<const std::byte> batch) override;
  void OnInstalled(edge::SetId set, std::errc error, std::string_view words) override {
    core_.OnInstalled(set, error, words, now_ms_, this);
  }
  void OnExtended(edge::SetId set, std::errc error, std::string_view words) override {
    core_.OnExtended(set, error, words, now_ms_, this);
  }
  void OnDeleted(edge::SetId set) override;
  void OnLooked(edge::SetId set, const edge::SaUse& use) override {
    core_.OnLooked(set, use, now_ms_, this);
  }

  const edge::Settings settings_;
  const size_t index_;
  SimHost& host_;
  SimWorkerHome& home_;
  SpiLedger& ledger_;
  Chance& chance_;
  edge::JournalClient* records_;
  uint64_t now_ms_;
  const std::vector<edge::Port> ports_;
  edge::Core core_;
  edge::KernelQueue queue_;
  edge::SaWatch watch_;
  HeardCheck heard_;
  std::vector<SimMessage> inbox_;
  std::vector<edge::Letter> letters_;
  std::deque<KernelAnswer> answers_;
  std::vector<std::pair<edge::Side, SimMessage>> sends_;
};

}  // namespace tools
