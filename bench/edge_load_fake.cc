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

// The bytes are made before the clock starts: making them is gmedge's work.
FakeCost Measure(uint32_t phones) {
  xfrm::FakeKernel kernel;
  xfrm::Batch batch;
  std::vector<std::vector<std::byte>> answers;
  const xfrm::EspKeys& keys = Suites()[0].keys;
  const double bytes = ResidentBytes();
  double seconds = 0;
  for (uint32_t first = 0; first < phones; first += kPhonesPerBatch) {
    for (const bool is_extension : {false, true}) {
      batch.Clear(1);
      for (uint32_t i = 0; i < kPhonesPerBatch * kSasPerPhone; ++i) {
        const xfrm::Sa sa = SaOf(first + i / kSasPerPhone, i % kSasPerPhone, keys);
        is_extension ? batch.UpdateSa(sa) : batch.AddSa(sa);
      }
      const std::span<const std::byte> sealed = batch.Seal();
      const double before = CpuSeconds();
      kernel.Send(sealed, kNowSeconds, &answers);
      seconds += CpuSeconds() - before;
      answers.clear();
    }
  }
  return {(ResidentBytes() - bytes) / phones, seconds * 1e6 / phones};
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
