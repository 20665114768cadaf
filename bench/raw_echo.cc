#include "bench/raw_echo.h"

#include <liburing.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <future>

namespace bench {
namespace {

constexpr unsigned kBufferCount = 1024;
constexpr unsigned kBufferSize = 8192;
constexpr unsigned kMask = kBufferCount - 1;
constexpr uint64_t kReceive = UINT64_MAX;  // user_data; that of a send is its buffer's number.

}  // namespace

struct RawEcho::Ring {
  int fd = -1;
  sockaddr_in local{};
  io_uring ring{};
  bool ring_open = false;
  io_uring_buf_ring* entries = nullptr;
  char* buffers = nullptr;
  size_t mapping_size = 0;
  msghdr shape{};
  msghdr messages[kBufferCount];
  iovec pieces[kBufferCount];

  ~Ring() {
    if (ring_open) io_uring_queue_exit(&ring);
    if (entries != nullptr) munmap(entries, mapping_size);
    if (fd >= 0) close(fd);
  }

  bool OpenSocket() {
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int size = 8 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
    local.sin_family = AF_INET;
    local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(local);
    return bind(fd, reinterpret_cast<sockaddr*>(&local), length) == 0 &&
           getsockname(fd, reinterpret_cast<sockaddr*>(&local), &length) == 0;
  }

  // 0 or a negative errno. In the thread that uses it: the ring has a single issuer.
  int Open() {
    io_uring_params params{};
    params.flags = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER |
                   IORING_SETUP_DEFER_TASKRUN;
    params.cq_entries = 16384;
    int result = io_uring_queue_init_params(4096, &ring, &params);
    if (result < 0) return result;
    ring_open = true;
    io_uring_register_ring_fd(&ring);
    result = io_uring_register_files(&ring, &fd, 1);
    if (result < 0) return result;

    const size_t entries_size = kBufferCount * sizeof(io_uring_buf);
    mapping_size = entries_size + size_t{kBufferCount} * kBufferSize;
    void* const mapping = mmap(nullptr, mapping_size, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (mapping == MAP_FAILED) return -errno;
    entries = static_cast<io_uring_buf_ring*>(mapping);
    buffers = static_cast<char*>(mapping) + entries_size;
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<uint64_t>(entries);
    registration.ring_entries = kBufferCount;
    result = io_uring_register_buf_ring(&ring, &registration, 0);
    if (result < 0) return result;
    for (unsigned i = 0; i < kBufferCount; ++i) GiveBack(i, static_cast<int>(i));
    io_uring_buf_ring_advance(entries, kBufferCount);
    shape.msg_namelen = sizeof(sockaddr_in);
    return 0;
  }

  void GiveBack(unsigned buffer, int offset) {
    io_uring_buf_ring_add(entries, buffers + size_t{buffer} * kBufferSize, kBufferSize,
                          static_cast<unsigned short>(buffer), kMask, offset);
  }

  io_uring_sqe* GetSqe() {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring);
    while (sqe == nullptr) {
      io_uring_submit(&ring);
      sqe = io_uring_get_sqe(&ring);
    }
    return sqe;
  }

  void ArmReceive() {
    io_uring_sqe* const sqe = GetSqe();
    io_uring_prep_recvmsg_multishot(sqe, 0, &shape, 0);
    sqe->flags = IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
    sqe->buf_group = 0;
    sqe->user_data = kReceive;
  }

  void SendBack(unsigned buffer, int size) {
    io_uring_recvmsg_out* const out =
        io_uring_recvmsg_validate(buffers + size_t{buffer} * kBufferSize, size, &shape);
    pieces[buffer] = {io_uring_recvmsg_payload(out, &shape),
                      io_uring_recvmsg_payload_length(out, size, &shape)};
    msghdr& message = messages[buffer];
    message = {};
    message.msg_name = io_uring_recvmsg_name(out);
    message.msg_namelen = out->namelen;
    message.msg_iov = &pieces[buffer];
    message.msg_iovlen = 1;
    io_uring_sqe* const sqe = GetSqe();
    io_uring_prep_sendmsg(sqe, 0, &message, 0);
    sqe->flags = IOSQE_FIXED_FILE;
    sqe->user_data = buffer;
  }
};

RawEcho::RawEcho() = default;
RawEcho::~RawEcho() {
  Stop();
}

bool RawEcho::Start(int cpu, uint16_t* port, std::string* error) {
  ring_ = std::make_unique<Ring>();
  if (!ring_->OpenSocket()) {
    *error = std::string("raw echo: bind: ") + std::strerror(errno);
    return false;
  }
  *port = ntohs(ring_->local.sin_port);
  stopping_ = false;
  std::promise<int> opened;
  std::future<int> result = opened.get_future();
  thread_ = std::thread([this, cpu, &opened] {
    PinToCpu(cpu);
    const int status = ring_->Open();
    opened.set_value(status);
    if (status == 0) Run();
  });
  const int status = result.get();
  if (status == 0) return true;
  thread_.join();
  *error = std::string("raw echo: io_uring: ") + std::strerror(-status);
  return false;
}

void RawEcho::Run() {
  Ring& ring = *ring_;
  ring.ArmReceive();
  while (!stopping_.load(std::memory_order_relaxed)) {
    io_uring_submit_and_wait(&ring.ring, 1);
    unsigned head;
    io_uring_cqe* cqe;
    unsigned count = 0;
    int given_back = 0;
    io_uring_for_each_cqe(&ring.ring, head, cqe) {
      ++count;
      if (cqe->user_data != kReceive) {
        ring.GiveBack(static_cast<unsigned>(cqe->user_data), given_back++);
        continue;
      }
      if (cqe->res >= 0) ring.SendBack(cqe->flags >> IORING_CQE_BUFFER_SHIFT, cqe->res);
      if ((cqe->flags & IORING_CQE_F_MORE) == 0) ring.ArmReceive();
    }
    io_uring_buf_ring_advance(ring.entries, given_back);
    io_uring_cq_advance(&ring.ring, count);
    echoed_.fetch_add(static_cast<uint64_t>(given_back), std::memory_order_relaxed);
  }
}

double RawEcho::CpuSeconds() {
  return ThreadCpuSeconds(thread_);
}

void RawEcho::Stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  // A datagram to itself ends the wait.
  sendto(ring_->fd, "", 1, 0, reinterpret_cast<const sockaddr*>(&ring_->local),
         sizeof(ring_->local));
  thread_.join();
  ring_.reset();
}

bool PinToCpu(int cpu) {
  if (cpu < 0) return true;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(cpu), &set);
  return pthread_setaffinity_np(pthread_self(), sizeof(set), &set) == 0;
}

double ThreadCpuSeconds(std::thread& thread) {
  clockid_t clock;
  timespec time{};
  if (pthread_getcpuclockid(thread.native_handle(), &clock) != 0) return 0;
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

}  // namespace bench
