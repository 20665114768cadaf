// What it costs to install a phone on the real kernel, by the ways of others and by ours, beside
// the kernel's own cost.
//
//   xfrm_install PHONES ROUNDS          (PHONES a multiple of 256)
//
// Works in a network namespace of its own and needs ESP; in the kernel lab:
//
//   tests/lab/lab.py --timeout 600 build/release/xfrm_install 1024 15
//
// In every round each way installs PHONES phones into an empty kernel; the order of the ways moves
// on by one from round to round, and a first round does not count. Time is by the wall, keys are
// expanded beforehand (every way needs them). After each way the kernel's tables are counted. Exit
// status 1 if a count is not what it must be.
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "bench/xfrm_phones.h"
#include "xfrm/reply.h"
#include "xfrm/socket.h"

namespace bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kPhonesPerTurnMax = 256;

// Installs phones 0..phones-1. False: the kernel refused something.
class Way {
 public:
  Way(std::string name, double calls_per_phone, bool has_policies)
      : name_(std::move(name)), calls_per_phone_(calls_per_phone), has_policies_(has_policies) {}
  virtual ~Way() = default;
  // What is not measured.
  virtual void Prepare(uint32_t, const xfrm::EspKeys&) {}
  virtual bool Install(uint32_t phones, const xfrm::EspKeys& keys) = 0;
  const std::string& name() const { return name_; }
  double calls_per_phone() const { return calls_per_phone_; }  // System calls.
  bool has_policies() const { return has_policies_; }

 private:
  std::string name_;
  double calls_per_phone_;
  bool has_policies_;
};

// A socket and where its answers land. The kernel works within send(2), so the answer is there.
class Link {
 public:
  ~Link() {
    if (fd_ >= 0) close(fd_);
  }
  bool Open() { return xfrm::OpenSocket({}, &fd_) == std::errc{}; }
  bool Send(std::span<const std::byte> bytes) {
    return send(fd_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
  }
  bool Read(xfrm::BatchVerdict* verdict) {
    while (!verdict->complete()) {
      const ssize_t size = recv(fd_, answer_.data(), answer_.size(), 0);
      if (size < 0) return false;
      xfrm::ReplyReader reader({answer_.data(), static_cast<size_t>(size)});
      xfrm::Reply reply;
      while (reader.Next(&reply)) verdict->Apply(reply);
    }
    return verdict->all_ok();
  }

 private:
  int fd_ = -1;
  std::array<std::byte, 64 << 10> answer_;
};

// One of the eight requests of a phone: first the SAs, then a policy for each.
void BuildRequest(uint32_t phone, uint32_t request, const xfrm::EspKeys& keys, xfrm::Batch* batch,
                  std::vector<std::byte>* bytes) {
  batch->Clear(1);
  if (request >= kSasPerPhone) {
    PolicyOf(phone, request - kSasPerPhone, batch, bytes);
    return;
  }
  batch->AddSa(SaOf(phone, request, keys));
  const std::span<const std::byte> sealed = batch->Seal();
  bytes->assign(sealed.begin(), sealed.end());
}

constexpr uint32_t kRequestsPerPhone = kSasPerPhone + kPoliciesPerPhone;

// strongSwan: one socket; each request waits for its answer.
class EachAcked : public Way {
 public:
  EachAcked() : Way("8 sends and acks", 2 * kRequestsPerPhone, true) {}
  bool Install(uint32_t phones, const xfrm::EspKeys& keys) override {
    Link link;
    if (!link.Open()) return false;
    for (uint32_t i = 0; i < phones * kRequestsPerPhone; ++i) {
      BuildRequest(i / kRequestsPerPhone, i % kRequestsPerPhone, keys, &batch_, &bytes_);
      verdict_.Start(1, 1);
      if (!link.Send(bytes_) || !link.Read(&verdict_)) return false;
    }
    return true;
  }

 private:
  xfrm::Batch batch_;
  xfrm::BatchVerdict verdict_;
  std::vector<std::byte> bytes_;
};

// Kamailio: a socket for each request, closed unread. OpenSIPS has one for each set.
class SocketEach : public Way {
 public:
  explicit SocketEach(bool per_set)
      : Way(per_set ? "socket per set, unread" : "socket per request, unread",
            kRequestsPerPhone + 3 * (per_set ? 1 : kRequestsPerPhone), true),
        requests_per_socket_(per_set ? kRequestsPerPhone : 1) {}
  bool Install(uint32_t phones, const xfrm::EspKeys& keys) override {
    int fd = -1;
    bool is_ok = true;
    for (uint32_t i = 0; is_ok && i < phones * kRequestsPerPhone; ++i) {
      if (i % requests_per_socket_ == 0) is_ok = Reopen(&fd);
      BuildRequest(i / kRequestsPerPhone, i % kRequestsPerPhone, keys, &batch_, &bytes_);
      DropAck();
      is_ok = is_ok && send(fd, bytes_.data(), bytes_.size(), 0) > 0;
    }
    if (fd >= 0) close(fd);
    return is_ok;
  }

