// The TCP side of a worker: which connection a flow is, connects and what waits for them, messages
// out of streams, and UDP when no connection comes to be.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "edge/flow_key.h"
#include "edge/settings.h"
#include "edge/stats.h"
#include "edge/stream.h"
#include "reactor/tcp_listener.h"

namespace edge {

// Who decides what connections are for.
class ConnectionSink {
 public:
  virtual ~ConnectionSink() = default;
  // Core::OnConnection() and OnDisconnection().
  virtual bool OnConnection(const Flow& flow) = 0;
  virtual void OnDisconnection(const Flow& flow) = 0;
  // A connect that did not come to be: Core::OnUnreachable().
  virtual void OnConnectFailed(const Flow&) {}
  // Core::IsInClear().
  virtual bool IsInClear(const Flow& flow) = 0;
  // `lease` holds the text, unless it was put together.
  virtual void OnStreamMessage(const Flow& flow, sip::PaddedView text,
                               reactor::BufferLease lease) = 0;
  // A request that found no connection, its Via rewritten.
  virtual void SendOverUdp(const Flow& to, std::string_view text) = 0;
};

class Connections final : public reactor::TcpSink {
 public:
  // All outlive this; `stats` is written to.
  Connections(const Settings& settings, const std::vector<Port>* ports, Stats* stats,
              ConnectionSink* sink);
  ~Connections() override;

  // Listens on every port. False: *error. The rest outlives this.
  // What comes in at unprotected ports takes `stranger_buffers`, all else `buffers`. `listeners`:
  // those that another process had, one for each port, which are taken; empty: new ones.
  bool Open(reactor::Reactor* reactor, reactor::BufferRing* buffers,
            reactor::BufferRing* stranger_buffers, reactor::SendPool* sends, uint64_t now_ms,
            std::span<int> listeners, std::string* error);

  // On the connection between the ends of `to`, or on a new one, for which the message waits. At
  // most one connect is under way to each destination.
  void Send(const Flow& to, std::span<const std::string_view> pieces,
            const reactor::BufferLease& lease);
  // By RST: what protected it is gone, and with it the way of a FIN.
  void Disconnect(const Flow& flow);

  // Whatever is due by now; to be called before events of a later time.
  void OnTime(uint64_t now_ms);
  uint64_t NextExpiry() const;

  // Nothing is taken out of sockets any more; resting() after some Dispatch(), when nothing is
  // under way: what a peer does not read waits. Connects go on until then.
  void Rest();
  bool resting() const { return is_resting_ && AreListenersResting() && pool_->resting(); }
  bool connecting() const { return pool_->connecting(); }
  void GoOn();
  // To another process, or from one, while it rests: listeners, connections, what of messages has
  // come and what has not gone. The descriptors stay ours, or are taken, in the order of the ports
  // and then of the bytes. A connect that is under way then has failed.
  void Carry(class StateArchive* archive, std::vector<int>* files);
  // Another process has them. Those that are closing are ours still, until empty().
  void LetGo();
  bool empty() const { return pool_->empty(); }

  void Close();
  bool closed() const;

 private:
  // A message that waits for a connect.
  struct Waiting {
    std::string text;
    bool or_udp = false;
  };
  // What a connection is to us.
  struct Link {
    Link(const Flow& flow_in, FrameStorages* storages) : flow(flow_in), stream(storages) {}
    Flow flow;
    Stream stream;
    bool in_message = false;   // Its deadline is that of a message.
    bool half_closed = false;  // By the peer: its deadline is that of what is still to be said.
    uint32_t unanswered = 0;   // Requests it brought that wait for their final answer.
    std::vector<Waiting> waiting;
    size_t waiting_size = 0;
  };

  bool OpenListeners(reactor::Reactor* reactor, std::span<int> files, std::string* error);
  bool AreListenersResting() const;
  void CarryLink(class StateArchive* archive, reactor::TcpConnection* connection,
                 std::vector<int>* files);
  void CarryMessages(class StateArchive* archive, std::vector<Waiting>* messages);
  void CarryConnects(class StateArchive* archive);
  void OnTcpOpen(reactor::TcpConnection& connection) override;
  void OnTcpBytes(reactor::TcpConnection& connection, std::string_view bytes,
                  reactor::BufferLease lease) override;
  void OnTcpFin(reactor::TcpConnection& connection) override;
  void OnTcpEnd(reactor::TcpConnection& connection, reactor::TcpEnd end, int error) override;

  Link* LinkOf(const reactor::TcpConnection& connection) { return links_[connection.slot()].get(); }
  Link* AddLink(const reactor::TcpConnection& connection, const Flow& flow);
  reactor::TcpConnection* Find(const Flow& flow);
  void Forget(const reactor::TcpConnection& connection);
  void Wait(Link* link, const Flow& to, std::span<const std::string_view> pieces);
  void Connect(const Flow& to, std::span<const std::string_view> pieces);
  bool IsHeldOff(const Flow& to);
  void Fail(const Flow& to, Waiting* message);
  void OnAnswered(reactor::TcpConnection& connection, Link* link);
  void SetDeadline(reactor::TcpConnection& connection, Link* link, Stream::State state);
  void CountBroken(const Stream& stream);
  Side SideOf(const Flow& flow) const { return (*ports_)[flow.port].side; }

  const Settings& settings_;
  const std::vector<Port>* ports_;
  Stats* stats_;
  ConnectionSink* sink_;
  uint64_t now_ms_ = 0;
  uint64_t resume_ms_;  // When paused listeners go on; kNever: none is.
  uint64_t accept_errors_ = 0;
  bool is_resting_ = false;
  FrameStorages storages_;
  std::unique_ptr<reactor::TcpPool> pool_;
  reactor::BufferRing* stranger_buffers_ = nullptr;
  std::vector<std::unique_ptr<reactor::TcpListener>> listeners_;
  std::vector<std::unique_ptr<Link>> links_;  // By the connection's slot.
  absl::flat_hash_map<FlowKey, reactor::TcpId> flows_;
  // Of connects that another process had begun: to be sent when it goes on.
  std::vector<std::pair<Flow, Waiting>> unsent_;
  // Where no connection came to be, until when UDP is taken at once.
  absl::flat_hash_map<FlowKey, uint64_t> held_off_;
};

}  // namespace edge
