#include "reactor/netlink.h"

#include <linux/netlink.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

#include "reactor/error_text.h"
#include "reactor/udp_socket.h"

namespace reactor {
namespace {

// The kernel never puts more than 32 KiB into one netlink datagram.
constexpr size_t kReceiveSize = 64 * 1024;

// A batch takes an allocation of its size plus the kernel's book-keeping out of SO_SNDBUF.
constexpr int kSendBufferSize = 2 * static_cast<int>(NetlinkPort::kSendSizeMax);

}  // namespace

// Receives one datagram at a time into a buffer of its own, not into lent ones: -ENOBUFS then has
// one meaning, that the socket lost answers, where a buffer ring would say the same for "no buffer
// left". It also has room for the largest datagram, and it holds keys (dumps of SAs), so it is
// wiped after each. Answers are few, one per batch, so one receive per turn is enough.
struct NetlinkPort::State {
  struct Slot {
    Completion completion;
    State* port = nullptr;
    std::byte* bytes = nullptr;
    size_t size = 0;
    bool busy = false;
  };

  Reactor* reactor = nullptr;
  std::weak_ptr<const void> reactor_lifetime;
  NetlinkSink* sink = nullptr;
  int fd = -1;
  int file = -1;

  // kReceiveSize bytes to receive into, then kSendSizeMax for each slot.
  void* mapping = MAP_FAILED;
  std::array<Slot, kInFlightMax> slots;
  sockaddr_nl sender{};
  iovec piece{};
  msghdr message{};
  Completion receive;
  Completion cancel;
  bool receive_armed = false;
  bool cancel_armed = false;
  bool closing = false;
  int sends_in_flight = 0;

