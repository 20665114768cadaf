// The daemon's worker, the stand-in core and phones in one process over loopback UDP, with the fake
// kernel: registrations and requests from end to end. Every byte that reaches a phone and every
// line logged is searched for the keys of the 401s.

#include <gtest/gtest.h>
#include <signal.h>
#include <sodium.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <regex>
#include <set>
#include <sstream>
#include <thread>

#include "edge/worker.h"
#include "tools/core_node.h"
#include "tools/sip_sockets.h"
#include "tools/ue_fleet.h"

namespace tools {
namespace {

using reactor::Endpoint;

Endpoint At(const std::string& text) {
  Endpoint endpoint;
  EXPECT_TRUE(reactor::ParseEndpoint(text, 0, &endpoint)) << text;
  return endpoint;
}

uint64_t NowUs() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                   std::chrono::steady_clock::now().time_since_epoch())
                                   .count());
}

// Ports nobody has at this moment, on the loopback address of that family.
std::vector<uint16_t> FreePorts(const std::string& any, size_t count) {
  std::string error;
  const std::vector<Endpoint> locals(count, At(any));
  const std::unique_ptr<UdpSockets> sockets = UdpSockets::Open(locals, &error);
  EXPECT_NE(sockets, nullptr) << error;
  std::vector<uint16_t> ports;
  for (size_t i = 0; i < count; ++i) ports.push_back(sockets->local(i).port());
  return ports;
}

// The simulated kernel, until it says nothing any more.
class FallingSilent final : public edge::Kernel {
 public:
  explicit FallingSilent(const std::atomic<bool>* silent) : silent_(*silent) {}
  bool Prepare(const edge::Settings& settings, std::span<const xfrm::Sa> known,
               std::string* error) override {
    return kernel_->Prepare(settings, known, error);
  }
  bool Attach(reactor::Reactor* reactor, edge::KernelAnswers* answers,
              std::string* error) override {
    return kernel_->Attach(reactor, answers, error);
  }
  bool Send(std::span<const std::byte> batch) override { return silent_ || kernel_->Send(batch); }
  void Deliver() override { kernel_->Deliver(); }
  bool has_answers() const override { return kernel_->has_answers(); }
  bool ReadCounters(xfrm::KernelCounters* counters) override {
    return kernel_->ReadCounters(counters);
  }
  void Detach() override { kernel_->Detach(); }
  bool detached() const override { return kernel_->detached(); }
  void Retire(const edge::Settings& settings) override { kernel_->Retire(settings); }

 private:
  const std::atomic<bool>& silent_;
  const std::unique_ptr<edge::Kernel> kernel_ = edge::MakeSimulatedKernel();
};

// gmedge's worker in a thread of its own.
class WorkerThread {
 public:
  explicit WorkerThread(const edge::Settings& settings) : settings_(settings) {
    std::promise<std::string> opened;
    std::future<std::string> error = opened.get_future();
    thread_ = std::thread([this, &opened] { Serve(&opened); });
    error_ = error.get();
  }
  ~WorkerThread() { Stop(); }

  // As the daemon ends: what is under way is finished, then the thread is gone.
  void Stop() {
    if (!thread_.joinable()) return;
    if (error_.empty()) pthread_kill(thread_.native_handle(), SIGTERM);
    thread_.join();
  }
  // From now on the kernel answers nothing.
  void SilenceKernel() { kernel_silent_ = true; }
  const std::string& error() const { return error_; }
  const edge::Stats& stats() const { return stats_; }  // After Stop().

 private:
  void Serve(std::promise<std::string>* opened) {
    edge::SystemRandom random;
    FallingSilent kernel(&kernel_silent_);
    xfrm::SpiPool spis({.min_spi = settings_.ipsec.min_spi,
                        .max_spi = settings_.ipsec.max_spi,
                        .permutation_key = {random.Next(), random.Next()}});
    edge::Worker worker(settings_, &kernel, &spis, &random);
    std::string error;
    const bool open = worker.Open(&error);
    opened->set_value(error);
    if (open) worker.Run();
    stats_ = worker.stats();
  }

  edge::Settings settings_;
  std::atomic<bool> kernel_silent_ = false;
  std::thread thread_;
  std::string error_;
  edge::Stats stats_;
};

