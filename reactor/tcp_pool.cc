#include "reactor/tcp_pool.h"

#include <sys/random.h>
#include <unistd.h>

#include <bit>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

#include "reactor/tcp_listener.h"
#include "reactor/tcp_socket.h"

namespace reactor {
namespace {

// An IPv4 address, or the /64 of an IPv6 one: a host there can take any address of it.
uint64_t SourceOf(const Endpoint& peer) {
  uint64_t source = 0;
  const std::span<const uint8_t> address = peer.address();
  std::memcpy(&source, address.data(), std::min(address.size(), sizeof(source)));
  return source;
}

// The finalizer of MurmurHash3: every bit of the result depends on every bit of the seed and the
// source.
uint64_t Mix(uint64_t value) {
  value = (value ^ value >> 33) * 0xff51afd7ed558ccdULL;
  value = (value ^ value >> 33) * 0xc4ceb9fe1a85ec53ULL;
  return value ^ value >> 33;
}

constexpr uint64_t kIndexMask = 0xffffffff;

}  // namespace

TcpPool::TcpPool(Reactor* reactor, BufferRing* buffers, SendPool* sends, const TcpOptions& options,
                 TcpSink* sink, uint64_t now_ms)
    : reactor_(reactor),
      reactor_lifetime_(reactor->lifetime()),
      buffers_(buffers),
      sends_(sends),
      options_(options),
      sink_(sink),
      timers_(now_ms),
      chunks_(options.chunks_max),
      slots_(std::make_unique<TcpConnection[]>(options.connections_max)) {
  assert(options.connections_max > 0);
  for (uint32_t i = options.connections_max; i > 0; --i) {
    TcpConnection& slot = slots_[i - 1];
    slot.id_ = i;  // The generation above, from 0; the index from 1 below: 0 names none.
    slot.next_ = std::exchange(free_, &slot);
  }
  const uint64_t buckets = std::bit_ceil(uint64_t{options.connections_max});
  buckets_ = std::make_unique<TcpConnection*[]>(buckets);
  bucket_mask_ = buckets - 1;
  [[maybe_unused]] const ssize_t got = getrandom(&seed_, sizeof(seed_), GRND_NONBLOCK);
}

TcpPool::~TcpPool() {
  if (in_use_ == 0) return;
  assert(reactor_lifetime_.expired() && "connections are destroyed before they have ended");
  // Leases that come back must wake nobody who is about to go.
  for (uint32_t i = 0; i < options_.connections_max; ++i) {
    if (slots_[i].waiter_.waiting) slots_[i].buffers_->CancelAwait(&slots_[i].waiter_);
  }
  for (uint32_t i = 0; i < options_.connections_max; ++i) {
    TcpConnection& connection = slots_[i];
    if (connection.fd_ < 0) continue;
    connection.FreeAll();
    close(connection.fd_);
  }
}

TcpConnection* TcpPool::Connect(const Endpoint& local, const Endpoint& peer, uint32_t tag,
                                int* error) {
  if (free_ == nullptr) {
    *error = ENFILE;
    return nullptr;
  }
  const TcpSocketOptions socket_options{local, options_.send_buffer_size,
                                        options_.unacknowledged_ms};
  const int fd = OpenTcpSocket(socket_options, error);
  if (fd < 0) return nullptr;
  TcpConnection* const connection = TakeSlot();
  connection->Adopt(this, fd, tag);
  connection->local_ = local;
  connection->peer_ = peer;
  connection->StartConnect();
  return connection;
}

void TcpPool::Accept(int fd, uint32_t tag, const TcpListenerOptions& listener) {
  ++counters_.accepted;
  if (options_.connections_max - in_use_ <= listener.keep_free) {
    ++counters_.refused_full;
    return CloseWithReset(fd);
  }
  Endpoint peer;
  Endpoint local;
  if (!PeerOf(fd, &peer) || !LocalOf(fd, &local)) return CloseWithReset(fd);
  if (listener.source_max > 0 && CountOfSource(peer) >= listener.source_max) {
    ++counters_.refused_source;
    return CloseWithReset(fd);
  }
  TcpConnection* const connection = TakeSlot();
  connection->Adopt(this, fd, tag);
  connection->local_ = local;
  connection->peer_ = peer;
  connection->accepted_ = true;
  if (listener.buffers != nullptr) connection->buffers_ = listener.buffers;
  if (listener.source_max > 0) Count(connection);
  connection->Begin();
}

TcpConnection* TcpPool::Find(TcpId id) {
  const uint64_t index = id & kIndexMask;
  if (index == 0 || index > options_.connections_max) return nullptr;
  TcpConnection& connection = slots_[index - 1];
  return connection.id_ == id && connection.fd_ >= 0 ? &connection : nullptr;
}

void TcpPool::Advance(uint64_t now_ms) {
  timers_.Advance(now_ms, [this](Timer* timer) { slots_[timer->index].OnTimer(); });
}

void TcpPool::Rest() {
  at_rest_ = true;
  ForEachOpen([](TcpConnection& connection) { connection.Rest(); });
}

bool TcpPool::resting() const {
  for (uint32_t i = 0; i < options_.connections_max; ++i) {
    if (slots_[i].fd_ >= 0 && !slots_[i].resting()) return false;
  }
  return at_rest_;
}

void TcpPool::GoOn() {
  at_rest_ = false;
  ForEachOpen([](TcpConnection& connection) { connection.GoOn(); });
}

bool TcpPool::connecting() const {
  for (uint32_t i = 0; i < options_.connections_max; ++i) {
    if (slots_[i].fd_ >= 0 && slots_[i].connecting()) return true;
  }
  return false;
}

TcpConnection* TcpPool::Adopt(const TcpKept& kept, BufferRing* buffers) {
  const bool has_room = kept.unsent.size() <= chunks_.available() * ChunkPool::kChunkSize;
  if (free_ == nullptr || !has_room || !IsTcpSocketAt(kept.fd, kept.local)) {
    close(kept.fd);
    return nullptr;
  }
  TcpConnection* const connection = TakeSlot();
  connection->Adopt(this, kept.fd, kept.tag);
  connection->local_ = kept.local;
  connection->peer_ = kept.peer;
  connection->accepted_ = kept.accepted;
  connection->opened_ = true;
  if (buffers != nullptr) connection->buffers_ = buffers;
  if (kept.counted) Count(connection);
  connection->state_ = TcpConnection::State::kOpen;
  connection->active_ms_ = kept.active_ms;
  connection->deadline_ms_ = kept.deadline_ms;
  connection->ArmTimer();
  connection->backlog_.Append(kept.unsent, &chunks_);
  at_rest_ = true;
  return connection;
}

void TcpPool::Count(TcpConnection* connection) {
  connection->counted_ = true;
  TcpConnection** const bucket = BucketOf(connection->peer_);
  connection->next_ = std::exchange(*bucket, connection);
}

void TcpPool::LetGo() {
  ForEachOpen([](TcpConnection& connection) { connection.LetGo(); });
  ForEachConnecting([](TcpConnection& connection) { connection.Abort(); });
}

void TcpPool::AbortAll() {
  for (uint32_t i = 0; i < options_.connections_max && in_use_ > 0; ++i) {
    if (slots_[i].fd_ >= 0) slots_[i].Abort();
  }
}

TcpConnection* TcpPool::TakeSlot() {
  TcpConnection* const slot = std::exchange(free_, free_->next_);
  slot->next_ = nullptr;
  slot->timer_.index = static_cast<uint32_t>(slot - slots_.get());
  slot->deadline_ms_ = TimerWheel::kNever;
  slot->accepted_ = slot->opened_ = slot->counted_ = slot->fin_received_ = false;
  slot->buffers_ = buffers_;
  ++in_use_;
  return slot;
}

void TcpPool::GiveSlot(TcpConnection* slot) {
  if (slot->counted_) {
    TcpConnection** link = BucketOf(slot->peer_);
    while (*link != slot) link = &(*link)->next_;
    *link = slot->next_;
  }
  slot->state_ = TcpConnection::State::kFree;
  slot->id_ += kIndexMask + 1;
  slot->next_ = std::exchange(free_, slot);
  --in_use_;
}

TcpConnection** TcpPool::BucketOf(const Endpoint& peer) {
  return &buckets_[Mix(SourceOf(peer) ^ seed_) & bucket_mask_];
}

uint32_t TcpPool::CountOfSource(const Endpoint& peer) {
  uint32_t count = 0;
  for (const TcpConnection* other = *BucketOf(peer); other != nullptr; other = other->next_) {
    if (SourceOf(other->peer_) == SourceOf(peer)) ++count;
  }
  return count;
}

}  // namespace reactor
