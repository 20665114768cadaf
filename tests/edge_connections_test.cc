// Connections over loopback: the edge on one side, blocking sockets on the other.
#include "edge/connections.h"
#include "edge/transport.h"
#include "tests/edge_values.h"
#include "tests/reactor_tcp_fixture.h"

namespace edge {
namespace {

using reactor::Reactor;
using reactor::RunUntil;
using reactor::TcpPeer;

std::string Message(const std::string& name, size_t body_size = 0) {
  return "MESSAGE sip:" + name +
         " SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1\r\nContent-Length: " + std::to_string(body_size) +
         "\r\n\r\n" + std::string(body_size, 'b');
}

class EdgeConnections : public testing::Test, public ConnectionSink {
 protected:
  static constexpr PortIndex kGm = 0;
  static constexpr PortIndex kProtected = 1;
  static constexpr PortIndex kCore = 2;

  EdgeConnections() { settings_.limits.connections_max = 64; }
  void SetUp() override { Build(); }
  void Build() {
    reactor_ = reactor::MakeReactor();
    std::string error;
    buffers_ = reactor::BufferRing::Create(
        reactor_.get(), {.count = 64, .size = 65536, .tail_padding = sip::kPaddingSize}, &error);
    sends_ = std::make_unique<reactor::SendPool>(reactor::SendPoolOptions{.slots = 64});
    for (const Side side : {Side::kGm, Side::kProtected, Side::kCore}) {
      // A port nobody has at this moment.
      reactor::Endpoint local;
      TcpPeer::ListenAt("127.0.0.1:0", &local).Close();
      ports_.push_back(MakePort(side, local));
    }
    connections_ = std::make_unique<Connections>(settings_, &ports_, &stats_, this);
    ASSERT_TRUE(connections_->Open(reactor_.get(), buffers_.get(), buffers_.get(), sends_.get(),
                                   now_ms_, {}, &error))
        << error;
  }
  void TearDown() override {
    connections_->Close();
    EXPECT_TRUE(Run([&] { return connections_->closed(); }));
    EXPECT_EQ(sends_->in_flight(), 0);
    EXPECT_EQ(buffers_->available(), buffers_->options().count);
  }

  bool Run(const std::function<bool()>& done) { return RunUntil(reactor_.get(), done); }
  void RunIdle() { reactor::RunIdle(reactor_.get(), 3); }
  void Advance(uint64_t ms) { connections_->OnTime(now_ms_ += ms); }
  TcpPeer ConnectTo(PortIndex port) {
    const size_t before = opened_.size();
    TcpPeer peer = TcpPeer::ConnectTo(ports_[port].local);
    EXPECT_TRUE(Run([&] { return opened_.size() > before; }));
    return peer;
  }
  void Send(const Flow& to, const std::string& text) {
    const std::string_view pieces[] = {std::string_view(text).substr(0, 5),
                                       std::string_view(text).substr(5)};
    connections_->Send(to, pieces, {});
  }
  Flow To(PortIndex port, const reactor::Endpoint& remote, bool or_udp = false) {
    return {port, remote, Transport::kTcp, 0, or_udp};
  }

  bool OnConnection(const Flow& flow) override {
    opened_.push_back(flow);
    return accept_;
  }
  void OnDisconnection(const Flow& flow) override { gone_.push_back(flow); }
  bool IsInClear(const Flow&) override { return in_clear_; }
  void OnStreamMessage(const Flow& flow, sip::PaddedView text,
                       reactor::BufferLease lease) override {
    messages_.emplace_back(text.bytes());
    from_ = flow;
    if (lease.Contains(text.bytes().data())) ++uncopied_;
    if (on_message_) on_message_(flow);
  }
  void SendOverUdp(const Flow& to, std::string_view text) override {
    EXPECT_EQ(to.transport, Transport::kUdp);
    over_udp_.emplace_back(text);
  }