 private:
  static bool Reopen(int* fd) {
    if (*fd >= 0) close(*fd);
    *fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_XFRM);
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    return *fd >= 0 && bind(*fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  void DropAck() {
    reinterpret_cast<nlmsghdr*>(bytes_.data())->nlmsg_flags &= static_cast<uint16_t>(~NLM_F_ACK);
  }

  uint32_t requests_per_socket_;
  xfrm::Batch batch_;
  std::vector<std::byte> bytes_;
};

// Ours: what a turn has gathered, in as few batches as hold it, then their answers.
class Batched : public Way {
 public:
  explicit Batched(uint32_t phones_per_turn)
      : Way("ours, " + std::to_string(phones_per_turn) + " a turn",
            2.0 / std::min(phones_per_turn, kPhonesPerBatch), false),
        phones_per_turn_(phones_per_turn) {}
  bool Install(uint32_t phones, const xfrm::EspKeys& keys) override {
    Link link;
    if (!link.Open()) return false;
    for (uint32_t first = 0; first < phones; first += phones_per_turn_) {
      if (!Turn(&link, first, keys)) return false;
    }
    return true;
  }

 private:
  bool Turn(Link* link, uint32_t first, const xfrm::EspKeys& keys) {
    size_t used = 0;
    for (uint32_t done = 0; done < phones_per_turn_; ++used) {
      xfrm::Batch& batch = batches_[used];
      batch.Clear(sequence_);
      while (done < phones_per_turn_ && !batch.full()) AddPhone(first + done++, keys, &batch);
      sequence_ += static_cast<uint32_t>(batch.count());
      verdicts_[used].Start(batch.first(), batch.count());
      if (!link->Send(batch.Seal())) return false;
    }
    for (size_t i = 0; i < used; ++i) {
      if (!link->Read(&verdicts_[i])) return false;
    }
    return true;
  }

  static constexpr size_t kBatchesMax = kPhonesPerTurnMax / kPhonesPerBatch;
  uint32_t phones_per_turn_;
  uint32_t sequence_ = 1;
  std::array<xfrm::Batch, kBatchesMax> batches_;
  std::array<xfrm::BatchVerdict, kBatchesMax> verdicts_;
};

// The same bytes, there already, one acknowledgement a send: nothing of ours is in it. With 256
// phones a send it is the limit; with 16 it tells what the more sends themselves cost.
class Raw : public Way {
 public:
  explicit Raw(uint32_t phones_per_send)
      : Way("raw, " + std::to_string(phones_per_send) + " a send", 2.0 / phones_per_send, false),
        phones_per_send_(phones_per_send) {}
  void Prepare(uint32_t phones, const xfrm::EspKeys& keys) override {
    sends_.clear();
    for (uint32_t first = 0; first < phones; first += phones_per_send_) {
      sends_.push_back(BytesOf(first, phones_per_send_, &keys));
    }
  }
  bool Install(uint32_t, const xfrm::EspKeys&) override {
    Link link;
    if (!link.Open()) return false;
    for (const std::vector<std::byte>& bytes : sends_) {
      verdict_.Start(1, static_cast<int>(phones_per_send_ * kSasPerPhone));
      if (!link.Send(bytes) || !link.Read(&verdict_)) return false;
    }
    return true;
  }

 private:
  uint32_t phones_per_send_;
  std::vector<std::vector<std::byte>> sends_;
  xfrm::BatchVerdict verdict_;
};

// What the cheapest system call takes here: in a guest, far more than on a machine.
double SystemCallMicroseconds() {
  constexpr int kCalls = 2000;
  const Clock::time_point begin = Clock::now();
  for (int i = 0; i < kCalls; ++i) static_cast<void>(getppid());
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count() / kCalls;
}

// The ways, and what each took in every round.
class Comparison {
 public:
  Comparison(Namespace* kernel, uint32_t phones, const Suite& suite)
      : kernel_(kernel), phones_(phones), suite_(suite) {
    for (Way* way : std::initializer_list<Way*>{&acked_, &per_request_, &per_set_, &one_, &sixteen_,
                                                &sixty_four_, &all_, &raw_sixteen_, &raw_}) {
      rows_.push_back({way, {}});
    }
  }

