// Many phones, four SAs each, from nothing to nothing again: installed in batches, damaged (1 % go
// missing, 1 % of somebody else's come), dumped, reconciled, and deleted.
//
//   xfrm_scale sim|kernel PHONES
//
// On the real kernel it works in a network namespace of its own and needs the right to make one and
// ESP; in the kernel lab, for 100,000 phones:
//
//   tests/lab/lab.py --timeout 1200 --memory 4096 build/release/xfrm_scale kernel 100000
//
// Prints what each step did and took, the time of the first and the last tenth of the phones (the
// first and the last 10,000 of 100,000), and the peak memory of this process, which on `sim` holds
// the fake kernel too. Exit status 1 if a count is not what it must be.
#include <arpa/inet.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "xfrm/fake_kernel.h"
#include "xfrm/reconcile.h"
#include "xfrm/socket.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kReqid = 4711;
constexpr uint32_t kForeignReqid = 1;
constexpr uint32_t kSasPerPhone = 4;
constexpr int kRequestsMax = xfrm::Batch::kRequestsMax;
constexpr int kTimeoutMs = 600'000;
constexpr uint64_t kSimNow = 1'700'000'000;

class Kernel {
 public:
  virtual ~Kernel() = default;
  // False: outcome unknown.
  virtual bool Run(xfrm::Batch* batch, xfrm::BatchVerdict* verdict,
                   const std::function<void(const xfrm::Reply&)>& look) = 0;
};

class SimKernel : public Kernel {
 public:
  bool Run(xfrm::Batch* batch, xfrm::BatchVerdict* verdict,
           const std::function<void(const xfrm::Reply&)>& look) override {
    std::vector<std::vector<std::byte>> answers;
    verdict->Start(batch->first(), batch->count());
    fake_.Send(batch->Seal(), kSimNow, &answers);
    for (const std::vector<std::byte>& datagram : answers) {
      xfrm::ReplyReader reader(datagram);
      xfrm::Reply reply;
      while (reader.Next(&reply)) {
        verdict->Apply(reply);
        if (reply.kind == xfrm::ReplyKind::kSa) look(reply);
      }
    }
    return verdict->complete();
  }

 private:
  xfrm::FakeKernel fake_;
};

class RealKernel : public Kernel {
 public:
  ~RealKernel() override {
    if (fd_ >= 0) close(fd_);
  }
  bool Open() { return unshare(CLONE_NEWNET) == 0 && xfrm::OpenSocket({}, &fd_) == std::errc{}; }
  bool Run(xfrm::Batch* batch, xfrm::BatchVerdict* verdict,
           const std::function<void(const xfrm::Reply&)>& look) override {
    return xfrm::Transact(fd_, batch, kTimeoutMs, verdict, look) == std::errc{};
  }

 private:
  int fd_ = -1;
};

double MicrosecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

const xfrm::EspKeys& Keys() {
  static const xfrm::EspKeys keys({xfrm::Integrity::kHmacSha1_96, xfrm::Encryption::kAesCbc}, {},
                                  {});
  return keys;
}

// Both directions of both port pairs of a phone (TS 33.203 7.1); a phone an address of 10/8.
xfrm::Sa SaOf(uint32_t number) {
  const uint32_t phone = number / kSasPerPhone;
  const uint32_t which = number % kSasPerPhone;
  xfrm::Address edge{{192, 0, 2, 10}, AF_INET};
  xfrm::Address there{{10, static_cast<uint8_t>(phone >> 16), static_cast<uint8_t>(phone >> 8),
                       static_cast<uint8_t>(phone)},
                      AF_INET};
  const bool is_inbound = which % 2 == 0;
  xfrm::Sa sa;
  sa.selector.source = is_inbound ? there : edge;
  sa.selector.destination = is_inbound ? edge : there;
  sa.selector.source_port = static_cast<uint16_t>(30000 + which);
  sa.selector.destination_port = static_cast<uint16_t>(6101 + which);
  sa.spi = 65536 + number;
  sa.reqid = kReqid;
  sa.hard_seconds = 36000;
  sa.keys = &Keys();
  return sa;
}

class Scale {
 public:
  Scale(Kernel* kernel, uint32_t phones) : kernel_(kernel), phones_(phones) {
    known_.reserve(size_t{phones} * kSasPerPhone);
    for (uint32_t i = 0; i < phones * kSasPerPhone; ++i) known_.push_back(SaOf(i));
  }

  int Run() {
    Phones("installed", [this](uint32_t i) { batch_.AddSa(known_[i]); });
    Damage();
    const xfrm::ReconcilePlan plan = Compare("dump and compare");
    const size_t sas = known_.size();
    Expect("missing", plan.install.size(), missing_);
    Expect("foreign", plan.foreign, foreign_);
    Expect("kept", plan.kept, sas - missing_);
    Expect("strays", plan.remove.size() + plan.replace.size() + plan.blocked.size(), 0);
    Repair(plan);
    const xfrm::ReconcilePlan after = Compare("dump and compare again");
    Expect("kept after the repair", after.kept, sas);
    Expect("foreign after the repair", after.foreign, foreign_);
    Phones("deleted", [this](uint32_t i) { batch_.DeleteSa(known_[i].id()); });
    const xfrm::ReconcilePlan rest = Compare("dump of the rest");
    Expect("left of ours", rest.kept + rest.remove.size(), 0);
    Expect("left of others", rest.foreign, foreign_);
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    std::printf("peak memory of this process: %ld MiB, of which what we know takes %zu MiB\n",
                usage.ru_maxrss / 1024, sas * sizeof(xfrm::Sa) >> 20);
    return failures_ == 0 ? 0 : 1;
  }