  Settings settings_;
  Stats stats_;
  uint64_t now_ms_ = 1'000;
  std::vector<Port> ports_;
  std::unique_ptr<Reactor> reactor_;
  std::unique_ptr<reactor::BufferRing> buffers_;
  std::unique_ptr<reactor::SendPool> sends_;
  std::unique_ptr<Connections> connections_;
  bool accept_ = true;
  bool in_clear_ = false;
  std::vector<Flow> opened_;
  std::vector<Flow> gone_;
  std::vector<std::string> messages_;
  Flow from_;
  int uncopied_ = 0;
  std::vector<std::string> over_udp_;
  std::function<void(const Flow&)> on_message_;
};

TEST_F(EdgeConnections, CutsMessagesAndAnswersOnTheSameConnection) {
  on_message_ = [this](const Flow& flow) { Send(flow, "answer"); };
  for (const PortIndex port : {kGm, kProtected, kCore}) {
    messages_.clear();
    TcpPeer peer = ConnectTo(port);
    const std::string a = Message("a", 100);
    const std::string b = Message("b");
    peer.Send(a + b + "\r\n\r\n" + a.substr(0, 40));
    ASSERT_TRUE(Run([&] { return messages_.size() == 2; }));
    RunIdle();
    EXPECT_EQ(peer.Receive(14), "answeranswer\r\n");
    peer.Send(a.substr(40));
    ASSERT_TRUE(Run([&] { return messages_.size() == 3; }));
    EXPECT_EQ(messages_, (std::vector<std::string>{a, b, a}));
    EXPECT_EQ(from_.port, port);
    EXPECT_EQ(from_.transport, Transport::kTcp);
  }
  EXPECT_EQ(uncopied_, 6);
  EXPECT_EQ(stats_.tcp_pings, 3u);
}

TEST_F(EdgeConnections, APipelineOfAThousandMessagesAndTheSameByteByByte) {
  std::string all;
  for (int i = 0; i < 1000; ++i) all += Message(std::to_string(i), static_cast<size_t>(i % 9));
  TcpPeer peer = ConnectTo(kCore);
  peer.Send(all);
  ASSERT_TRUE(Run([&] { return messages_.size() == 1000; }));
  std::string joined;
  for (const std::string& message : messages_) joined += message;
  EXPECT_TRUE(joined == all);
  messages_.clear();
  for (const char c : all.substr(0, 300)) {
    peer.Send({&c, 1});
    reactor::RunIdle(reactor_.get(), 1);
  }
  ASSERT_TRUE(Run([&] { return messages_.size() == 4; }));
  EXPECT_TRUE(all.starts_with(messages_[0] + messages_[1] + messages_[2] + messages_[3]));
}

TEST_F(EdgeConnections, WhatIsNotWantedIsResetAtOnce) {
  accept_ = false;
  TcpPeer peer = ConnectTo(kProtected);
  send(peer.fd(), "x", 1, MSG_NOSIGNAL);
  RunIdle();
  EXPECT_EQ(peer.ReceiveEnd(), "RST");
  EXPECT_TRUE(messages_.empty());
}

TEST_F(EdgeConnections, OneConnectForAllWhoWaitAndThenOneConnection) {
  reactor::Endpoint at;
  TcpPeer phone = TcpPeer::ListenAt("127.0.0.1:0", &at);
  for (int i = 0; i < 3; ++i) Send(To(kProtected, at, true), "message" + std::to_string(i));
  ASSERT_TRUE(Run([&] { return opened_.size() == 1; }));
  Send(To(kProtected, at), "message3");
  RunIdle();
  TcpPeer end = phone.Accept();
  EXPECT_EQ(end.Receive(32), "message0message1message2message3");
  reactor::Endpoint source;
  ASSERT_TRUE(reactor::PeerOf(end.fd(), &source));
  EXPECT_TRUE(source == ports_[kProtected].local) << "port_pc is bound";
  // It is a connection like any other.
  end.Send(Message("back"));
  ASSERT_TRUE(Run([&] { return messages_.size() == 1; }));
  EXPECT_TRUE(from_.remote == at);
  Advance(0);
  EXPECT_EQ(stats_.tcp_connected, 1u);
  EXPECT_EQ(stats_.tcp_accepted, 0u);
  EXPECT_TRUE(over_udp_.empty());
}

TEST_F(EdgeConnections, Pitfall26RequestsThatFindNoConnectionGoOverUdpWithTheirViaRewritten) {
  reactor::Endpoint nobody;
  TcpPeer::ListenAt("127.0.0.1:0", &nobody).Close();
  const std::string text = Message("a", 3);
  Send(To(kProtected, nobody, true), text);
  Send(To(kProtected, nobody, false), text);  // An answer: no other way.
  ASSERT_TRUE(Run([&] { return stats_.tcp_connects_failed == 1; }));
  std::string rewritten = text;
  RewriteTransport(rewritten, Transport::kUdp);
  ASSERT_NE(rewritten, text);
  EXPECT_EQ(over_udp_, std::vector<std::string>{rewritten});
  EXPECT_EQ(stats_.drop_no_connection, 1u);
  // For a while nobody tries again.
  Send(To(kProtected, nobody, true), text);
  EXPECT_EQ(over_udp_.size(), 2u);
  Advance(kConnectHoldOffMs - 1);
  Send(To(kProtected, nobody, true), text);
  EXPECT_EQ(over_udp_.size(), 3u);
  Advance(1);
  Send(To(kProtected, nobody, true), text);
  ASSERT_TRUE(Run([&] { return stats_.tcp_connects_failed == 2; }));
  EXPECT_EQ(over_udp_.size(), 4u);
  EXPECT_EQ(stats_.sent_over_udp_instead, 4u);
}

TEST_F(EdgeConnections, ASilentDestinationCostsTheTimeOfOneConnect) {
  // A listener whose queue is full leaves SYNs unanswered.
  reactor::Endpoint full;
  const reactor::Endpoint any = At("127.0.0.1:0");
  TcpPeer listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  socklen_t size = sizeof(full);
  ASSERT_EQ(bind(listener.fd(), &any.any, any.size()), 0);
  ASSERT_EQ(listen(listener.fd(), 0), 0);
  ASSERT_EQ(getsockname(listener.fd(), &full.any, &size), 0);
  TcpPeer filler = TcpPeer::ConnectTo(full);
  const std::string large(100'000, 'x');
  for (int i = 0; i < 3; ++i) Send(To(kProtected, full, true), large);
  EXPECT_EQ(stats_.drop_connect_queue, 1u) << "what waits is bounded";
  Send(To(kProtected, full, true), Message("a"));
  RunIdle();
  Advance(4'000);
  ASSERT_TRUE(Run([&] { return stats_.tcp_connects_failed == 1; }));
  EXPECT_EQ(over_udp_.size(), 1u) << "and no datagram holds the large ones";
  EXPECT_EQ(stats_.drop_no_connection, 2u);
}

TEST_F(EdgeConnections, NoConnectLeavesAnUnprotectedPort) {
  reactor::Endpoint at;
  TcpPeer phone = TcpPeer::ListenAt("127.0.0.1:0", &at);
  Send(To(kGm, at), "answer");
  EXPECT_EQ(stats_.drop_no_connection, 1u);
  EXPECT_EQ(stats_.tcp_connects_failed, 0u);
}

TEST_F(EdgeConnections, AnAnswerWhoseConnectionIsGoneGoesToSentBy) {
  reactor::Endpoint sent_by;
  TcpPeer core = TcpPeer::ListenAt("127.0.0.1:0", &sent_by);
  TcpPeer peer = ConnectTo(kCore);
  Flow to = opened_.back();
  to.connect_port = sent_by.port();
  Send(to, "first");
  RunIdle();
  EXPECT_EQ(peer.Receive(5), "first");
  peer.Close();
  ASSERT_TRUE(Run([&] { return gone_.size() == 1; }));
  Send(to, "second");
  Send(to, "third");
  ASSERT_TRUE(Run([&] { return opened_.size() == 2; }));
  RunIdle();
  TcpPeer end = core.Accept();
  EXPECT_EQ(end.Receive(11), "secondthird");
  reactor::Endpoint source;
  ASSERT_TRUE(reactor::PeerOf(end.fd(), &source));
  EXPECT_NE(source.port(), ports_[kCore].local.port()) << "to the core from any port";
}

TEST_F(EdgeConnections, Pitfall25AFinEndsTheConnectionForWhatIsProtected) {
  TcpPeer peer = ConnectTo(kProtected);
  peer.Send(Message("a").substr(0, 9));
  peer.Fin();
  ASSERT_TRUE(Run([&] { return gone_.size() == 1; }));
  EXPECT_EQ(stats_.drop_frame_cut, 1u);
  RunIdle();
  EXPECT_EQ(peer.ReceiveEnd(), "FIN");
  EXPECT_EQ(gone_.size(), 1u) << "told once";
}

TEST_F(EdgeConnections, AtTheUnprotectedPortsAnswersAreTriedAfterAFinAndTheLastIsTheEnd) {
  const std::string trying = "SIP/2.0 100 Trying\r\n";
  const std::string refused = "SIP/2.0 403 Forbidden\r\n";
  const std::string challenge = "SIP/2.0 401 Unauthorized\r\n";
  TcpPeer peer = ConnectTo(kGm);
  peer.Send(Message("a") + Message("b"));
  peer.Fin();
  ASSERT_TRUE(Run([&] { return messages_.size() == 2; }));
  RunIdle();
  for (const std::string& answer : {trying, refused, trying}) Send(from_, answer);
  RunIdle();
  EXPECT_TRUE(gone_.empty()) << "one request has had no final answer";
  Send(from_, challenge);
  ASSERT_TRUE(Run([&] { return gone_.size() == 1; }));
  RunIdle();
  EXPECT_EQ(peer.Receive(2 * trying.size() + refused.size() + challenge.size()),
            trying + refused + trying + challenge);
  EXPECT_EQ(peer.ReceiveEnd(), "FIN");
}

TEST_F(EdgeConnections, AtTheUnprotectedPortsAnAnswerThatDoesNotComeIsWaitedForOnlySoLong) {
  TcpPeer peer = ConnectTo(kGm);
  peer.Send(Message("a"));
  peer.Fin();
  ASSERT_TRUE(Run([&] { return messages_.size() == 1; }));
  RunIdle();
  Advance(settings_.core.register_timeout_ms - 1);
  RunIdle();
  EXPECT_TRUE(gone_.empty());
  Advance(1);
  ASSERT_TRUE(Run([&] { return gone_.size() == 1; }));
}

// A phone's first connection once its 401 is there: one each would soon fill what there is.
TEST_F(EdgeConnections, AtTheUnprotectedPortsAFinEndsWhatWaitsForNoAnswer) {
  on_message_ = [this](const Flow& flow) {
    if (messages_.back().starts_with("MESSAGE")) Send(flow, "SIP/2.0 401 Unauthorized\r\n");
  };
  TcpPeer peer = ConnectTo(kGm);
  peer.Send(Message("a") + "ACK sip:b SIP/2.0\r\nl: 0\r\n\r\nSIP/2.0 200 OK\r\nl: 0\r\n\r\n");
  ASSERT_TRUE(Run([&] { return messages_.size() == 3; }));
  RunIdle();
  EXPECT_TRUE(gone_.empty());
  peer.Fin();
  ASSERT_TRUE(Run([&] { return gone_.size() == 1; }));
}

TEST_F(EdgeConnections, DisconnectResetsAndTheNextMessageFindsNone) {
  TcpPeer peer = ConnectTo(kProtected);
  const Flow flow = opened_.back();
  connections_->Disconnect(flow);
  connections_->Disconnect(flow);
  EXPECT_EQ(gone_.size(), 1u);
  Send(flow, "is lost");
  RunIdle();
  EXPECT_EQ(stats_.drop_no_connection, 1u) << "its ends are not free before it has ended";
  EXPECT_EQ(peer.ReceiveEnd(), "RST");
  EXPECT_EQ(gone_.size(), 1u);
}

TEST_F(EdgeConnections, StreamsThatCannotBeCutAreResetAndCounted) {
  const std::string head = "MESSAGE sip:a SIP/2.0\r\n";
  for (const std::string& bad : {head + "\r\n", head + "l: x\r\n\r\n", head + "l: 70000\r\n\r\n",
                                 std::string(40'000, 'x')}) {
    TcpPeer peer = ConnectTo(kProtected);
    peer.Send(Message("good") + bad + Message("never seen"));
    RunIdle();
    std::string end;
    peer.Receive(1, &end);
    EXPECT_EQ(end, "RST");
  }
  EXPECT_EQ(messages_, std::vector<std::string>(4, Message("good")));
  EXPECT_EQ(stats_.drop_frame_length, 2u);
  EXPECT_EQ(stats_.drop_frame_size, 2u);
}

TEST_F(EdgeConnections, AMessageMustEndInTimeHoweverItComes) {
  TcpPeer loris = ConnectTo(kProtected);
  const std::string text = Message("slow", 500);
  for (uint64_t ms = 0; ms < kMessageMs; ms += 500) {
    loris.Send(text.substr(ms / 500, 1));
    RunIdle();
    Advance(500);
  }
  ASSERT_TRUE(Run([&] { return gone_.size() == 1; }));
  Advance(0);
  EXPECT_EQ(stats_.tcp_timed_out, 1u);

  // One that ends leaves the connection its idle time.
  TcpPeer peer = ConnectTo(kProtected);
  peer.Send(text.substr(0, 10));
  RunIdle();
  Advance(kMessageMs - 1);
  peer.Send(text.substr(10));
  ASSERT_TRUE(Run([&] { return messages_.size() == 1; }));
  Advance(kMessageMs * 10);
  RunIdle();
  EXPECT_EQ(gone_.size(), 1u);
  Advance(settings_.limits.connection_idle_s * 1000);
  EXPECT_TRUE(Run([&] { return gone_.size() == 2; }));
}

TEST_F(EdgeConnections, StrangersHaveLittleTimeAndOnlyTheirShare) {
  settings_.limits.connections_per_source_max = 2;
  TearDown();
  ports_.clear();
  Build();
  TcpPeer first = ConnectTo(kGm);
  TcpPeer second = ConnectTo(kGm);
  TcpPeer third = TcpPeer::ConnectTo(ports_[kGm].local);
  ASSERT_TRUE(Run([&] {
    Advance(0);
    return stats_.tcp_refused_source == 1;
  }));
  EXPECT_EQ(third.ReceiveEnd(), "RST");
  Advance(kGmConnectionMs - 1);
  first.Send(Message("a"));
  ASSERT_TRUE(Run([&] { return messages_.size() == 1; }));
  Advance(1);
  ASSERT_TRUE(Run([&] { return gone_.size() == 1; }));
  EXPECT_EQ(second.ReceiveEnd(), "RST");
  first.Send(Message("a"));
  EXPECT_TRUE(Run([&] { return messages_.size() == 2; }));
}

TEST_F(EdgeConnections, APhoneRegisteredInClearMayRestOnItsConnectionUntilItLeaves) {
  TcpPeer phone = ConnectTo(kGm);
  phone.Send(Message("register"));
  ASSERT_TRUE(Run([&] { return messages_.size() == 1; }));
  in_clear_ = true;
  Send(To(kGm, from_.remote), "SIP/2.0 200 OK");
  RunIdle();
  EXPECT_EQ(phone.Receive(14), "SIP/2.0 200 OK");
  Advance(kGmConnectionMs * 10);
  RunIdle();
  EXPECT_TRUE(gone_.empty());
  in_clear_ = false;
  Send(To(kGm, from_.remote), "SIP/2.0 200 OK");
  RunIdle();
  Advance(kGmConnectionMs);
  EXPECT_TRUE(Run([&] { return gone_.size() == 1; }));
}

}  // namespace
}  // namespace edge