  bool Run(int rounds) {
    for (int round = -1; round < rounds; ++round) {
      if (round >= 0) call_us_.push_back(SystemCallMicroseconds());
      for (size_t i = 0; i < rows_.size(); ++i) {
        Row& row = rows_[(i + static_cast<size_t>(round + 1)) % rows_.size()];
        double us_per_phone = 0;
        if (!Measure(row.way, &us_per_phone)) return false;
        if (round >= 0) row.us_per_phone.push_back(us_per_phone);
      }
    }
    return true;
  }

  void Print() const {
    std::printf("%s, %u phones a round, %zu rounds\n", suite_.name.c_str(), phones_,
                rows_.front().us_per_phone.size());
    const double call_us = Median(call_us_);
    std::printf(
        "  a system call that does nothing: %.2f us; \"rest\" is without that for each call\n",
        call_us);
    std::printf("  %-28s %12s %8s %12s %10s\n", "way", "us per phone", "x raw", "system calls",
                "rest, us");
    for (const Row& row : rows_) {
      const double us = Median(row.us_per_phone);
      const double calls = row.way->calls_per_phone();
      std::printf("  %-28s %12.2f %8.2f %12.3f %10.2f\n", row.way->name().c_str(), us,
                  Ratio(row.way, &raw_), calls, us - calls * call_us);
    }
    std::printf("  ours, 16 a turn, is %.2f x the prepared bytes sent 16 a send\n",
                Ratio(&sixteen_, &raw_sixteen_));
    for (const Way* ours : {&sixteen_, &sixty_four_, &all_}) {
      const double above_raw = Ratio(ours, &raw_);
      const double below_acked = Ratio(&acked_, ours);
      std::printf("  %s: %.2f x raw (goal <= 1.15: %s), 8 sends and acks %.1f x (goal >= 10: %s)\n",
                  ours->name().c_str(), above_raw, above_raw <= 1.15 ? "met" : "missed",
                  below_acked, below_acked >= 10 ? "met" : "missed");
    }
  }

 private:
  struct Row {
    Way* way;
    std::vector<double> us_per_phone;  // By round.
  };

  bool Measure(Way* way, double* us_per_phone) {
    way->Prepare(phones_, suite_.keys);
    if (!kernel_->Clear()) return false;
    const Clock::time_point begin = Clock::now();
    const bool is_ok = way->Install(phones_, suite_.keys);
    *us_per_phone =
        std::chrono::duration<double, std::micro>(Clock::now() - begin).count() / phones_;
    if (!is_ok) std::printf("WRONG: %s: refused\n", way->name().c_str());
    return is_ok && kernel_->CountIs(size_t{phones_} * kSasPerPhone,
                                     way->has_policies() ? size_t{phones_} * kPoliciesPerPhone : 0);
  }

  // The median of the rounds' ratios: what slows the machine for a while slows both.
  double Ratio(const Way* way, const Way* to) const {
    std::vector<double> ratios;
    for (size_t round = 0; round < RowOf(way).us_per_phone.size(); ++round) {
      ratios.push_back(RowOf(way).us_per_phone[round] / RowOf(to).us_per_phone[round]);
    }
    return Median(ratios);
  }
  const Row& RowOf(const Way* way) const {
    size_t i = 0;
    while (rows_[i].way != way) ++i;
    return rows_[i];
  }

  Namespace* kernel_;
  uint32_t phones_;
  const Suite& suite_;
  EachAcked acked_;
  SocketEach per_request_{false};
  SocketEach per_set_{true};
  Batched one_{1};
  Batched sixteen_{16};
  Batched sixty_four_{64};
  Batched all_{kPhonesPerTurnMax};
  Raw raw_sixteen_{16};
  Raw raw_{kPhonesPerTurnMax};
  std::vector<Row> rows_;
  std::vector<double> call_us_;  // By round.
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  const long phones = argc == 3 ? std::atol(argv[1]) : 0;
  const int rounds = argc == 3 ? std::atoi(argv[2]) : 0;
  if (phones < 1 || phones % bench::kPhonesPerTurnMax != 0 || phones > bench::kPhonesMax ||
      rounds < 1) {
    std::fprintf(stderr, "usage: xfrm_install PHONES ROUNDS   (PHONES a multiple of 256)\n");
    return 2;
  }
  bench::Namespace kernel;
  if (!kernel.Enter()) return 2;
  for (const bench::Suite& suite : bench::Suites()) {
    bench::Comparison comparison(&kernel, static_cast<uint32_t>(phones), suite);
    if (!comparison.Run(rounds)) return 1;
    comparison.Print();
  }
  return 0;
}
