#include "bench/raw_tcp_echo.h"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "bench/raw_echo.h"
#include "bench/raw_ring.h"

namespace bench {
namespace {

// user_data: what it is in the upper half, a descriptor or a buffer's number in the lower.
enum Kind : uint64_t { kAccept, kReceive, kSend };
constexpr uint64_t UserData(Kind kind, unsigned number) {
  return static_cast<uint64_t>(kind) << 32 | number;
}

}  // namespace

struct RawTcpEcho::Ring {
  RawRing raw;

  bool OpenSocket() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return raw.Bind(fd) && listen(fd, 4096) == 0;
  }

  void ArmAccept() {
    io_uring_sqe* const sqe = raw.GetSqe();
    io_uring_prep_multishot_accept(sqe, raw.fd(), nullptr, nullptr, SOCK_CLOEXEC);
    sqe->user_data = UserData(kAccept, 0);
  }

  void ArmReceive(int connection) {
    io_uring_sqe* const sqe = raw.GetSqe();
    io_uring_prep_recv_multishot(sqe, connection, nullptr, 0, 0);
    sqe->flags = IOSQE_BUFFER_SELECT;
    sqe->buf_group = 0;
    sqe->user_data = UserData(kReceive, static_cast<unsigned>(connection));
  }

  void SendBack(int connection, unsigned buffer, int size) {
    io_uring_sqe* const sqe = raw.GetSqe();
    io_uring_prep_send(sqe, connection, raw.Buffer(buffer), static_cast<size_t>(size),
                       MSG_NOSIGNAL);
    sqe->user_data = UserData(kSend, buffer);
  }

  // How many buffers it gave back.
  int On(const io_uring_cqe& cqe, int given_back) {
    const Kind kind = static_cast<Kind>(cqe.user_data >> 32);
    const unsigned number = static_cast<unsigned>(cqe.user_data);
    const bool more = (cqe.flags & IORING_CQE_F_MORE) != 0;
    if (kind == kSend) {
      raw.GiveBack(number, given_back);
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
  *port = ntohs(ring_->raw.local().sin_port);
  stopping_ = false;
  return StartServing(
      &ring_->raw, cpu, "raw TCP echo", [this] { Run(); }, &thread_, error);
}

void RawTcpEcho::Run() {
  ring_->ArmAccept();
  Serve(
      &ring_->raw, stopping_,
      [this](const io_uring_cqe& cqe, int given_back) { return ring_->On(cqe, given_back); },
      [](int) {});
}

double RawTcpEcho::CpuSeconds() {
  return ThreadCpuSeconds(thread_);
}

void RawTcpEcho::Stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  // One more connection ends the wait.
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in& local = ring_->raw.local();
  connect(fd, reinterpret_cast<const sockaddr*>(&local), sizeof(local));
  thread_.join();
  close(fd);
  ring_.reset();
}

}  // namespace bench
