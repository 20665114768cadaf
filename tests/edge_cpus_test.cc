#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <thread>

#include "edge/cpus.h"

namespace edge {
namespace {

TEST(EdgeCpus, AreThoseWeMayRunOn) {
  const std::vector<uint32_t> cpus = AllowedCpus();
  ASSERT_FALSE(cpus.empty());
  EXPECT_TRUE(std::is_sorted(cpus.begin(), cpus.end()));
  EXPECT_NE(std::find(cpus.begin(), cpus.end(), static_cast<uint32_t>(sched_getcpu())), cpus.end());
}

TEST(EdgeCpus, APinnedThreadRunsThereAndTheOthersAnywhere) {
  const std::vector<uint32_t> before = AllowedCpus();
  std::thread([&] {
    std::string error;
    ASSERT_TRUE(PinThisThread(before.back(), &error)) << error;
    EXPECT_EQ(AllowedCpus(), std::vector<uint32_t>{before.back()});
  }).join();
  EXPECT_EQ(AllowedCpus(), before);
}

TEST(EdgeCpus, ACpuThatIsNotThereIsRefusedWithThoseThatAre) {
  std::thread([] {
    for (const uint32_t cpu : {1023u, 1024u, UINT32_MAX}) {
      std::string error;
      EXPECT_FALSE(PinThisThread(cpu, &error));
      EXPECT_TRUE(error.starts_with("cannot run on CPU " + std::to_string(cpu) +
                                    ": Invalid argument; the CPUs we may use are "))
          << error;
    }
  }).join();
}

}  // namespace
}  // namespace edge
