#include "bench/reactor_option_echo.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <set>

namespace bench {
namespace {

constexpr uint64_t kReceive = UINT64_MAX;  // user_data; that of a send is its buffer's number.
// Since Linux 6.9; older headers lack it.
constexpr unsigned kRegisterNapi = 27;
struct NapiRequest {
  uint32_t busy_poll_us;
  uint8_t prefer_busy_poll;
  uint8_t pad[3];
  uint64_t reserved;
};

std::set<std::string> Threads() {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    names.insert(entry.path());
  }
  return names;
}

uint64_t NowUs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

}  // namespace

struct OptionEcho::Ring {
  explicit Ring(const EchoOptions& options_in) : options(options_in) {}

  const EchoOptions& options;
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
    if (options.busy_poll_us > 0) {
      setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &options.busy_poll_us, sizeof(int));
    }
    return raw.Bind(fd);
  }

  // 0 or a negative errno.
  int SetUp() {
    const int fd = raw.fd();
    int result = options.file_registered ? io_uring_register_files(raw.ring(), &fd, 1) : 0;
    if (result == 0 && options.send == EchoOptions::Send::kSendZeroCopyFixed) {
      const iovec all{raw.Buffer(0), size_t{RawRing::kBufferCount} * RawRing::kBufferSize};
      result = io_uring_register_buffers(raw.ring(), &all, 1);
    }
    if (result == 0 && options.busy_poll_us > 0) {
      NapiRequest napi{static_cast<uint32_t>(options.busy_poll_us), 1, {}, 0};
      if (syscall(__NR_io_uring_register, raw.ring()->ring_fd, kRegisterNapi, &napi, 1) < 0) {
        result = -errno;
      }
    }
    if (result == 0 && options.huge_pages) {
      const size_t size = size_t{RawRing::kBufferCount} * RawRing::kBufferSize;
      const uintptr_t begin =
          (reinterpret_cast<uintptr_t>(raw.Buffer(0)) + 4095) & ~uintptr_t{4095};
      if (madvise(reinterpret_cast<void*>(begin), size - 4096, MADV_HUGEPAGE) != 0) result = -errno;
    }
    return result;
  }

  int File() const { return options.file_registered ? 0 : raw.fd(); }
  uint8_t FileFlag() const {
    return options.file_registered ? static_cast<uint8_t>(IOSQE_FIXED_FILE) : 0;
  }

  void ArmReceive() {
    io_uring_sqe* const sqe = raw.GetSqe();
    io_uring_prep_recvmsg_multishot(sqe, File(), &shape, 0);
    if (options.poll_first) sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
    sqe->flags = static_cast<uint8_t>(FileFlag() | IOSQE_BUFFER_SELECT);
    sqe->buf_group = 0;
    sqe->user_data = kReceive;
  }

  void SendBack(unsigned buffer, int size) {
    io_uring_recvmsg_out* const out = io_uring_recvmsg_validate(raw.Buffer(buffer), size, &shape);
    pieces[buffer] = {io_uring_recvmsg_payload(out, &shape),
                      io_uring_recvmsg_payload_length(out, size, &shape)};
    sockaddr* const to = static_cast<sockaddr*>(io_uring_recvmsg_name(out));
    msghdr& message = messages[buffer];
    message = {};
    message.msg_name = to;
    message.msg_namelen = out->namelen;
    message.msg_iov = &pieces[buffer];
    message.msg_iovlen = 1;
    io_uring_sqe* const sqe = raw.GetSqe();
    const auto& [base, length] = pieces[buffer];
    switch (options.send) {
      case EchoOptions::Send::kSendmsg:
        io_uring_prep_sendmsg(sqe, File(), &message, 0);
        break;
      case EchoOptions::Send::kSendmsgZeroCopy:
        io_uring_prep_sendmsg_zc(sqe, File(), &message, 0);
        break;
      case EchoOptions::Send::kSend:
        io_uring_prep_send(sqe, File(), base, length, 0);
        io_uring_prep_send_set_addr(sqe, to, static_cast<uint16_t>(out->namelen));
        break;
      case EchoOptions::Send::kSendZeroCopyFixed:
        io_uring_prep_send_zc_fixed(sqe, File(), base, length, 0, 0, 0);
        io_uring_prep_send_set_addr(sqe, to, static_cast<uint16_t>(out->namelen));
        break;
    }
    sqe->flags = FileFlag();
    sqe->user_data = buffer;
  }

  // How many buffers it gave back. Of a zero-copy send the second completion does.
  int On(const io_uring_cqe& cqe, int given_back) {
    if (cqe.user_data != kReceive) {
      if ((cqe.flags & IORING_CQE_F_MORE) != 0) return 0;
      raw.GiveBack(static_cast<unsigned>(cqe.user_data), given_back);
      return 1;
    }
    if (cqe.res >= 0) SendBack(cqe.flags >> IORING_CQE_BUFFER_SHIFT, cqe.res);
    if ((cqe.flags & IORING_CQE_F_MORE) == 0) ArmReceive();
    return 0;
  }

  // Takes what is there; false when it was nothing.
  bool Take() {
    unsigned head;
    io_uring_cqe* cqe;
    unsigned count = 0;
    int given_back = 0;
    io_uring_for_each_cqe(raw.ring(), head, cqe) {
      ++count;
      given_back += On(*cqe, given_back);
    }
    if (count == 0) return false;
    raw.AdvanceBuffers(given_back);
    io_uring_cq_advance(raw.ring(), count);
    return true;
  }
};

