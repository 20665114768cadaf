#include "edge/kernel.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>

#include "edge/claim.h"
#include "edge/clock.h"
#include "edge/restart.h"
#include "edge/sa_set.h"
#include "edge/secrets.h"
#include "xfrm/socket.h"

namespace edge {
namespace {

constexpr int kStartupTimeoutMs = 5000;

std::string Refusal(std::string_view what, std::errc error) {
  return fmt::format("{}: {}", what, xfrm::Explain(error));
}

class RealKernel final : public Kernel, reactor::NetlinkSink {
 public:
  ~RealKernel() override {
    if (fd_ >= 0) close(fd_);
    if (counters_fd_ >= 0) close(counters_fd_);
    for (const int fd : esp_in_udp_fds_) close(fd);
  }

  bool Prepare(const Settings& settings, const KnownSas& known, std::string* error) override;
  bool Inherit(const Settings& settings, std::vector<int> files, std::string* error) override;
  std::vector<int> files() const override {
    std::vector<int> files = {claim_.fd()};
    files.insert(files.end(), esp_in_udp_fds_.begin(), esp_in_udp_fds_.end());
    return files;
  }
  bool Attach(reactor::Reactor* reactor, KernelAnswers* answers, std::string* error) override;
  bool ReadCounters(xfrm::KernelCounters* counters) override;
  void Deliver() override {}
  bool has_answers() const override { return false; }
  void Detach() override;
  bool detached() const override {
    return (port_ == nullptr || port_->closed()) && (events_ == nullptr || events_->closed());
  }
  void Retire(const Settings& settings) override;

  bool Send(std::span<const std::byte> batch) override { return port_->Send(batch); }

 private:
  void OnNetlink(std::span<const std::byte> bytes) override { answers_->OnReply(bytes); }
  void OnNetlinkLoss(int) override { answers_->OnLoss(); }

  // A socket of its own: events must not crowd out verdicts.
  struct EventSink final : reactor::NetlinkSink {
    void OnNetlink(std::span<const std::byte> bytes) override;
    void OnNetlinkLoss(int) override {}
    KernelAnswers* answers = nullptr;
  };

  bool Open(std::string* error);
  bool OpenEspInUdp(const Settings& settings, std::string* error);
  bool OpenEvents(reactor::Reactor* reactor, std::string* error);
  Transaction Transactor();
  void TryOffload(const Settings& settings);
  bool InstallPolicies(const std::vector<xfrm::Policy>& policies, std::string* error);
  // Sends what the batch holds; `harmless` failures do not count.
  std::errc Run(std::errc harmless);

