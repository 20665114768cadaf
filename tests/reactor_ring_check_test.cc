#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <liburing.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <functional>
#include <thread>

#include "reactor/reactor.h"
#include "reactor/ring_check.h"

namespace reactor {
namespace {

using testing::HasSubstr;
using Step = RingReport::Step;

RingReport Failed(Step step, int error) {
  RingReport report;
  report.failed = step;
  report.error = error;
  report.release = "6.8.0-31-generic";
  report.disabled = 0;
  report.memory_size = 65536;
  report.file_count = 1024;
  return report;
}

TEST(ReactorRingCheck, WhereAllIsThereNothingIsSaid) {
  EXPECT_EQ(Explain(RingReport{}), "");
}

TEST(ReactorRingCheck, NamesTheSysctlAndWhoItLeavesOut) {
  RingReport report = Failed(Step::kSetup, EPERM);
  report.disabled = 2;
  EXPECT_EQ(Explain(report),
            "io_uring_setup: Operation not permitted: sysctl kernel.io_uring_disabled = 2 forbids "
            "it to everybody: set it to 0");
  report.disabled = 1;
  EXPECT_EQ(Explain(report),
            "io_uring_setup: Operation not permitted: sysctl kernel.io_uring_disabled = 1 leaves "
            "it to CAP_SYS_ADMIN and to the group of sysctl kernel.io_uring_group: make that a "
            "group of gmedge's user");
}

TEST(ReactorRingCheck, NamesTheFilterBesideWhateverElseCanHaveForbiddenIt) {
  RingReport report = Failed(Step::kSetup, EPERM);
  report.is_filtered = true;
  EXPECT_EQ(Explain(report),
            "io_uring_setup: Operation not permitted: a seccomp filter of this process forbids it, "
            "as the default profiles of container engines do: allow io_uring_setup, io_uring_enter "
            "and io_uring_register");
  report.disabled = 1;
  EXPECT_THAT(Explain(report), HasSubstr("kernel.io_uring_group: make that a group of gmedge's "
                                         "user; or a seccomp filter of this process forbids it"));
}

TEST(ReactorRingCheck, WithoutFilterAndSysctlItIsASecurityModule) {
  EXPECT_EQ(Explain(Failed(Step::kSetup, EPERM)),
            "io_uring_setup: Operation not permitted: a security module (SELinux, AppArmor) or the "
            "container forbids it");
  EXPECT_EQ(Explain(Failed(Step::kSetup, EACCES)),
            "io_uring_setup: Permission denied: a security module (SELinux, AppArmor) or the "
            "container forbids it");
}

TEST(ReactorRingCheck, TellsAMissingCallByFilterAgeOrBuild) {
  RingReport report = Failed(Step::kSetup, ENOSYS);
  EXPECT_EQ(Explain(report),
            "io_uring_setup: Function not implemented: the kernel was built without io_uring "
            "(CONFIG_IO_URING), or the container hides it");
  report.is_filtered = true;
  EXPECT_THAT(Explain(report), HasSubstr("not implemented: a seccomp filter of this process"));
  report.release = "4.19.0-26-amd64";
  EXPECT_EQ(Explain(report),
            "io_uring_setup: Function not implemented: this is Linux 4.19.0-26-amd64; Linux 6.1 or "
            "later is needed");
}

TEST(ReactorRingCheck, TellsAnOldKernelFromTooManyEntries) {
  RingReport report = Failed(Step::kSetup, EINVAL);
  EXPECT_EQ(Explain(report),
            "io_uring_setup: Invalid argument: more ring entries were asked for than the kernel "
            "allows");
  report.release = "5.15.0-91-generic";
  EXPECT_EQ(Explain(report),
            "io_uring_setup: Invalid argument: this is Linux 5.15.0-91-generic; Linux 6.1 or later "
            "is needed");
}

TEST(ReactorRingCheck, NamesTheLimitsOfMemoryAndDescriptors) {
  EXPECT_EQ(Explain(Failed(Step::kSetup, ENOMEM)),
            "io_uring_setup: Cannot allocate memory: no memory for the rings: the memory limit of "
            "the cgroup, or RLIMIT_MEMLOCK (65536 bytes)");
  EXPECT_EQ(Explain(Failed(Step::kBuffers, ENOMEM)),
            "io_uring_register (buffers): Cannot allocate memory: no memory for the rings: the "
            "memory limit of the cgroup, or RLIMIT_MEMLOCK (65536 bytes)");
  EXPECT_EQ(Explain(Failed(Step::kSetup, EMFILE)),
            "io_uring_setup: Too many open files: no free file descriptor: RLIMIT_NOFILE (1024)");
}

TEST(ReactorRingCheck, NamesTheCallThatFailed) {
  RingReport report = Failed(Step::kRegister, EPERM);
  report.is_filtered = true;
  EXPECT_THAT(Explain(report), HasSubstr("io_uring_register: Operation not permitted: a seccomp"));
  report.failed = Step::kEnter;
  EXPECT_THAT(Explain(report), HasSubstr("io_uring_enter: Operation not permitted: a seccomp"));
  EXPECT_EQ(Explain(Failed(Step::kBuffers, EINVAL)),
            "io_uring_register (buffers): Invalid argument: this is Linux 6.8.0-31-generic, which "
            "should have all that is needed");
  EXPECT_EQ(Explain(Failed(Step::kEnter, EIO)),
            "io_uring_enter: Input/output error: this is Linux 6.8.0-31-generic");
}

TEST(ReactorRingCheck, NamesEveryFeatureAndOperationThatIsMissing) {
  RingReport report = Failed(Step::kFeatures, 0);
  report.release = "5.4.0-1-amd64";
  report.features = IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE;
  EXPECT_EQ(Explain(report),
            "the kernel's io_uring lacks IORING_FEAT_FAST_POLL, IORING_FEAT_EXT_ARG: this is Linux "
            "5.4.0-1-amd64; Linux 6.1 or later is needed");
  report = Failed(Step::kOperations, 0);
  report.missing_operations = {IORING_OP_ACCEPT, IORING_OP_RECV};
  EXPECT_EQ(Explain(report),
            "the kernel's io_uring lacks the operations ACCEPT, RECV: this is Linux "
            "6.8.0-31-generic; Linux 6.1 or later is needed");
}

TEST(ReactorRingCheck, KnowsWhichReleasesAreTooOld) {
  for (const char* old : {"2.6.32-754", "4.19.0", "5.15.0-91-generic", "6.0.19", "6.0"}) {
    EXPECT_TRUE(IsTooOld(old)) << old;
  }
  for (const char* good : {"6.1.0-13-amd64", "6.1", "6.18.44-fc", "10.0.1", "", "six", "6"}) {
    EXPECT_FALSE(IsTooOld(good)) << good;
  }
}

TEST(ReactorRingCheck, ThisKernelHasItAll) {
  const RingReport report = TryRing();
  EXPECT_EQ(report.failed, Step::kDone) << Explain(report);
  EXPECT_NE(report.release, "");
  EXPECT_FALSE(IsTooOld(report.release));
}

// From now on this thread's calls of that number fail, as a container's filter makes them.
bool Forbid(long call, int error) {
  const __u32 refuse = SECCOMP_RET_ERRNO | static_cast<__u32>(error);
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<__u32>(call), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, refuse),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{std::size(code), code};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

// Filters and users are a thread's own, when set by the bare call.
void InThread(const std::function<void()>& work) {
  std::thread(work).join();
}

TEST(ReactorRingCheck, UnderAFilterItSaysWhichCallAndWhy) {
  struct Case {
    long call;
    int error;
    Step step;
    const char* text;
  };
  for (const Case& one : {
           Case{__NR_io_uring_setup, EPERM, Step::kSetup,
                "io_uring_setup: Operation not permitted: "},
           Case{__NR_io_uring_setup, ENOSYS, Step::kSetup,
                "io_uring_setup: Function not implemented: "},
           Case{__NR_io_uring_register, EPERM, Step::kRegister,
                "io_uring_register: Operation not permitted: "},
           Case{__NR_io_uring_enter, EPERM, Step::kEnter,
                "io_uring_enter: Operation not permitted: "},
       }) {
    bool forbidden = false;
    RingReport report;
    InThread([&] {
      forbidden = Forbid(one.call, one.error);
      if (forbidden) report = TryRing();
    });
    if (!forbidden) GTEST_SKIP() << "no seccomp filters here";
    EXPECT_EQ(report.failed, one.step);
    EXPECT_TRUE(report.is_filtered);
    EXPECT_THAT(Explain(report), HasSubstr(one.text));
    EXPECT_THAT(Explain(report), HasSubstr("a seccomp filter of this process forbids it"));
  }
}

TEST(ReactorRingCheck, TheReactorSaysTheSame) {
  for (const int refused : {EPERM, ENOSYS, ENOMEM}) {
    bool forbidden = false;
    std::string error;
    InThread([&] {
      forbidden = Forbid(__NR_io_uring_setup, refused);
      if (!forbidden) return;
      EXPECT_EQ(Reactor::Create({}, &error), nullptr);
      RingReport report = TryRing();
      EXPECT_EQ(error, Explain(report));
    });
    if (!forbidden) GTEST_SKIP() << "no seccomp filters here";
    EXPECT_THAT(error, HasSubstr(refused == ENOMEM ? "RLIMIT_MEMLOCK" : "a seccomp filter"));
  }
}

// Whatever the sysctl of this machine is: the verdict of somebody without rights is the one it
// calls for.
TEST(ReactorRingCheck, TheSysctlDecidesForWhoHasNoRights) {
  RingReport report;
  InThread([&] {
    constexpr uid_t kNobody = 65534;
    if (geteuid() == 0) {
      ASSERT_EQ(syscall(SYS_setresuid, kNobody, kNobody, kNobody), 0);
    }
    report = TryRing();
  });
  if (report.disabled <= 0) {
    EXPECT_EQ(Explain(report), "");
  } else {
    EXPECT_THAT(Explain(report),
                HasSubstr("sysctl kernel.io_uring_disabled = " + std::to_string(report.disabled)));
  }
}

TEST(ReactorRingCheck, WithoutADescriptorItNamesTheLimit) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const RingReport report = TryRing();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(Explain(report),
            "io_uring_setup: Too many open files: no free file descriptor: RLIMIT_NOFILE (0)");
}

}  // namespace
}  // namespace reactor