  bool TakeMemory(std::string* error);
  void SetHandlers();
  void ArmReceive();
  void ArmCancel();
  void OnReceive(int32_t result);
  void Deliver(size_t size);
  void OnCancel(int32_t result);
  void OnSent(Slot* slot, int32_t result);
  void ReleaseWhenClosed();
  std::byte* memory() const { return static_cast<std::byte*>(mapping); }
  static constexpr size_t kMappingSize = kReceiveSize + kInFlightMax * kSendSizeMax;
};

NetlinkPort::NetlinkPort() : state_(std::make_unique<State>()) {}

std::unique_ptr<NetlinkPort> NetlinkPort::Open(Reactor* reactor, BufferRing*, int fd,
                                               NetlinkSink* sink, std::string* error) {
  return Open(reactor, fd, sink, error);
}

std::unique_ptr<NetlinkPort> NetlinkPort::Open(Reactor* reactor, int fd, NetlinkSink* sink,
                                               std::string* error) {
  std::unique_ptr<NetlinkPort> port(new NetlinkPort());
  State* const state = port->state_.get();
  state->fd = fd;
  state->file = state->TakeMemory(error) ? reactor->RegisterFile(fd) : -1;
  if (state->file < 0) {
    if (error->empty()) *error = "netlink: all registered file slots are taken";
    close(std::exchange(state->fd, -1));
    return nullptr;
  }
  GrowSendBuffer(fd, kSendBufferSize);
  state->reactor = reactor;
  state->reactor_lifetime = reactor->lifetime();
  state->sink = sink;
  state->SetHandlers();
  state->ArmReceive();
  return port;
}

NetlinkPort::~NetlinkPort() {
  State& state = *state_;
  if (state.fd >= 0) {
    assert(state.reactor_lifetime.expired() && "a port is destroyed before it is closed");
    close(state.fd);
  }
  if (state.mapping == MAP_FAILED) return;
  explicit_bzero(state.mapping, State::kMappingSize);
  munmap(state.mapping, State::kMappingSize);
}

bool NetlinkPort::Send(std::span<const std::byte> bytes) {
  State& state = *state_;
  assert(!bytes.empty() && bytes.size() <= kSendSizeMax);
  if (state.closing || state.sends_in_flight == kInFlightMax) return false;
  State::Slot* slot = state.slots.data();
  while (slot->busy) ++slot;
  slot->busy = true;
  slot->size = bytes.size();
  std::memcpy(slot->bytes, bytes.data(), bytes.size());
  ++state.sends_in_flight;

  io_uring_sqe* const sqe = state.reactor->GetSqe(&slot->completion);
  io_uring_prep_send(sqe, state.file, slot->bytes, slot->size, 0);
  io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
  return true;
}

void NetlinkPort::Close() {
  State& state = *state_;
  if (state.closing) return;
  state.closing = true;
  if (state.receive_armed) state.ArmCancel();
  state.ReleaseWhenClosed();
}

bool NetlinkPort::closed() const {
  return state_->fd < 0;
}

bool NetlinkPort::State::TakeMemory(std::string* error) {
  mapping = mmap(nullptr, kMappingSize, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (mapping == MAP_FAILED) {
    *error = ErrorText("netlink: mmap", errno);
    return false;
  }
  madvise(mapping, kMappingSize, MADV_DONTDUMP);  // Keys stay out of core dumps.
  error->clear();
  return true;
}

void NetlinkPort::State::SetHandlers() {
  for (size_t i = 0; i < slots.size(); ++i) {
    slots[i].port = this;
    slots[i].bytes = memory() + kReceiveSize + i * kSendSizeMax;
    slots[i].completion = {[](void* owner, Completion*, int32_t result, uint32_t) {
                             Slot* const slot = static_cast<Slot*>(owner);
                             slot->port->OnSent(slot, result);
                           },
                           &slots[i]};
  }
  receive = {[](void* owner, Completion*, int32_t result, uint32_t) {
               static_cast<State*>(owner)->OnReceive(result);
             },
             this};
  cancel = {[](void* owner, Completion*, int32_t result, uint32_t) {
              static_cast<State*>(owner)->OnCancel(result);
            },
            this};
}

void NetlinkPort::State::ArmReceive() {
  piece = {mapping, kReceiveSize};
  message = {};
  message.msg_name = &sender;
  message.msg_namelen = sizeof(sender);
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  io_uring_sqe* const sqe = reactor->GetSqe(&receive);
  io_uring_prep_recvmsg(sqe, file, &message, 0);
  io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
  receive_armed = true;
}

void NetlinkPort::State::ArmCancel() {
  io_uring_sqe* const sqe = reactor->GetSqe(&cancel);
  io_uring_prep_cancel(sqe, &receive, 0);
  cancel_armed = true;
}

void NetlinkPort::State::OnReceive(int32_t result) {
  if (result >= 0) {
    Deliver(static_cast<size_t>(result));
  } else if (result != -ECANCELED) {
    sink->OnNetlinkLoss(-result);
  }
  receive_armed = false;
  if (closing) {
    ReleaseWhenClosed();
  } else {
    ArmReceive();
  }
}

void NetlinkPort::State::Deliver(size_t size) {
  // Another process may write to the socket's port id if it is privileged; only the kernel's own
  // word (port id 0) counts.
  if (sender.nl_pid == 0) {
    if ((message.msg_flags & MSG_TRUNC) != 0) {
      sink->OnNetlinkLoss(EMSGSIZE);
    } else {
      sink->OnNetlink({memory(), size});
    }
  }
  explicit_bzero(mapping, size);
}

void NetlinkPort::State::OnCancel(int32_t result) {
  cancel_armed = false;
  // Found, but just being worked on: it may arm itself again, so ask again.
  if (result == -EALREADY && receive_armed) ArmCancel();
  ReleaseWhenClosed();
}

void NetlinkPort::State::OnSent(Slot* slot, int32_t result) {
  const bool whole = result == static_cast<int32_t>(slot->size);
  explicit_bzero(slot->bytes, slot->size);
  slot->busy = false;
  --sends_in_flight;
  if (!whole) sink->OnNetlinkLoss(result < 0 ? -result : EMSGSIZE);
  if (closing) ReleaseWhenClosed();
}

void NetlinkPort::State::ReleaseWhenClosed() {
  if (!closing || receive_armed || cancel_armed || sends_in_flight != 0 || fd < 0) return;
  reactor->UnregisterFile(file);
  close(std::exchange(fd, -1));
}

}  // namespace reactor
