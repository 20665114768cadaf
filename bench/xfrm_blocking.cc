// How long the thread that sends a batch is held by the kernel, which works within the call and
// under a mutex of the network namespace: by send(2), by io_uring inline, and by io_uring with
// IOSQE_ASYNC; alone and beside a second writer.
//
//   xfrm_blocking sas|policies ROUNDS
//
// Works in a network namespace of its own. "sas" needs ESP (the kernel lab); "policies" sends as
// many NEWPOLICY instead, which any kernel with XFRM takes:
//
//   tests/lab/lab.py --timeout 600 build/release/xfrm_blocking sas 30
//   build/release/xfrm_blocking policies 200
//
// The second writer is a process that adds and deletes 64 phones, a batch each, without a pause.
// Every round sends each number of phones by each way once, into an emptied kernel.
#include <liburing.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "bench/xfrm_phones.h"
#include "xfrm/reply.h"
#include "xfrm/socket.h"

namespace bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::array<uint32_t, 5> kPhones = {1, 4, 16, 64, 256};
constexpr uint32_t kPhonesOfWriter = 64;
constexpr uint32_t kFirstOfWriter = kPhonesMax / 2;
constexpr double kTurnMicroseconds = 1000;  // A turn is never to be held longer.
constexpr int kTimeoutMs = 10'000;

enum class How { kSend, kRing, kRingAsync };
constexpr std::array<How, 3> kHows = {How::kSend, How::kRing, How::kRingAsync};
const char* Name(How how) {
  switch (how) {
    case How::kSend:
      return "send(2)";
    case How::kRing:
      return "io_uring";
    case How::kRingAsync:
      return "IOSQE_ASYNC";
  }
  return "?";
}

double MicrosecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

// A socket of ours and a ring as the reactor's.
class Sender {
 public:
  ~Sender() {
    if (fd_ >= 0) close(fd_);
    if (has_ring_) io_uring_queue_exit(&ring_);
  }
  bool Open() {
    has_ring_ = io_uring_queue_init(8, &ring_,
                                    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN) == 0;
    return has_ring_ && xfrm::OpenSocket({}, &fd_) == std::errc{};
  }

  // Sends `requests` requests; how long the call held us, and when the fence was read.
  bool Send(How how, std::span<const std::byte> bytes, int requests, double* held_us,
            double* answered_us) {
    xfrm::BatchVerdict verdict;
    verdict.Start(1, requests);
    const Clock::time_point begin = Clock::now();
    const bool is_sent = how == How::kSend ? SendPlain(bytes) : SendRing(how, bytes);
    *held_us = MicrosecondsSince(begin);
    if (!is_sent || (how != How::kSend && !TakeCompletion(bytes.size()))) return false;
    const bool is_ok = Read(&verdict);
    *answered_us = MicrosecondsSince(begin);
    return is_ok;
  }

 private:
  bool SendPlain(std::span<const std::byte> bytes) {
    return send(fd_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
  }
  bool SendRing(How how, std::span<const std::byte> bytes) {
    io_uring_sqe* const sqe = io_uring_get_sqe(&ring_);
    io_uring_prep_send(sqe, fd_, bytes.data(), bytes.size(), 0);
    if (how == How::kRingAsync) io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
    return io_uring_submit(&ring_) == 1;
  }
  bool TakeCompletion(size_t size) {
    io_uring_cqe* cqe = nullptr;
    if (io_uring_wait_cqe(&ring_, &cqe) != 0) return false;
    const bool is_whole = cqe->res == static_cast<int>(size);
    io_uring_cqe_seen(&ring_, cqe);
    return is_whole;
  }
  bool Read(xfrm::BatchVerdict* verdict) {
    while (!verdict->complete()) {
      pollfd entry = {fd_, POLLIN, 0};
      if (poll(&entry, 1, kTimeoutMs) <= 0) return false;
      const ssize_t size = recv(fd_, answer_.data(), answer_.size(), 0);
      if (size < 0) return false;
      xfrm::ReplyReader reader({answer_.data(), static_cast<size_t>(size)});
      xfrm::Reply reply;
      while (reader.Next(&reply)) verdict->Apply(reply);
    }
    return verdict->all_ok();
  }

  int fd_ = -1;
  bool has_ring_ = false;
  io_uring ring_{};
  std::array<std::byte, 64 << 10> answer_;
};

// Phones as SAs, or where there is no ESP as policies.
struct Load {
  const xfrm::EspKeys* keys;  // Null: policies.
  std::vector<std::byte> Adding(uint32_t first, uint32_t phones) const {
    return BytesOf(first, phones, keys);
  }
  std::vector<std::byte> Deleting(uint32_t first, uint32_t phones) const {
    return DeletionOf(first, phones, keys);
  }
};

class Writer {
 public:
  ~Writer() { Stop(); }
  bool Start(const Load& load) {
    child_ = fork();
    if (child_ == 0) Work(load);
    return child_ > 0;
  }
  // False: it met an error and ended by itself.
  bool Stop() {
    if (child_ <= 0) return true;
    kill(child_, SIGKILL);
    int status = 0;
    waitpid(child_, &status, 0);
    child_ = -1;
    return WIFSIGNALED(status);
  }

