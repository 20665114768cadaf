// The daemon's worker, the stand-in core and phones in one process over loopback, with the fake
// kernel.
#pragma once

#include <gtest/gtest.h>
#include <sodium.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/free_ports.h"
#include "tests/tools_worker_thread.h"
#include "tools/core_node.h"
#include "tools/sip_sockets.h"
#include "tools/ue_fleet.h"

namespace tools {

class EdgeFlow : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_GE(sodium_init(), 0); }

  // All on one loopback address, "127.0.0.1" or "::1".
  void SetUpAt(const std::string& address) {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(log_);
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", sink));

    const bool is_ipv6 = address == "::1";
    host_ = is_ipv6 ? "[::1]:" : "127.0.0.1:";
    const std::vector<Endpoint> ports = reactor::FreePorts(At(host_ + "0"), 6);
    settings_.gm.listen = {ports[0]};
    settings_.ipsec.sockets = {ports[1], ports[2], ports[3]};
    settings_.core.listen = ports[4];
    settings_.core.next_hops = {ports[5]};
    settings_.core.host = "pcscf.example.net";

    options_.phone.pcscf = ports[0];
    options_.first_address = is_ipv6 ? At("[::1]:0") : At("127.9.0.1:0");
    options_.phones_per_address = is_ipv6 ? 8 : 1;
    const uint16_t first_port = reactor::TestPort(20'000, 0);
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
    core_sockets_ = SipSockets::Open(settings_.core.next_hops, {}, &error);
    ASSERT_NE(core_sockets_, nullptr) << error;
  }

  // Started already or not.
  FleetReport Run(const std::string& scenario) {
    Begin(scenario);
    TurnUntil([this] { return fleet_->done(); });
    return fleet_->Report(NowUs());
  }

  void Begin(const std::string& scenario) {
    if (worker_ == nullptr) Start();
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
    ASSERT_NE(phone_sockets_, nullptr) << error;
  }

  // For at most a minute.
  template <typename Done>
  void TurnUntil(Done done) {
    const uint64_t end_us = NowUs() + 60'000'000;
    while (phone_sockets_ != nullptr && !done() && NowUs() < end_us) Turn();
  }

  void Turn() {
    fleet_->Advance(NowUs(), &phone_out_);
    core_->Advance(NowUs() / 1000, &core_out_);
    for (const auto& [local, peer] : fleet_->TakeHangups()) phone_sockets_->Close(local, peer);
    phone_sockets_->Send(&phone_out_);
    for (const Outbox::Datagram& datagram : core_out_.datagrams()) {
      CatchKeys(std::string(core_out_.Payload(datagram).bytes()));
    }
    if (second_door_ != nullptr) {
      Outbox out = core_out_;
      second_door_->Send(&out);
    }
    core_sockets_->Send(&core_out_);
    core_sockets_->Receive(0, &core_sink_);
    if (second_door_ != nullptr) second_door_->Receive(0, &core_sink_);
    phone_sockets_->Receive(1, &phone_sink_);
  }

  void CatchKeys(const std::string& message) {
    static const std::regex kKey("[ic]k=\"([0-9a-f]{32})\"");
    for (std::sregex_iterator i(message.begin(), message.end(), kKey), end; i != end; ++i) {
      keys_.insert((*i)[1]);
    }
  }

  struct CoreSink final : UdpSink {
    explicit CoreSink(EdgeFlow* test) : test_(test) {}
    void OnDatagram(const Endpoint& local, const Endpoint& source, sip::PaddedView bytes) override {
      test_->core_->OnDatagram(local, source, bytes, NowUs() / 1000, &test_->core_out_);
    }
    EdgeFlow* test_;
  };
  struct PhoneSink final : UdpSink {
    explicit PhoneSink(EdgeFlow* test) : test_(test) {}
    void OnDatagram(const Endpoint& local, const Endpoint& source, sip::PaddedView bytes) override {
      test_->to_phones_ += bytes.bytes();
      test_->fleet_->OnDatagram(local, source, bytes, NowUs(), &test_->phone_out_);
    }
    EdgeFlow* test_;
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
  std::unique_ptr<SipSockets> second_door_;  // Of the core, where it has one.
  std::unique_ptr<SipSockets> phone_sockets_;
  Outbox core_out_;
  Outbox phone_out_;
  CoreSink core_sink_{this};
  PhoneSink phone_sink_{this};
  std::set<std::string> keys_;
  std::string to_phones_;
};

}  // namespace tools
