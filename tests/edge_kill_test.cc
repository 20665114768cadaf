// Killed between any two requests to the kernel: whatever the kernel had been told by then, the
// next start leaves nothing there that nobody knows, and the phones come back. On the fake kernel,
// and with SIGKILL on the real one where it has ESP (the kernel lab).
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <map>
#include <optional>
#include <set>

#include "edge/kernel.h"
#include "edge/restart.h"
#include "tests/edge_steps.h"
#include "xfrm/socket.h"

namespace edge {
namespace {

constexpr int kNever = 1 << 30;
constexpr uint32_t kForeignReqid = 4711;
constexpr uint32_t kForeignSpi = 2137441234 + 5;  // The SPI of a phone's own that is taken.

using Answers = std::vector<std::vector<std::byte>>;

// Passes requests on one by one and dies before request `cut`, counted over all batches.
class CutLink : public KernelLink {
 public:
  CutLink(World* world, int cut) : world_(world), left_(cut) {}

  bool Send(std::span<const std::byte> batch) override {
    while (!batch.empty()) {
      if (left_-- == 0) Die();
      nlmsghdr header;
      std::memcpy(&header, batch.data(), sizeof(header));
      ++passed_;
      types_.insert(header.nlmsg_type);
      if (!dead_) Pass(batch.first(header.nlmsg_len));
      batch = batch.subspan(header.nlmsg_len);
    }
    return true;
  }
  // Hands over what the kernel has said, and whatever that leads to.
  void Deliver() {
    for (Answers answers; !(answers = Take()).empty();) {
      for (const std::vector<std::byte>& answer : answers) {
        if (!dead_ && !deaf_) world_->OnKernelAnswer(answer);
      }
      world_->Settle();
    }
  }
  void set_deaf(bool deaf) { deaf_ = deaf; }
  int passed() const { return passed_; }
  const std::set<int>& types() const { return types_; }
  bool dead() const { return dead_; }

 protected:
  virtual void Die() { dead_ = true; }
  virtual void Pass(std::span<const std::byte> request) = 0;
  virtual Answers Take() = 0;

 private:
  World* world_;
  int left_;
  int passed_ = 0;
  std::set<int> types_;
  bool dead_ = false;
  bool deaf_ = false;
};

// Everything that asks the kernel for something: installations, a refused one and one whose answer
// is lost, new lifetimes, an SA3 that comes late, replaced and ended sets.
class Scenario {
 public:
  Scenario(World* world, CutLink* link) : world_(*world), link_(*link) { world->set_link(link); }

