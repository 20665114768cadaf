// The core against the kernel this runs on, in a network namespace of its own: refusals that are
// not made up. Each scenario runs in a child, since it gives up rights it cannot have back.
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <sstream>

#include "edge/kernel_check.h"
#include "tests/edge_steps.h"
#include "xfrm/socket.h"

namespace edge {
namespace {

constexpr int kAnswerMs = 2000;
constexpr char kNoNamespace[] = "no right to make a network namespace";

// What came of a scenario, as it travels from the child.
struct Outcome {
  int status = 0;         // What the phone got.
  std::string line;       // The attempt's, "-" when there was none.
  std::string states;     // Of the sets afterwards, "-" for none.
  size_t sas = 0;         // Of ours in the kernel then...
  size_t sas_at_end = 0;  // ...and after every set was given back.
  size_t spis_used = 0;
};

class RealLink final : public KernelLink {
 public:
  ~RealLink() override {
    if (fd_ >= 0) close(fd_);
  }
  bool Open() { return xfrm::OpenSocket({}, &fd_) == std::errc{}; }
  bool Send(std::span<const std::byte> batch) override {
    return send(fd_, batch.data(), batch.size(), 0) == static_cast<ssize_t>(batch.size());
  }
  // Hands over what the kernel says until it says nothing more.
  void Deliver(World* world) {
    std::array<std::byte, 65536> buffer;
    for (pollfd wait{fd_, POLLIN, 0}; poll(&wait, 1, 200) > 0;) {
      const ssize_t size = recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (size <= 0) return;
      world->OnKernelAnswer({buffer.data(), static_cast<size_t>(size)});
      world->Settle();
    }
  }

