// Many phones, four SAs each, from nothing to nothing again: installed in batches, deleted,
// installed again with a pause after each tenth, damaged (1 % go missing, 1 % of somebody else's
// come), dumped, reconciled, and deleted.
//
//   xfrm_scale sim|kernel PHONES
//
// On the real kernel it works in a network namespace of its own and needs the right to make one and
// ESP; in the kernel lab, for 100,000 phones:
//
//   tests/lab/lab.py --timeout 1200 --memory 4096 build/release/xfrm_scale kernel 100000
//
// Prints what each step did and took, the time per phone of every tenth of the phones (10,000 of
// 100,000) within the kernel's calls and without them, and the peak memory of this process, which
// on `sim` holds the fake kernel too. Exit status 1 if a count is not what it must be.
//
// The pauses tell two things apart: Linux has a timer of one second for every SA that it adds
// (__xfrm_state_insert). Who installs for longer than that pays, with each new SA, for the timer of
// one that it installed a second ago; in the pause they run by themselves.
#include <arpa/inet.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <span>
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
constexpr size_t kTenths = 10;
constexpr unsigned kPauseUs = 1'500'000;  // The kernel's timers of the SAs just added come due.
constexpr uint64_t kSimNow = 1'700'000'000;

double MicrosecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

class Kernel {
 public:
  virtual ~Kernel() = default;
  // False: outcome unknown.
  virtual bool Run(xfrm::Batch* batch, xfrm::BatchVerdict* verdict,
                   const std::function<void(const xfrm::Reply&)>& look) = 0;
  // Spent within the kernel's calls so far.
  double inside_us() const { return inside_us_; }

 protected:
  template <typename Call>
  auto Inside(Call call) {
    const Clock::time_point begin = Clock::now();
    const auto result = call();
    inside_us_ += MicrosecondsSince(begin);
    return result;
  }

 private:
  double inside_us_ = 0;
};

// What a datagram of answers says.
void Read(std::span<const std::byte> datagram, xfrm::BatchVerdict* verdict,
          const std::function<void(const xfrm::Reply&)>& look) {
  xfrm::ReplyReader reader(datagram);
  xfrm::Reply reply;
  while (reader.Next(&reply)) {
    verdict->Apply(reply);
    if (reply.kind == xfrm::ReplyKind::kSa) look(reply);
  }
}

class SimKernel : public Kernel {
 public:
  bool Run(xfrm::Batch* batch, xfrm::BatchVerdict* verdict,
           const std::function<void(const xfrm::Reply&)>& look) override {
    std::vector<std::vector<std::byte>> answers;
    verdict->Start(batch->first(), batch->count());
    Inside([&] { return fake_.Send(batch->Seal(), kSimNow, &answers), true; });
    for (const std::vector<std::byte>& datagram : answers) Read(datagram, verdict, look);
    return verdict->complete();
  }

 private:
  xfrm::FakeKernel fake_;
};

// The kernel works within send(2), and on a dump within recv(2): an answer never has to be waited
// for.
class RealKernel : public Kernel {
 public:
  ~RealKernel() override {
    if (fd_ >= 0) close(fd_);
  }
  bool Open() { return unshare(CLONE_NEWNET) == 0 && xfrm::OpenSocket({}, &fd_) == std::errc{}; }
  bool Run(xfrm::Batch* batch, xfrm::BatchVerdict* verdict,
           const std::function<void(const xfrm::Reply&)>& look) override {
    verdict->Start(batch->first(), batch->count());
    const std::span<const std::byte> bytes = batch->Seal();
    const auto ask = [&] { return send(fd_, bytes.data(), bytes.size(), 0); };
    const auto hear = [&] { return recv(fd_, answer_.data(), answer_.size(), 0); };
    if (Inside(ask) != static_cast<ssize_t>(bytes.size())) return false;
    while (!verdict->complete()) {
      const ssize_t size = Inside(hear);
      if (size < 0) return false;
      Read({answer_.data(), static_cast<size_t>(size)}, verdict, look);
    }
    return true;
  }

 private:
  int fd_ = -1;
  std::array<std::byte, 64 << 10> answer_;
};

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
    const auto add = [this](uint32_t i) { batch_.AddSa(known_[i]); };
    const auto drop = [this](uint32_t i) { batch_.DeleteSa(known_[i].id()); };
    Phones("installed at once", add);
    Phones("deleted", drop);
    Phones("installed with pauses", add, kPauseUs);
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
    Phones("deleted", drop);
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

  // The same request for every SA, in full batches, and how long that took. A tenth is those of
  // whole batches, so their numbers of phones differ a little.
  void Phones(const char* what, const std::function<void(uint32_t)>& ask, unsigned pause_us = 0) {
    const uint32_t sas = phones_ * kSasPerPhone;
    std::array<double, kTenths> inside{};
    std::array<double, kTenths> outside{};
    for (size_t tenth = 0, next = 0; tenth < kTenths; ++tenth) {
      const size_t first = next;
      const size_t end = (tenth + 1) * sas / kTenths;
      const double inside_before = kernel_->inside_us();
      const Clock::time_point begin = Clock::now();
      while (next < end) {
        batch_.Clear(1);
        while (next < sas && batch_.count() < kRequestsMax) ask(static_cast<uint32_t>(next++));
        Send();
      }
      const double phones = static_cast<double>(next - first) / kSasPerPhone;
      inside[tenth] = (kernel_->inside_us() - inside_before) / phones;
      outside[tenth] = MicrosecondsSince(begin) / phones - inside[tenth];
      if (pause_us > 0) usleep(pause_us);
    }
    std::printf("%s: %u phones, us per phone of each tenth\n", what, phones_);
    Print("  within the kernel's calls", inside);
    Print("  building and reading     ", outside);
  }

  static void Print(const char* what, const std::array<double, kTenths>& tenths) {
    std::printf("%s", what);
    for (const double tenth : tenths) std::printf(" %6.2f", tenth);
    std::printf("   last/first %.2f\n", tenths.back() / tenths.front());
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
    xfrm::Reconciler reconciler(known_, {}, kReqid, static_cast<uint64_t>(getpid()));
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
