#include "bench/raw_tcp_echo.h"

#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <future>

#include "bench/raw_echo.h"

namespace bench {
namespace {

constexpr unsigned kBufferCount = 1024;
constexpr unsigned kBufferSize = 8192;
constexpr unsigned kMask = kBufferCount - 1;

// user_data: what it is in the upper half, a descriptor or a buffer's number in the lower.
enum Kind : uint64_t { kAccept, kReceive, kSend };
constexpr uint64_t UserData(Kind kind, unsigned number) {
  return static_cast<uint64_t>(kind) << 32 | number;
}

}  // namespace

struct RawTcpEcho::Ring {
  int fd = -1;
  sockaddr_in local{};
  io_uring ring{};
  bool ring_open = false;
  io_uring_buf_ring* entries = nullptr;
  char* buffers = nullptr;
  size_t mapping_size = 0;

  ~Ring() {
    if (ring_open) io_uring_queue_exit(&ring);
    if (entries != nullptr) munmap(entries, mapping_size);
    if (fd >= 0) close(fd);
  }

  bool OpenSocket() {
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    local.sin_family = AF_INET;
    local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(local);
    return bind(fd, reinterpret_cast<sockaddr*>(&local), length) == 0 && listen(fd, 128) == 0 &&
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
    return 0;
  }

  void GiveBack(unsigned buffer, int offset) {
    io_uring_buf_ring_add(entries, buffers + size_t{buffer} * kBufferSize, kBufferSize,
                          static_cast<unsigned short>(buffer), kMask, offset);
  }

  io_uring_sqe* GetSqe(Kind kind, unsigned number) {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring);
    while (sqe == nullptr) {
      io_uring_submit(&ring);
      sqe = io_uring_get_sqe(&ring);
    }
    *sqe = io_uring_sqe{};
    sqe->user_data = UserData(kind, number);
    return sqe;
  }

  void ArmAccept() {
    io_uring_sqe* const sqe = GetSqe(kAccept, 0);
    const uint64_t user_data = sqe->user_data;
    io_uring_prep_multishot_accept(sqe, fd, nullptr, nullptr, SOCK_CLOEXEC);
    sqe->user_data = user_data;
  }

  void ArmReceive(int connection) {
    io_uring_sqe* const sqe = GetSqe(kReceive, static_cast<unsigned>(connection));
    const uint64_t user_data = sqe->user_data;
    io_uring_prep_recv_multishot(sqe, connection, nullptr, 0, 0);
    sqe->flags = IOSQE_BUFFER_SELECT;
    sqe->buf_group = 0;
    sqe->user_data = user_data;
  }

  void SendBack(int connection, unsigned buffer, int size) {
    io_uring_sqe* const sqe = GetSqe(kSend, buffer);
    const uint64_t user_data = sqe->user_data;
    io_uring_prep_send(sqe, connection, buffers + size_t{buffer} * kBufferSize,
                       static_cast<size_t>(size), MSG_NOSIGNAL);
    sqe->user_data = user_data;
  }

  // How many buffers it gave back.
  int On(const io_uring_cqe& cqe, int given_back) {
    const Kind kind = static_cast<Kind>(cqe.user_data >> 32);
    const unsigned number = static_cast<unsigned>(cqe.user_data);
    const bool more = (cqe.flags & IORING_CQE_F_MORE) != 0;
    if (kind == kSend) {
      GiveBack(number, given_back);
      return 1;
    }
    if (kind == kAccept) {
      if (cqe.res >= 0) ArmReceive(cqe.res);
      if (!more) ArmAccept();
      return 0;
    }
    const int connection = static_cast<int>(number);
    if (cqe.res > 0) SendBack(connection, cqe.flags >> IORING_CQE_BUFFER_SHIFT, cqe.res);
    if (!more && (cqe.res > 0 || cqe.res == -ENOBUFS)) {
      ArmReceive(connection);
    } else if (!more) {
      close(connection);
    }
    return 0;
  }
};

RawTcpEcho::RawTcpEcho() = default;
RawTcpEcho::~RawTcpEcho() {
  Stop();
}

bool RawTcpEcho::Start(int cpu, uint16_t* port, std::string* error) {
  ring_ = std::make_unique<Ring>();
  if (!ring_->OpenSocket()) {
    *error = std::string("raw TCP echo: bind: ") + std::strerror(errno);
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
  *error = std::string("raw TCP echo: io_uring: ") + std::strerror(-status);
  return false;
}

void RawTcpEcho::Run() {
  Ring& ring = *ring_;
  ring.ArmAccept();
  while (!stopping_.load(std::memory_order_relaxed)) {
    io_uring_submit_and_wait(&ring.ring, 1);
    unsigned head;
    io_uring_cqe* cqe;
    unsigned count = 0;
    int given_back = 0;
    io_uring_for_each_cqe(&ring.ring, head, cqe) {
      ++count;
      given_back += ring.On(*cqe, given_back);
    }
    io_uring_buf_ring_advance(ring.entries, given_back);
    io_uring_cq_advance(&ring.ring, count);
  }
}

double RawTcpEcho::CpuSeconds() {
  return ThreadCpuSeconds(thread_);
}

void RawTcpEcho::Stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  // One more connection ends the wait.
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  connect(fd, reinterpret_cast<const sockaddr*>(&ring_->local), sizeof(ring_->local));
  thread_.join();
  close(fd);
  ring_.reset();
}

}  // namespace bench