class ToolsEdgeFlow : public testing::Test, public testing::WithParamInterface<const char*> {
 protected:
  static void SetUpTestSuite() { ASSERT_GE(sodium_init(), 0); }

  void SetUp() override {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(log_);
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", sink));

    const bool is_ipv6 = std::string(GetParam()) == "::1";
    host_ = is_ipv6 ? "[::1]:" : "127.0.0.1:";
    const std::vector<uint16_t> ports = FreePorts(host_ + "0", 6);
    settings_.gm.listen = {Port(ports[0])};
    settings_.ipsec.sockets = {Port(ports[1]), Port(ports[2]), Port(ports[3])};
    settings_.core.listen = Port(ports[4]);
    settings_.core.next_hop = Port(ports[5]);
    settings_.core.host = "pcscf.example.net";

    options_.phone.pcscf = Port(ports[0]);
    options_.first_address = is_ipv6 ? At("[::1]:0") : At("127.9.0.1:0");
    options_.phones_per_address = is_ipv6 ? 8 : 1;
    // Below the ports that the kernel gives to anybody, and another process has others.
    const uint16_t first_port = static_cast<uint16_t>(20'000 + getpid() % 200 * 50);
    options_.phone.unprotected_port = first_port;
    options_.port_c = static_cast<uint16_t>(first_port + 1);
    options_.port_s = static_cast<uint16_t>(first_port + 2);
    options_.phone.boot_id = static_cast<uint32_t>(NowUs()) | 1;
    options_.subscribers.count = 8;
    core_options_.registrar.subscribers.count = 8;
  }

  // gmedge and the core, as the settings and options are by now.
  void Start() {
    worker_ = std::make_unique<WorkerThread>(settings_);
    ASSERT_EQ(worker_->error(), "");
    core_ = std::make_unique<CoreNode>(core_options_, NowUs() / 1000);
    std::string error;
    core_sockets_ = SipSockets::Open({&settings_.core.next_hop, 1}, {}, &error);
    ASSERT_NE(core_sockets_, nullptr) << error;
  }

  Endpoint Port(uint16_t port) const { return At(host_ + std::to_string(port)); }

  FleetReport Run(const std::string& scenario) {
    Start();
    std::string error;
    options_.scenario = ParseScenario(scenario, &error).value();
    EXPECT_EQ(Fleet::Check(options_), "");
    fleet_ = std::make_unique<Fleet>(options_, nullptr, NowUs());
    std::vector<Endpoint> locals;
    const std::string any = host_[0] == '[' ? "[::]:" : "0.0.0.0:";
    for (const uint16_t port : Fleet::Ports(options_)) {
      locals.push_back(At(any + std::to_string(port)));
    }
    const std::vector<Endpoint> none;
    phone_sockets_ = SipSockets::Open(phones_listen_over_tcp_ ? locals : none,
                                      phones_listen_over_tcp_ ? none : locals, &error);
    EXPECT_NE(phone_sockets_, nullptr) << error;
    const uint64_t end_us = NowUs() + 60'000'000;
    while (phone_sockets_ != nullptr && !fleet_->done() && NowUs() < end_us) Turn();
    return fleet_->Report(NowUs());
  }

  void Turn() {
    fleet_->Advance(NowUs(), &phone_out_);
    core_->Advance(NowUs() / 1000, &core_out_);
    for (const auto& [local, peer] : fleet_->TakeHangups()) phone_sockets_->Close(local, peer);
    phone_sockets_->Send(&phone_out_);
    for (const Outbox::Datagram& datagram : core_out_.datagrams()) {
      CatchKeys(std::string(core_out_.Payload(datagram).bytes()));
    }
    core_sockets_->Send(&core_out_);
    core_sockets_->Receive(0, &core_sink_);
    phone_sockets_->Receive(1, &phone_sink_);
  }

  void CatchKeys(const std::string& message) {
    static const std::regex kKey("[ic]k=\"([0-9a-f]{32})\"");
    for (std::sregex_iterator i(message.begin(), message.end(), kKey), end; i != end; ++i) {
      keys_.insert((*i)[1]);
    }
  }

  static std::string Lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
  }

