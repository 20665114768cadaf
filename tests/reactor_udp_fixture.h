// A reactor with buffers, a send pool and a sink that writes down what it is given.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "reactor/datagram.h"
#include "tests/reactor_peer.h"

namespace reactor {

class UdpFixture : public testing::Test, public DatagramSink {
 protected:
  struct Received {
    Endpoint from;
    std::string payload;
    bool truncated;
  };

  void SetUp() override { Build({.count = 64, .size = 8192}, {}); }

  // Once more, with other sizes.
  void Build(const BufferRingOptions& buffer_options, const SendPoolOptions& pool_options) {
    CloseAll();
    buffers_.reset();
    reactor_ = MakeReactor();
    std::string error;
    buffers_ = BufferRing::Create(reactor_.get(), buffer_options, &error);
    ASSERT_NE(buffers_, nullptr) << error;
    pool_ = std::make_unique<SendPool>(pool_options);
  }

  void TearDown() override { CloseAll(); }

  DatagramPort* Open(std::string_view local, bool report_unreachable = false) {
    std::string error;
    DatagramOptions options{.local = At(local)};
    options.report_unreachable = report_unreachable;
    ports_.push_back(DatagramPort::Open(reactor_.get(), buffers_.get(), pool_.get(), options, this,
                                        static_cast<uint32_t>(ports_.size()), &error));
    EXPECT_NE(ports_.back(), nullptr) << error;
    return ports_.back().get();
  }

  void CloseAll() {
    leases_.clear();
    for (const std::unique_ptr<DatagramPort>& port : ports_) port->Close();
    for (const std::unique_ptr<DatagramPort>& port : ports_) {
      EXPECT_TRUE(RunUntil(reactor_.get(), [&] { return port->closed(); }));
    }
    ports_.clear();
    // Nothing is left behind, whatever the test did.
    if (pool_ == nullptr || buffers_ == nullptr) return;
    EXPECT_EQ(pool_->in_flight(), 0);
    EXPECT_EQ(buffers_->available(), buffers_->options().count);
  }

  void OnDatagram(DatagramPort& port, const Datagram& datagram, BufferLease lease) override {
    received_.push_back({datagram.from, std::string(datagram.payload), datagram.truncated});
    EXPECT_TRUE(lease.Contains(datagram.payload.data()) || datagram.payload.empty());
    if (on_datagram_) on_datagram_(port, datagram, std::move(lease));
  }

  void OnUnreachable(DatagramPort& port, const Endpoint& to) override {
    unreachable_.push_back(to);
    if (on_unreachable_) on_unreachable_(port, to);
  }

  bool WaitFor(size_t count) {
    return RunUntil(reactor_.get(), [&] { return received_.size() >= count; });
  }
  bool WaitForSends() {
    return RunUntil(reactor_.get(), [&] { return pool_->in_flight() == 0; });
  }

  // A lease whose buffer holds `text`, by way of the port.
  BufferLease Lend(Peer* peer, DatagramPort* port, std::string_view text, std::string_view* lent) {
    BufferLease kept;
    on_datagram_ = [&](DatagramPort&, const Datagram& datagram, BufferLease lease) {
      *lent = datagram.payload;
      kept = std::move(lease);
    };
    peer->Send(port->local(), text);
    EXPECT_TRUE(WaitFor(received_.size() + 1));
    on_datagram_ = nullptr;
    return kept;
  }

  std::unique_ptr<Reactor> reactor_;
  std::unique_ptr<BufferRing> buffers_;
  std::unique_ptr<SendPool> pool_;
  std::vector<std::unique_ptr<DatagramPort>> ports_;
  std::deque<Received> received_;
  std::vector<BufferLease> leases_;
  std::vector<Endpoint> unreachable_;
  std::function<void(DatagramPort&, const Datagram&, BufferLease)> on_datagram_;
  std::function<void(DatagramPort&, const Endpoint&)> on_unreachable_;
};

}  // namespace reactor
