#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <memory>

#include "edge/claim.h"

namespace edge {
namespace {

constexpr uint32_t kReqid = 0xfffffff1;  // Of no gmedge that runs beside this test.

TEST(EdgeClaim, OneProcessHasAReqidAndTheNextIsToldWhy) {
  std::string error;
  auto first = std::make_unique<Claim>();
  ASSERT_TRUE(first->Take(kReqid, &error)) << error;
  Claim second;
  EXPECT_FALSE(second.Take(kReqid, &error));
  EXPECT_EQ(error,
            "another gmedge with ipsec.reqid = 4294967281 runs in this network namespace; end it, "
            "or give each a reqid of its own");
  Claim other;
  EXPECT_TRUE(other.Take(kReqid + 1, &error)) << error;
  first.reset();
  Claim third;
  EXPECT_TRUE(third.Take(kReqid, &error)) << error;
}

TEST(EdgeClaim, EndsWithAProcessThatIsKilled) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    Claim claim;
    std::string error;
    const char taken = claim.Take(kReqid, &error) ? 1 : 0;
    if (write(ready[1], &taken, 1) != 1) _exit(1);
    pause();
    _exit(0);
  }
  char taken = 0;
  ASSERT_EQ(read(ready[0], &taken, 1), 1);
  ASSERT_EQ(taken, 1);
  std::string error;
  EXPECT_FALSE(Claim().Take(kReqid, &error));
  kill(child, SIGKILL);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  Claim claim;
  EXPECT_TRUE(claim.Take(kReqid, &error)) << error;
  close(ready[0]);
  close(ready[1]);
}

TEST(EdgeClaim, HoldsInItsNetworkNamespaceOnly) {
  std::string error;
  Claim claim;
  ASSERT_TRUE(claim.Take(kReqid, &error)) << error;
  const pid_t child = fork();
  if (child == 0) {
    if (unshare(CLONE_NEWNET) != 0) _exit(2);
    _exit(Claim().Take(kReqid, &error) ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  if (WEXITSTATUS(status) == 2) GTEST_SKIP() << "no right to make a network namespace";
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace edge
