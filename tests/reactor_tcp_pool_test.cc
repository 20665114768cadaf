// Connections that we open, and the limits of those that others do.
#include "reactor/tcp_pool.h"
#include "tests/reactor_tcp_fixture.h"

namespace reactor {
namespace {

class ReactorTcpPool : public TcpFixture {
 protected:
  TcpConnection* Connect(std::string_view local, const Endpoint& peer) {
    int error = 0;
    TcpConnection* const connection = pool_->Connect(At(local), peer, 3, &error);
    EXPECT_NE(connection, nullptr) << strerror(error);
    return connection;
  }
};

TEST_F(ReactorTcpPool, ConnectsFromAPortThatListensToManyPeers) {
  TcpListener* const ours = Listen();  // The protected client port.
  Endpoint where[3];
  std::vector<TcpPeer> phones;
  std::vector<TcpPeer> ends;
  for (Endpoint& at : where) {
    phones.push_back(TcpPeer::ListenAt("127.0.0.1:0", &at));
    TcpConnection* const connection = Connect(Text(ours->local()), at);
    EXPECT_FALSE(connection->open()) << "told when it is";
    EXPECT_FALSE(connection->accepted());
    ASSERT_TRUE(Run([&] { return last_open_ == connection->id(); }));
    EXPECT_EQ(connection->tag(), 3u);
    EXPECT_TRUE(connection->peer() == at);
    ends.push_back(phones.back().Accept());
    Endpoint source;
    ASSERT_TRUE(PeerOf(ends.back().fd(), &source));
    EXPECT_TRUE(source == ours->local()) << Text(source);
    EXPECT_TRUE(SendText(connection, "INVITE"));
    RunIdle(reactor_.get(), 2);
    EXPECT_EQ(ends.back().Receive(6), "INVITE");
  }
  // It listens all the same.
  TcpPeer phone = TcpPeer::ConnectTo(ours->local());
  EXPECT_TRUE(Run([&] { return told_.size() == 4; }));
  EXPECT_EQ(pool_->counters().connected, 3u);
  EXPECT_EQ(pool_->counters().accepted, 1u);
}

TEST_F(ReactorTcpPool, TellsAConnectThatIsRefused) {
  Endpoint gone;
  TcpPeer::ListenAt("127.0.0.1:0", &gone).Close();
  for (int i = 0; i < 3; ++i) {  // The pair of ports can be used again at once.
    const TcpId id = Connect("127.0.0.1:0", gone)->id();
    ASSERT_TRUE(RunToEnd(id));
    EXPECT_EQ(told_[id].end, TcpEnd::kRefused);
    EXPECT_EQ(told_[id].error, ECONNREFUSED);
    EXPECT_EQ(told_[id].opens, 0);
  }
}

TEST_F(ReactorTcpPool, GivesUpAConnectThatTakesTooLong) {
  // A listener whose queue is full leaves SYNs unanswered.
  Endpoint full;
  TcpPeer listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const Endpoint any = At("127.0.0.1:0");
  socklen_t size = sizeof(full);
  ASSERT_EQ(bind(listener.fd(), &any.any, any.size()), 0);
  ASSERT_EQ(listen(listener.fd(), 0), 0);
  ASSERT_EQ(getsockname(listener.fd(), &full.any, &size), 0);
  TcpPeer filler = TcpPeer::ConnectTo(full);

  const TcpId id = Connect("127.0.0.1:0", full)->id();
  RunIdle(reactor_.get(), 3);
  pool_->Advance(now_ms_ + pool_->options().connect_ms - 1);
  RunIdle(reactor_.get(), 3);
  EXPECT_EQ(told_[id].ends, 0);
  EXPECT_LE(pool_->NextExpiry(), now_ms_ + pool_->options().connect_ms);
  pool_->Advance(now_ms_ + pool_->options().connect_ms);
  ASSERT_TRUE(RunToEnd(id));
  EXPECT_EQ(told_[id].end, TcpEnd::kTimeout);
  EXPECT_EQ(told_[id].opens, 0);
}

TEST_F(ReactorTcpPool, AbortsAConnectUnderWay) {
  Endpoint at;
  TcpPeer listener = TcpPeer::ListenAt("127.0.0.1:0", &at);
  const TcpId submitted = Connect("127.0.0.1:0", at)->id();
  pool_->Find(submitted)->Abort();  // In the same turn.
  const TcpId closed = Connect("127.0.0.1:0", at)->id();
  pool_->Find(closed)->Close();
  ASSERT_TRUE(RunToEnd(submitted));
  ASSERT_TRUE(RunToEnd(closed));
  EXPECT_EQ(told_[submitted].opens + told_[closed].opens, 0);
  EXPECT_EQ(told_[submitted].end, TcpEnd::kAborted);
  EXPECT_EQ(told_[closed].end, TcpEnd::kAborted);
}

TEST_F(ReactorTcpPool, SaysWhyItCannotConnect) {
  int error = 0;
  EXPECT_EQ(pool_->Connect(At("192.0.2.1:5062"), At("127.0.0.1:1"), 0, &error), nullptr);
  EXPECT_EQ(error, EADDRNOTAVAIL);
  Build({.connections_max = 1});
  Endpoint at;
  TcpPeer listener = TcpPeer::ListenAt("127.0.0.1:0", &at);
  Connect("127.0.0.1:0", at);
  EXPECT_EQ(pool_->Connect(At("127.0.0.1:0"), at, 0, &error), nullptr);
  EXPECT_EQ(error, ENFILE);
}

TEST_F(ReactorTcpPool, AnIdIsNeverUsedAgain) {
  Build({.connections_max = 1});
  TcpListener* const listener = Listen();
  TcpId before = 0;
  for (int i = 0; i < 3; ++i) {
    TcpPeer peer = TcpPeer::ConnectTo(listener->local());
    ASSERT_TRUE(Run([&] { return last_open_ != before; }));
    EXPECT_EQ(pool_->Find(before), nullptr);
    before = last_open_;
    EXPECT_NE(pool_->Find(before), nullptr);
    peer.Reset();
    ASSERT_TRUE(RunToEnd(before));
  }
  EXPECT_EQ(pool_->Find(0), nullptr);
  EXPECT_EQ(pool_->Find(2), nullptr);
}

TEST_F(ReactorTcpPool, RefusesTheNewestWhenItIsFull) {
  Build({.connections_max = 3});
  TcpListener* const open = Listen();
  TcpListener* const modest = Listen("127.0.0.1:0", 0, 2);  // Leaves two slots for others.
  TcpPeer first = TcpPeer::ConnectTo(modest->local());
  ASSERT_TRUE(Run([&] { return told_.size() == 1; }));
  TcpPeer refused = TcpPeer::ConnectTo(modest->local());
  ASSERT_TRUE(Run([&] { return pool_->counters().refused_full == 1; }));
  EXPECT_EQ(refused.ReceiveEnd(), "RST");
  TcpPeer second = TcpPeer::ConnectTo(open->local());
  TcpPeer third = TcpPeer::ConnectTo(open->local());
  ASSERT_TRUE(Run([&] { return told_.size() == 3; }));
  TcpPeer fourth = TcpPeer::ConnectTo(open->local());
  ASSERT_TRUE(Run([&] { return pool_->counters().refused_full == 2; }));
  EXPECT_EQ(pool_->in_use(), 3u);
  EXPECT_EQ(fourth.ReceiveEnd(), "RST");
  first.Send("still here");
  EXPECT_TRUE(Run([&] { return told_.begin()->second.bytes == "still here"; }));
}

TEST_F(ReactorTcpPool, BoundsTheConnectionsOfOneSource) {
  TcpListener* const listener = Listen("127.0.0.1:0", 2);
  TcpListener* const free_for_all = Listen();
  std::vector<TcpPeer> peers;
  const auto connect = [&](const TcpListener* to, std::string_view from) {
    const uint64_t before = pool_->counters().accepted;
    peers.push_back(TcpPeer::ConnectTo(to->local(), from));
    EXPECT_TRUE(Run([&] { return pool_->counters().accepted > before; }));
  };
  for (int i = 0; i < 3; ++i) connect(listener, "127.0.0.2:0");
  EXPECT_EQ(pool_->counters().refused_source, 1u);
  EXPECT_EQ(pool_->in_use(), 2u);
  EXPECT_EQ(peers.back().ReceiveEnd(), "RST");
  connect(listener, "127.0.0.3:0");  // Another source has its own share.
  connect(free_for_all, "127.0.0.2:0");
  EXPECT_EQ(pool_->in_use(), 4u);
  peers[0].Reset();
  ASSERT_TRUE(Run([&] { return pool_->in_use() == 3; }));
  connect(listener, "127.0.0.2:0");
  EXPECT_EQ(pool_->in_use(), 4u);
  EXPECT_EQ(pool_->counters().refused_source, 1u);
}

TEST_F(ReactorTcpPool, CountsAnIPv6NetworkAsOneSource) {
  TcpListener* const listener = Listen("[::1]:0", 2);
  std::vector<TcpPeer> peers;
  for (uint64_t i = 1; i <= 3; ++i) {
    peers.push_back(TcpPeer::ConnectTo(listener->local()));
    ASSERT_TRUE(Run([&] { return pool_->counters().accepted == i; }));
  }
  EXPECT_EQ(pool_->counters().refused_source, 1u);
}

TEST_F(ReactorTcpPool, ConnectionsMayOutliveTheReactor) {
  TcpListener* const listener = Listen();
  TcpPeer peer = TcpPeer::ConnectTo(listener->local());
  ASSERT_TRUE(Run([&] { return told_.size() == 1; }));
  SendText(pool_->Find(last_open_), "not submitted");
  reactor_.reset();
  pool_.reset();  // No assertion, nothing leaks.
  listeners_.clear();
  told_.clear();
}

TEST_F(ReactorTcpPool, EndsHaveNames) {
  EXPECT_EQ(Name(TcpEnd::kClosed), "Closed");
  EXPECT_EQ(Name(TcpEnd::kAborted), "Aborted");
  EXPECT_EQ(Name(TcpEnd::kReset), "Reset");
  EXPECT_EQ(Name(TcpEnd::kRefused), "Refused");
  EXPECT_EQ(Name(TcpEnd::kTimeout), "Timeout");
  EXPECT_EQ(Name(TcpEnd::kStalled), "Stalled");
}

}  // namespace
}  // namespace reactor
