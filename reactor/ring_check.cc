#include "reactor/ring_check.h"

#include <liburing.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include <cerrno>
#include <charconv>
#include <fstream>
#include <utility>

#include "reactor/error_text.h"

namespace reactor {

using Step = RingReport::Step;

// The flags, and what each is for:
//   CQSIZE         the completion queue has its own size. One receive brings many completions, so
//                  it is larger than the submission queue.
//   SUBMIT_ALL     a bad submission fails alone; those queued behind it are still submitted.
//   SINGLE_ISSUER  one thread submits, which lets the kernel leave locks out (Linux 6.0).
//   DEFER_TASKRUN  the kernel's share of the work is done when we wait and not whenever it likes:
//                  no interrupted turns, larger batches (Linux 6.1; wants SINGLE_ISSUER).
const unsigned kRingFlags = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL |
                            IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;

namespace {

constexpr std::pair<uint32_t, const char*> kFeatures[] = {
    {IORING_FEAT_NODROP, "IORING_FEAT_NODROP"},
    {IORING_FEAT_SUBMIT_STABLE, "IORING_FEAT_SUBMIT_STABLE"},
    {IORING_FEAT_FAST_POLL, "IORING_FEAT_FAST_POLL"},
    {IORING_FEAT_EXT_ARG, "IORING_FEAT_EXT_ARG"},
};

constexpr std::pair<uint8_t, const char*> kOperations[] = {
    {IORING_OP_POLL_ADD, "POLL_ADD"}, {IORING_OP_SENDMSG, "SENDMSG"},
    {IORING_OP_RECVMSG, "RECVMSG"},   {IORING_OP_ACCEPT, "ACCEPT"},
    {IORING_OP_CONNECT, "CONNECT"},   {IORING_OP_ASYNC_CANCEL, "ASYNC_CANCEL"},
    {IORING_OP_READ, "READ"},         {IORING_OP_SEND, "SEND"},
    {IORING_OP_RECV, "RECV"},
};

constexpr const char kNeeded[] = "Linux 6.1 or later is needed";
constexpr const char kCalls[] = "io_uring_setup, io_uring_enter and io_uring_register";

// The small ring of TryRing().
class Trial {
 public:
  ~Trial() {
    if (is_open_) io_uring_queue_exit(&ring_);
    if (page_ != MAP_FAILED) munmap(page_, kPageSize);
  }

  bool SetUp(RingReport* report) {
    io_uring_params params{};
    params.flags = kRingFlags;
    params.cq_entries = 16;
    report->error = -io_uring_queue_init_params(8, &ring_, &params);
    is_open_ = report->error == 0;
    report->features = params.features;
    return is_open_;
  }

  bool Register(RingReport* report) {
    report->error = -io_uring_register_files_sparse(&ring_, 1);
    return report->error == 0;
  }

  bool Enter(RingReport* report) {
    io_uring_prep_nop(io_uring_get_sqe(&ring_));
    const int submitted = io_uring_submit_and_wait(&ring_, 1);
    report->error = submitted < 0 ? -submitted : 0;
    return submitted >= 0;
  }

  bool HasFeatures(const RingReport& report) const {
    for (const auto& [feature, name] : kFeatures) {
      if ((report.features & feature) == 0) return false;
    }
    return true;
  }

  bool HasOperations(RingReport* report) {
    io_uring_probe* const probe = io_uring_get_probe_ring(&ring_);
    if (probe == nullptr)
      return true;  // No memory for the question; nothing is known to be missing.
    for (const auto& [operation, name] : kOperations) {
      if (io_uring_opcode_supported(probe, operation) == 0) {
        report->missing_operations.push_back(operation);
      }
    }
    io_uring_free_probe(probe);
    return report->missing_operations.empty();
  }

  bool ProvideBuffers(RingReport* report) {
    page_ = mmap(nullptr, kPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page_ == MAP_FAILED) {
      report->error = errno;
      return false;
    }
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<uint64_t>(page_);
    registration.ring_entries = 1;
    report->error = -io_uring_register_buf_ring(&ring_, &registration, 0);
    return report->error == 0;
  }