  struct CoreSink final : UdpSink {
    explicit CoreSink(ToolsEdgeFlow* test) : test_(test) {}
    void OnDatagram(const Endpoint& local, const Endpoint& source, sip::PaddedView bytes) override {
      test_->core_->OnDatagram(local, source, bytes, NowUs() / 1000, &test_->core_out_);
    }
    ToolsEdgeFlow* test_;
  };
  struct PhoneSink final : UdpSink {
    explicit PhoneSink(ToolsEdgeFlow* test) : test_(test) {}
    void OnDatagram(const Endpoint& local, const Endpoint& source, sip::PaddedView bytes) override {
      test_->to_phones_ += bytes.bytes();
      test_->fleet_->OnDatagram(local, source, bytes, NowUs(), &test_->phone_out_);
    }
    ToolsEdgeFlow* test_;
  };

  std::ostringstream log_;
  std::string host_;
  edge::Settings settings_;
  CoreOptions core_options_;
  bool phones_listen_over_tcp_ = true;
  FleetOptions options_;
  std::unique_ptr<WorkerThread> worker_;
  std::unique_ptr<CoreNode> core_;
  std::unique_ptr<Fleet> fleet_;
  std::unique_ptr<SipSockets> core_sockets_;
  std::unique_ptr<SipSockets> phone_sockets_;
  Outbox core_out_;
  Outbox phone_out_;
  CoreSink core_sink_{this};
  PhoneSink phone_sink_{this};
  std::set<std::string> keys_;
  std::string to_phones_;
};

TEST_P(ToolsEdgeFlow, PhonesRegisterSpeakBothWaysAuthenticateAnewAndLeave) {
  const std::string requests = "message,options,invite,mt-message,mt-options,mt-invite";
  const FleetReport report =
      Run("register," + requests + ",reregister,reauth," + requests + ",deregister");
  EXPECT_TRUE(report.Ok()) << report.Table() << log_.str();
  EXPECT_EQ(core_->violations()->total(), 0u) << core_->Summary();
  worker_->Stop();

  const edge::Stats& stats = worker_->stats();
  EXPECT_EQ(stats.registrations, 16u);  // Eight phones, each authenticated twice.
  EXPECT_EQ(stats.refreshes, 8u);
  EXPECT_EQ(stats.deregistrations, 8u);
  EXPECT_EQ(stats.sets_installed, 16u);
  EXPECT_EQ(stats.sets_deleted, 16u);
  EXPECT_EQ(stats.send_failed, 0u);
  EXPECT_EQ(stats.drop_malformed + stats.drop_edit + stats.drop_no_set, 0u);

  const std::string log = Lower(log_.str());
  EXPECT_NE(log.find("registered; status=200"), std::string::npos);
  ASSERT_EQ(keys_.size(), 32u) << "the keys must have been seen to be looked for";
  const std::string heard = Lower(to_phones_);
  for (const std::string& key : keys_) {
    EXPECT_EQ(heard.find(key), std::string::npos);
    EXPECT_EQ(log.find(key), std::string::npos);
  }
}

// Or one that has more to delete than the end has time for: it ends all the same, in good order.
TEST_P(ToolsEdgeFlow, AKernelThatDeletesNothingHoldsUpTheEndForAWhileOnly) {
  EXPECT_TRUE(Run("register").Ok());
  worker_->SilenceKernel();
  worker_->Stop();
  EXPECT_EQ(worker_->stats().sets_installed, 8u);
  EXPECT_EQ(worker_->stats().sets_deleted, 0u);
  EXPECT_NE(log_.str().find("the kernel did not delete all SAs within 5 s"), std::string::npos);
}

TEST_P(ToolsEdgeFlow, APhoneWithAWrongAnswerIsRefusedAndNothingIsLeft) {
  options_.phone.fault = ParseFault("wrong-response").value();
  options_.expect_failure = true;
  const FleetReport report = Run("register");
  EXPECT_TRUE(report.Ok()) << report.Table();
  worker_->Stop();
  EXPECT_EQ(worker_->stats().registrations, 0u);
  EXPECT_EQ(worker_->stats().sets_installed, worker_->stats().sets_deleted);
  EXPECT_NE(log_.str().find("refused by the core; status=403"), std::string::npos) << log_.str();
}

constexpr const char* kBothWays = "message,options,invite,mt-message,mt-options,mt-invite";

