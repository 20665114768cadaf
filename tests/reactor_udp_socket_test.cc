#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "reactor/udp_socket.h"
#include "tests/reactor_peer.h"

namespace reactor {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class ReactorUdpSocket : public testing::Test {
 protected:
  ~ReactorUdpSocket() override {
    for (const int fd : fds_) close(fd);
  }

  int Open(const DatagramOptions& options) {
    const int fd = OpenUdpSocket(options, &local_, &error_);
    if (fd >= 0) fds_.push_back(fd);
    return fd;
  }

  static int Option(int fd, int level, int name) {
    int value = -1;
    socklen_t size = sizeof(value);
    EXPECT_EQ(getsockopt(fd, level, name, &value, &size), 0);
    return value;
  }

  Endpoint local_;
  std::string error_;
  std::vector<int> fds_;
};

TEST_F(ReactorUdpSocket, ReportsThePortItWasGiven) {
  ASSERT_GE(Open({.local = At("127.0.0.1:0")}), 0) << error_;
  EXPECT_NE(local_.port(), 0);
  EXPECT_EQ(Text(local_), "127.0.0.1:" + std::to_string(local_.port()));
}

TEST_F(ReactorUdpSocket, NamesWhatFailed) {
  ASSERT_GE(Open({.local = At("[::1]:0")}), 0) << error_;
  const Endpoint taken = local_;
  EXPECT_EQ(Open({.local = taken}), -1);
  EXPECT_EQ(error_, "UDP " + Text(taken) + ": bind: Address already in use");
  EXPECT_EQ(Open({.local = At("203.0.113.9:5060")}), -1);
  EXPECT_EQ(error_, "UDP 203.0.113.9:5060: bind: Cannot assign requested address");
  EXPECT_EQ(Open({}), -1);
  EXPECT_THAT(error_, StartsWith("UDP 0.0.0.0:0: "));
}

TEST_F(ReactorUdpSocket, FreeBindTakesAnAddressThatIsNotThereYet) {
  EXPECT_GE(Open({.local = At("203.0.113.9:0"), .free_bind = true}), 0) << error_;
  EXPECT_GE(Open({.local = At("[2001:db8::9]:0"), .free_bind = true}), 0) << error_;
}

TEST_F(ReactorUdpSocket, ReusePortIsSharedByConsent) {
  ASSERT_GE(Open({.local = At("127.0.0.1:0"), .reuse_port = true}), 0) << error_;
  const Endpoint shared = local_;
  EXPECT_GE(Open({.local = shared, .reuse_port = true}), 0) << error_;
  EXPECT_EQ(Open({.local = shared}), -1);
}

TEST_F(ReactorUdpSocket, IPv6LeavesIPv4Alone) {
  const int fd = Open({.local = At("[::]:0")});
  ASSERT_GE(fd, 0) << error_;
  EXPECT_EQ(Option(fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
  Endpoint v4 = At("0.0.0.0:0");
  v4.set_port(local_.port());
  EXPECT_GE(Open({.local = v4}), 0) << error_;
}

TEST_F(ReactorUdpSocket, GrowsBuffersAndNeverShrinksThem) {
  const int fd = Open(
      {.local = At("127.0.0.1:0"), .receive_buffer_size = 1 << 20, .send_buffer_size = 1 << 20});
  ASSERT_GE(fd, 0) << error_;
  const int receive = Option(fd, SOL_SOCKET, SO_RCVBUF);
  const int send = Option(fd, SOL_SOCKET, SO_SNDBUF);
  // As far as the system's limit allows an unprivileged process; the kernel reports the double.
  EXPECT_GT(receive, 200'000);
  EXPECT_GT(send, 200'000);
  GrowReceiveBuffer(fd, 4096);
  GrowSendBuffer(fd, 4096);
  EXPECT_EQ(Option(fd, SOL_SOCKET, SO_RCVBUF), receive);
  EXPECT_EQ(Option(fd, SOL_SOCKET, SO_SNDBUF), send);
  if (geteuid() == 0) {
    GrowReceiveBuffer(fd, 64 << 20);
    if (Option(fd, SOL_SOCKET, SO_RCVBUF) <= receive) GTEST_SKIP() << "root without CAP_NET_ADMIN";
    EXPECT_EQ(Option(fd, SOL_SOCKET, SO_RCVBUF), 128 << 20);
  }
}

TEST_F(ReactorUdpSocket, IsClosedOnExec) {
  const int fd = Open({.local = At("127.0.0.1:0")});
  ASSERT_GE(fd, 0) << error_;
  EXPECT_EQ(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

}  // namespace
}  // namespace reactor