 private:
  static constexpr size_t kPageSize = 4096;
  io_uring ring_{};
  bool is_open_ = false;
  void* page_ = MAP_FAILED;
};

Step FirstFailure(RingReport* report) {
  Trial trial;
  if (!trial.SetUp(report)) return Step::kSetup;
  if (!trial.Register(report)) return Step::kRegister;
  if (!trial.Enter(report)) return Step::kEnter;
  if (!trial.HasFeatures(*report)) return Step::kFeatures;
  if (!trial.HasOperations(report)) return Step::kOperations;
  if (!trial.ProvideBuffers(report)) return Step::kBuffers;
  return Step::kDone;
}

const char* CallOf(Step step) {
  switch (step) {
    case Step::kSetup:
      return "io_uring_setup";
    case Step::kEnter:
      return "io_uring_enter";
    case Step::kBuffers:
      return "io_uring_register (buffers)";
    default:
      return "io_uring_register";
  }
}

std::string ThisIs(const RingReport& report) {
  return "this is Linux " + report.release;
}

std::string FilterText() {
  return std::string(
             "a seccomp filter of this process forbids it, as the default profiles of "
             "container engines do: allow ") +
         kCalls;
}

// EPERM is said by the sysctl, by seccomp and by security modules; each is named that can have.
std::string ForbiddenText(const RingReport& report) {
  std::string text;
  if (report.disabled == 2) {
    text = "sysctl kernel.io_uring_disabled = 2 forbids it to everybody: set it to 0";
  } else if (report.disabled == 1) {
    text =
        "sysctl kernel.io_uring_disabled = 1 leaves it to CAP_SYS_ADMIN and to the group of "
        "sysctl kernel.io_uring_group: make that a group of gmedge's user";
  }
  if (report.is_filtered) text += (text.empty() ? "" : "; or ") + FilterText();
  if (text.empty()) text = "a security module (SELinux, AppArmor) or the container forbids it";
  return text;
}

std::string MissingText(const RingReport& report) {
  if (report.is_filtered && !IsTooOld(report.release)) return FilterText();
  if (IsTooOld(report.release)) return ThisIs(report) + "; " + kNeeded;
  return "the kernel was built without io_uring (CONFIG_IO_URING), or the container hides it";
}

std::string MemoryText(const RingReport& report) {
  return "no memory for the rings: the memory limit of the cgroup, or RLIMIT_MEMLOCK (" +
         std::to_string(report.memory_size) + " bytes)";
}

std::string ErrnoText(const RingReport& report) {
  switch (report.error) {
    case ENOSYS:
      return MissingText(report);
    case EPERM:
    case EACCES:
      return ForbiddenText(report);
    case EINVAL:
      if (IsTooOld(report.release)) return ThisIs(report) + "; " + kNeeded;
      return report.failed == Step::kSetup
                 ? "more ring entries were asked for than the kernel allows"
                 : ThisIs(report) + ", which should have all that is needed";
    case ENOMEM:
      return MemoryText(report);
    case EMFILE:
    case ENFILE:
      return "no free file descriptor: RLIMIT_NOFILE (" + std::to_string(report.file_count) + ")";
    default:
      return ThisIs(report);
  }
}

std::string FeaturesText(const RingReport& report) {
  std::string text;
  for (const auto& [feature, name] : kFeatures) {
    if ((report.features & feature) == 0) text += (text.empty() ? "" : ", ") + std::string(name);
  }
  return text;
}

std::string OperationsText(const RingReport& report) {
  std::string text;
  for (const auto& [operation, name] : kOperations) {
    for (const uint8_t missing : report.missing_operations) {
      if (missing == operation) text += (text.empty() ? "" : ", ") + std::string(name);
    }
  }
  return text;
}

}  // namespace

RingReport TryRing() {
  RingReport report;
  report.failed = FirstFailure(&report);
  ReadRingReasons(&report);
  return report;
}

void ReadRingReasons(RingReport* report) {
  utsname system{};
  uname(&system);
  report->release = system.release;
  if (!(std::ifstream("/proc/sys/kernel/io_uring_disabled") >> report->disabled)) {
    report->disabled = -1;
  }
  constexpr int kFilterMode = 2;  // SECCOMP_MODE_FILTER.
  report->is_filtered = prctl(PR_GET_SECCOMP) == kFilterMode;
  rlimit limit{};
  getrlimit(RLIMIT_MEMLOCK, &limit);
  report->memory_size = limit.rlim_cur;
  getrlimit(RLIMIT_NOFILE, &limit);
  report->file_count = limit.rlim_cur;
}

std::string Explain(const RingReport& report) {
  switch (report.failed) {
    case Step::kDone:
      return {};
    case Step::kFeatures:
      return "the kernel's io_uring lacks " + FeaturesText(report) + ": " + ThisIs(report) + "; " +
             kNeeded;
    case Step::kOperations:
      return "the kernel's io_uring lacks the operations " + OperationsText(report) + ": " +
             ThisIs(report) + "; " + kNeeded;
    default:
      return ErrorText(CallOf(report.failed), report.error) + ": " + ErrnoText(report);
  }
}

bool IsTooOld(const std::string& release) {
  constexpr std::pair<unsigned, unsigned> kOldest{6, 1};
  const char* const end = release.data() + release.size();
  std::pair<unsigned, unsigned> version{};
  std::from_chars_result read = std::from_chars(release.data(), end, version.first);
  if (read.ec != std::errc{} || read.ptr == end || *read.ptr != '.') return false;
  read = std::from_chars(read.ptr + 1, end, version.second);
  return read.ec == std::errc{} && version < kOldest;
}

}  // namespace reactor
