#include "reactor/buffer_ring.h"

#include <sys/mman.h>

#include <cassert>
#include <cerrno>
#include <utility>
#include <vector>

#include "reactor/error_text.h"

namespace reactor {

// One mapping holds it all:
//
//   | io_uring_buf x count | pad to a page | buffer 0 | tail padding | buffer 1 | tail padding |
//   ... ^ entries                              ^ buffers                 ^ buffers + stride
//
// The kernel is told `size` per buffer, so it never writes the padding.
struct BufferRing::State {
  std::weak_ptr<const void> reactor_lifetime;
  io_uring* ring = nullptr;
  bool registered = false;
  void* mapping = MAP_FAILED;
  size_t mapping_size = 0;
  io_uring_buf_ring* entries = nullptr;
  std::byte* buffers = nullptr;
  size_t stride = 0;
  int mask = 0;
  std::vector<uint32_t> references;  // Leases of each buffer; 0 while it is the kernel's.
  BufferWaiter* first_waiter = nullptr;
  BufferWaiter* last_waiter = nullptr;
};

namespace {

constexpr size_t kPageSize = 4096;
constexpr size_t kCacheLine = 64;

size_t RoundUp(size_t size, size_t unit) {
  return (size + unit - 1) / unit * unit;
}

bool Valid(const BufferRingOptions& options) {
  return options.count != 0 && (options.count & (options.count - 1)) == 0 &&
         options.count <= 32768 && options.size != 0;
}

}  // namespace

BufferRing::BufferRing() : state_(std::make_unique<State>()) {}

std::unique_ptr<BufferRing> BufferRing::Create(Reactor* reactor, const BufferRingOptions& options,
                                               std::string* error) {
  if (!Valid(options)) {
    *error = "buffer ring: the count must be a power of two up to 32768, the size not 0";
    return nullptr;
  }
  std::unique_ptr<BufferRing> buffers(new BufferRing());
  buffers->options_ = options;
  if (!buffers->Register(reactor, error)) return nullptr;
  return buffers;
}

bool BufferRing::Register(Reactor* reactor, std::string* error) {
  State& state = *state_;
  const size_t entries_size = RoundUp(options_.count * sizeof(io_uring_buf), kPageSize);
  state.stride = RoundUp(size_t{options_.size} + options_.tail_padding, kCacheLine);
  state.mapping_size = entries_size + options_.count * state.stride;
  // Not populated: each buffer could hold the largest datagram, but most never leave their first
  // page, which one fault a buffer brings.
  state.mapping =
      mmap(nullptr, state.mapping_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (state.mapping == MAP_FAILED) {
    *error =
        ErrorText("buffer ring: mmap of " + std::to_string(state.mapping_size) + " bytes", errno);
    return false;
  }
  // Messages carry keys (ik, ck): they stay out of core dumps.
  madvise(state.mapping, state.mapping_size, MADV_DONTDUMP);
  state.entries = static_cast<io_uring_buf_ring*>(state.mapping);
  state.buffers = static_cast<std::byte*>(state.mapping) + entries_size;
  state.mask = io_uring_buf_ring_mask(options_.count);

  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<uint64_t>(state.entries);
  registration.ring_entries = options_.count;
  registration.bgid = options_.group;
  const int result = io_uring_register_buf_ring(reactor->ring(), &registration, 0);
  if (result < 0) {
    *error = ErrorText("buffer ring: group " + std::to_string(options_.group), -result);
    return false;
  }
  state.registered = true;
  state.ring = reactor->ring();
  state.reactor_lifetime = reactor->lifetime();

  io_uring_buf_ring_init(state.entries);
  state.references.resize(options_.count);
  for (uint16_t i = 0; i < options_.count; ++i) {
    io_uring_buf_ring_add(state.entries, Buffer(i), options_.size, i, state.mask, i);
  }
  io_uring_buf_ring_advance(state.entries, options_.count);
  available_ = options_.count;
  return true;
}

BufferRing::~BufferRing() {
  State& state = *state_;
  if (state.registered) {
    assert(available_ == options_.count && "a lease outlives its buffer ring");
    if (!state.reactor_lifetime.expired()) {
      io_uring_unregister_buf_ring(state.ring, options_.group);
    }
  }
  if (state.mapping != MAP_FAILED) munmap(state.mapping, state.mapping_size);
}

std::byte* BufferRing::Buffer(uint16_t index) const {
  return state_->buffers + index * state_->stride;
}

BufferLease BufferRing::Take(uint32_t flags) {
  assert((flags & IORING_CQE_F_BUFFER) != 0);
  BufferLease lease;
  lease.ring_ = this;
  lease.index_ = static_cast<uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT);
  assert(lease.index_ < options_.count && state_->references[lease.index_] == 0);
  state_->references[lease.index_] = 1;
  --available_;
  return lease;
}

// Handing over one by one is as cheap as in batches: the kernel reads the tail in this very thread,
// when it submits or waits, so the release store is a plain store to a line that is already ours.
void BufferRing::Return(uint16_t index) {
  State& state = *state_;
  io_uring_buf_ring_add(state.entries, Buffer(index), options_.size, index, state.mask, 0);
  io_uring_buf_ring_advance(state.entries, 1);
  ++available_;
  if (state.first_waiter == nullptr) [[likely]]
    return;

  // Who is woken arms a receive, which is submitted with the end of the turn. Thousands of
  // connections may wait: to wake them all for one buffer would bring as many refusals. Half of the
  // buffers are enough for all, and the end of any wait, since whoever was woken may want none.
  const BufferWaiter* const last = state.last_waiter;
  const BufferWaiter* woken = nullptr;
  do {
    woken = state.first_waiter;
    WakeFirst();
  } while (available_ > options_.count / 2 && woken != last && state.first_waiter != nullptr);
}

void BufferRing::WakeFirst() {
  BufferWaiter* const waiter = state_->first_waiter;
  CancelAwait(waiter);
  waiter->wake(waiter->owner);
}

void BufferRing::AwaitBuffer(BufferWaiter* waiter) {
  if (waiter->waiting) return;
  waiter->waiting = true;
  waiter->next = nullptr;
  waiter->previous = std::exchange(state_->last_waiter, waiter);
  (waiter->previous != nullptr ? waiter->previous->next : state_->first_waiter) = waiter;
}

void BufferRing::CancelAwait(BufferWaiter* waiter) {
  if (!waiter->waiting) return;
  (waiter->previous != nullptr ? waiter->previous->next : state_->first_waiter) = waiter->next;
  (waiter->next != nullptr ? waiter->next->previous : state_->last_waiter) = waiter->previous;
  waiter->waiting = false;
}

BufferLease::BufferLease(const BufferLease& other) : ring_(other.ring_), index_(other.index_) {
  if (ring_ != nullptr) ++ring_->state_->references[index_];
}

BufferLease::BufferLease(BufferLease&& other) noexcept
    : ring_(std::exchange(other.ring_, nullptr)), index_(other.index_) {}

BufferLease& BufferLease::operator=(BufferLease other) noexcept {
  std::swap(ring_, other.ring_);
  std::swap(index_, other.index_);
  return *this;
}

BufferLease::~BufferLease() {
  if (ring_ != nullptr && --ring_->state_->references[index_] == 0) ring_->Return(index_);
}

std::span<std::byte> BufferLease::bytes() const {
  if (ring_ == nullptr) return {};
  return {ring_->Buffer(index_), ring_->options_.size};
}

bool BufferLease::Contains(const void* address) const {
  const std::span<std::byte> own = bytes();
  const std::byte* const byte = static_cast<const std::byte*>(address);
  return byte >= own.data() && byte < own.data() + own.size();
}

}  // namespace reactor
