// A start right after its predecessor was killed: ports that are let go of are waited for, those of
// somebody else are not for long.
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <thread>

#include "edge/clock.h"
#include "edge/held_ports.h"
#include "tests/edge_steps.h"
#include "tests/free_ports.h"

namespace edge {
namespace {

class EdgeHeldPorts : public testing::TestWithParam<int> {
 protected:
  EdgeHeldPorts() {
    spdlog::set_level(spdlog::level::off);
    const std::vector<reactor::Endpoint> free = reactor::FreePorts(At("127.0.0.1:0"), 4);
    settings_.ipsec.sockets = {free[0], free[1]};
    settings_.gm.listen = {free[2]};
    settings_.core.listens = {free[3]};
  }
  ~EdgeHeldPorts() override { spdlog::set_level(spdlog::level::info); }

  static int Hold(const reactor::Endpoint& port) {
    const int fd = socket(port.family(), GetParam() | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(fd, &port.any, port.size()), 0);
    if (GetParam() == SOCK_STREAM) EXPECT_EQ(listen(fd, 1), 0);
    return fd;
  }

  Settings settings_;
};

TEST_P(EdgeHeldPorts, NobodyWaitsForFreeOnes) {
  const uint64_t begin_ms = NowMs();
  AwaitHeldPorts(settings_);
  EXPECT_LT(NowMs() - begin_ms, kHeldPortsMs / 2);
}

TEST_P(EdgeHeldPorts, OnesThatAreLetGoOfAreWaitedFor) {
  for (const reactor::Endpoint& port :
       {settings_.ipsec.sockets[1], settings_.gm.listen[0], settings_.core.listens[0]}) {
    const int fd = Hold(port);
    std::thread holder([fd] {
      std::this_thread::sleep_for(std::chrono::milliseconds(60));
      close(fd);
    });
    const uint64_t begin_ms = NowMs();
    AwaitHeldPorts(settings_);
    EXPECT_GE(NowMs() - begin_ms, 50u);
    EXPECT_TRUE(reactor::IsFree(GetParam(), port));
    holder.join();
  }
}

TEST_P(EdgeHeldPorts, OnesOfSomebodyElseAreNotForLong) {
  const int fd = Hold(settings_.gm.listen[0]);
  const uint64_t begin_ms = NowMs();
  AwaitHeldPorts(settings_, 100);
  EXPECT_GE(NowMs() - begin_ms, 100u);
  EXPECT_LT(NowMs() - begin_ms, kHeldPortsMs);
  close(fd);
}

INSTANTIATE_TEST_SUITE_P(UdpAndTcp, EdgeHeldPorts, testing::Values(SOCK_DGRAM, SOCK_STREAM));

}  // namespace
}  // namespace edge
