// The daemon's worker, the stand-in core and phones in one process over loopback UDP, with the fake
// kernel: registrations and requests from end to end. Every byte that reaches a phone and every
// line logged is searched for the keys of the 401s.

#include <gtest/gtest.h>
#include <signal.h>
#include <sodium.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <regex>
#include <set>
#include <sstream>
#include <thread>

#include "edge/worker.h"
#include "tools/core_node.h"
#include "tools/udp_sockets.h"
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
  const std::string& error() const { return error_; }
  const edge::Stats& stats() const { return stats_; }  // After Stop().

 private:
  void Serve(std::promise<std::string>* opened) {
    edge::SystemRandom random;
    const std::unique_ptr<edge::Kernel> kernel = edge::MakeSimulatedKernel();
    xfrm::SpiPool spis({.min_spi = settings_.ipsec.min_spi,
                        .max_spi = settings_.ipsec.max_spi,
                        .permutation_key = {random.Next(), random.Next()}});
    edge::Worker worker(settings_, kernel.get(), &spis, &random);
    std::string error;
    const bool open = worker.Open(&error);
    opened->set_value(error);
    if (open) worker.Run();
    stats_ = worker.stats();
  }

  edge::Settings settings_;
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
    edge::Settings settings;
    settings.gm.listen = {Port(ports[0])};
    settings.ipsec.sockets = {Port(ports[1]), Port(ports[2]), Port(ports[3])};
    settings.core.listen = Port(ports[4]);
    settings.core.next_hop = Port(ports[5]);
    settings.core.host = "pcscf.example.net";
    worker_ = std::make_unique<WorkerThread>(settings);
    ASSERT_EQ(worker_->error(), "");

    options_.phone.pcscf = Port(ports[0]);
    options_.first_address = is_ipv6 ? At("[::1]:0") : At("127.9.0.1:0");
    options_.phones_per_address = is_ipv6 ? 8 : 1;
    options_.phone.unprotected_port = 45058;
    options_.port_c = 45101;
    options_.port_s = 45102;
    options_.phone.boot_id = static_cast<uint32_t>(NowUs()) | 1;
    options_.subscribers.count = 8;
    CoreOptions core_options;
    core_options.registrar.subscribers.count = 8;
    core_ = std::make_unique<CoreNode>(core_options, NowUs() / 1000);
    std::string error;
    const Endpoint core_local = Port(ports[5]);
    core_sockets_ = UdpSockets::Open({&core_local, 1}, &error);
    ASSERT_NE(core_sockets_, nullptr) << error;
  }

  Endpoint Port(uint16_t port) const { return At(host_ + std::to_string(port)); }

  FleetReport Run(const std::string& scenario) {
    std::string error;
    options_.scenario = ParseScenario(scenario, &error).value();
    EXPECT_EQ(Fleet::Check(options_), "");
    fleet_ = std::make_unique<Fleet>(options_, nullptr, NowUs());
    std::vector<Endpoint> locals;
    const std::string any = host_[0] == '[' ? "[::]:" : "0.0.0.0:";
    for (const uint16_t port : Fleet::Ports(options_)) {
      locals.push_back(At(any + std::to_string(port)));
    }
    phone_sockets_ = UdpSockets::Open(locals, &error);
    EXPECT_NE(phone_sockets_, nullptr) << error;
    const uint64_t end_us = NowUs() + 60'000'000;
    while (phone_sockets_ != nullptr && !fleet_->done() && NowUs() < end_us) Turn();
    return fleet_->Report(NowUs());
  }

  void Turn() {
    fleet_->Advance(NowUs(), &phone_out_);
    core_->Advance(NowUs() / 1000, &core_out_);
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
  FleetOptions options_;
  std::unique_ptr<WorkerThread> worker_;
  std::unique_ptr<CoreNode> core_;
  std::unique_ptr<Fleet> fleet_;
  std::unique_ptr<UdpSockets> core_sockets_;
  std::unique_ptr<UdpSockets> phone_sockets_;
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

INSTANTIATE_TEST_SUITE_P(Families, ToolsEdgeFlow, testing::Values("127.0.0.1", "::1"),
                         [](const auto& row) {
                           return std::string(row.param) == "::1" ? "IPv6" : "IPv4";
                         });

}  // namespace
}  // namespace tools