 private:
  void Expect(const char* what, size_t got, size_t wanted) {
    if (got == wanted) return;
    std::printf("WRONG: %s: %zu, not %zu\n", what, got, wanted);
    ++failures_;
  }

  void Send(const std::function<void(const xfrm::Reply&)>& look = [](const xfrm::Reply&) {}) {
    const bool is_known = kernel_->Run(&batch_, &verdict_, look);
    Expect("batches of known outcome", is_known ? 1 : 0, 1);
    if (is_known && !verdict_.all_ok()) Expect("batches without a refusal", 0, 1);
  }

  // The same request for every SA, in full batches; times the first and the last tenth.
  void Phones(const char* what, const std::function<void(uint32_t)>& ask) {
    const uint32_t sas = phones_ * kSasPerPhone;
    std::array<double, 10> tenths{};
    const Clock::time_point begin = Clock::now();
    for (uint32_t i = 0; i < sas;) {
      const Clock::time_point batch_begin = Clock::now();
      const uint32_t first = i;
      batch_.Clear(1);
      while (i < sas && batch_.count() < kRequestsMax) ask(i++);
      Send();
      tenths[size_t{first} * tenths.size() / sas] += MicrosecondsSince(batch_begin);
    }
    const double phones_of_tenth = phones_ / static_cast<double>(tenths.size());
    std::printf("%s: %u phones, %.2f us per phone; first tenth %.2f, last tenth %.2f\n", what,
                phones_, MicrosecondsSince(begin) / phones_, tenths.front() / phones_of_tenth,
                tenths.back() / phones_of_tenth);
  }

  // 1 % of the SAs vanish, and as many with another reqid come.
  void Damage() {
    batch_.Clear(1);
    const auto send_if = [this](int limit) {
      if (batch_.count() < limit) return;
      Send();
      batch_.Clear(1);
    };
    for (uint32_t i = 17; i < known_.size(); i += 100) {
      batch_.DeleteSa(known_[i].id());
      xfrm::Sa foreign = SaOf(static_cast<uint32_t>(known_.size()) + i);
      foreign.reqid = kForeignReqid;
      batch_.AddSa(foreign);
      ++missing_;
      ++foreign_;
      send_if(kRequestsMax);
    }
    send_if(1);
  }

  xfrm::ReconcilePlan Compare(const char* what) {
    const Clock::time_point begin = Clock::now();
    size_t shown = 0;
    xfrm::Reconciler reconciler(known_, kReqid, static_cast<uint64_t>(getpid()));
    batch_.Clear(1);
    batch_.DumpSas();
    Send([&](const xfrm::Reply& reply) {
      reconciler.Look(reply.sa);
      ++shown;
    });
    xfrm::ReconcilePlan plan = reconciler.Finish();
    std::printf(
        "%s: %zu SAs shown, %zu kept, %zu to install, %zu to remove, %zu foreign; %.0f ms\n", what,
        shown, plan.kept, plan.install.size(), plan.remove.size(), plan.foreign,
        MicrosecondsSince(begin) / 1000);
    return plan;
  }

  void Repair(const xfrm::ReconcilePlan& plan) {
    const Clock::time_point begin = Clock::now();
    xfrm::ReconcileRun run(plan, known_);
    for (batch_.Clear(1); run.Fill(&batch_, kRequestsMax); batch_.Clear(1)) {
      Send();
      run.Take(verdict_);
    }
    std::printf("reconciled: %zu installed, %zu removed, %zu refused, %zu unknown; %.1f ms\n",
                run.installed(), run.removed(), run.refused(), run.unknown(),
                MicrosecondsSince(begin) / 1000);
    Expect("installed", run.installed(), missing_);
    Expect("refused or unknown", run.refused() + run.unknown(), 0);
  }

  Kernel* kernel_;
  uint32_t phones_;
  std::vector<xfrm::Sa> known_;
  xfrm::Batch batch_;
  xfrm::BatchVerdict verdict_;
  size_t missing_ = 0;
  size_t foreign_ = 0;
  size_t failures_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string_view which = argc == 3 ? argv[1] : "";
  const long phones = argc == 3 ? std::atol(argv[2]) : 0;
  const bool is_sim = which == "sim";
  // Below 1 << 22 phones the foreign ones have addresses of their own.
  if ((!is_sim && which != "kernel") || phones < 100 || phones >= 1 << 22) {
    std::fprintf(stderr, "usage: xfrm_scale sim|kernel PHONES   (100 or more)\n");
    return 2;
  }
  RealKernel real;
  SimKernel sim;
  if (!is_sim && !real.Open()) {
    std::fprintf(stderr, "xfrm_scale: no right to make a network namespace, or no XFRM\n");
    return 2;
  }
  Kernel* kernel = is_sim ? static_cast<Kernel*>(&sim) : &real;
  return Scale(kernel, static_cast<uint32_t>(phones)).Run();
}