OptionEcho::OptionEcho(const EchoOptions& options) : options_(options) {}
OptionEcho::~OptionEcho() {
  Stop();
}

bool OptionEcho::Start(int cpu, uint16_t* port, std::string* error) {
  ring_ = std::make_unique<Ring>(options_);
  if (!ring_->OpenSocket()) {
    *error = std::string(options_.name) + ": bind: " + std::strerror(errno);
    return false;
  }
  *port = ntohs(ring_->raw.local().sin_port);
  std::promise<int> opened;
  std::future<int> result = opened.get_future();
  thread_ = std::thread([this, cpu, &opened] {
    PinToCpu(cpu);
    const int status = Open(cpu);
    opened.set_value(status);
    if (status == 0) Run();
  });
  if (const int status = result.get(); status != 0) {
    thread_.join();
    *error = std::string(options_.name) + ": " + std::strerror(-status);
    return false;
  }
  return true;
}

int OptionEcho::Open(int cpu) {
  const std::set<std::string> before = Threads();
  int status = ring_->raw.Open(options_.ring_flags, cpu < 0 ? 0 : static_cast<unsigned>(cpu));
  if (status != 0) return status;
  if ((options_.ring_flags & IORING_SETUP_SQPOLL) != 0) {
    for (const std::string& thread : Threads()) {
      if (!before.contains(thread)) poll_stat_ = thread + "/schedstat";
    }
  }
  if (!options_.ring_registered) io_uring_unregister_ring_fd(ring_->raw.ring());
  return ring_->SetUp();
}

void OptionEcho::Run() {
  io_uring* const ring = ring_->raw.ring();
  ring_->ArmReceive();
  uint64_t busy_us = 0;
  while (!stopping_.load(std::memory_order_relaxed)) {
    if (options_.spin_us > 0 && NowUs() < busy_us + static_cast<uint64_t>(options_.spin_us)) {
      io_uring_submit_and_get_events(ring);
    } else {
      io_uring_submit_and_wait(ring, 1);
    }
    if (ring_->Take() && options_.spin_us > 0) busy_us = NowUs();
  }
}

double OptionEcho::CpuSeconds() {
  double seconds = ThreadCpuSeconds(thread_);
  if (!poll_stat_.empty()) {
    uint64_t ns = 0;
    std::ifstream(poll_stat_) >> ns;
    seconds += static_cast<double>(ns) * 1e-9;
  }
  return seconds;
}

void OptionEcho::Stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  // A datagram to itself ends the wait.
  const sockaddr_in& local = ring_->raw.local();
  sendto(ring_->raw.fd(), "", 1, 0, reinterpret_cast<const sockaddr*>(&local), sizeof(local));
  thread_.join();
  ring_.reset();
}

}  // namespace bench
