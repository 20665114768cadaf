// Registrations and requests from end to end. Every byte that reaches a phone and every line logged
// is searched for the keys of the 401s.
#include "tests/tools_edge_flow.h"

#include <algorithm>

namespace tools {
namespace {

class ToolsEdgeFlow : public EdgeFlow, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override { SetUpAt(GetParam()); }
};

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

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

// Each registration is subscribed for, and the core ends one of them.
TEST_P(ToolsEdgeFlow, TheCoreEndsARegistrationByNotify) {
  EXPECT_TRUE(Run("register").Ok()) << log_.str();
  const auto events = [this] { return core_->events(); };
  TurnUntil([&] { return events().answered == 8; });
  EXPECT_EQ(events().subscribes, 8u);
  core_->OnControl(settings_.core.next_hops[0], settings_.core.next_hops[0],
                   "dereg 001010000000001", NowUs() / 1000, &core_out_);
  TurnUntil([&] { return events().answered == 9; });
  EXPECT_EQ(events().failed, 0u);
  EXPECT_EQ(core_->registrar().registered_count(), 7u);
  EXPECT_EQ(core_->violations()->total(), core_->malformed()) << core_->Summary();
  worker_->Stop();
  EXPECT_EQ(worker_->stats().subscribes, 8u);
  EXPECT_EQ(worker_->stats().notifies, 9u);
  EXPECT_EQ(worker_->stats().network_deregistrations, 1u);
  EXPECT_EQ(worker_->stats().subscribes_failed + worker_->stats().notifies_refused, 0u);
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