  Claim claim_;
  int fd_ = -1;  // For start-up and the end; the worker's own is in port_.
  int counters_fd_ = -1;
  xfrm::Batch batch_;
  xfrm::BatchVerdict verdict_;
  KernelAnswers* answers_ = nullptr;
  std::unique_ptr<reactor::NetlinkPort> port_;
  EventSink event_sink_;
  std::unique_ptr<reactor::NetlinkPort> events_;
  std::vector<int> esp_in_udp_fds_;
};

bool RealKernel::Open(std::string* error) {
  if (fd_ >= 0) return true;
  if (const std::errc result = xfrm::OpenSocket({}, &fd_); result != std::errc{}) {
    *error = Refusal("cannot open the kernel's XFRM netlink socket", result);
    return false;
  }
  return true;
}

std::errc RealKernel::Run(std::errc harmless) {
  const int count = batch_.count();
  if (count == 0) return std::errc{};
  const std::errc result = xfrm::Transact(fd_, &batch_, kStartupTimeoutMs, &verdict_);
  if (result != std::errc{}) return result;
  for (int i = 0; i < count; ++i) {
    const std::errc error = verdict_.error(i);
    if (error != std::errc{} && error != harmless) return error;
  }
  return std::errc{};
}

bool RealKernel::Prepare(const Settings& settings, const KnownSas& known, std::string* error) {
  const uint32_t reqid = settings.ipsec.reqid;
  std::vector<xfrm::Policy> policies = SharedPolicies(settings);
  const size_t shared = policies.size();
  for (const xfrm::Sa& sa : known.sas) {
    if (sa.tunnel) policies.push_back(PolicyOf(sa));
  }
  if (!claim_.Take(reqid, error) || !Open(error) || !OpenEspInUdp(settings, error)) return false;
  const Transaction transact = Transactor();
  RestartCounts counts;
  if (!PutRight(transact, {known.sas, policies, known.lifetimes, known.before_install}, reqid,
                SystemRandom().Next(), &counts, error)) {
    return false;
  }
  spdlog::info("kernel put right: {}", Describe(counts));
  TryOffload(settings);
  for (size_t i = 0; i < shared; ++i) policies[i].offload = offload_.ForPolicies();
  return InstallPolicies(policies, error);
}

bool RealKernel::OpenEspInUdp(const Settings& settings, std::string* error) {
  if (!settings.ipsec.udp_enc_tun) return true;
  std::vector<reactor::Endpoint> opened;
  for (reactor::Endpoint local : settings.ipsec.sockets) {
    local.set_port(kEspInUdpPort);
    if (std::find(opened.begin(), opened.end(), local) != opened.end()) continue;
    opened.push_back(local);
    int fd;
    const std::errc result = xfrm::OpenEspInUdp(ToXfrm(local), kEspInUdpPort, &fd);
    if (result != std::errc{}) {
      char text[reactor::kEndpointTextMax];
      *error = fmt::format("udp:{}: {}; ipsec.udp_enc_tun needs it, and so does an IKE daemon",
                           std::string_view(text, reactor::WriteEndpoint(local, text)),
                           std::strerror(static_cast<int>(result)));
      return false;
    }
    esp_in_udp_fds_.push_back(fd);
  }
  return true;
}

Transaction RealKernel::Transactor() {
  return [this](xfrm::Batch* batch, xfrm::BatchVerdict* verdict,
                const std::function<void(const xfrm::Reply&)>& look) {
    return xfrm::Transact(fd_, batch, kStartupTimeoutMs, verdict, look);
  };
}

void RealKernel::TryOffload(const Settings& settings) {
  const int interface = static_cast<int>(if_nametoindex(settings.ipsec.offload_device.c_str()));
  offload_ = PlanOffload(settings, interface, Transactor());
}

// SAs and policies are as they are to be, and phones speak through them: nothing is touched.
bool RealKernel::Inherit(const Settings& settings, std::vector<int> files, std::string* error) {
  const int claim = files.empty() ? -1 : files.front();
  if (!files.empty()) esp_in_udp_fds_.assign(files.begin() + 1, files.end());
  if (!claim_.Adopt(claim, settings.ipsec.reqid, error) || !Open(error)) return false;
  TryOffload(settings);
  return true;
}

bool RealKernel::InstallPolicies(const std::vector<xfrm::Policy>& policies, std::string* error) {
  batch_.Clear(1);
  for (size_t i = 0; i < policies.size(); ++i) {
    batch_.UpdatePolicy(policies[i]);
    if (!batch_.full() && i + 1 < policies.size()) continue;
    if (const std::errc result = Run(std::errc{}); result != std::errc{}) {
      *error = Refusal("the kernel refused the IPsec policies of the protected ports", result);
      return false;
    }
    batch_.Clear(1);
  }
  return true;
}

bool RealKernel::Attach(reactor::Reactor* reactor, KernelAnswers* answers, std::string* error) {
  answers_ = answers;
  counters_fd_ = open("/proc/thread-self/net/xfrm_stat", O_RDONLY | O_CLOEXEC);
  int fd;
  if (const std::errc result = xfrm::OpenSocket({}, &fd); result != std::errc{}) {
    *error = Refusal("cannot open the kernel's XFRM netlink socket", result);
    return false;
  }
  port_ = reactor::NetlinkPort::Open(reactor, fd, this, error);
  return port_ != nullptr && (!answers->wants_mappings() || OpenEvents(reactor, error));
}

bool RealKernel::OpenEvents(reactor::Reactor* reactor, std::string* error) {
  int fd;
  const std::errc result = xfrm::OpenSocket({.mapping_events = true}, &fd);
  if (result != std::errc{}) {
    *error = Refusal("cannot hear of the ports of phones behind a NAT", result);
    return false;
  }
  event_sink_.answers = answers_;
  events_ = reactor::NetlinkPort::Open(reactor, fd, &event_sink_, error);
  return events_ != nullptr;
}

void RealKernel::EventSink::OnNetlink(std::span<const std::byte> bytes) {
  xfrm::ReplyReader reader(bytes);
  for (xfrm::Reply reply; reader.Next(&reply);) {
    if (reply.kind == xfrm::ReplyKind::kMapping) answers->OnMapping(reply.mapping);
  }
}

// From the start each time: the kernel writes the file anew for a read at offset 0.
bool RealKernel::ReadCounters(xfrm::KernelCounters* counters) {
  std::array<char, 8192> text;
  const ssize_t size = pread(counters_fd_, text.data(), text.size(), 0);
  return size > 0 && xfrm::ParseKernelCounters({text.data(), static_cast<size_t>(size)}, counters);
}

void RealKernel::Detach() {
  if (port_ != nullptr) port_->Close();
  if (events_ != nullptr) events_->Close();
}

void RealKernel::Retire(const Settings& settings) {
  std::string error;
  if (!Open(&error)) return;
  batch_.Clear(1);
  for (const xfrm::Policy& policy : SharedPolicies(settings)) {
    batch_.DeletePolicy(policy);
    if (!batch_.full()) continue;
    static_cast<void>(Run(std::errc::no_such_file_or_directory));
    batch_.Clear(1);
  }
  static_cast<void>(Run(std::errc::no_such_file_or_directory));
}

class SimulatedKernel final : public Kernel {
 public:
  bool Prepare(const Settings& settings, const KnownSas&, std::string*) override {
    xfrm::Batch batch;
    for (const xfrm::Policy& policy : SharedPolicies(settings)) {
      batch.Clear(1);
      batch.UpdatePolicy(policy);
      fake_.Send(batch.Seal(), Now(), &answers_);
    }
    answers_.clear();
    return true;
  }
  bool Inherit(const Settings& settings, std::vector<int> files, std::string* error) override {
    for (const int fd : files) close(fd);
    return Prepare(settings, {}, error);
  }
  bool is_simulated() const override { return true; }
  void Adopt(std::span<const xfrm::Sa> own) override {
    const uint64_t begin_ms = NowMs();
    xfrm::Batch batch;
    for (size_t i = 0; i < own.size();) {
      batch.Clear(1);
      for (; i < own.size() && !batch.full(); ++i) batch.AddSa(own[i]);
      fake_.Send(batch.Seal(), Now(), &answers_);
      answers_.clear();
    }
    if (own.empty()) return;
    spdlog::info("simulated kernel: {} SAs installed in {} ms", own.size(), NowMs() - begin_ms);
  }
  bool Attach(reactor::Reactor*, KernelAnswers* told, std::string*) override {
    told_ = told;
    return true;
  }
  bool ReadCounters(xfrm::KernelCounters*) override { return false; }
  void Deliver() override {
    const uint64_t now = Now();
    // In parts: all that one second ends would hold up the turn for tens of milliseconds.
    if (now != advanced_to_ && fake_.Advance(now, nullptr, kDeadlinesPerTurn)) advanced_to_ = now;
    const std::vector<std::vector<std::byte>> answers = std::move(answers_);
    answers_.clear();
    for (const std::vector<std::byte>& answer : answers) told_->OnReply(answer);
  }
  bool has_answers() const override { return !answers_.empty(); }
  void Detach() override {}
  bool detached() const override { return true; }
  void Retire(const Settings&) override {}

