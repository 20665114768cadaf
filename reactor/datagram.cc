#include "reactor/datagram.h"

#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

#include "reactor/gather.h"
#include "reactor/send_slot.h"
#include "reactor/udp_socket.h"

namespace reactor {
namespace {

constexpr size_t kPayloadMax = 65507;
constexpr size_t kSlicesMax = 255;
// Messages of ICMP taken at once; what is left is told of again.
constexpr int kIcmpErrorsMax = 64;
// How often a datagram is sent again while ICMP tells of others.
constexpr int kRepeatsMax = 4;

}  // namespace

struct DatagramPort::State {
  DatagramPort* port = nullptr;
  Reactor* reactor = nullptr;
  std::weak_ptr<const void> reactor_lifetime;
  BufferRing* buffers = nullptr;
  SendPool::State* pool = nullptr;
  DatagramSink* sink = nullptr;
  uint32_t tag = 0;
  int fd = -1;
  int file = -1;
  Endpoint local;
  Counters counters;
  uint32_t drops = 0;  // The kernel's number when it was asked last.

  // The receive's shape: it says how much of each buffer is for the sender's name.
  msghdr shape{};
  Completion receive;
  Completion cancel;
  BufferWaiter waiter;
  bool receive_armed = false;
  bool cancel_armed = false;
  bool cancel_again = false;
  bool closing = false;
  bool at_rest = false;
  bool reports_unreachable = false;
  int sends_in_flight = 0;

