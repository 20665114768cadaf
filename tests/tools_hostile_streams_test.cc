// Peers who misuse TCP, at the unprotected port and at the core's, while phones register, call and
// leave over the same worker: each ends as its counter says, takes no more than its share, and no
// phone notices.
//
// What is given back is seen by what comes after: more of the same than there are buffers, storages
// or slots.
#include <sys/resource.h>

#include <cstdio>
#include <fstream>
#include <random>

#include "edge/limits.h"
#include "tests/reactor_tcp_fixture.h"
#include "tests/shifted_clock.h"
#include "tests/tools_edge_flow.h"

namespace tools {
namespace {

using reactor::TcpPeer;

constexpr const char* kPhonesLife = "register,message,options,mt-message,reregister,deregister";
// Of one read, and an answer says that it was read.
constexpr std::string_view kPing = "\r\n\r\n";
constexpr std::string_view kPong = "\r\n";

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

std::string Request(const std::string& call, const std::string& lines = "",
                    const std::string& body = "") {
  return "OPTIONS sip:edge.example.net SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bK-" +
         call +
         "\r\nMax-Forwards: 70\r\nFrom: <sip:a@example.net>;tag=1\r\nTo: <sip:b@example.net>" +
         "\r\nCall-ID: " + call + "\r\nCSeq: 1 OPTIONS\r\n" + lines +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

size_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  size_t pages = 0;
  file >> pages >> pages;
  return pages * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// A sanitizer has a memory of its own.
void ExpectGrownByAtMost(size_t size, size_t resident_before) {
  if (kSanitized) return;
  EXPECT_LE(ResidentBytes(), resident_before + size);
}

// The messages of a stream that have no body.
std::vector<std::string> Split(const std::string& stream) {
  std::vector<std::string> messages;
  for (size_t at = 0, end; (end = stream.find("\r\n\r\n", at)) != std::string::npos; at = end + 4) {
    messages.push_back(stream.substr(at, end + 4 - at));
  }
  return messages;
}

class ToolsHostileStreams : public EdgeFlow {
 protected:
  void SetUp() override {
    SetUpAt("127.0.0.1");
    settings_.limits.connections_per_source_max = 4096;
  }
  void TearDown() override { gmedge_test::ahead_ms = 0; }

  TcpPeer ToGm() { return TcpPeer::ConnectTo(settings_.gm.listen[0]); }
  TcpPeer ToCore() { return TcpPeer::ConnectTo(settings_.core.listen); }

  // As many messages as were asked for.
  static std::vector<std::string> Receive(TcpPeer* peer, size_t count) {
    std::string stream;
    std::vector<char> piece(65536);
    while (Split(stream).size() < count) {
      const ssize_t got = recv(peer->fd(), piece.data(), piece.size(), 0);
      if (got <= 0) break;
      stream.append(piece.data(), static_cast<size_t>(got));
    }
    return Split(stream);
  }

  // The worker takes the time there is, and what was sent before has been read.
  void Turn() {
    TcpPeer peer = ToGm();
    peer.Send(kPing);
    EXPECT_EQ(peer.Receive(kPong.size()), kPong);
  }
  void Pass(uint64_t ms) {
    gmedge_test::ahead_ms += static_cast<int64_t>(ms);
    Turn();
  }

  // Phones live while attack() goes on, again and again.
  void ExpectPhonesLiveBeside(const std::function<void()>& attack) {
    std::atomic<bool> over = false;
    std::thread attacker([&] {
      do attack();
      while (!over);
    });
    ExpectPhonesLive();
    over = true;
    attacker.join();
  }
  void ExpectPhonesLive() {
    const FleetReport report = Run(kPhonesLife);
    EXPECT_TRUE(report.Ok()) << report.Table() << log_.str();
    EXPECT_EQ(core_->violations()->total(), 0u) << core_->Summary();
  }
  // The end, and what no attack may have changed.
  const edge::Stats& Stop() {
    worker_->Stop();
    const edge::Stats& stats = worker_->stats();
    EXPECT_EQ(stats.registrations, 8u);
    EXPECT_EQ(stats.refreshes, 8u);
    EXPECT_EQ(stats.deregistrations, 8u);
    EXPECT_EQ(stats.sets_installed, stats.sets_deleted);
    EXPECT_EQ(stats.drop_frame_storage, 0u);
    EXPECT_EQ(stats.tcp_refused_full + stats.tcp_refused_source + stats.tcp_accept_errors, 0u);
    return stats;
  }
};

TEST_F(ToolsHostileStreams, AByteNowAndThenEndsWithTheTimeOfAMessage) {
  constexpr size_t kPeers = 200;
  Start();
  const std::string text = Request("slow");
  std::vector<TcpPeer> peers;
  for (size_t i = 0; i < kPeers; ++i) peers.push_back(ToGm());
  for (size_t sent = 0; sent < 10; ++sent) {
    for (TcpPeer& peer : peers) peer.Send(text.substr(sent, 1));
    if (sent < 9) Pass(edge::kMessageMs / 10);
  }
  for (TcpPeer& peer : peers) {
    char byte;
    EXPECT_EQ(recv(peer.fd(), &byte, 1, MSG_DONTWAIT), -1);
    EXPECT_EQ(errno, EAGAIN) << "they still have a tenth of it";
  }
  Pass(edge::kMessageMs / 10);
  for (TcpPeer& peer : peers) EXPECT_EQ(peer.ReceiveEnd(), "RST");
  ExpectPhonesLive();
  EXPECT_EQ(Stop().tcp_timed_out, kPeers);
}

// As many as descriptors allow, 10,000 at most; then as many again, for which there is only room if
// the slots of the first came back.
TEST_F(ToolsHostileStreams, TenThousandIdleConnections) {
  rlimit files{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
  const rlimit before = files;
  files.rlim_cur = files.rlim_max;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
  // Both ends are ours.
  const size_t count = std::min<size_t>(10'000, (files.rlim_cur - 500) / 2);
  std::printf("idle connections: %zu (RLIMIT_NOFILE %zu)\n", count,
              static_cast<size_t>(files.rlim_cur));
  ASSERT_GE(count, 100u);

  settings_.limits.connections_per_source_max = static_cast<uint32_t>(count + 200);
  settings_.limits.connections_max = static_cast<uint32_t>(2 * count + 400);  // Strangers: half.
  Start();
  const size_t resident = ResidentBytes();
  for (int round = 0; round < 2; ++round) {
    std::vector<TcpPeer> peers;
    for (size_t i = 0; i < count; ++i) {
      peers.push_back(ToGm());
      if (i % 500 == 0) Turn();  // A listener's queue is shorter.
    }
    Turn();
    if (round == 0) {
      // Kilobytes, not buffers, for each.
      ExpectGrownByAtMost(count * 4096, resident);
      ExpectPhonesLive();
    }
    for (size_t i = 0; i < count; i += 97) {
      peers[i].Send(kPing);
      EXPECT_EQ(peers[i].Receive(kPong.size()), kPong) << i;
    }
    if (round == 0) {
      for (TcpPeer& peer : peers) peer.Reset();
      Turn();
    } else {
      Pass(edge::kGmConnectionMs);
      for (TcpPeer& peer : peers) EXPECT_EQ(peer.ReceiveEnd(), "RST");
    }
  }
  const edge::Stats& stats = Stop();
  EXPECT_GE(stats.tcp_accepted, 2 * count);
  EXPECT_EQ(stats.tcp_reset, count);
  EXPECT_GE(stats.tcp_timed_out, count);
  setrlimit(RLIMIT_NOFILE, &before);
}

TEST_F(ToolsHostileStreams, AMessageThatComesByteByByteIsAnsweredLikeAnyOther) {
  Start();
  const std::string text = Request("bytes", "", "0123456789");
  const auto by_bytes = [&](TcpPeer peer, const std::string& status) {
    for (const char byte : text) peer.Send({&byte, 1});
    const std::string answer = Receive(&peer, 1).at(0);
    EXPECT_TRUE(answer.starts_with("SIP/2.0 " + status)) << answer;
    EXPECT_NE(answer.find("\r\nCall-ID: bytes\r\nCSeq: 1 OPTIONS\r\n"), std::string::npos)
        << answer;
  };
  ExpectPhonesLiveBeside([&] {
    by_bytes(ToGm(), "403");
    by_bytes(ToCore(), "200");
  });
  Stop();
}

TEST_F(ToolsHostileStreams, AThousandMessagesInOneWriteAreAnsweredInOrder) {
  constexpr size_t kCount = 1'000;
  Start();
  std::string all;
  for (size_t i = 0; i < kCount; ++i) all += Request("m" + std::to_string(i));
  // However seldom this thread runs, its buffer and the worker's hold the answers.
  const auto pipeline = [&](const Endpoint& to, const std::string& status) {
    TcpPeer peer = TcpPeer::ConnectTo(to, "", 1 << 20);
    std::thread writer([&] { peer.Send(all); });
    const std::vector<std::string> answers = Receive(&peer, kCount);
    writer.join();
    ASSERT_EQ(answers.size(), kCount);
    for (size_t i = 0; i < kCount; ++i) {
      EXPECT_TRUE(answers[i].starts_with("SIP/2.0 " + status)) << answers[i];
      EXPECT_NE(answers[i].find("\r\nCall-ID: m" + std::to_string(i) + "\r\n"), std::string::npos);
    }
  };
  ExpectPhonesLiveBeside([&] {
    pipeline(settings_.gm.listen[0], "403");
    pipeline(settings_.core.listen, "200");
  });
  EXPECT_EQ(Stop().tcp_stalled, 0u);
}

TEST_F(ToolsHostileStreams, WhatIsTooLargeIsResetAndCounted) {
  Start();
  const auto is_reset = [&](const std::string& text) {
    TcpPeer peer = ToGm();
    // It may be reset before all is written.
    send(peer.fd(), text.data(), text.size(), MSG_NOSIGNAL);
    EXPECT_EQ(peer.ReceiveEnd(), "RST") << text.substr(0, 200);
  };
  const auto with_length = [](const std::string& length) {
    std::string text = Request("length");
    return text.replace(text.find("Content-Length: 0"), 17, "Content-Length: " + length);
  };
  const std::string headers(edge::kStreamLimits.headers_size_max, 'h');
  const std::string body_size = std::to_string(edge::kStreamLimits.body_size_max + 1);
  uint64_t rounds = 0;
  ExpectPhonesLiveBeside([&] {
    is_reset(Request("headers", "X: " + headers + "\r\n"));
    is_reset("OPTIONS " + headers);  // Not even a line.
    is_reset(with_length(body_size));
    is_reset(with_length("4294967295"));
    // Both in their limits, and too much together.
    is_reset(
        Request("both", "X: " + headers.substr(1000) + "\r\n",
                std::string(edge::kStreamLimits.message_size_max - headers.size() + 1000, 'b')));
    is_reset(with_length("4294967296"));
    is_reset(with_length("-1"));
    is_reset(with_length("0\r\nContent-Length: 1"));
    is_reset(with_length("0\r\nl: ten"));
    ++rounds;
  });
  const edge::Stats& stats = Stop();
  EXPECT_EQ(stats.drop_frame_size, 5 * rounds);
  EXPECT_EQ(stats.drop_frame_length, 4 * rounds);
}

TEST_F(ToolsHostileStreams, AResetAtEveryByteOfAMessageLeavesNothing) {
  Start();
  const std::string text = Request("reset", "X: " + std::string(500, 'x') + "\r\n");
  ASSERT_GT(text.size() - 1, edge::kFrameStorages / 2) << "more than strangers may take";
  uint64_t cut = 0;
  ExpectPhonesLiveBeside([&] {
    for (size_t size = 1; size < text.size(); ++size) {
      TcpPeer peer = ToGm();
      peer.Send(std::string(kPing) + text.substr(0, size));
      ASSERT_EQ(peer.Receive(kPong.size()), kPong);
      peer.Reset();
      ++cut;
    }
  });
  Turn();
  const edge::Stats& stats = Stop();
  EXPECT_EQ(stats.drop_frame_cut, cut);
  EXPECT_EQ(stats.tcp_reset, cut);
}

TEST_F(ToolsHostileStreams, GarbageIsResetAndCounted) {
  Start();
  std::mt19937 random(1);
  uint64_t count = 0;
  ExpectPhonesLiveBeside([&] {
    std::string garbage(edge::kStreamLimits.headers_size_max + 1, '\0');
    for (char& byte : garbage) byte = static_cast<char>(random());
    if (garbage[0] == '\0' || garbage[0] == '\r' || garbage[0] == '\n') garbage[0] = 'g';
    TcpPeer peer = ToGm();
    send(peer.fd(), garbage.data(), garbage.size(), MSG_NOSIGNAL);
    EXPECT_EQ(peer.ReceiveEnd(), "RST");
    ++count;
  });
  const edge::Stats& stats = Stop();
  EXPECT_GT(count, 0u);
  EXPECT_EQ(stats.drop_frame_size + stats.drop_frame_length, count);
}

// What is cut well and is no SIP costs its sender an answer or nothing, and the connection lives.
TEST_F(ToolsHostileStreams, FramesThatAreNoSipAreDroppedOrRefused) {
  Start();
  uint64_t count = 0;
  TcpPeer peer = ToGm();
  ExpectPhonesLiveBeside([&] {
    peer.Send("what is this\r\nContent-Length: 4\r\n\r\nbody");
    peer.Send(kPing);
    EXPECT_EQ(peer.Receive(kPong.size()), kPong);
    ++count;
  });
  EXPECT_EQ(Stop().drop_malformed, count);
}

TEST_F(ToolsHostileStreams, WhoDoesNotReadIsEnded) {
  constexpr size_t kPeers = 20;
  Start();
  const size_t resident = ResidentBytes();
  std::string many;
  for (int i = 0; i < 100; ++i) many += Request("deaf");
  std::vector<TcpPeer> peers;
  for (size_t i = 0; i < kPeers; ++i) {
    peers.push_back(TcpPeer::ConnectTo(settings_.gm.listen[0], "", 4096));
  }
  uint64_t ended = 0;
  ExpectPhonesLiveBeside([&] {
    for (TcpPeer& peer : peers) {
      if (peer.fd() < 0) continue;
      const ssize_t sent = send(peer.fd(), many.data(), many.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent >= 0 || errno == EAGAIN) continue;
      peer.Close();
      ++ended;
    }
    std::this_thread::yield();
  });
  // To the end: each has a bounded amount to say to itself.
  for (TcpPeer& peer : peers) {
    while (peer.fd() >= 0) {
      if (send(peer.fd(), many.data(), many.size(), MSG_NOSIGNAL) >= 0) continue;
      ASSERT_NE(errno, EAGAIN) << "held for five seconds";
      peer.Close();
      ++ended;
    }
  }
  EXPECT_EQ(ended, kPeers);
  // The receive buffers, of which every page may have been used by now, and what little is else.
  ExpectGrownByAtMost(
      size_t{edge::kReceiveBuffers.count} * edge::kReceiveBuffers.size + (size_t{32} << 20),
      resident);
  EXPECT_EQ(Stop().tcp_stalled, kPeers);
}

}  // namespace
}  // namespace tools
