// One thread of the edge: a ring, the ports, the core, the queue to the kernel, and the turn that
// joins them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "edge/connections.h"
#include "edge/core.h"
#include "edge/kernel.h"
#include "edge/kernel_monitor.h"
#include "edge/kernel_queue.h"
#include "edge/report_log.h"
#include "edge/sa_watch.h"
#include "edge/settings.h"
#include "reactor/buffer_ring.h"
#include "reactor/datagram.h"
#include "reactor/reactor.h"
#include "reactor/stop_signal.h"

namespace edge {

class Worker final : Actions,
                     KernelSink,
                     SaWatchSink,
                     KernelAnswers,
                     reactor::DatagramSink,
                     ConnectionSink {
 public:
  // `settings`, `kernel`, `spis` and `random` outlive the worker.
  Worker(const Settings& settings, Kernel* kernel, xfrm::SpiPool* spis, Random* random);
  ~Worker() override;

  // Everything that can fail. The kernel's policies come before the first socket is bound (design
  // D1). False: *error.
  bool Open(std::string* error);
  // Turns until SIGTERM or SIGINT, then ends what is under way, gives the SAs back and closes.
  void Run();

  const Stats& stats() const { return core_.stats(); }

 private:
  void Turn();
  void Drain();
  bool Settled() const;
  int64_t WaitUs() const;
  uint64_t SendErrors() const;

  void OnDatagram(reactor::DatagramPort& port, const reactor::Datagram& datagram,
                  reactor::BufferLease lease) override;
  bool OnConnection(const Flow& flow) override { return core_.OnConnection(flow); }
  void OnDisconnection(const Flow& flow) override { core_.OnDisconnection(flow); }
  bool IsInClear(const Flow& flow) override { return core_.IsInClear(flow); }
  void OnStreamMessage(const Flow& flow, sip::PaddedView text, reactor::BufferLease lease) override;
  void SendOverUdp(const Flow& to, std::string_view text) override;

  void Send(const Flow& to, std::span<const std::string_view> pieces) override;
  void Disconnect(const Flow& flow) override { connections_.Disconnect(flow); }
  void Install(SetId set, std::span<const xfrm::Sa> sas) override;
  void Extend(SetId set, std::span<const xfrm::Sa> sas, std::span<const xfrm::Sa> added) override;
  void Delete(SetId set, const SaIds& sas, bool certain) override {
    queue_.Delete(set, sas, certain);
  }
  void Look(SetId set, std::span<const xfrm::SaId> sas) override { watch_.Look(set, sas); }
  void Report(const Attempt& attempt) override;

  void OnInstalled(SetId set, std::errc error, std::string_view explanation) override;
  void OnExtended(SetId set, std::errc error, std::string_view explanation) override;
  void OnDeleted(SetId set) override;
  void OnLooked(SetId set, const SaUse& use) override;

  void OnReply(std::span<const std::byte> bytes) override;
  void OnLoss() override;
  void FlushToKernel();
  std::span<const xfrm::Sa> Offloaded(std::span<const xfrm::Sa> sas, SaArray* copies) const;
  void NoteRefusal(std::errc error);

  const Settings& settings_;
  Kernel* kernel_;
  const std::vector<Port> ports_;
  uint64_t now_ms_;  // Monotonic; read once a turn.
  Core core_;
  KernelQueue queue_;
  SaWatch watch_;
  KernelMonitor monitor_;
  ReportLog log_;
  bool stopping_ = false;

  // Ports go before what they stand on.
  std::unique_ptr<reactor::Reactor> reactor_;
  std::unique_ptr<reactor::BufferRing> buffers_;
  std::unique_ptr<reactor::SendPool> sends_;
  std::unique_ptr<reactor::StopSignal> stop_;
  std::vector<std::unique_ptr<reactor::DatagramPort>> sockets_;
  Connections connections_;
  reactor::BufferLease lease_;  // Of the message being handled.
};

// The ports of the settings in the order their indices have: unprotected, protected, core side.
std::vector<Port> PortsOf(const Settings& settings);

}  // namespace edge
