#include "bench/edge_load_fake.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <ctime>
#include <fstream>
#include <vector>

#include "bench/xfrm_phones.h"
#include "xfrm/batch.h"
#include "xfrm/fake_kernel.h"

namespace bench {
namespace {

constexpr uint64_t kNowSeconds = 1'700'000'000;

double CpuSeconds() {
  return static_cast<double>(clock()) / CLOCKS_PER_SEC;
}

double ResidentBytes() {
  double total = 0;
  double resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

class FakeLoad {
 public:
  // Requests for the SAs of `count` phones from the `first` on. Returns the CPU microseconds they
  // took of the kernel; the bytes are made before the clock starts, since making them is gmedge's
  // work.
  double Send(uint32_t first, uint32_t count, bool is_extension) {
    double seconds = 0;
    for (const uint32_t end = first + count; first < end; first += kPhonesPerBatch) {
      batch_.Clear(1);
      for (uint32_t i = 0; i < kPhonesPerBatch * kSasPerPhone; ++i) {
        xfrm::Sa sa = SaOf(first + i / kSasPerPhone, i % kSasPerPhone, Suites()[0].keys);
        sa.hard_seconds = is_extension ? kGrantedSeconds : kTemporarySeconds;
        is_extension ? batch_.UpdateSa(sa) : batch_.AddSa(sa);
      }
      const std::span<const std::byte> sealed = batch_.Seal();
      const double before = CpuSeconds();
      kernel_.Send(sealed, kNowSeconds, &answers_);
      seconds += CpuSeconds() - before;
      answers_.clear();
    }
    return seconds * 1e6;
  }

  // What looking at all that is due by then takes.
  double Advance() {
    const double before = CpuSeconds();
    kernel_.Advance(kNowSeconds + kTemporarySeconds);
    return (CpuSeconds() - before) * 1e6;
  }

 private:
  static constexpr uint32_t kTemporarySeconds = 60;
  static constexpr uint32_t kGrantedSeconds = 600'000;

  xfrm::FakeKernel kernel_;
  xfrm::Batch batch_;
  std::vector<std::vector<std::byte>> answers_;
};

FakeCost Measure(uint32_t phones) {
  constexpr uint32_t kMeasured = 10'000;
  const double bytes = ResidentBytes();
  FakeLoad load;
  for (const bool is_extension : {false, true}) load.Send(0, phones, is_extension);
  load.Advance();
  FakeCost cost;
  cost.bytes = (ResidentBytes() - bytes) / phones;
  const uint32_t first = phones + kPhonesPerBatch;
  cost.install_us = load.Send(first, kMeasured, false) / kMeasured;
  cost.extend_us = load.Send(first, kMeasured, true) / kMeasured;
  cost.expire_us = load.Advance() / kMeasured;
  return cost;
}

}  // namespace

FakeCost MeasureFakeKernel(uint32_t phones) {
  FakeCost cost;
  int ends[2];
  if (pipe(ends) != 0) return cost;
  if (const pid_t child = fork(); child == 0) {
    cost = Measure(phones);
    _exit(write(ends[1], &cost, sizeof(cost)) == sizeof(cost) ? 0 : 1);
  } else {
    close(ends[1]);
    if (read(ends[0], &cost, sizeof(cost)) != sizeof(cost)) cost = {};
    if (child > 0) waitpid(child, nullptr, 0);
  }
  close(ends[0]);
  return cost;
}

}  // namespace bench
