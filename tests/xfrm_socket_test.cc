// The socket against the kernel where it lets us, and Transact against a peer that misbehaves.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>

#include "tests/xfrm_samples.h"
#include "xfrm/fake_kernel.h"
#include "xfrm/socket.h"

namespace xfrm {
namespace {

using ::testing::SizeIs;

constexpr std::errc kOk{};

int Option(int fd, int level, int name) {
  int value = 0;
  socklen_t size = sizeof(value);
  EXPECT_EQ(getsockopt(fd, level, name, &value, &size), 0);
  return value;
}

class XfrmSocket : public ::testing::Test {
 protected:
  void SetUp() override {
    if (unshare(CLONE_NEWNET) != 0) GTEST_SKIP() << "no right to make a network namespace";
  }
  void TearDown() override {
    if (fd_ >= 0) close(fd_);
  }
  void Open(const SocketOptions& options = {}) { ASSERT_EQ(OpenSocket(options, &fd_), kOk); }

  int fd_ = -1;
  Batch batch_;
  BatchVerdict verdict_;
};

TEST_F(XfrmSocket, IsSetUpForShortAndExplainedAnswers) {
  Open({.receive_buffer_size = 2 << 20});
  EXPECT_EQ(Option(fd_, SOL_NETLINK, NETLINK_CAP_ACK), 1);
  EXPECT_EQ(Option(fd_, SOL_NETLINK, NETLINK_EXT_ACK), 1);
  EXPECT_GE(Option(fd_, SOL_SOCKET, SO_RCVBUF), 2 << 20);
  const size_t batch_size = Batch::kRequestsMax * Batch::kRequestSizeMax;
  EXPECT_GT(static_cast<size_t>(Option(fd_, SOL_SOCKET, SO_SNDBUF)), batch_size);
  EXPECT_NE(fcntl(fd_, F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(fcntl(fd_, F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(XfrmSocket, TransactsABatchAndADump) {
  Open();
  batch_.Clear(1);
  batch_.AddPolicy(SamplePolicy(Direction::kIn));
  batch_.AddPolicy(SamplePolicy(Direction::kIn));
  batch_.AddPolicy(SamplePolicy(Direction::kOut));
  ASSERT_EQ(Transact(fd_, &batch_, 1000, &verdict_), kOk);
  EXPECT_EQ(verdict_.error(0), kOk);
  EXPECT_EQ(verdict_.error(1), std::errc::file_exists);
  EXPECT_EQ(verdict_.error(2), kOk);

  std::vector<Reply> replies;
  batch_.Clear(4);
  batch_.DumpPolicies();
  ASSERT_EQ(Transact(fd_, &batch_, 1000, &verdict_, &replies), kOk);
  EXPECT_TRUE(verdict_.all_ok());
  ASSERT_THAT(replies, SizeIs(2));
  for (const Reply& reply : replies) EXPECT_EQ(reply.policy.local_port, 6101);
}

TEST_F(XfrmSocket, LargestBatchOfFailuresFitsTheReceiveBuffer) {
  Open();
  batch_.Clear(1);
  while (!batch_.full()) batch_.DeletePolicy(SamplePolicy());
  ASSERT_EQ(Transact(fd_, &batch_, 1000, &verdict_), kOk);
  for (int i = 0; i < batch_.count(); ++i) {
    EXPECT_EQ(verdict_.error(i), std::errc::no_such_file_or_directory);
  }
}

TEST_F(XfrmSocket, LostAnswersAreNoSuccess) {
  Open({.receive_buffer_size = 1});  // The kernel makes it its minimum.
  batch_.Clear(1);
  while (!batch_.full()) batch_.DeletePolicy(SamplePolicy());
  EXPECT_EQ(Transact(fd_, &batch_, 1000, &verdict_), std::errc::no_buffer_space);
  EXPECT_FALSE(verdict_.all_ok());
}

// A peer on a socket pair in the kernel's place.
class XfrmTransact : public ::testing::Test {
 protected:
  XfrmTransact() {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends_.data()), 0);
    batch_.Clear(10);
    batch_.AddPolicy(SamplePolicy());
    batch_.AddPolicy(SamplePolicy());
  }
  ~XfrmTransact() override {
    for (const int end : ends_) close(end);
  }

  void Answer(const std::vector<std::byte>& datagram) {
    EXPECT_EQ(send(ends_[1], datagram.data(), datagram.size(), 0),
              static_cast<ssize_t>(datagram.size()));
  }
  Datagrams KernelsAnswers(uint32_t first) {
    Batch batch;
    batch.Clear(first);
    batch.AddPolicy(SamplePolicy());
    batch.AddPolicy(SamplePolicy());
    Datagrams answers;
    FakeKernel().Send(batch.Seal(), 0, &answers);
    return answers;
  }
  std::errc Run(int timeout_ms) { return Transact(ends_[0], &batch_, timeout_ms, &verdict_); }

  std::array<int, 2> ends_{-1, -1};
  Batch batch_;
  BatchVerdict verdict_;
};

TEST_F(XfrmTransact, SendsTheSealedBatch) {
  EXPECT_EQ(Run(0), std::errc::timed_out);
  std::vector<std::byte> sent(64 << 10);
  const ssize_t size = recv(ends_[1], sent.data(), sent.size(), 0);
  sent.resize(static_cast<size_t>(size));
  const std::span<const std::byte> sealed = batch_.Seal();
  EXPECT_THAT(sent, ::testing::ElementsAreArray(sealed.begin(), sealed.end()));
}

TEST_F(XfrmTransact, WaitsForTheFence) {
  const Datagrams answers = KernelsAnswers(10);
  std::thread kernel([&] {
    for (const std::vector<std::byte>& answer : answers) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      Answer(answer);
    }
  });
  EXPECT_EQ(Run(5000), kOk);
  kernel.join();
  EXPECT_EQ(verdict_.error(0), kOk);
  EXPECT_EQ(verdict_.error(1), std::errc::file_exists);
}

TEST_F(XfrmTransact, GivesUpWithoutTheFence) {
  const std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
  EXPECT_EQ(Run(50), std::errc::timed_out);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(50));
  EXPECT_FALSE(verdict_.complete());
}

TEST_F(XfrmTransact, AnswersToAnEarlierBatchDoNotCount) {
  for (const std::vector<std::byte>& late : KernelsAnswers(8)) Answer(late);
  EXPECT_EQ(Run(20), std::errc::timed_out);
  EXPECT_FALSE(verdict_.complete());
}

TEST_F(XfrmTransact, ACutDatagramIsLostVerdicts) {
  const int size = 1 << 20;
  setsockopt(ends_[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
  Answer(std::vector<std::byte>(100'000));
  EXPECT_EQ(Run(1000), std::errc::no_buffer_space);
  EXPECT_FALSE(verdict_.complete());
}

TEST_F(XfrmTransact, TellsThatTheSocketCannotSend) {
  close(ends_[1]);
  ends_[1] = -1;
  EXPECT_EQ(Run(1000), std::errc::broken_pipe);
}

}  // namespace
}  // namespace xfrm
