// One thread of the edge: a ring, its own ports, the core, the queue to the kernel, and the turn
// that joins them. What it shares with others is in edge/exchange.h (design D6).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "edge/access_log.h"
#include "edge/connections.h"
#include "edge/core.h"
#include "edge/exchange.h"
#include "edge/journal.h"
#include "edge/kernel.h"
#include "edge/kernel_monitor.h"
#include "edge/kernel_queue.h"
#include "edge/overload.h"
#include "edge/report_log.h"
#include "edge/resolver.h"
#include "edge/sa_watch.h"
#include "edge/settings.h"
#include "edge/stranger_queue.h"
#include "edge/worker_rest.h"
#include "reactor/buffer_ring.h"
#include "reactor/datagram.h"
#include "reactor/reactor.h"
#include "reactor/wake.h"

namespace edge {

class Worker final : Actions,
                     KernelSink,
                     SaWatchSink,
                     KernelAnswers,
                     reactor::DatagramSink,
                     reactor::WakeSink,
                     ConnectionSink,
                     ResolverSink {
 public:
  // The worker `index` of those in `all`. The rest outlives it; without a journal it is null.
  Worker(const Settings& all, size_t index, Kernel* kernel, xfrm::SpiPool* spis, Random* random,
         Exchange* exchange, Journal* journal = nullptr);
  ~Worker() override;

  // Before Open(): it begins with what a worker of another process had.
  WorkerRest& rest() { return rest_; }
  // Everything that can fail, in the thread that runs it. False: *error.
  // REQUIRES: the kernel is prepared: its policies come before the first socket (design D1).
  bool Open(std::string* error);
  // Turns until Exchange::Stop(), then takes no new phone, lets what is under way end, gives the
  // SAs back (with a journal it leaves them, for the next run) and closes; or closes at once when
  // another process has taken over.
  void Run();
  const Stats& stats() const { return core_.stats(); }

 private:
  friend class WorkerRest;
  void Turn(int64_t wait_max_us);
  void Drain();
  void Reload(const Settings& all);
  void NoteTraffic();
  bool IsQuiet() const;
  void End();
  bool OpenPorts(std::string* error);
  std::unique_ptr<reactor::DatagramPort> OpenPort(size_t index, std::string* error);
  void ServeStrangers(bool is_full_turn);
  void NoteOverload();
  void NoteDrops();
  bool Settled() const;
  int64_t WaitUs() const;
  uint64_t SendErrors() const;
  void OnDatagram(reactor::DatagramPort& port, const reactor::Datagram& datagram,
                  reactor::BufferLease lease) override;
  void OnUnreachable(reactor::DatagramPort& port, const reactor::Endpoint& to) override;
  bool OnConnection(const Flow& flow) override { return core_.OnConnection(flow); }
  void OnDisconnection(const Flow& flow) override { core_.OnDisconnection(flow); }
  void OnConnectFailed(const Flow& flow) override;
  bool IsInClear(const Flow& flow) override { return core_.IsInClear(flow); }
  void OnStreamMessage(const Flow& flow, sip::PaddedView text, reactor::BufferLease lease) override;
  void SendOverUdp(const Flow& to, std::string_view text) override;
  void Send(const Flow& to, std::span<const std::string_view> pieces) override;
  void Disconnect(const Flow& flow) override { connections_.Disconnect(flow); }
  void Install(SetId set, std::span<const xfrm::Sa> sas) override;
  void Extend(SetId set, std::span<const xfrm::Sa> sas, std::span<const xfrm::Sa> added) override;
  void Delete(SetId set, const SaIds& sas, bool sure) override { queue_.Delete(set, sas, sure); }
  void Redirect(SetId set, std::span<const xfrm::Sa> sas) override { queue_.Redirect(set, sas); }
  void Look(SetId set, std::span<const xfrm::SaId> sas) override { watch_.Look(set, sas); }
  void TellOthers(const Letter& letter) override;
  void Report(const Attempt& attempt) override;
  void Access(const AccessLine& line) override { WriteAccess(line); }
  void Resolve(SlotId name, const NameQuery& query) override { resolver_.Resolve(name, query); }
  void OnResolved(SlotId name, const Resolved& resolved) override;
  void TellNextHop(const NextHopChange& change) override;
  void KeysRevealed(std::string_view impi, std::string_view header) override {
    WriteReveal(impi, header);
  }
  void OnInstalled(SetId set, std::errc error, std::string_view explanation) override;
  void OnExtended(SetId set, std::errc error, std::string_view explanation) override;
  void OnDeleted(SetId set) override;
  void OnRedirected(SetId set) override { core_.OnRedirected(set); }
  void OnLooked(SetId set, const SaUse& use) override;
  void OnWake() override;
  void OnReply(std::span<const std::byte> bytes) override;
  void OnLoss() override;
  bool wants_mappings() const override { return settings_.ipsec.udp_enc_tun; }
  void OnMapping(const xfrm::Mapping& mapping) override;
  void TakeFromJournal();
  void FlushToJournal();
  void FlushToKernel();
  std::span<const xfrm::Sa> Offloaded(std::span<const xfrm::Sa> sas, SaArray* copies) const;
  void NoteRefusal(std::errc error);
  Settings settings_;  // Its own.
  const size_t index_;
  Exchange* exchange_;
  Journal* journal_;
  JournalClient* records_ = nullptr;  // This worker's end of it.
  Kernel* kernel_;
  const std::vector<Port> ports_;
  uint64_t now_ms_;  // Monotonic; read once a turn.
  Core core_;
  KernelQueue queue_;
  SaWatch watch_;
  KernelMonitor monitor_;
  ReportLog log_;
  Overload overload_;
  uint64_t overload_log_ms_ = 0;  // Not before is it told again.
  uint64_t drops_read_ms_ = 0;
  bool stopping_ = false;
  WorkerRest rest_{this};
  uint64_t relayed_ = 0;  // Messages, and when there was one last.
  uint64_t relayed_ms_ = 0;
  // Ports go before what they stand on.
  std::unique_ptr<reactor::Reactor> reactor_;
  std::unique_ptr<reactor::BufferRing> buffers_;
  std::unique_ptr<reactor::BufferRing> stranger_buffers_;  // Of the unprotected ports, UDP...
  std::unique_ptr<reactor::BufferRing> stream_buffers_;    // ...and TCP.
  std::unique_ptr<reactor::SendPool> sends_;
  std::unique_ptr<reactor::SendPool> stranger_sends_;  // Of the unprotected ports, UDP.
  std::vector<std::unique_ptr<reactor::DatagramPort>> sockets_;
  Connections connections_;
  Resolver resolver_;
  StrangerQueue strangers_{kStrangerBuffers.count};
  reactor::BufferLease lease_;  // Of the message being handled.
};

// The ports of the settings in the order their indices have: unprotected, protected, core side.
std::vector<Port> PortsOf(const Settings& settings);

}  // namespace edge