  void Run() {
    TestPhone phone;
    Register(&phone);
    Register(&phone);  // Comes back without its state, with the SPIs it had.
    Reauthenticate(&phone);
    TestPhone refused = Other(1);
    refused.spi_us = kForeignSpi;
    Register(&refused);
    TestPhone unheard = Other(2);
    link_.set_deaf(true);
    Register(&unheard);
    link_.set_deaf(false);
    Advance(1'000);
    Advance(1'000);
    TestPhone leaving = Other(3);
    if (Register(&leaving) != 200) return;
    Deliver(leaving.set.client, leaving.set.server,
            Replaced(leaving.Protected(), "Expires: 600000", "Expires: 0"));
    FromCore(200, "");
    Advance(130'000);
  }
  // What of it a restart must allow again: the 200's status.
  int Register(TestPhone* phone) {
    Deliver(phone->Clear(), phone->Gm(), phone->Initial());
    if (!Challenge(phone)) return StatusOf(last_);
    Deliver(phone->set.client, phone->set.server, phone->Protected());
    Accept();
    return StatusOf(last_);
  }
  static TestPhone Other(int number) {
    TestPhone phone;
    phone.imsi = "00101000000001" + std::to_string(number);
    phone.address = "198.51.100.8" + std::to_string(number);
    return phone;
  }

 private:
  void Reauthenticate(TestPhone* phone) {
    const TestSet old = phone->set;
    if (old.client.empty()) return;
    phone->OfferAnew();
    Deliver(old.client, old.server, phone->Protected());
    if (!Challenge(phone)) return;
    Deliver(phone->set.client, phone->set.server, phone->Protected());
    Accept();
    Deliver(phone->set.client, phone->set.server, phone->Protected());
    Accept();
  }
  bool Challenge(TestPhone* phone) {
    FromCore(401, ChallengeLine("nonce-" + std::to_string(++nonces_)));
    if (StatusOf(last_) == 401) phone->TakeChallenge(last_);
    return StatusOf(last_) == 401;
  }
  void Accept() {
    FromCore(200, LinesOf(last_, "Contact") +
                      "Expires: 3600\r\nService-Route: <sip:orig@10.0.0.30:6060;lr>\r\n");
  }
  void FromCore(int status, const std::string& lines) {
    Deliver(std::string(kIcscf), std::string(kCore), Answer(last_, status, lines));
  }
  void Deliver(const std::string& from, const std::string& to, const std::string& text) {
    world_.Deliver(from, to, text);
    link_.Deliver();
    last_ = world_.Pop().text;
    Forget();
  }
  void Advance(uint64_t ms) {
    world_.Advance(ms);
    link_.Deliver();
    Forget();
  }
  void Forget() {
    while (!world_.sent().empty()) world_.Pop();
  }

  World& world_;
  CutLink& link_;
  std::string last_;  // What left last.
  int nonces_ = 0;
};

// Two protected ports, so that a new set shares port_pc with the old one.
Settings KillSettings() {
  return StepSettings(2);
}

xfrm::Sa ForeignSa() {
  static const xfrm::EspKeys keys({xfrm::Integrity::kHmacSha1_96, xfrm::Encryption::kAesCbc},
                                  xfrm::Key(), xfrm::Key());
  xfrm::Sa sa;
  const TestPhone refused = Scenario::Other(1);
  sa.selector = {ToXfrm(At("192.0.2.10:0")), ToXfrm(At(refused.address + ":0")), 1, 2};
  sa.spi = kForeignSpi;
  sa.reqid = kForeignReqid;
  sa.hard_seconds = 3600;
  sa.keys = &keys;
  return sa;
}

xfrm::Policy ForeignPolicy() {
  return {.local = ToXfrm(At("192.0.2.99:0")), .local_port = 99, .reqid = kForeignReqid};
}

// --- The fake kernel ---

class FakeCutLink final : public CutLink {
 public:
  FakeCutLink(xfrm::FakeKernel* kernel, World* world, int cut)
      : CutLink(world, cut), kernel_(kernel), world_(world) {}

 private:
  void Pass(std::span<const std::byte> request) override {
    kernel_->Send(request, world_->now_ms() / 1000, &answers_);
  }
  Answers Take() override { return std::exchange(answers_, {}); }

  xfrm::FakeKernel* kernel_;
  World* world_;
  Answers answers_;
};

class EdgeKill : public testing::Test {
 protected:
  std::errc Transact(xfrm::Batch* batch, xfrm::BatchVerdict* verdict,
                     const std::function<void(const xfrm::Reply&)>& look) {
    Answers answers;
    verdict->Start(batch->first(), batch->count());
    kernel_->Send(batch->Seal(), 1'000, &answers);
    for (const std::vector<std::byte>& answer : answers) {
      xfrm::ReplyReader reader(answer);
      for (xfrm::Reply reply; reader.Next(&reply);) {
        if (verdict->Apply(reply)) look(reply);
      }
    }
    return verdict->complete() ? std::errc{} : std::errc::timed_out;
  }
  void AddForeign() {
    xfrm::Batch batch;
    xfrm::BatchVerdict verdict;
    batch.Clear(1);
    batch.AddSa(ForeignSa());
    batch.AddPolicy(ForeignPolicy());
    ASSERT_EQ(Transact(&batch, &verdict, [](const xfrm::Reply&) {}), std::errc{});
    ASSERT_TRUE(verdict.all_ok());
  }
  // The requests that the scenario comes to if nobody kills it, by their number.
  int RunUpTo(int cut) {
    World world(KillSettings());
    FakeCutLink link(&*kernel_, &world, cut);
    Scenario(&world, &link).Run();
    EXPECT_EQ(link.dead(), cut != kNever);
    if (cut != kNever) return link.passed();
    EXPECT_EQ(link.types(),
              (std::set<int>{XFRM_MSG_NEWSA, XFRM_MSG_UPDSA, XFRM_MSG_GETSA, XFRM_MSG_DELSA}));
    const Stats& stats = world.core().stats();
    EXPECT_EQ(stats.sets_installed, 4u);
    EXPECT_EQ(stats.sets_refused, 1u);
    EXPECT_EQ(stats.sets_unknown, 1u);
    EXPECT_GT(stats.kernel_looks, 0u);
    EXPECT_EQ(stats.deregistrations, 1u);
    return link.passed();
  }
  void Restart(RestartCounts* counts) {
    const Settings settings = KillSettings();
    const std::vector<xfrm::Policy> policies = SharedPolicies(settings);
    const Transaction transact = [this](auto... arguments) { return Transact(arguments...); };
    std::string error;
    EXPECT_TRUE(PutRight(transact, {{}, policies}, settings.ipsec.reqid, 1, counts, &error))
        << error;
  }

  std::optional<xfrm::FakeKernel> kernel_{std::in_place};
};

TEST_F(EdgeKill, BetweenAnyTwoRequestsLeavesNothingThatNobodyKnowsAfterTheNextStart) {
  AddForeign();
  const int requests = RunUpTo(kNever);
  EXPECT_GT(requests, 40);
  size_t cuts_with_leftovers = 0;
  for (int cut = 0; cut < requests; ++cut) {
    kernel_.emplace();
    AddForeign();
    RunUpTo(cut);
    const size_t left = kernel_->sa_count() - 1;
    if (left > 0) ++cuts_with_leftovers;
    RestartCounts counts;
    Restart(&counts);
    EXPECT_EQ(counts.sas_removed, left) << cut;
    ASSERT_EQ(kernel_->sa_count(), 1u) << "cut " << cut;
    EXPECT_EQ(kernel_->Sas()[0].reqid, kForeignReqid);
    EXPECT_EQ(kernel_->policy_count(), 1u);

    World next(KillSettings());
    FakeCutLink link(&*kernel_, &next, kNever);
    TestPhone phone;
    EXPECT_EQ(Scenario(&next, &link).Register(&phone), 200) << "cut " << cut;
    EXPECT_EQ(kernel_->sa_count(), 5u);
  }
  EXPECT_GT(cuts_with_leftovers, 30u);
}

// --- The real kernel: a process is killed, its namespace stays ---

class RealCutLink final : public CutLink {
 public:
  RealCutLink(World* world, int cut) : CutLink(world, cut) {}
  ~RealCutLink() override {
    if (fd_ >= 0) close(fd_);
  }
  bool Open() { return xfrm::OpenSocket({}, &fd_) == std::errc{}; }

 private:
  void Die() override { kill(getpid(), SIGKILL); }
  void Pass(std::span<const std::byte> request) override {
    if (send(fd_, request.data(), request.size(), 0) != std::ssize(request)) abort();
  }
  // The kernel has answered when send() returns.
  Answers Take() override {
    Answers answers;
    std::vector<std::byte> buffer(65536);
    for (ssize_t size; (size = recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0;) {
      answers.emplace_back(buffer.begin(), buffer.begin() + size);
    }
    return answers;
  }

  int fd_ = -1;
};

// In a child: the scenario, or (`is_return`) one phone. Its exit status, or -1 when SIGKILL ended
// it; how many requests went out comes by *requests.
int InChild(int cut, bool is_return, int* requests) {
  int ends[2];
  if (pipe(ends) != 0) return 1;
  const pid_t child = fork();
  if (child == 0) {
    World world(KillSettings());
    RealCutLink link(&world, cut);
    if (!link.Open()) _exit(2);
    Scenario scenario(&world, &link);
    TestPhone phone;
    if (is_return) _exit(scenario.Register(&phone) == 200 ? 0 : 3);
    scenario.Run();
    const int passed = link.passed();
    _exit(write(ends[1], &passed, sizeof(passed)) == sizeof(passed) ? 0 : 4);
  }
  close(ends[1]);
  if (read(ends[0], requests, sizeof(*requests)) != sizeof(*requests)) *requests = 0;
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 5;
}

// How many SAs or policies with each reqid, by a dump.
template <typename Ask>
std::map<uint32_t, int> CountsByReqid(int fd, Ask ask) {
  xfrm::Batch batch;
  xfrm::BatchVerdict verdict;
  batch.Clear(1);
  ask(&batch);
  std::map<uint32_t, int> counts;
  const std::errc error = xfrm::Transact(fd, &batch, 2000, &verdict, [&](const xfrm::Reply& reply) {
    if (reply.kind == xfrm::ReplyKind::kSa) ++counts[reply.sa.reqid];
    if (reply.kind == xfrm::ReplyKind::kPolicy) ++counts[reply.policy.reqid];
  });
  EXPECT_EQ(error, std::errc{});
  return counts;
}

TEST(EdgeKillReal, BySigkillBetweenAnyTwoRequestsLeavesNothingAfterTheNextStart) {
  if (unshare(CLONE_NEWNET) != 0) GTEST_SKIP() << "no right to make a network namespace";
  int fd;
  ASSERT_EQ(xfrm::OpenSocket({}, &fd), std::errc{});
  xfrm::Batch batch;
  xfrm::BatchVerdict verdict;
  batch.Clear(1);
  batch.AddSa(ForeignSa());
  batch.AddPolicy(ForeignPolicy());
  ASSERT_EQ(xfrm::Transact(fd, &batch, 2000, &verdict), std::errc{});
  if (verdict.error(0) == std::errc::protocol_not_supported) GTEST_SKIP() << "no ESP here";
  ASSERT_TRUE(verdict.all_ok());

  const Settings settings = KillSettings();
  const auto sas = [&] { return CountsByReqid(fd, [](xfrm::Batch* b) { b->DumpSas(); }); };
  const auto restart = [&] {
    std::string error;
    EXPECT_TRUE(MakeRealKernel()->Prepare(settings, {}, &error)) << error;
    EXPECT_EQ(sas(), (std::map<uint32_t, int>{{kForeignReqid, 1}}));
    const int ours = static_cast<int>(SharedPolicies(settings).size());
    EXPECT_EQ(CountsByReqid(fd, [](xfrm::Batch* b) { b->DumpPolicies(); }),
              (std::map<uint32_t, int>{{kForeignReqid, 1}, {settings.ipsec.reqid, ours}}));
  };
  int requests = 0;
  ASSERT_EQ(InChild(kNever, false, &requests), 0);
  ASSERT_GT(requests, 40);
  restart();
  int cuts_with_leftovers = 0;
  for (int cut = 0; cut < requests; ++cut) {
    int none = 0;
    ASSERT_EQ(InChild(cut, false, &none), -1) << "cut " << cut;
    if (sas().size() > 1) ++cuts_with_leftovers;
    restart();
    ASSERT_FALSE(testing::Test::HasFailure()) << "cut " << cut;
  }
  EXPECT_GT(cuts_with_leftovers, 30);
  int none = 0;
  EXPECT_EQ(InChild(kNever, true, &none), 0);
  close(fd);
}

}  // namespace
}  // namespace edge