  bool Send(std::span<const std::byte> batch) override {
    fake_.Send(batch, Now(), &answers_);
    return true;
  }

 private:
  static constexpr size_t kDeadlinesPerTurn = 256;
  static uint64_t Now() { return static_cast<uint64_t>(time(nullptr)); }

  xfrm::FakeKernel fake_;
  std::vector<std::vector<std::byte>> answers_;
  KernelAnswers* told_ = nullptr;
  uint64_t advanced_to_ = 0;
};

}  // namespace

std::vector<xfrm::Policy> SharedPolicies(const Settings& settings) {
  std::vector<xfrm::Policy> policies;
  for (const reactor::Endpoint& socket : settings.ipsec.sockets) {
    for (const xfrm::Direction direction : {xfrm::Direction::kIn, xfrm::Direction::kOut}) {
      xfrm::Policy policy;
      policy.direction = direction;
      policy.local = ToXfrm(socket);
      policy.local_port = socket.port();
      policy.reqid = settings.ipsec.reqid;
      policies.push_back(policy);
    }
  }
  return policies;
}

std::unique_ptr<Kernel> MakeRealKernel() {
  return std::make_unique<RealKernel>();
}
std::unique_ptr<Kernel> MakeSimulatedKernel() {
  return std::make_unique<SimulatedKernel>();
}

}  // namespace edge
