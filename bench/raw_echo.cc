#include "bench/raw_echo.h"

#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "bench/raw_ring.h"

namespace bench {
namespace {

constexpr uint64_t kReceive = UINT64_MAX;  // user_data; that of a send is its buffer's number.

}  // namespace

struct RawEcho::Ring {
  RawRing raw;
  msghdr shape{};
  msghdr messages[RawRing::kBufferCount];
  iovec pieces[RawRing::kBufferCount];

  bool OpenSocket() {
    shape.msg_namelen = sizeof(sockaddr_in);
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int size = 8 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
    return raw.Bind(fd);
  }

  // The ring takes its file from a table of its own: no counted look-up per request.
  void RegisterSocket() {
    const int fd = raw.fd();
    io_uring_register_files(raw.ring(), &fd, 1);
  }

  void ArmReceive() {
    io_uring_sqe* const sqe = raw.GetSqe();
    io_uring_prep_recvmsg_multishot(sqe, 0, &shape, 0);
    sqe->flags = IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
    sqe->buf_group = 0;
    sqe->user_data = kReceive;
  }

  void SendBack(unsigned buffer, int size) {
    io_uring_recvmsg_out* const out = io_uring_recvmsg_validate(raw.Buffer(buffer), size, &shape);
    pieces[buffer] = {io_uring_recvmsg_payload(out, &shape),
                      io_uring_recvmsg_payload_length(out, size, &shape)};
    msghdr& message = messages[buffer];
    message = {};
    message.msg_name = io_uring_recvmsg_name(out);
    message.msg_namelen = out->namelen;
    message.msg_iov = &pieces[buffer];
    message.msg_iovlen = 1;
    io_uring_sqe* const sqe = raw.GetSqe();
    io_uring_prep_sendmsg(sqe, 0, &message, 0);
    sqe->flags = IOSQE_FIXED_FILE;
    sqe->user_data = buffer;
  }

  // How many buffers it gave back.
  int On(const io_uring_cqe& cqe, int given_back) {
    if (cqe.user_data != kReceive) {
      raw.GiveBack(static_cast<unsigned>(cqe.user_data), given_back);
      return 1;
    }
    if (cqe.res >= 0) SendBack(cqe.flags >> IORING_CQE_BUFFER_SHIFT, cqe.res);
    if ((cqe.flags & IORING_CQE_F_MORE) == 0) ArmReceive();
    return 0;
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
  *port = ntohs(ring_->raw.local().sin_port);
  stopping_ = false;
  return StartServing(
      &ring_->raw, cpu, "raw echo", [this] { Run(); }, &thread_, error);
}

void RawEcho::Run() {
  ring_->RegisterSocket();
  ring_->ArmReceive();
  Serve(
      &ring_->raw, stopping_,
      [this](const io_uring_cqe& cqe, int given_back) { return ring_->On(cqe, given_back); },
      [this](int given_back) {
        echoed_.fetch_add(static_cast<uint64_t>(given_back), std::memory_order_relaxed);
      });
}

double RawEcho::CpuSeconds() {
  return ThreadCpuSeconds(thread_);
}

void RawEcho::Stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  // A datagram to itself ends the wait.
  const sockaddr_in& local = ring_->raw.local();
  sendto(ring_->raw.fd(), "", 1, 0, reinterpret_cast<const sockaddr*>(&local), sizeof(local));
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