  void ArmReceive();
  void ArmCancel();
  void OnReceive(int32_t result, uint32_t flags);
  void OnReceiveError(int error);
  void Deliver(BufferLease lease, int32_t result);
  void OnReceiveEnd(int32_t result);
  void OnCancel(int32_t result);
  void Submit(SendSlot* slot);
  void OnSent(SendSlot* slot, int32_t result);
  int SendAgain(SendSlot* slot);
  bool TakeIcmpErrors();
  void ReleaseWhenClosed();
  bool Quiet() const { return !receive_armed && !cancel_armed && sends_in_flight == 0; }
};

DatagramPort::DatagramPort() : state_(std::make_unique<State>()) {}

std::unique_ptr<DatagramPort> DatagramPort::Open(Reactor* reactor, BufferRing* buffers,
                                                 SendPool* pool, const DatagramOptions& options,
                                                 DatagramSink* sink, uint32_t tag,
                                                 std::string* error) {
  Endpoint local;
  const int fd = OpenUdpSocket(options, &local, error);
  if (fd < 0) return nullptr;
  auto port = Make(reactor, buffers, pool, fd, options, sink, tag, error);
  if (port == nullptr) return nullptr;
  port->state_->local = local;
  port->state_->ArmReceive();
  return port;
}

std::unique_ptr<DatagramPort> DatagramPort::Adopt(Reactor* reactor, BufferRing* buffers,
                                                  SendPool* pool, int fd,
                                                  const DatagramOptions& options,
                                                  DatagramSink* sink, uint32_t tag,
                                                  std::string* error) {
  Endpoint local;
  if (!IsUdpSocketAt(fd, options.local, &local)) {
    close(fd);
    *error = "UDP: what was handed over is no socket of that port";
    return nullptr;
  }
  auto port = Make(reactor, buffers, pool, fd, options, sink, tag, error);
  if (port == nullptr) return nullptr;
  port->state_->local = local;
  port->state_->drops = DropsOf(fd);
  port->state_->at_rest = true;
  return port;
}

std::unique_ptr<DatagramPort> DatagramPort::Make(Reactor* reactor, BufferRing* buffers,
                                                 SendPool* pool, int fd,
                                                 const DatagramOptions& options, DatagramSink* sink,
                                                 uint32_t tag, std::string* error) {
  std::unique_ptr<DatagramPort> port(new DatagramPort());
  State* const state = port->state_.get();
  state->fd = fd;
  if (buffers->options().size <= sizeof(io_uring_recvmsg_out) + sizeof(Endpoint)) {
    close(std::exchange(state->fd, -1));
    *error = "UDP: the receive buffers have no room for a payload";
    return nullptr;
  }
  state->file = reactor->RegisterFile(state->fd);
  if (state->file < 0) {
    close(std::exchange(state->fd, -1));
    *error = "UDP: all registered file slots are taken";
    return nullptr;
  }
  state->port = port.get();
  state->reactor = reactor;
  state->reactor_lifetime = reactor->lifetime();
  state->buffers = buffers;
  state->pool = pool->state_.get();
  state->sink = sink;
  state->tag = tag;
  state->reports_unreachable = options.report_unreachable;
  state->shape.msg_namelen = sizeof(Endpoint);
  state->receive = {[](void* owner, Completion*, int32_t result, uint32_t flags) {
                      static_cast<State*>(owner)->OnReceive(result, flags);
                    },
                    state};
  state->cancel = {[](void* owner, Completion*, int32_t result, uint32_t) {
                     static_cast<State*>(owner)->OnCancel(result);
                   },
                   state};
  state->waiter.wake = [](void* owner) { static_cast<State*>(owner)->ArmReceive(); };
  state->waiter.owner = state;
  return port;
}

DatagramPort::~DatagramPort() {
  if (state_->fd < 0) return;
  assert(state_->reactor_lifetime.expired() && "a port is destroyed before it is closed");
  close(state_->fd);
}

bool DatagramPort::Send(const Endpoint& to, std::span<const std::string_view> slices,
                        const BufferLease& lease) {
  State& state = *state_;
  Gather gather(lease);
  gather.Count(slices);
  if (slices.size() > kSlicesMax || gather.size() > kPayloadMax ||
      gather.text_size() >
          std::max(state.pool->options.large_text_size, state.pool->options.slot_text_size)) {
    ++state.counters.send_errors;
    state.counters.last_send_errno = EMSGSIZE;
    return false;
  }
  SendSlot* const slot =
      state.closing ? nullptr : state.pool->Take(gather.piece_count(), gather.text_size());
  if (slot == nullptr) {
    ++state.counters.send_no_slot;
    return false;
  }

  const SendArea& area = slot->large != nullptr ? *slot->large : slot->own;
  gather.Fill(slices, area);
  if (gather.text_size() != gather.size()) slot->lease = lease;
  slot->to = to;
  slot->message.msg_name = &slot->to;
  slot->message.msg_namelen = to.size();
  slot->message.msg_iov = area.pieces;
  slot->message.msg_iovlen = gather.piece_count();
  slot->port = &state;
  slot->completion.owner = slot;
  slot->completion.handler = [](void* owner, Completion*, int32_t result, uint32_t) {
    SendSlot* const done = static_cast<SendSlot*>(owner);
    static_cast<State*>(done->port)->OnSent(done, result);
  };

  state.Submit(slot);
  ++state.sends_in_flight;
  return true;
}

void DatagramPort::State::Submit(SendSlot* slot) {
  io_uring_sqe* const sqe = reactor->GetSqe(&slot->completion);
  io_uring_prep_sendmsg(sqe, file, &slot->message, 0);
  io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
}

void DatagramPort::Close() {
  State& state = *state_;
  if (state.closing) return;
  state.closing = true;
  state.buffers->CancelAwait(&state.waiter);
  if (state.receive_armed) state.ArmCancel();
  state.ReleaseWhenClosed();
}

void DatagramPort::Rest() {
  State& state = *state_;
  if (state.at_rest || state.closing) return;
  state.at_rest = true;
  state.buffers->CancelAwait(&state.waiter);
  // A cancel of an earlier rest does not meet what was armed since.
  state.cancel_again = state.cancel_armed;
  if (state.receive_armed && !state.cancel_armed) state.ArmCancel();
}

bool DatagramPort::resting() const {
  return state_->at_rest && state_->Quiet();
}

// A cancel that is still under way was submitted before: it cannot meet what is armed now.
void DatagramPort::GoOn() {
  State& state = *state_;
  if (!std::exchange(state.at_rest, false) || state.closing) return;
  if (!state.receive_armed) state.ArmReceive();
}

int DatagramPort::fd() const {
  return state_->fd;
}

void DatagramPort::ReadDrops() {
  State& state = *state_;
  const uint32_t drops = DropsOf(state.fd);
  // The kernel's number wraps, ours does not.
  state.counters.dropped_by_kernel += drops - state.drops;
  state.drops = drops;
}

bool DatagramPort::closed() const {
  return state_->fd < 0;
}
const Endpoint& DatagramPort::local() const {
  return state_->local;
}
uint32_t DatagramPort::tag() const {
  return state_->tag;
}
const DatagramPort::Counters& DatagramPort::counters() const {
  return state_->counters;
}

void DatagramPort::State::ArmReceive() {
  io_uring_sqe* const sqe = reactor->GetSqe(&receive);
  io_uring_prep_recvmsg_multishot(sqe, file, &shape, 0);
  io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT);
  sqe->buf_group = buffers->group();
  receive_armed = true;
}