 private:
  [[noreturn]] static void Work(const Load& load) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    Sender sender;
    if (!sender.Open()) _exit(1);
    const std::vector<std::byte> adding = load.Adding(kFirstOfWriter, kPhonesOfWriter);
    const std::vector<std::byte> deleting = load.Deleting(kFirstOfWriter, kPhonesOfWriter);
    constexpr int kRequests = kPhonesOfWriter * kSasPerPhone;
    double ignored = 0;
    for (;;) {
      if (!sender.Send(How::kSend, adding, kRequests, &ignored, &ignored)) _exit(1);
      if (!sender.Send(How::kSend, deleting, kRequests, &ignored, &ignored)) _exit(1);
    }
  }

  pid_t child_ = -1;
};

class Blocking {
 public:
  Blocking(Namespace* kernel, const Load& load) : kernel_(kernel), load_(load) {
    uint32_t first = 0;
    for (Cell& cell : cells_) {
      const size_t i = static_cast<size_t>(&cell - cells_.data());
      cell.how = kHows[i % kHows.size()];
      cell.phones = kPhones[i / kHows.size()];
      cell.bytes = load_.Adding(first, cell.phones);
      cell.deletion = load_.Deleting(first, cell.phones);
      first += cell.phones;
    }
  }

  bool Run(int rounds, bool has_writer) {
    Sender sender;
    Writer writer;
    if (!sender.Open() || !kernel_->Clear()) return false;
    if (has_writer && !writer.Start(load_)) return false;
    for (Cell& cell : cells_) cell.held_us.clear(), cell.answered_us.clear();
    for (int round = -1; round < rounds; ++round) {
      for (size_t i = 0; i < cells_.size(); ++i) {
        const size_t shift = static_cast<size_t>(round + 1);
        if (!Measure(&sender, &cells_[(i + shift) % cells_.size()], round >= 0)) return false;
      }
    }
    const bool is_writer_well = writer.Stop();
    if (!is_writer_well) std::printf("WRONG: the second writer failed\n");
    Print(has_writer);
    return is_writer_well;
  }

 private:
  struct Cell {
    How how;
    uint32_t phones;
    std::vector<std::byte> bytes;
    std::vector<std::byte> deletion;
    std::vector<double> held_us;  // By round, both.
    std::vector<double> answered_us;
  };

  bool Measure(Sender* sender, Cell* cell, bool counts) {
    const int requests = static_cast<int>(cell->phones * kSasPerPhone);
    double held_us = 0;
    double answered_us = 0;
    double ignored = 0;
    if (!sender->Send(cell->how, cell->bytes, requests, &held_us, &answered_us) ||
        !sender->Send(How::kSend, cell->deletion, requests, &ignored, &ignored)) {
      std::printf("WRONG: %s, %u phones: refused\n", Name(cell->how), cell->phones);
      return false;
    }
    if (counts) {
      cell->held_us.push_back(held_us);
      cell->answered_us.push_back(answered_us);
    }
    return true;
  }

  void Print(bool has_writer) const {
    std::printf("%s, %s, %zu rounds; us\n", load_.keys == nullptr ? "policies" : "SAs",
                has_writer ? "beside a second writer" : "alone", cells_[0].held_us.size());
    std::printf("  %6s  %-12s %10s %10s %10s %10s\n", "phones", "way", "held", "p90", "worst",
                "answered");
    for (const Cell& cell : cells_) {
      std::printf("  %6u  %-12s %10.0f %10.0f %10.0f %10.0f%s\n", cell.phones, Name(cell.how),
                  Median(cell.held_us), Quantile(cell.held_us, 0.9), Quantile(cell.held_us, 1),
                  Median(cell.answered_us),
                  Quantile(cell.held_us, 0.9) > kTurnMicroseconds ? "  over 1 ms" : "");
    }
  }

  Namespace* kernel_;
  Load load_;
  std::array<Cell, kHows.size() * kPhones.size()> cells_;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  const std::string_view what = argc == 3 ? argv[1] : "";
  const int rounds = argc == 3 ? std::atoi(argv[2]) : 0;
  if ((what != "sas" && what != "policies") || rounds < 1) {
    std::fprintf(stderr, "usage: xfrm_blocking sas|policies ROUNDS\n");
    return 2;
  }
  bench::Namespace kernel;
  if (!kernel.Enter()) return 2;
  const bench::Load load{what == "sas" ? &bench::Suites()[0].keys : nullptr};
  bench::Blocking blocking(&kernel, load);
  for (const bool has_writer : {false, true}) {
    if (!blocking.Run(rounds, has_writer)) return 1;
  }
  return 0;
}
