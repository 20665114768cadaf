#include "edge/connections.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "edge/transport.h"

namespace edge {

using reactor::TcpConnection;
using reactor::TcpEnd;
using reactor::TimerWheel;

namespace {

bool IsFinalAnswer(std::span<const std::string_view> pieces) {
  constexpr std::string_view kVersion = "SIP/2.0 ";
  char start[kVersion.size() + 1];
  size_t size = 0;
  for (size_t i = 0; i < pieces.size() && size < sizeof(start); ++i) {
    size += pieces[i].copy(start + size, sizeof(start) - size);
  }
  return size == sizeof(start) && std::string_view(start, size).starts_with(kVersion) &&
         start[kVersion.size()] != '1';
}

// RFC 3261 17.1.1.3: nobody answers an ACK.
bool WantsAnswer(std::string_view text) {
  return !text.starts_with("SIP/2.0 ") && !text.starts_with("ACK ");
}

}  // namespace

Connections::Connections(const Settings& settings, const std::vector<Port>* ports, Stats* stats,
                         ConnectionSink* sink)
    : settings_(settings),
      ports_(ports),
      stats_(stats),
      sink_(sink),
      resume_ms_(TimerWheel::kNever),
      storages_(kFrameStorages) {}

Connections::~Connections() = default;

bool Connections::Open(reactor::Reactor* reactor, reactor::BufferRing* buffers,
                       reactor::BufferRing* stranger_buffers, reactor::SendPool* sends,
                       uint64_t now_ms, std::span<int> listeners, std::string* error) {
  now_ms_ = now_ms;
  const Settings::Limits& limits = settings_.limits;
  reactor::TcpOptions options;
  options.connections_max = limits.connections_max;
  options.idle_ms = uint64_t{limits.connection_idle_s} * 1000;
  pool_ = std::make_unique<reactor::TcpPool>(reactor, buffers, sends, options, this, now_ms);
  links_.resize(limits.connections_max);
  stranger_buffers_ = stranger_buffers;
  is_resting_ = !listeners.empty();
  return OpenListeners(reactor, listeners, error);
}

bool Connections::OpenListeners(reactor::Reactor* reactor, std::span<int> files,
                                std::string* error) {
  const Settings::Limits& limits = settings_.limits;
  for (size_t i = 0; i < ports_->size(); ++i) {
    const Port& port = (*ports_)[i];
    reactor::TcpListenerOptions listen;
    listen.local = port.local;
    // Anybody can connect to the unprotected ports: they never take what registered phones need.
    if (port.side == Side::kGm) {
      listen.buffers = stranger_buffers_;
      listen.source_max = limits.connections_per_source_max;
      listen.keep_free = limits.connections_max / 2;
    }
    std::string why;
    const auto tag = static_cast<uint32_t>(i);
    auto listener = files.empty()
                        ? reactor::TcpListener::Open(reactor, pool_.get(), listen, tag, &why)
                        : reactor::TcpListener::Adopt(
                              reactor, pool_.get(), std::exchange(files[i], -1), listen, tag, &why);
    if (listener == nullptr) {
      *error = fmt::format("tcp:{}: {}", port.text, why);
      return false;
    }
    listeners_.push_back(std::move(listener));
  }
  return true;
}

void Connections::Send(const Flow& to, std::span<const std::string_view> pieces,
                       const reactor::BufferLease& lease) {
  TcpConnection* const connection = Find(to);
  if (connection == nullptr) return Connect(to, pieces);
  if (connection->connecting()) return Wait(LinkOf(*connection), to, pieces);
  if (connection->open()) {
    if (!connection->Send(pieces, lease)) ++stats_->send_failed;
    if (SideOf(to) == Side::kGm && connection->open() && IsFinalAnswer(pieces)) {
      OnAnswered(*connection, LinkOf(*connection));
    }
    return;
  }
  Forget(*connection);  // It is ending.
  Connect(to, pieces);
}

TcpConnection* Connections::Find(const Flow& flow) {
  const auto found = flows_.find(FlowKey(flow));
  return found == flows_.end() ? nullptr : pool_->Find(found->second);
}

// At an unprotected port. The answer to its REGISTER makes a stranger's connection a phone's, or
// the reverse; after a FIN the last answer is the end.
void Connections::OnAnswered(TcpConnection& connection, Link* link) {
  if (link->unanswered > 0) --link->unanswered;
  if (!link->half_closed) {
    if (!link->in_message) SetDeadline(connection, link, Stream::State::kBetween);
  } else if (link->unanswered == 0) {
    Forget(connection);
    connection.Close();
  }
}

// No connection to a phone leaves an unprotected port: it could lead anywhere.
void Connections::Connect(const Flow& to, std::span<const std::string_view> pieces) {
  Flow flow = to;
  if (to.connect_port != 0) {
    flow.remote.set_port(to.connect_port);
    flow.connect_port = 0;
    if (Find(flow) != nullptr) return Send(flow, pieces, {});
  }
  TcpConnection* connection = nullptr;
  if (SideOf(to) != Side::kGm && !IsHeldOff(flow)) {
    reactor::Endpoint local = (*ports_)[to.port].local;
    if (SideOf(to) == Side::kCore) local.set_port(0);
    int error = 0;
    connection = pool_->Connect(local, flow.remote, to.port, &error);
    if (connection == nullptr) ++stats_->tcp_connects_failed;
  }
  if (connection == nullptr) {
    Waiting message{{}, to.or_udp};
    for (const std::string_view piece : pieces) message.text += piece;
    return Fail(flow, &message);
  }
  Wait(AddLink(*connection, flow), flow, pieces);
}

Connections::Link* Connections::AddLink(const TcpConnection& connection, const Flow& flow) {
  std::unique_ptr<Link>& link = links_[connection.slot()];
  link = std::make_unique<Link>(Flow{flow.port, flow.remote, Transport::kTcp}, &storages_);
  flows_[FlowKey(flow)] = connection.id();
  return link.get();
}

bool Connections::IsHeldOff(const Flow& to) {
  if (!to.or_udp || held_off_.empty()) return false;
  const auto found = held_off_.find(FlowKey(to));
  if (found == held_off_.end()) return false;
  if (found->second > now_ms_) return true;
  held_off_.erase(found);
  return false;
}

void Connections::Wait(Link* link, const Flow& to, std::span<const std::string_view> pieces) {
  Waiting message{{}, to.or_udp};
  for (const std::string_view piece : pieces) message.text += piece;
  if (link->waiting_size + message.text.size() > kWaitingSizeMax) {
    ++stats_->drop_connect_queue;
    return;
  }
  link->waiting_size += message.text.size();
  link->waiting.push_back(std::move(message));
}

void Connections::Fail(const Flow& to, Waiting* message) {
  if (!message->or_udp || message->text.size() > kDatagramSizeMax) {
    ++stats_->drop_no_connection;
    return;
  }
  RewriteTransport(message->text, Transport::kUdp);
  ++stats_->sent_over_udp_instead;
  sink_->SendOverUdp({to.port, to.remote}, message->text);
}

void Connections::OnTcpOpen(TcpConnection& connection) {
  const Flow flow{static_cast<PortIndex>(connection.tag()), connection.peer(), Transport::kTcp};
  Link* const link = connection.accepted() ? AddLink(connection, flow) : LinkOf(connection);
  if (SideOf(flow) == Side::kCore) connection.set_backlog_size_max(kCoreBacklogSizeMax);
  if (!sink_->OnConnection(flow)) return connection.Abort();
  SetDeadline(connection, link, Stream::State::kBetween);
  held_off_.erase(FlowKey(flow));
  for (const Waiting& message : std::exchange(link->waiting, {})) {
    const std::string_view piece = message.text;
    if (!connection.Send({&piece, 1}, {})) ++stats_->send_failed;
  }
}

void Connections::OnTcpBytes(TcpConnection& connection, std::string_view bytes,
                             reactor::BufferLease lease) {
  Link* const link = LinkOf(connection);
  Stream::State state =
      link->stream.Feed(sip::PaddedView::Promise(bytes), [&](const sip::Frame& frame) {
        if (frame.kind == sip::FrameKind::kMessage) {
          if (WantsAnswer(frame.text.bytes())) ++link->unanswered;
          sink_->OnStreamMessage(link->flow, frame.text, lease);
        } else if (frame.kind == sip::FrameKind::kPing) {  // RFC 5626 4.4.1.
          constexpr std::string_view kPong = "\r\n";
          ++stats_->tcp_pings;
          connection.Send({&kPong, 1}, {});
        }
        return connection.open();
      });
  // Strangers may not take the last storages from phones and the core.
  if (state == Stream::State::kInMessage && !link->in_message && SideOf(link->flow) == Side::kGm &&
      storages_.available() < kFrameStorages / 2) {
    state = Stream::State::kNoStorage;
  }
  switch (state) {
    case Stream::State::kBetween:
    case Stream::State::kInMessage:
      return SetDeadline(connection, link, state);
    case Stream::State::kStopped:
      return;
    case Stream::State::kNoStorage:
      ++stats_->drop_frame_storage;
      return connection.Abort();
    case Stream::State::kBroken:
      CountBroken(link->stream);
      return connection.Abort();
  }
}

// A message that has begun must end in time, however slowly it comes; between messages strangers
// have little time, phones and the core the idle time of the pool.
void Connections::SetDeadline(TcpConnection& connection, Link* link, Stream::State state) {
  const bool in_message = state == Stream::State::kInMessage;
  if (in_message) {
    if (!link->in_message) connection.SetDeadline(now_ms_ + kMessageMs);
  } else if (SideOf(link->flow) == Side::kGm) {
    const bool is_phone = sink_->IsInClear(link->flow);
    connection.SetDeadline(is_phone ? TimerWheel::kNever : now_ms_ + kGmConnectionMs);
  } else if (link->in_message) {
    connection.SetDeadline(TimerWheel::kNever);
  }
  link->in_message = in_message;
}

void Connections::CountBroken(const Stream& stream) {
  switch (stream.error()) {
    case sip::FrameError::kHeadersTooLarge:
    case sip::FrameError::kBodyTooLarge:
    case sip::FrameError::kMessageTooLarge:
      ++stats_->drop_frame_size;
      break;
    default:
      ++stats_->drop_frame_length;
      break;
  }
}

// The end of the connection, not of the phone (pitfalls 25). A peer that said FIN may have closed:
// to what is protected, and to the core, the next message takes another way. At the unprotected
// ports there is none, so answers are tried, and a connection that waits for none is not kept: a
// phone that registers leaves one behind.
void Connections::OnTcpFin(TcpConnection& connection) {
  Link* const link = LinkOf(connection);
  if (link->stream.in_message()) ++stats_->drop_frame_cut;
  if (SideOf(link->flow) == Side::kGm && link->unanswered > 0) {
    link->half_closed = true;
    return connection.SetDeadline(now_ms_ + settings_.core.register_timeout_ms);
  }
  Forget(connection);
  connection.Close();
}

void Connections::Forget(const TcpConnection& connection) {
  const Flow& flow = LinkOf(connection)->flow;
  const auto found = flows_.find(FlowKey(flow));
  // The next connection between the same ends may be there already.
  if (found == flows_.end() || found->second != connection.id()) return;
  flows_.erase(found);
  if (connection.opened()) sink_->OnDisconnection(flow);
}

void Connections::OnTcpEnd(TcpConnection& connection, TcpEnd end, int) {
  Forget(connection);
  const std::unique_ptr<Link> link = std::move(links_[connection.slot()]);
  if (end == TcpEnd::kReset && link->stream.in_message()) ++stats_->drop_frame_cut;
  if (connection.opened()) return;
  ++stats_->tcp_connects_failed;
  if (end == TcpEnd::kRefused || end == TcpEnd::kTimeout) {
    if (held_off_.size() >= kHeldOffMax) held_off_.clear();
    held_off_[FlowKey(link->flow)] = now_ms_ + kConnectHoldOffMs;
  }
  for (Waiting& message : link->waiting) Fail(link->flow, &message);
  sink_->OnConnectFailed(link->flow);
}

void Connections::Disconnect(const Flow& flow) {
  if (TcpConnection* const connection = Find(flow); connection != nullptr) {
    Forget(*connection);
    connection->Abort();
  }
}

void Connections::OnTime(uint64_t now_ms) {
  now_ms_ = now_ms;
  pool_->Advance(now_ms);
  const reactor::TcpPool::Counters& counters = pool_->counters();
  if (counters.accept_errors != accept_errors_) {
    accept_errors_ = counters.accept_errors;
    resume_ms_ = now_ms + kAcceptPauseMs;
  }
  if (now_ms >= resume_ms_) {
    resume_ms_ = TimerWheel::kNever;
    for (const auto& listener : listeners_) listener->Resume();
  }
  stats_->tcp_accepted = counters.accepted;
  stats_->tcp_connected = counters.connected;
  stats_->tcp_refused_full = counters.refused_full;
  stats_->tcp_refused_source = counters.refused_source;
  stats_->tcp_accept_errors = counters.accept_errors;
  const auto ended = [&](TcpEnd end) { return counters.ended[static_cast<size_t>(end)]; };
  stats_->tcp_reset = ended(TcpEnd::kReset);
  stats_->tcp_timed_out = ended(TcpEnd::kTimeout);
  stats_->tcp_stalled = ended(TcpEnd::kStalled);
}

uint64_t Connections::NextExpiry() const {
  return std::min(pool_->NextExpiry(), resume_ms_);
}

void Connections::Close() {
  for (const auto& listener : listeners_) listener->Close();
  pool_->AbortAll();
}

bool Connections::closed() const {
  return pool_->empty() && std::all_of(listeners_.begin(), listeners_.end(),
                                       [](const auto& listener) { return listener->closed(); });
}

}  // namespace edge
