// One life of gmedge in a simulated run: from its start, which reads the journal and puts the
// kernel right, to whatever ends it. It is dropped as it stands: what it knew is lost.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edge/journal.h"
#include "tools/sim_plan.h"
#include "tools/sim_tables.h"
#include "tools/sim_worker.h"

namespace tools {

class SimRandom final : public edge::Random {
 public:
  explicit SimRandom(Chance* chance) : chance_(*chance) {}
  uint64_t Next() override { return chance_.Below(UINT64_MAX); }

 private:
  Chance& chance_;
};

class SimProcess final : SimWorkerHome {
 public:
  // All outlive it. `sent` is told of what leaves, `violation` of what does not hold.
  struct World {
    SimHost* host;
    Chance* chance;
    std::function<void(const SimMessage&, edge::Side)> sent;
    std::function<void(const std::string&)> violation;
  };
  SimProcess(const SimPlan& plan, World world);

  // As edge::Workers::Open. False: it could not, or died on the way.
  bool Start();
  // One message. False: nobody has that address.
  bool Receive(SimMessage message);
  // One turn of each worker, then what must hold.
  void Turn();
  // The journal's thread, which has been asked to write.
  void WriteJournal();
  bool wants_to_write() const { return wants_to_write_; }
  // When there is something to do by itself next, by the monotonic clock.
  uint64_t NextExpiry() const;
  // Everything there is, one against the other.
  void Scan();

  std::vector<std::unique_ptr<SimWorker>>& workers() { return workers_; }
  // Is the phone registered, with that set of its own carrying traffic?
  bool Serves(const std::string& impi, const reactor::Endpoint& client,
              const reactor::Endpoint& server);
  // The newest of the phone's sets that a message to it may belong to, or null.
  const edge::SaSet* SetTowards(const std::string& impi, const SimMessage& message);
  // Where an unprotected message of theirs comes in.
  SimWorker& WorkerFor(const reactor::Endpoint& from);

 private:
  bool PutKernelRight();
  void OnSent(const SimMessage& message, edge::Side side) override { world_.sent(message, side); }
  void OnViolation(const std::string& what) override { world_.violation(what); }
  void OnLetter(size_t worker, const edge::Letter& letter) override;
  void OnRecords() override { wants_to_write_ = true; }

  const SimPlan& plan_;
  const World world_;
  SimHost& host_;
  SimRandom random_;
  xfrm::SpiPool spis_;
  SpiLedger ledger_;
  std::unique_ptr<edge::Journal> journal_;
  std::vector<std::unique_ptr<SimWorker>> workers_;
  std::vector<edge::Core*> cores_;
  TableCheck tables_;
  bool wants_to_write_ = false;
};

}  // namespace tools
