#include "bench/raw_ring.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <future>
#include <utility>

#include "bench/raw_echo.h"

namespace bench {

RawRing::~RawRing() {
  if (ring_open_) io_uring_queue_exit(&ring_);
  if (entries_ != nullptr) munmap(entries_, mapping_size_);
  if (fd_ >= 0) close(fd_);
}

bool RawRing::Bind(int fd) {
  fd_ = fd;
  local_.sin_family = AF_INET;
  local_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(local_);
  return fd >= 0 && bind(fd, reinterpret_cast<sockaddr*>(&local_), length) == 0 &&
         getsockname(fd, reinterpret_cast<sockaddr*>(&local_), &length) == 0;
}

int RawRing::Open(unsigned flags, unsigned poll_cpu) {
  io_uring_params params{};
  params.flags = flags;
  params.sq_thread_cpu = poll_cpu;
  params.sq_thread_idle = 50;  // Milliseconds.
  params.cq_entries = 16384;
  int result = io_uring_queue_init_params(4096, &ring_, &params);
  if (result < 0) return result;
  ring_open_ = true;
  io_uring_register_ring_fd(&ring_);

  const size_t entries_size = kBufferCount * sizeof(io_uring_buf);
  mapping_size_ = entries_size + size_t{kBufferCount} * kBufferSize;
  void* const mapping = mmap(nullptr, mapping_size_, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (mapping == MAP_FAILED) return -errno;
  entries_ = static_cast<io_uring_buf_ring*>(mapping);
  buffers_ = static_cast<char*>(mapping) + entries_size;
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<uint64_t>(entries_);
  registration.ring_entries = kBufferCount;
  result = io_uring_register_buf_ring(&ring_, &registration, 0);
  if (result < 0) return result;
  for (unsigned i = 0; i < kBufferCount; ++i) GiveBack(i, static_cast<int>(i));
  AdvanceBuffers(kBufferCount);
  return 0;
}

void RawRing::GiveBack(unsigned number, int offset) {
  io_uring_buf_ring_add(entries_, Buffer(number), kBufferSize, static_cast<unsigned short>(number),
                        kBufferCount - 1, offset);
}

io_uring_sqe* RawRing::GetSqe() {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  while (sqe == nullptr) {
    io_uring_submit(&ring_);
    sqe = io_uring_get_sqe(&ring_);
  }
  return sqe;
}

bool StartServing(RawRing* ring, int cpu, const std::string& name, std::function<void()> serve,
                  std::thread* thread, std::string* error) {
  std::promise<int> opened;
  std::future<int> result = opened.get_future();
  *thread = std::thread([ring, cpu, serve = std::move(serve), &opened] {
    PinToCpu(cpu);
    const int status = ring->Open();
    opened.set_value(status);
    if (status == 0) serve();
  });
  const int status = result.get();
  if (status == 0) return true;
  thread->join();
  *error = name + ": io_uring: " + std::strerror(-status);
  return false;
}

}  // namespace bench
