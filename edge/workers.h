// All workers of a process: prepares the kernel for them, starts a thread for each, hands signals
// on to all, and puts the kernel back when the last has ended.
#pragma once

#include <pthread.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edge/exchange.h"
#include "edge/journal.h"
#include "edge/kernel.h"
#include "edge/secrets.h"
#include "edge/settings.h"
#include "edge/stats.h"
#include "edge/takeover.h"
#include "edge/takeover_server.h"
#include "reactor/reactor.h"
#include "reactor/signals.h"
#include "reactor/wake.h"
#include "xfrm/spi_pool.h"

namespace edge {

class Workers final : reactor::WakeSink {
 public:
  // Makes each worker's way to the one kernel there is.
  using MakeKernel = std::function<std::unique_ptr<Kernel>()>;
  // `random` outlives this, and is asked by all threads.
  Workers(const Settings& settings, const MakeKernel& make_kernel, Random* random);
  ~Workers() override;

  // Everything that can fail; once it is done, all serve. False: *error, and no thread is left.
  // SIGTERM, SIGINT and SIGHUP are blocked from now on in this thread and those it starts: it must
  // not have started one before.
  // `takeover`: what another process hands over, and ends with when all is in place; null: a start.
  bool Open(std::string* error, Takeover* takeover = nullptr);
  // In the same thread. Until SIGTERM or SIGINT has ended them all; a second one ends them without
  // waiting for what is under way (process.drain). At a SIGHUP `read` is called for new settings;
  // nothing: those that run stay.
  using ReadSettings = std::function<std::optional<Settings>()>;
  // It also ends when another process has taken over (has_left()).
  void Run(const ReadSettings& read = [] { return std::nullopt; });
  bool has_left() const { return has_left_; }
  // The same as a signal, from any thread, while Run() is under way or before it.
  void Stop() { exchange_.Stop(); }

  // Of all workers; after Run().
  const Stats& stats() const { return stats_; }

 private:
  // One worker's thread and what it leaves.
  struct Seat {
    Workers* all = nullptr;
    size_t index = 0;
    std::unique_ptr<Kernel> kernel;
    pthread_t thread{};
    bool is_running = false;
    std::promise<bool> opened;
    std::string error;
    Stats stats;
  };

  bool OpenJournal(std::string* error);
  bool PrepareKernels(std::string* error);
  bool OpenTakeover(std::string* error);
  bool Inherit(std::string* error);
  // The side that hands over (workers_takeover.cc).
  void ServeTakeover();
  bool HandOver(TakeoverLink* link, std::string* error);
  bool BringToRest(std::string* error);
  bool AwaitRest(Rest::Phase phase, uint64_t deadline_ms, std::string* error);
  bool SendAll(TakeoverLink* link, std::string* error);
  bool AwaitTaken(TakeoverLink* link, std::string* error);
  void ServeAgain(TakeoverLink* link);
  void RetireKernel();
  bool ArePortsOurs(std::string* error) const;
  bool Start(Seat* seat, std::string* error);
  static void* ServeSeat(void* seat);
  void Serve(Seat* seat);
  bool OpenWorker(Seat* seat, class Worker* worker);
  void Join();
  void OnWake() override {}

  void Reload(const Settings& wanted);

  Settings settings_;  // Of all workers, as they run.
  Random* random_;
  xfrm::SpiPool spis_;
  Exchange exchange_;
  std::unique_ptr<Journal> journal_;  // Null: there is none.
  Takeover* takeover_ = nullptr;      // During Open().
  CommonState common_;
  bool has_left_ = false;
  std::vector<std::unique_ptr<Seat>> seats_;
  std::promise<bool> go_;  // Did all open?
  std::shared_future<bool> may_go_ = go_.get_future().share();
  std::atomic<size_t> ended_ = 0;
  Stats stats_;

  // Of the thread that calls Run().
  std::unique_ptr<reactor::Reactor> reactor_;
  std::unique_ptr<reactor::Signals> signals_;
  std::unique_ptr<reactor::Wake> end_;  // A worker has ended.
  std::unique_ptr<TakeoverServer> server_;
};

}  // namespace edge
