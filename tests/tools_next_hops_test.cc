// Two ways into the core, one of which dies: phones go on.
#include "tests/edge_dns_server.h"
#include "tests/tools_edge_flow.h"

namespace tools {
namespace {

class ToolsNextHops : public EdgeFlow, public testing::WithParamInterface<edge::Transport> {
 protected:
  void SetUp() override {
    SetUpAt("127.0.0.1");
    settings_.core.next_hops.push_back(reactor::FreePorts(At("127.0.0.1:0"), 1)[0]);
    settings_.core.probe_interval_s = 1;
    settings_.process.drain_s = 0;  // At the end nobody plays the core that could answer probes.
    settings_.core.transport = GetParam();
    core_options_.mt.over_tcp = GetParam() == edge::Transport::kTcp;
    options_.hold_ms = 60'000;  // Ended when the test has done its part.
  }
  // The kernel may still have what was there before.
  std::unique_ptr<SipSockets> Door(size_t hop) const {
    std::string error;
    std::unique_ptr<SipSockets> door;
    for (const uint64_t end_us = NowUs() + 20'000'000; door == nullptr && NowUs() < end_us;) {
      if (!error.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
      door = SipSockets::Open({&settings_.core.next_hops[hop], 1}, {}, &error);
    }
    EXPECT_NE(door, nullptr) << error;
    return door;
  }
  // gmedge, and the core behind the second door; behind the first one, too, until it dies.
  void StartWithBothDoors() {
    core_ = std::make_unique<CoreNode>(core_options_, NowUs() / 1000);
    core_sockets_ = Door(1);
    second_door_ = Door(0);
    worker_ = std::make_unique<WorkerThread>(settings_);
    ASSERT_EQ(worker_->error(), "");
  }
  std::string Hop(size_t hop) const { return Text(settings_.core.next_hops[hop]); }
  bool Logged(const std::string& text) const { return log_.str().find(text) != std::string::npos; }
  static std::string Text(const Endpoint& endpoint) {
    char text[reactor::kEndpointTextMax];
    return {text, reactor::WriteEndpoint(endpoint, text)};
  }
};

INSTANTIATE_TEST_SUITE_P(Over, ToolsNextHops,
                         testing::Values(edge::Transport::kUdp, edge::Transport::kTcp),
                         [](const auto& test) { return std::string(edge::Name(test.param)); });

TEST_P(ToolsNextHops, PhonesRegisterAnewAndCallThroughTheOtherWhenOneDies) {
  StartWithBothDoors();
  Begin("register,message,hold,reregister,message,invite,mt-message,mt-invite,deregister");
  TurnUntil([&] { return core_->mo().messages == 8; });
  for (int i = 0; i < 100; ++i) Turn();  // They hear the answers.
  second_door_.reset();
  TurnUntil([&] { return Logged("next hop " + Hop(0) + " is dead: "); });
  EXPECT_TRUE(Logged("; requests go to " + Hop(1))) << log_.str();
  fleet_->EndHolds();
  TurnUntil([&] { return fleet_->done(); });
  EXPECT_TRUE(fleet_->Report(NowUs()).Ok()) << fleet_->Report(NowUs()).Table() << log_.str();
  EXPECT_EQ(core_->registrar().counters().deregistrations, 8u);

  second_door_ = Door(0);
  TurnUntil([&] { return Logged(" is back: it answers; requests go to " + Hop(0)); });
  worker_->Stop();
  EXPECT_EQ(worker_->stats().next_hops_lost, 1u) << log_.str();
  EXPECT_EQ(worker_->stats().failovers, 2u);
  EXPECT_EQ(core_->violations()->total(), 0u) << core_->Summary();
}

// Nothing but what became of the phones' own REGISTERs tells of the death: no probes.
TEST_P(ToolsNextHops, NewPhonesComeThroughTheOtherWithoutProbesToo) {
  settings_.core.probe_interval_s = 0;
  StartWithBothDoors();
  second_door_.reset();
  const FleetReport report = Run("register,message,invite,mt-invite,deregister");
  EXPECT_TRUE(report.Ok()) << report.Table() << log_.str();
  worker_->Stop();
  EXPECT_EQ(worker_->stats().probes, 0u);
  EXPECT_EQ(worker_->stats().next_hops_lost, 1u);
}

// No next hop in the settings: REGISTER goes where DNS says that the home network is, past a host
// that is dead.
TEST_P(ToolsNextHops, PhonesComeThroughWhereDnsSays) {
  const std::string home = "ims.mnc001.mcc001.3gppnetwork.org";
  const bool is_tcp = GetParam() == edge::Transport::kTcp;
  edge::DnsServer dns;
  dns.Add(home, edge::DnsType::kNaptr,
          edge::NaptrData(1, 1, "s", is_tcp ? "SIP+D2T" : "SIP+D2U", "sip." + home));
  for (size_t door = 0; door < 2; ++door) {
    const std::string host = "icscf" + std::to_string(door) + "." + home;
    dns.Add(
        "sip." + home, edge::DnsType::kSrv,
        edge::SrvData(static_cast<uint16_t>(door), 0, settings_.core.next_hops[door].port(), host));
    dns.Add(host, edge::DnsType::kA, edge::AddressData("127.0.0.1:0"));
  }
  StartWithBothDoors();
  second_door_.reset();
  worker_.reset();
  settings_.core.next_hops.clear();
  settings_.core.transport = edge::Transport::kUdp;  // DNS decides.
  settings_.core.resolvers = {dns.address()};
  worker_ = std::make_unique<WorkerThread>(settings_);
  ASSERT_EQ(worker_->error(), "");
  const FleetReport report = Run("register,message,invite,mt-message,mt-invite,deregister");
  EXPECT_TRUE(report.Ok()) << report.Table() << log_.str();
  worker_->Stop();
  EXPECT_EQ(core_->registrar().counters().deregistrations, 8u);
  EXPECT_EQ(worker_->stats().dns_lookups, 1u);
  EXPECT_EQ(worker_->stats().dns_failures, 0u);
  EXPECT_EQ(core_->violations()->total(), 0u) << core_->Summary();
}

}  // namespace
}  // namespace tools
