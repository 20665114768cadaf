// What both raw echoes stand on: a socket on the loopback, a ring and its provided buffers, and the
// thread that serves them.
#pragma once

#include <liburing.h>
#include <netinet/in.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

namespace bench {

class RawRing {
 public:
  static constexpr unsigned kBufferCount = 1024;
  static constexpr unsigned kBufferSize = 8192;

  RawRing() = default;
  ~RawRing();
  RawRing(const RawRing&) = delete;
  RawRing& operator=(const RawRing&) = delete;

  // Takes the descriptor and binds it to 127.0.0.1 and any port. False: errno says why.
  bool Bind(int fd);
  // The reactor's (reactor/ring_check.cc).
  static constexpr unsigned kFlags = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL |
                                     IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  // 0 or a negative errno. In the thread that uses it: the ring has a single issuer. `poll_cpu` is
  // for the kernel's thread of IORING_SETUP_SQPOLL.
  int Open(unsigned flags = kFlags, unsigned poll_cpu = 0);

  int fd() const { return fd_; }
  const sockaddr_in& local() const { return local_; }
  io_uring* ring() { return &ring_; }
  char* Buffer(unsigned number) { return buffers_ + size_t{number} * kBufferSize; }
  // The `offset`th since the last AdvanceBuffers().
  void GiveBack(unsigned number, int offset);
  void AdvanceBuffers(int count) { io_uring_buf_ring_advance(entries_, count); }
  io_uring_sqe* GetSqe();

 private:
  int fd_ = -1;
  sockaddr_in local_{};
  io_uring ring_{};
  bool ring_open_ = false;
  io_uring_buf_ring* entries_ = nullptr;
  char* buffers_ = nullptr;
  size_t mapping_size_ = 0;
};

// Runs `serve` in a thread pinned to `cpu` (-1: any) once `ring` is open there. False and *error,
// with `name` before it, when it cannot be.
bool StartServing(RawRing* ring, int cpu, const std::string& name, std::function<void()> serve,
                  std::thread* thread, std::string* error);

// Waits for completions and hands each to `on`, which returns how many buffers it gave back beside
// the `given_back` before it; `count` is told how many that were in the turn.
template <typename On, typename Count>
void Serve(RawRing* ring, const std::atomic<bool>& stopping, On&& on, Count&& count_given_back) {
  while (!stopping.load(std::memory_order_relaxed)) {
    io_uring_submit_and_wait(ring->ring(), 1);
    unsigned head;
    io_uring_cqe* cqe;
    unsigned count = 0;
    int given_back = 0;
    io_uring_for_each_cqe(ring->ring(), head, cqe) {
      ++count;
      given_back += on(*cqe, given_back);
    }
    ring->AdvanceBuffers(given_back);
    io_uring_cq_advance(ring->ring(), count);
    count_given_back(given_back);
  }
}

}  // namespace bench
