// Phones, a P-CSCF double and a core in one process, with a clock of their own.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/tools_pcscf_double.h"
#include "tools/core_node.h"
#include "tools/ue_fleet.h"

namespace tools {

class PhoneNetwork : public testing::Test {
 protected:
  PhoneNetwork() {
    options_.phone.pcscf = PcscfWays::Gm();
    options_.subscribers.count = 1;
    options_.first_address = At("198.51.100.77:0");
    core_options_.registrar.subscribers.count = 100;
  }

  // Runs the scenario to its end, or for `seconds`.
  FleetReport Run(std::string_view scenario, uint64_t seconds = 300) {
    std::string error;
    options_.scenario = ParseScenario(scenario, &error).value();
    EXPECT_EQ(Fleet::Check(options_), "");
    fleet_ = std::make_unique<Fleet>(options_, esp_, now_us_);
    core_ = std::make_unique<CoreNode>(core_options_, now_us_ / 1000);
    const uint64_t end_us = now_us_ + seconds * 1'000'000;
    while (!fleet_->done() && now_us_ < end_us) Turn();
    return fleet_->Report(now_us_);
  }

  // Everything that is due, then on to the next time something is.
  void Turn() {
    Outbox core_out;
    fleet_->Advance(now_us_, &to_edge_);
    core_->Advance(now_us_ / 1000, &core_out);
    Deliver(&core_out);
    if (after_turn_) after_turn_();
    const uint64_t core_ms = core_->NextExpiry();
    const uint64_t core_us = core_ms == reactor::TimerWheel::kNever ? kNeverUs : core_ms * 1000;
    if (fleet_->done()) return;
    const uint64_t next_us = std::min({fleet_->next_us(), core_us, now_us_ + 1'000'000});
    now_us_ = std::max(now_us_ + 1, next_us);
  }

  // Until no datagram is under way.
  void Deliver(Outbox* core_out) {
    do {
      Outbox from_edge;
      const auto to_edge = std::move(to_edge_);
      to_edge_ = Outbox();
      for (const Outbox::Datagram& datagram : to_edge.datagrams()) {
        sent_by_phones_.emplace_back(to_edge.Text(datagram));
        EXPECT_EQ(datagram.peer.address()[3], 10) << "not for the P-CSCF";
        edge_.FromPhone(datagram, to_edge.Payload(datagram), &from_edge);
      }
      for (const Outbox::Datagram& datagram : core_out->datagrams()) {
        edge_.FromCore(core_out->Payload(datagram), &from_edge);
      }
      core_out->Clear();
      for (const Outbox::Datagram& datagram : from_edge.datagrams()) {
        const sip::PaddedView bytes = from_edge.Payload(datagram);
        if (datagram.peer == PcscfWays::Core()) {
          core_->OnDatagram(datagram.peer, datagram.local, bytes, now_us_ / 1000, core_out);
        } else {
          fleet_->OnDatagram(datagram.peer, datagram.local, bytes, now_us_, &to_edge_);
        }
      }
    } while (!to_edge_.empty() || !core_out->empty());
  }

  FleetOptions options_;
  CoreOptions core_options_;
  EspProvider* esp_ = nullptr;
  PcscfDouble edge_;
  std::unique_ptr<Fleet> fleet_;
  std::unique_ptr<CoreNode> core_;
  Outbox to_edge_;
  std::vector<std::string> sent_by_phones_;
  std::function<void()> after_turn_;
  uint64_t now_us_ = 5'000'000;
};

}  // namespace tools