TEST_P(ToolsEdgeFlow, TheSameOverTcpOnBothSides) {
  options_.phone.transport = UeTransport::kTcp;
  settings_.core.transport = edge::Transport::kTcp;
  core_options_.mt.over_tcp = true;
  const std::string requests = kBothWays;
  const FleetReport report =
      Run("register," + requests + ",reregister,reauth," + requests + ",deregister");
  EXPECT_TRUE(report.Ok()) << report.Table() << log_.str();
  EXPECT_EQ(core_->violations()->total(), 0u) << core_->Summary();
  EXPECT_EQ(core_sockets_->udp().counters().received, 0u);
  EXPECT_EQ(phone_sockets_->udp().counters().received, 0u);
  // One connection from the edge serves all; and one to it.
  EXPECT_EQ(core_sockets_->tcp().counters().accepted, 1u);
  EXPECT_EQ(core_sockets_->tcp().counters().connected, 1u);
  worker_->Stop();

  const edge::Stats& stats = worker_->stats();
  EXPECT_EQ(stats.registrations, 16u);
  EXPECT_EQ(stats.deregistrations, 8u);
  EXPECT_EQ(stats.sets_installed, stats.sets_deleted);
  EXPECT_EQ(stats.send_failed + stats.drop_no_connection + stats.drop_no_set, 0u);
  EXPECT_EQ(stats.tcp_no_set + stats.tcp_stalled + stats.tcp_connects_failed, 0u);
  ASSERT_EQ(keys_.size(), 32u) << "the keys must have been seen to be looked for";
  const std::string heard = Lower(to_phones_);
  for (const std::string& key : keys_) EXPECT_EQ(heard.find(key), std::string::npos);
}

TEST_P(ToolsEdgeFlow, EachRequestOverAnotherTransport) {
  options_.phone.transport = UeTransport::kMixed;
  const std::string requests = kBothWays;
  const FleetReport report =
      Run("register," + requests + ",reregister,reauth," + requests + ",deregister");
  EXPECT_TRUE(report.Ok()) << report.Table() << log_.str();
  EXPECT_EQ(core_->violations()->total(), 0u) << core_->Summary();
  EXPECT_GT(phone_sockets_->udp().counters().received, 0u);
  EXPECT_GT(phone_sockets_->tcp().counters().received, 0u);
  worker_->Stop();
  EXPECT_EQ(worker_->stats().drop_no_connection + worker_->stats().send_failed, 0u);
}

TEST_P(ToolsEdgeFlow, WhatIsTooLargeForUdpGoesOverTcpFromPortPcToPortUs) {
  core_options_.mt.body_size = 3000;
  options_.phone.body_size = 3000;
  settings_.core.udp_request_size_max = 2500;  // REGISTER is smaller.
  const FleetReport report = Run("register,message,mt-message,deregister");
  EXPECT_TRUE(report.Ok()) << report.Table() << log_.str();
  EXPECT_EQ(phone_sockets_->tcp().counters().accepted, 8u);
  EXPECT_EQ(core_sockets_->tcp().counters().accepted, 1u);
  worker_->Stop();
  const edge::Stats& stats = worker_->stats();
  EXPECT_EQ(stats.tcp_connected, 9u);
  EXPECT_EQ(stats.requests_too_large_for_udp, 16u);
  EXPECT_EQ(stats.sent_over_udp_instead, 0u);
}

TEST_P(ToolsEdgeFlow, WhereNobodyListensTheSameGoesOverUdp) {
  phones_listen_over_tcp_ = false;
  core_options_.mt.body_size = 3000;
  const FleetReport report = Run("register,mt-message,deregister");
  EXPECT_TRUE(report.Ok()) << report.Table() << log_.str();
  worker_->Stop();
  EXPECT_GE(worker_->stats().sent_over_udp_instead, 8u);
  EXPECT_EQ(worker_->stats().drop_no_connection, 0u);
}

INSTANTIATE_TEST_SUITE_P(Families, ToolsEdgeFlow, testing::Values("127.0.0.1", "::1"),
                         [](const auto& row) {
                           return std::string(row.param) == "::1" ? "IPv6" : "IPv4";
                         });

}  // namespace
}  // namespace tools