void DatagramPort::State::ArmCancel() {
  io_uring_sqe* const sqe = reactor->GetSqe(&cancel);
  io_uring_prep_cancel(sqe, &receive, 0);
  cancel_armed = true;
}

void DatagramPort::State::OnReceive(int32_t result, uint32_t flags) {
  BufferLease lease;
  if ((flags & IORING_CQE_F_BUFFER) != 0) lease = buffers->Take(flags);
  if (result < 0) {
    OnReceiveError(-result);
  } else if (lease) {
    Deliver(std::move(lease), result);
  }
  if ((flags & IORING_CQE_F_MORE) == 0) OnReceiveEnd(result);
}

void DatagramPort::State::OnReceiveError(int error) {
  if (error == ENOBUFS) {
    ++counters.receive_no_buffers;
  } else if (reports_unreachable && error != ECANCELED) {
    TakeIcmpErrors();
  } else if (error != ECANCELED) {
    ++counters.receive_errors;
  }
}

// The kernel tells the next call on the socket, whatever that is, that messages wait here. False:
// there was none.
bool DatagramPort::State::TakeIcmpErrors() {
  Endpoint to;
  int error = 0;
  int taken = 0;
  while (taken < kIcmpErrorsMax && TakeIcmpError(fd, &to, &error)) {
    ++taken;
    if (IsUnreachable(error) && !closing) sink->OnUnreachable(*port, to);
  }
  return taken > 0;
}

// The kernel fills a buffer like this (`shape` has no room for control messages):
//
//   | io_uring_recvmsg_out, 16 bytes | sender, 28 bytes | payload |
void DatagramPort::State::Deliver(BufferLease lease, int32_t result) {
  io_uring_recvmsg_out* const out = io_uring_recvmsg_validate(lease.bytes().data(), result, &shape);
  if (out == nullptr || out->namelen > sizeof(Endpoint)) {
    ++counters.receive_errors;
    return;
  }
  Datagram datagram;
  std::memcpy(&datagram.from, io_uring_recvmsg_name(out), out->namelen);
  datagram.payload = {static_cast<const char*>(io_uring_recvmsg_payload(out, &shape)),
                      io_uring_recvmsg_payload_length(out, result, &shape)};
  datagram.truncated = (out->flags & MSG_TRUNC) != 0;
  ++counters.received;
  if (datagram.truncated) ++counters.receive_truncated;
  sink->OnDatagram(*port, datagram, std::move(lease));
}

// A multishot receive ends for many reasons: no buffers, a full completion queue, an ICMP error, an
// empty datagram. None of them is the end of the socket.
void DatagramPort::State::OnReceiveEnd(int32_t result) {
  receive_armed = false;
  if (closing) {
    ReleaseWhenClosed();
  } else if (at_rest) {
    return;
  } else if (result == -ENOBUFS && buffers->available() == 0) {
    buffers->AwaitBuffer(&waiter);
  } else {
    ArmReceive();
  }
}

void DatagramPort::State::OnCancel(int32_t result) {
  cancel_armed = false;
  // Found, but just being worked on: it may arm itself again, so ask again.
  const bool again = std::exchange(cancel_again, false) || result == -EALREADY;
  if (again && receive_armed) ArmCancel();
  ReleaseWhenClosed();
}

// What failed may have been told of another datagram, by ICMP. So it is sent again, at once, with
// nothing left to be told: through the ring other sends could come between. 0, or an errno.
int DatagramPort::State::SendAgain(SendSlot* slot) {
  int error = 0;
  TakeIcmpErrors();
  for (int i = 0; i < kRepeatsMax; ++i) {
    if (sendmsg(fd, &slot->message, MSG_DONTWAIT) >= 0) return 0;
    error = errno;
    if (TakeIcmpErrors()) continue;
    // Its own failure. Only ICMP refuses.
    if (IsUnreachable(error) && error != ECONNREFUSED) sink->OnUnreachable(*port, slot->to);
    break;
  }
  return error;
}

void DatagramPort::State::OnSent(SendSlot* slot, int32_t result) {
  if (result < 0 && reports_unreachable && !closing) result = -SendAgain(slot);
  pool->Free(slot);
  --sends_in_flight;
  if (result >= 0) {
    ++counters.sent;
  } else {
    ++counters.send_errors;
    counters.last_send_errno = -result;
  }
  if (closing) ReleaseWhenClosed();
}

void DatagramPort::State::ReleaseWhenClosed() {
  if (!closing || !Quiet() || fd < 0) return;
  reactor->UnregisterFile(file);
  close(std::exchange(fd, -1));
}

}  // namespace reactor
