// Ports, listeners and connections that rest, go on, and go on in the hands of another ring: what
// comes meanwhile waits in the sockets, and nothing is said on them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/reactor_tcp_fixture.h"
#include "tests/reactor_udp_fixture.h"

namespace reactor {
namespace {

using Slices = std::vector<std::string_view>;

class ReactorRestUdp : public UdpFixture {};

TEST_F(ReactorRestUdp, WhatComesWhileAPortRestsIsReceivedWhenItGoesOn) {
  DatagramPort* const port = Open("127.0.0.1:0");
  Peer peer("127.0.0.1:0");
  for (int round = 0; round < 20; ++round) {
    const size_t before = received_.size();
    peer.Send(port->local(), "before");
    port->Rest();
    if (round % 3 == 0) {  // It thinks better of it before it has come to rest.
      port->GoOn();
      port->Rest();
    }
    ASSERT_TRUE(RunUntil(reactor_.get(), [&] { return port->resting(); }));
    peer.Send(port->local(), "meanwhile");
    RunIdle(reactor_.get(), 2);
    EXPECT_LE(received_.size(), before + 1) << "what was there may have been taken";
    EXPECT_TRUE(port->Send(peer.local(), Slices{"sends go on"}, {}));
    ASSERT_TRUE(WaitForSends());
    EXPECT_EQ(peer.Receive(), "sends go on");
    port->GoOn();
    ASSERT_TRUE(WaitFor(before + 2));
    EXPECT_EQ(received_.back().payload, "meanwhile");
  }
  EXPECT_EQ(port->counters().receive_errors, 0u);
}

TEST_F(ReactorRestUdp, APortClosesWhileItRests) {
  DatagramPort* const port = Open("127.0.0.1:0");
  port->Rest();
  port->Close();
  EXPECT_TRUE(RunUntil(reactor_.get(), [&] { return port->closed(); }));
}

TEST_F(ReactorRestUdp, AnotherPortGoesOnWithTheSocket) {
  DatagramPort* const port = Open("127.0.0.1:0");
  const Endpoint local = port->local();
  Peer peer("127.0.0.1:0");
  port->Rest();
  ASSERT_TRUE(RunUntil(reactor_.get(), [&] { return port->resting(); }));
  peer.Send(local, "meanwhile");
  const int file = fcntl(port->fd(), F_DUPFD_CLOEXEC, 0);
  std::string error;
  ports_.push_back(DatagramPort::Adopt(reactor_.get(), buffers_.get(), pool_.get(), file,
                                       {.local = local}, this, 7, &error));
  ASSERT_NE(ports_.back(), nullptr) << error;
  ports_[0]->Close();
  ASSERT_TRUE(RunUntil(reactor_.get(), [&] { return ports_[0]->closed(); }));
  EXPECT_TRUE(received_.empty());
  ports_.back()->GoOn();
  ASSERT_TRUE(WaitFor(1));
  EXPECT_EQ(received_.back().payload, "meanwhile");
  EXPECT_TRUE(ports_.back()->local() == local);
}

TEST_F(ReactorRestUdp, WhatIsNoSocketOfThatPortIsNotAdopted) {
  DatagramPort* const port = Open("127.0.0.1:0");
  std::string error;
  const auto adopt = [&](int fd, const Endpoint& local) {
    return DatagramPort::Adopt(reactor_.get(), buffers_.get(), pool_.get(), fd, {.local = local},
                               this, 7, &error);
  };
  EXPECT_EQ(adopt(fcntl(port->fd(), F_DUPFD_CLOEXEC, 0), At("127.0.0.2:5060")), nullptr);
  EXPECT_EQ(error, "UDP: what was handed over is no socket of that port");
  EXPECT_EQ(adopt(open("/dev/null", O_RDONLY | O_CLOEXEC), At("127.0.0.1:0")), nullptr);
}

class ReactorRestTcp : public TcpFixture {
 protected:
  void Rest() {
    for (const auto& listener : listeners_) listener->Rest();
    pool_->Rest();
    ASSERT_TRUE(Run([&] {
      for (const auto& listener : listeners_) {
        if (!listener->resting()) return false;
      }
      return pool_->resting();
    }));
  }
  void GoOn() {
    pool_->GoOn();
    for (const auto& listener : listeners_) listener->GoOn();
  }
};

TEST_F(ReactorRestTcp, BytesAndConnectionsWaitUntilItGoesOn) {
  TcpListener* const listener = Listen();
  TcpPeer peer = TcpPeer::ConnectTo(listener->local());
  ASSERT_TRUE(Run([&] { return told_.size() == 1; }));
  const TcpId id = last_open_;
  std::string expected;
  for (int round = 0; round < 10; ++round) {
    Rest();
    peer.Send("meanwhile");
    expected += "meanwhile";
    TcpPeer next = TcpPeer::ConnectTo(listener->local());
    next.Send("hello");
    RunIdle(reactor_.get(), 2);
    EXPECT_EQ(told_.size(), static_cast<size_t>(round + 1));
    EXPECT_EQ(told_[id].bytes.size() + 9, expected.size());
    GoOn();
    if (round % 3 == 0) {  // And again, before what that has armed is there.
      Rest();
      GoOn();
    }
    ASSERT_TRUE(Run([&] {
      return told_.size() == static_cast<size_t>(round + 2) && told_[last_open_].bytes == "hello" &&
             told_[id].bytes == expected;
    }));
  }
  EXPECT_EQ(told_[id].ends, 0);
}

// More than one turn takes completions: the rest of all comes all the same.
TEST_F(ReactorRestTcp, ManyConnectionsComeToRest) {
  Build({}, {.count = 64}, {.slots = 256});
  TcpListener* const listener = Listen();
  std::vector<TcpPeer> peers;
  constexpr size_t kCount = 700;
  for (size_t i = 0; i < kCount; ++i) {
    peers.push_back(TcpPeer::ConnectTo(listener->local()));
    ASSERT_TRUE(Run([&] { return told_.size() == i + 1; }));
  }
  Rest();
  GoOn();
  peers.back().Send("x");
  EXPECT_TRUE(Run([&] { return told_[last_open_].bytes == "x"; }));
}

TEST_F(ReactorRestTcp, WhatAPeerDoesNotReadWaitsInOrder) {
  TcpListener* const listener = Listen();
  TcpPeer peer = TcpPeer::ConnectTo(listener->local(), "", 4096);
  ASSERT_TRUE(Run([&] { return told_.size() == 1; }));
  TcpConnection* const connection = pool_->Find(last_open_);
  connection->set_backlog_size_max(4 << 20);
  std::string all;
  for (int i = 0; i < 200; ++i) {
    const std::string text(8000, static_cast<char>('a' + i % 26));
    ASSERT_TRUE(SendText(connection, text));
    all += text;
    RunIdle(reactor_.get(), 1);
  }
  Rest();
  const std::string unsent = connection->kept().unsent;
  EXPECT_FALSE(unsent.empty());
  EXPECT_TRUE(all.ends_with(unsent));
  GoOn();
  std::string got;
  while (got.size() < all.size()) {
    RunIdle(reactor_.get(), 1);
    got += peer.Receive(std::min<size_t>(2000, all.size() - got.size()));
  }
  EXPECT_TRUE(got == all);
}

TEST_F(ReactorRestTcp, AnotherPoolGoesOnWhereThisOneWas) {
  TcpListener* const listener = Listen();
  TcpPeer peer = TcpPeer::ConnectTo(listener->local());
  ASSERT_TRUE(Run([&] { return told_.size() == 1; }));
  Rest();
  peer.Send("meanwhile");
  TcpKept kept = pool_->Find(last_open_)->kept();
  kept.fd = fcntl(kept.fd, F_DUPFD_CLOEXEC, 0);
  kept.unsent = "still to be said";
  TcpPool next(reactor_.get(), buffers_.get(), sends_.get(), {}, this, now_ms_);
  std::string error;
  auto next_listener =
      TcpListener::Adopt(reactor_.get(), &next, fcntl(listener->fd(), F_DUPFD_CLOEXEC, 0),
                         {.local = listener->local()}, 7, &error);
  ASSERT_NE(next_listener, nullptr) << error;
  TcpConnection* const connection = next.Adopt(kept, nullptr);
  ASSERT_NE(connection, nullptr);
  const TcpId id = connection->id();  // The same as in the other pool.
  pool_->LetGo();
  listener->Close();
  EXPECT_TRUE(Run([&] { return pool_->empty() && listener->closed(); }));
  told_[id].bytes.clear();
  next.GoOn();
  next_listener->GoOn();
  EXPECT_TRUE(Run([&] { return told_[id].bytes == "meanwhile"; }));
  EXPECT_EQ(peer.Receive(16), "still to be said");
  TcpPeer another = TcpPeer::ConnectTo(next_listener->local());
  EXPECT_TRUE(Run([&] { return next.counters().accepted == 1; }));
  next_listener->Close();
  next.AbortAll();
  EXPECT_TRUE(Run([&] { return next.empty() && next_listener->closed(); }));
}

TEST_F(ReactorRestTcp, AConnectionThatClosesMeanwhileEndsAsEver) {
  TcpListener* const listener = Listen();
  TcpPeer peer = TcpPeer::ConnectTo(listener->local());
  ASSERT_TRUE(Run([&] { return told_.size() == 1; }));
  const TcpId id = last_open_;
  Rest();
  ASSERT_TRUE(SendText(pool_->Find(id), "bye"));
  pool_->Find(id)->Close();
  RunIdle(reactor_.get(), 2);
  EXPECT_EQ(peer.Receive(3), "bye");
  peer.Close();
  EXPECT_TRUE(RunToEnd(id));
}

TEST_F(ReactorRestTcp, WhatIsNoListenerOrNoConnectionIsNotAdopted) {
  std::string error;
  EXPECT_EQ(TcpListener::Adopt(reactor_.get(), pool_.get(), open("/dev/null", O_RDONLY | O_CLOEXEC),
                               {.local = At("127.0.0.1:0")}, 7, &error),
            nullptr);
  EXPECT_EQ(error, "TCP: what was handed over is no listener of that port");
  TcpKept kept;
  kept.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(pool_->Adopt(kept, nullptr), nullptr);
}

}  // namespace
}  // namespace reactor