 private:
  int fd_ = -1;
};

size_t SasInTheKernel() {
  int fd;
  if (xfrm::OpenSocket({}, &fd) != std::errc{}) return SIZE_MAX;
  xfrm::Batch batch;
  batch.Clear(1);
  batch.DumpSas();
  xfrm::BatchVerdict verdict;
  std::vector<xfrm::Reply> replies;
  const std::errc result = xfrm::Transact(fd, &batch, kAnswerMs, &verdict, &replies);
  close(fd);
  if (result != std::errc{}) return SIZE_MAX;
  return static_cast<size_t>(
      std::count_if(replies.begin(), replies.end(),
                    [](const xfrm::Reply& reply) { return reply.kind == xfrm::ReplyKind::kSa; }));
}

bool DropAllCapabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> none{};
  return syscall(SYS_capset, &header, none.data()) == 0;
}

std::string StatesOf(World* world) {
  std::string states;
  world->core().registrar().sets().ForEach(
      [&](const SaSet* set) { states += std::string(Name(set->state)); });
  return states.empty() ? "-" : states;
}

// A phone registers up to its 401 with this kernel. Nothing: no namespace.
std::optional<Outcome> RunScenario(bool with_rights, const std::string& algorithms) {
  if (unshare(CLONE_NEWNET) != 0) return std::nullopt;
  RealLink link;
  if (!link.Open() || (!with_rights && !DropAllCapabilities())) return std::nullopt;
  World world(StepSettings());
  world.set_link(&link);
  TestPhone phone;
  phone.algorithms = algorithms;
  world.Deliver(phone.Clear(), phone.Gm(), phone.Initial());
  const std::string forwarded = world.Pop().text;
  world.Deliver(kIcscf, kCore, Answer(forwarded, 401, ChallengeLine("n")));
  link.Deliver(&world);

  Outcome outcome;
  outcome.status = StatusOf(world.Pop().text);
  outcome.line = world.attempts().empty() ? "-" : world.attempts()[0].line;
  outcome.states = StatesOf(&world);
  outcome.sas = SasInTheKernel();
  world.core().DeleteAll(world.now_ms(), &world);
  world.Settle();
  link.Deliver(&world);
  outcome.sas_at_end = SasInTheKernel();
  outcome.spis_used = world.spis().counts().used;
  return outcome;
}

// What the start-up check finds, in the words of an outcome; `sas` are those it left behind.
std::optional<Outcome> RunCheck(bool with_rights) {
  if (unshare(CLONE_NEWNET) != 0) return std::nullopt;
  if (!with_rights && !DropAllCapabilities()) return std::nullopt;
  const xfrm::ProbeReport report = ProbeThisKernel({});
  Outcome outcome;
  outcome.line = std::string(xfrm::Name(report.lack));
  outcome.states = report.Lacks(xfrm::Lack::kEspIpv4) ? "NoEsp" : "Esp";
  for (const xfrm::ProbeRefusal& refusal : report.refusals) {
    if (refusal.lack == xfrm::Lack::kOther) outcome.states = "Other";
  }
  outcome.spis_used = report.refusals.size();
  outcome.sas = with_rights ? SasInTheKernel() : 0;
  return outcome;
}

std::string Written(const Outcome& outcome) {
  return std::to_string(outcome.status) + "\n" + outcome.line + "\n" + outcome.states + "\n" +
         std::to_string(outcome.sas) + "\n" + std::to_string(outcome.sas_at_end) + "\n" +
         std::to_string(outcome.spis_used) + "\n";
}

std::optional<Outcome> Read(const std::string& text) {
  std::istringstream in(text);
  Outcome outcome;
  if (!(in >> outcome.status)) return std::nullopt;
  in.ignore();
  std::getline(in, outcome.line);
  in >> outcome.states >> outcome.sas >> outcome.sas_at_end >> outcome.spis_used;
  return outcome;
}

// Runs it in a child. Nothing: it could not run there.
template <typename Run>
std::optional<Outcome> InChild(Run run) {
  int ends[2];
  if (pipe(ends) != 0) return std::nullopt;
  const pid_t child = fork();
  if (child == 0) {
    const std::optional<Outcome> outcome = run();
    const std::string text = outcome ? Written(*outcome) : "";
    const bool written = write(ends[1], text.data(), text.size()) == std::ssize(text);
    _exit(written ? 0 : 1);
  }
  close(ends[1]);
  std::string text;
  std::array<char, 4096> buffer;
  for (ssize_t size; (size = read(ends[0], buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<size_t>(size));
  }
  close(ends[0]);
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "the child ended badly";
  return Read(text);
}

std::optional<Outcome> InChild(bool with_rights, const std::string& algorithms) {
  return InChild([&] { return RunScenario(with_rights, algorithms); });
}

TEST(EdgeLiveKernel, TheCheckNamesTheMissingRight) {
  const std::optional<Outcome> outcome = InChild([] { return RunCheck(false); });
  if (!outcome) GTEST_SKIP() << kNoNamespace;
  EXPECT_EQ(outcome->line, "Right");
}

// Whether this kernel has ESP or not, every refusal has a reason we can name.
TEST(EdgeLiveKernel, TheCheckFindsWhatPhonesWouldFindAndLeavesNothing) {
  const std::optional<Outcome> check = InChild([] { return RunCheck(true); });
  const std::optional<Outcome> phone = InChild(true, "alg=hmac-sha-1-96");
  if (!check || !phone) GTEST_SKIP() << kNoNamespace;
  EXPECT_EQ(check->line, "None");
  EXPECT_EQ(check->states, phone->status == 401 ? "Esp" : "NoEsp");
  EXPECT_EQ(check->spis_used == 0, phone->status == 401) << "refusals";
  EXPECT_EQ(check->sas, 0u);
}

TEST(EdgeLiveKernel, WithoutCapNetAdminThePhoneGets500AndTheLineNamesEperm) {
  const std::optional<Outcome> outcome = InChild(false, "alg=hmac-sha-1-96");
  if (!outcome) GTEST_SKIP() << kNoNamespace;
  EXPECT_EQ(outcome->status, 500);
  EXPECT_NE(outcome->line.find("refused by the kernel (EPERM: "), std::string::npos)
      << outcome->line;
  EXPECT_EQ(outcome->states, "-");
  EXPECT_EQ(outcome->spis_used, 0u);
}

TEST(EdgeLiveKernel, WithoutEspThePhoneGets500AndTheLineNamesEprotonosupport) {
  const std::optional<Outcome> outcome = InChild(true, "alg=hmac-sha-1-96");
  if (!outcome) GTEST_SKIP() << kNoNamespace;
  if (outcome->status == 401) GTEST_SKIP() << "this kernel has ESP";
  EXPECT_EQ(outcome->status, 500);
  EXPECT_NE(outcome->line.find("refused by the kernel (EPROTONOSUPPORT: "), std::string::npos)
      << outcome->line;
  EXPECT_EQ(outcome->states, "-");
  EXPECT_EQ(outcome->sas, 0u);
  EXPECT_EQ(outcome->spis_used, 0u);
}

TEST(EdgeLiveKernel, WithEspTheFourSasAreThereWhenThe401LeavesAndGoneAtTheEnd) {
  for (const char* algorithms : {"alg=hmac-md5-96", "alg=hmac-sha-1-96",
                                 "alg=hmac-sha-1-96;ealg=aes-cbc", "alg=null;ealg=aes-gcm"}) {
    const std::optional<Outcome> outcome = InChild(true, algorithms);
    if (!outcome) GTEST_SKIP() << kNoNamespace;
    if (outcome->line.find("EPROTONOSUPPORT") != std::string::npos) {
      GTEST_SKIP() << "this kernel has no ESP: " << outcome->line;
    }
    EXPECT_EQ(outcome->status, 401) << algorithms << " " << outcome->line;
    EXPECT_EQ(outcome->line, "-");
    EXPECT_EQ(outcome->states, "Temporary");
    EXPECT_EQ(outcome->sas, 4u);
    EXPECT_EQ(outcome->sas_at_end, 0u);
    EXPECT_EQ(outcome->spis_used, 0u);
  }
}

}  // namespace
}  // namespace edge
