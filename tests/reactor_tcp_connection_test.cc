// What a peer may do to a connection, kind or hostile, over loopback.
#include <algorithm>
#include <thread>

#include "tests/reactor_tcp_fixture.h"

namespace reactor {
namespace {

using Slices = std::vector<std::string_view>;

class ReactorTcpConnection : public TcpFixture {
 protected:
  // Sends back what comes, whole and straight from the receive buffer.
  void Echo() {
    on_bytes_ = [](TcpConnection& connection, std::string_view bytes, BufferLease lease) {
      const std::string_view slices[] = {bytes};
      connection.Send(slices, lease);
    };
  }
};

TEST_F(ReactorTcpConnection, EchoesFromTheReceiveBufferOverBothFamilies) {
  Echo();
  for (const char* local : {"127.0.0.1:0", "[::1]:0"}) {
    TcpListener* const listener = Listen(local);
    const size_t before = told_.size();
    TcpPeer peer = TcpPeer::ConnectTo(listener->local());
    ASSERT_TRUE(Run([&] { return told_.size() > before; }));
    TcpConnection* const connection = pool_->Find(last_open_);
    ASSERT_NE(connection, nullptr);
    EXPECT_TRUE(connection->accepted());
    EXPECT_EQ(connection->tag(), 7u);
    EXPECT_TRUE(connection->local() == listener->local());
    peer.Send("REGISTER");
    ASSERT_TRUE(Run([&] { return told_[last_open_].bytes == "REGISTER"; }));
    RunIdle(reactor_.get(), 2);
    EXPECT_EQ(peer.Receive(8), "REGISTER");
  }
}

TEST_F(ReactorTcpConnection, TakesOneByteAtATime) {
  Echo();
  TcpListener* const listener = Listen();
  TcpPeer peer = TcpPeer::ConnectTo(listener->local());
  std::string sent;
  for (int i = 0; i < 500; ++i) {
    sent += static_cast<char>('a' + i % 26);
    peer.Send({&sent.back(), 1});
    ASSERT_TRUE(Run([&] { return told_[last_open_].bytes.size() == sent.size(); }));
  }
  RunIdle(reactor_.get(), 2);
  EXPECT_EQ(told_[last_open_].bytes, sent);
  EXPECT_EQ(peer.Receive(sent.size()), sent);
}

TEST_F(ReactorTcpConnection, SendsAThousandMessagesOfOneTurnInOrder) {
  TcpListener* const listener = Listen();
  TcpPeer peer = TcpPeer::ConnectTo(listener->local());
  ASSERT_TRUE(Run([&] { return !told_.empty(); }));
  TcpConnection* const connection = pool_->Find(last_open_);
  connection->set_backlog_size_max(1 << 20);
  std::string sent;
  for (int i = 0; i < 1000; ++i) {  // More than there are slots: the rest is copied.
    const std::string number = std::to_string(i);
    const Slices slices = {"message ", number, "", "\r\n"};
    ASSERT_TRUE(connection->Send(slices, {}));
    sent += "message " + number + "\r\n";
  }
  ASSERT_TRUE(Run([&] { return sends_->in_flight() == 0; }));
  RunIdle(reactor_.get(), 3);
  EXPECT_EQ(peer.Receive(sent.size()), sent);
  EXPECT_EQ(pool_->counters().bytes_sent, sent.size());
}

TEST_F(ReactorTcpConnection, LosesNothingToAPeerThatReadsSlowly) {
  Build({.chunks_max = 2048, .send_buffer_size = 8192});
  TcpListener* const listener = Listen();
  TcpPeer peer = TcpPeer::ConnectTo(listener->local(), "", 8192);
  ASSERT_TRUE(Run([&] { return !told_.empty(); }));
  TcpConnection* const connection = pool_->Find(last_open_);
  connection->set_backlog_size_max(16 << 20);
  std::string sent;
  std::string received;
  for (int i = 0; i < 2000; ++i) {
    const std::string text = std::to_string(i) + std::string(static_cast<size_t>(i % 3000), '.');
    ASSERT_TRUE(SendText(connection, text));
    sent += text;
    if (i % 10 == 0) {
      RunIdle(reactor_.get(), 2);
      EXPECT_EQ(sends_->in_flight(), 0) << "no slot, and so no lease, waits for a slow peer";
    }
    if (i % 50 == 0) received += peer.Receive(500);
  }
  std::thread reader([&] { received += peer.Receive(sent.size() - received.size()); });
  EXPECT_TRUE(Run([&] { return pool_->counters().bytes_sent == sent.size(); }));
  reader.join();
  EXPECT_TRUE(received == sent);
}

TEST_F(ReactorTcpConnection, EndsAPeerThatDoesNotReadAtItsLimit) {
  Build({.backlog_size_max = 20'000, .send_buffer_size = 8192});
  TcpListener* const listener = Listen();
  TcpPeer peer = TcpPeer::ConnectTo(listener->local(), "", 8192);
  ASSERT_TRUE(Run([&] { return !told_.empty(); }));
  const TcpId id = last_open_;
  const std::string text(1000, 'x');
  size_t queued = 0;
  while (pool_->Find(id) != nullptr && SendText(pool_->Find(id), text)) {
    queued += text.size();
    ASSERT_LT(queued, 200'000u) << "what one peer can hold is bounded";
    RunIdle(reactor_.get(), 1);
  }
  ASSERT_TRUE(RunToEnd(id));
  EXPECT_EQ(told_[id].end, TcpEnd::kStalled);
  EXPECT_EQ(pool_->counters().ended[static_cast<size_t>(TcpEnd::kStalled)], 1u);
  EXPECT_GT(queued, 20'000u);
  std::string end;
  peer.Receive(queued, &end);
  EXPECT_EQ(end, "RST");
}

TEST_F(ReactorTcpConnection, ChunksThatRunOutDropWhatIsNewOrEndTheConnection) {
  Build({.backlog_size_max = 1 << 20, .chunks_max = 2, .send_buffer_size = 8192});
  TcpListener* const listener = Listen();
  TcpPeer peer = TcpPeer::ConnectTo(listener->local(), "", 8192);
  ASSERT_TRUE(Run([&] { return !told_.empty(); }));
  const TcpId id = last_open_;
  const std::string text(1000, 'x');
  for (int i = 0; i < 200 && pool_->Find(id) != nullptr; ++i) {
    SendText(pool_->Find(id), text);
    RunIdle(reactor_.get(), 1);
  }
  EXPECT_GT(pool_->counters().send_no_slot, 0u);
  // A message that finds a slot and then no chunk would be cut short.
  const std::string large(60'000, 'y');
  TcpPeer other = TcpPeer::ConnectTo(listener->local(), "", 8192);
  ASSERT_TRUE(Run([&] { return told_.size() == 2; }));
  const TcpId second = last_open_;
  for (int i = 0; i < 20 && pool_->Find(second) != nullptr; ++i) {
    SendText(pool_->Find(second), large);
    RunIdle(reactor_.get(), 1);
  }
  ASSERT_TRUE(RunToEnd(second));
  EXPECT_EQ(told_[second].end, TcpEnd::kStalled);
}

TEST_F(ReactorTcpConnection, AnswersAfterThePeersFin) {
  on_fin_ = [this](TcpConnection& connection) {
    EXPECT_TRUE(connection.open());
    EXPECT_TRUE(SendText(&connection, "answer"));
    connection.Close();
  };
  TcpListener* const listener = Listen();
  TcpPeer peer = TcpPeer::ConnectTo(listener->local());
  peer.Send("request");
  peer.Fin();
  ASSERT_TRUE(Run([&] { return !told_.empty(); }));
  const TcpId id = last_open_;
  ASSERT_TRUE(RunToEnd(id));
  EXPECT_EQ(told_[id].bytes, "request");
  EXPECT_EQ(told_[id].fins, 1);
  EXPECT_EQ(told_[id].end, TcpEnd::kClosed);
  std::string end;
  EXPECT_EQ(peer.Receive(100, &end), "answer");
  EXPECT_EQ(end, "FIN");
  EXPECT_EQ(pool_->Find(id), nullptr);
}

TEST_F(ReactorTcpConnection, CloseSendsWhatIsQueuedThenFinAndDropsWhatStillComes) {
  TcpListener* const listener = Listen();
  TcpPeer peer = TcpPeer::ConnectTo(listener->local());
  ASSERT_TRUE(Run([&] { return !told_.empty(); }));
  const TcpId id = last_open_;
  TcpConnection* const connection = pool_->Find(id);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(SendText(connection, "last words. "));
  connection->Close();
  EXPECT_FALSE(SendText(connection, "too late"));
  RunIdle(reactor_.get(), 3);
  peer.Send("still talking");
  std::string end;
  EXPECT_EQ(peer.Receive(100, &end), "last words. last words. last words. ");
  EXPECT_EQ(end, "FIN");
  EXPECT_EQ(told_[id].ends, 0) << "it waits for the peer's FIN";
  peer.Close();
  ASSERT_TRUE(RunToEnd(id));
  EXPECT_EQ(told_[id].bytes, "");
}

TEST_F(ReactorTcpConnection, CloseWaitsForAPeerOnlySoLong) {
  TcpListener* const listener = Listen();
  TcpPeer peer = TcpPeer::ConnectTo(listener->local());
  ASSERT_TRUE(Run([&] { return !told_.empty(); }));
  const TcpId id = last_open_;
  pool_->Find(id)->Close();
  pool_->Advance(now_ms_ + pool_->options().close_ms - 1);
  RunIdle(reactor_.get(), 3);
  EXPECT_EQ(told_[id].ends, 0);
  pool_->Advance(now_ms_ + pool_->options().close_ms);
  ASSERT_TRUE(RunToEnd(id));
  EXPECT_EQ(told_[id].end, TcpEnd::kTimeout);
}

TEST_F(ReactorTcpConnection, SurvivesAResetAfterEveryByte) {
  Echo();
  TcpListener* const listener = Listen();
  const std::string message = "MESSAGE sip:a@b SIP/2.0\r\n\r\n";
  for (size_t cut = 0; cut <= message.size(); ++cut) {
    TcpPeer peer = TcpPeer::ConnectTo(listener->local());
    ASSERT_TRUE(Run([&] { return told_.size() == cut + 1; }));
    if (cut > 0) peer.Send(std::string_view(message).substr(0, cut));
    if (cut % 2 == 0) RunIdle(reactor_.get(), 1);  // Before the turn that sends, or after.
    peer.Reset();
    ASSERT_TRUE(RunToEnd(last_open_)) << cut;
    EXPECT_EQ(told_[last_open_].end, TcpEnd::kReset);
    EXPECT_TRUE(message.starts_with(told_[last_open_].bytes));
  }
  EXPECT_TRUE(pool_->empty());
}

TEST_F(ReactorTcpConnection, MayBeAbortedFromEveryCallOfItsSink) {
  TcpListener* const listener = Listen();
  const auto abort = [](TcpConnection& connection) { connection.Abort(); };
  for (int when = 0; when < 3; ++when) {
    on_open_ = when == 0 ? abort : std::function<void(TcpConnection&)>();
    on_bytes_ = nullptr;
    if (when == 1) {
      on_bytes_ = [](TcpConnection& connection, std::string_view bytes, BufferLease lease) {
        const std::string_view slices[] = {bytes};
        connection.Send(slices, lease);
        connection.Abort();
        EXPECT_FALSE(connection.open());
        connection.Abort();  // Once more: no effect.
        EXPECT_FALSE(connection.Send(slices, lease));
      };
    }
    on_fin_ = when == 2 ? abort : std::function<void(TcpConnection&)>();
    const size_t before = told_.size();
    TcpPeer peer = TcpPeer::ConnectTo(listener->local());
    send(peer.fd(), "x", 1, MSG_NOSIGNAL);
    peer.Fin();
    ASSERT_TRUE(Run([&] { return told_.size() > before && told_[last_open_].ends == 1; }));
    EXPECT_EQ(told_[last_open_].end, TcpEnd::kAborted);
  }
}

TEST_F(ReactorTcpConnection, EndsWhenIdleOrAtItsDeadline) {
  Build({.idle_ms = 10'000});
  TcpListener* const listener = Listen();
  TcpPeer peer = TcpPeer::ConnectTo(listener->local());
  ASSERT_TRUE(Run([&] { return told_.size() == 1; }));
  const TcpId first = last_open_;
  pool_->Advance(now_ms_ + 9'999);
  peer.Send("x");  // A sign of life.
  ASSERT_TRUE(Run([&] { return told_[first].bytes == "x"; }));
  pool_->Advance(now_ms_ + 19'998);
  RunIdle(reactor_.get(), 2);
  EXPECT_EQ(told_[first].ends, 0);
  pool_->Advance(now_ms_ + 19'999);
  ASSERT_TRUE(RunToEnd(first));
  EXPECT_EQ(told_[first].end, TcpEnd::kTimeout);
  EXPECT_EQ(peer.ReceiveEnd(), "RST");

  // A slow-loris lives as long as its deadline says, however often it moves.
  TcpPeer loris = TcpPeer::ConnectTo(listener->local());
  ASSERT_TRUE(Run([&] { return told_.size() == 2; }));
  const TcpId second = last_open_;
  const uint64_t begin_ms = now_ms_ + 19'999;
  pool_->Find(second)->SetDeadline(begin_ms + 3'000);
  for (uint64_t ms = 1; ms <= 3'000 && told_[second].ends == 0; ms += 500) {
    loris.Send("y");
    pool_->Advance(begin_ms + ms);
    RunIdle(reactor_.get(), 1);
  }
  EXPECT_EQ(told_[second].ends, 0);
  pool_->Advance(begin_ms + 3'000);
  ASSERT_TRUE(RunToEnd(second));
  EXPECT_EQ(told_[second].end, TcpEnd::kTimeout);
}

TEST_F(ReactorTcpConnection, WaitsForBuffersAndGoesOn) {
  Build({}, {.count = 2, .size = 1024});
  TcpListener* const listener = Listen();
  on_bytes_ = [this](TcpConnection&, std::string_view, BufferLease lease) {
    leases_.push_back(std::move(lease));
  };
  TcpPeer peer = TcpPeer::ConnectTo(listener->local());
  peer.Send(std::string(10'000, 'z'));
  ASSERT_TRUE(Run([&] { return pool_->counters().receive_no_buffers > 0; }));
  RunIdle(reactor_.get(), 3);
  EXPECT_EQ(told_[last_open_].bytes.size(), 2048u);
  ASSERT_TRUE(Run([&] {
    leases_.clear();
    return told_[last_open_].bytes.size() == 10'000;
  }));
}

}  // namespace
}  // namespace reactor
