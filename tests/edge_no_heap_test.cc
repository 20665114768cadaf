// A forwarded message takes nothing from the heap: not parsed, not decided, not edited, either way.

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "edge/connections.h"
#include "tests/edge_phone.h"
#include "tests/edge_vectors.h"
#include "tests/reactor_tcp_fixture.h"

namespace {

uint64_t heap_calls = 0;

}  // namespace

// Not inlined, or g++ takes malloc and free for a mismatched pair of new and delete.
[[gnu::noinline]] void* operator new(size_t size) {
  ++heap_calls;
  if (void* memory = std::malloc(size)) return memory;
  std::abort();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace edge {
namespace {

// Notes what a message became, without memory of its own.
class CountingActions final : public Actions {
 public:
  void Send(const Flow&, std::span<const std::string_view> pieces) override {
    ++sends;
    for (const std::string_view piece : pieces) bytes += piece.size();
  }
  void Disconnect(const Flow&) override {}
  void Install(SetId, std::span<const xfrm::Sa>) override { ++others; }
  void Extend(SetId, std::span<const xfrm::Sa>, std::span<const xfrm::Sa>) override { ++others; }
  void Delete(SetId, const SaIds&, bool) override { ++others; }
  void Look(SetId, std::span<const xfrm::SaId>) override {}
  void Report(const Attempt&) override { ++others; }

  size_t sends = 0;
  size_t bytes = 0;
  size_t others = 0;
};

class EdgeNoHeap : public EdgeVectors {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "the sanitizer keeps the heap to itself";
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    GTEST_SKIP() << "the sanitizer keeps the heap to itself";
#endif
#endif
    Register();
  }

  // Heap calls of one such message, once the first has warmed what there is to warm.
  uint64_t HeapCallsOf(const std::string& text, std::string_view from, std::string_view to) {
    std::string padded = text;
    padded.append(sip::kPaddingSize, '\0');
    const Flow flow{world_.PortAt(to), At(from)};
    const auto bytes = sip::PaddedView::Promise({padded.data(), text.size()});
    CountingActions actions;
    world_.Deliver(from, to, text);  // A name in its Route is looked up once.
    EXPECT_NE(world_.Pop().text, "") << text;
    world_.core().OnMessage(flow, bytes, world_.now_ms(), &actions);
    EXPECT_EQ(actions.sends, 1u) << text;
    const uint64_t before = heap_calls;
    for (int i = 0; i < 100; ++i) {
      world_.core().OnMessage(flow, bytes, world_.now_ms(), &actions);
    }
    const uint64_t calls = heap_calls - before;
    EXPECT_EQ(actions.sends, 101u);
    EXPECT_EQ(actions.others, 0u);
    EXPECT_GT(actions.bytes, 100 * text.size() / 2);
    return calls;
  }
};

TEST_F(EdgeNoHeap, TheCounterCounts) {
  const uint64_t before = heap_calls;
  int* volatile number = new int;  // Or the pair may be optimised away.
  delete number;
  EXPECT_EQ(heap_calls, before + 1);
}

TEST_F(EdgeNoHeap, AnInviteOfAPhoneAndItsAnswer) {
  const std::string invite = names_.ToOurs(Vector("13_invite_mo_from_ue.sip"));
  EXPECT_EQ(HeapCallsOf(invite, kUeClient, kServer), 0u);
  world_.Deliver(kUeClient, kServer, invite);
  const std::string forwarded = world_.Pop().text;
  std::string answer = "SIP/2.0 180 Ringing\r\n";
  answer += forwarded.substr(forwarded.find("Via:"));
  EXPECT_EQ(HeapCallsOf(answer, kScscf, kCore), 0u);
}

TEST_F(EdgeNoHeap, AnInviteWhoseRouteIsANameThatDnsKnows) {
  world_.set_answers_dns(true);
  world_.Advance(600'000);  // What DNS did not know is asked again.
  const std::string invite = names_.ToOurs(Vector("13_invite_mo_from_ue.sip"));
  world_.Deliver(kUeClient, kServer, invite);
  world_.Resolved({{At("10.0.0.30:6060"), Transport::kUdp}}, 3600);
  EXPECT_EQ(world_.Pop().to, "10.0.0.30:6060");
  EXPECT_EQ(HeapCallsOf(invite, kUeClient, kServer), 0u);
}

TEST_F(EdgeNoHeap, AMessageAndItsLineInTheAccessLog) {
  Template format;
  std::string error;
  ASSERT_TRUE(Template::Parse("$rm $ci $ipsec(ip):$ipsec(port-s) $ipsec_ue(spi-c) $ipsec(alg)",
                              &format, &error));
  world_.settings().log.access_format = format;
  const std::string invite = names_.ToOurs(Vector("13_invite_mo_from_ue.sip"));
  EXPECT_EQ(HeapCallsOf(invite, kUeClient, kServer), 0u);
}

TEST_F(EdgeNoHeap, HeaderLinesBothWays) {
  HeaderLine line;
  line.name = "X-IPsec";
  std::string error;
  ASSERT_TRUE(Template::Parse("$ipsec(ip) $ipsec_ue(spi-c) $ipsec(ik)", &line.value, &error));
  world_.settings().headers.push_back(line);
  line.direction = Direction::kToPhone;
  world_.settings().headers.push_back(line);
  const std::string invite = names_.ToOurs(Vector("13_invite_mo_from_ue.sip"));
  const std::string forged = Replaced(invite, "Max-Forwards", "x-ipsec: a\r\nMax-Forwards");
  EXPECT_EQ(HeapCallsOf(forged, kUeClient, kServer), 0u);
  world_.Deliver(kUeClient, kServer, forged);
  EXPECT_EQ(HeapCallsOf(Answer(world_.Pop().text, 180), kScscf, kCore), 0u);
}

TEST_F(EdgeNoHeap, AnInviteToAPhoneAndItsAnswer) {
  const std::string invite = names_.ToOurs(Vector("15_invite_mt_from_scscf.sip"));
  EXPECT_EQ(HeapCallsOf(invite, kScscf, kCore), 0u);
  Step("15_invite_mt_from_scscf.sip", kScscf, kCore);
  Expect("16_invite_mt_to_ue.sip", kClient, kUeServer, {kViaParams, kRecordRoute});
  EXPECT_EQ(HeapCallsOf(names_.ToOurs(Vector("17_180_mt_from_ue.sip")), kUeClient, kServer), 0u);
}

TEST_F(EdgeNoHeap, AMessageInClearBothWaysAndItsAnswers) {
  world_.settings().gm.sec_agree = SecAgree::kOff;
  TestPhone phone;
  phone.address = "198.51.100.78";
  const std::string self = phone.Impi();
  world_.Deliver(phone.Clear(), phone.Gm(),
                 phone.Request("REGISTER", "sip:x", 5060,
                               "Contact: <sip:a@" + phone.Clear() +
                                   ">\r\nAuthorization: Digest username=\"" + self + "\"\r\n"));
  const std::string registered = world_.Pop().text;
  world_.Deliver(kScscf, kCore, Answer(registered, 200, "Expires: 600\r\n"));
  ASSERT_EQ(StatusOf(world_.Pop().text), 200);

  const std::string request = phone.Request("OPTIONS", "sip:b@x", 5060, "");
  EXPECT_EQ(HeapCallsOf(request, phone.Clear(), phone.Gm()), 0u);
  world_.Deliver(phone.Clear(), phone.Gm(), request);
  EXPECT_EQ(HeapCallsOf(Answer(world_.Pop().text, 200), kScscf, kCore), 0u);

  const std::string path = ValueOf(registered, "Path");
  const std::string mt = Replaced(
      request, "Max-Forwards", "Route: " + path.substr(0, path.find('>') + 1) + "\r\nMax-Forwards");
  EXPECT_EQ(HeapCallsOf(mt, kScscf, kCore), 0u);
  world_.Deliver(kScscf, kCore, mt);
  EXPECT_EQ(HeapCallsOf(Answer(world_.Pop().text, 200), phone.Clear(), phone.Gm()), 0u);
}

TEST_F(EdgeNoHeap, ARuleIsFoundAndWhatHoldsUnderIt) {
  Settings settings;
  settings.rules.resize(2);
  settings.rules[0].impi = Glob::Parse("2*");
  settings.rules[1].user_agent = Glob::Parse("*Phone*");
  settings.rules[1].algos = AlgorithmList::All();
  const reactor::Endpoint source = At("192.0.2.1:5060");
  const std::string user_agent = "A Phone of a long name that no string keeps within itself";
  const uint64_t before = heap_calls;
  const RuleIndex rule = FindRule(settings.rules, {source, "realm", user_agent, "001@realm"});
  const Policy policy = PolicyOf(settings, rule);
  EXPECT_EQ(heap_calls, before);
  EXPECT_EQ(policy.rule, 2);
}

// Sends each message back on its connection, with a line of its own.
class Answerer final : public ConnectionSink {
 public:
  bool OnConnection(const Flow&) override { return true; }
  void OnDisconnection(const Flow&) override {}
  bool IsInClear(const Flow&) override { return false; }
  void OnStreamMessage(const Flow& flow, sip::PaddedView text,
                       reactor::BufferLease lease) override {
    ++count;
    const std::string_view pieces[] = {text.bytes().substr(0, 10), "Via: ours\r\n",
                                       text.bytes().substr(10)};
    connections->Send(flow, pieces, lease);
  }
  void SendOverUdp(const Flow&, std::string_view) override {}

  Connections* connections = nullptr;
  int count = 0;
};

TEST_F(EdgeNoHeap, AMessageOverTcpAndItsAnswer) {
  const std::unique_ptr<reactor::Reactor> reactor = reactor::MakeReactor();
  std::string error;
  const auto buffers = reactor::BufferRing::Create(reactor.get(), {.count = 16}, &error);
  reactor::SendPool sends({.slots = 64});
  Settings settings;
  settings.limits.connections_max = 16;
  reactor::Endpoint local;
  reactor::TcpPeer::ListenAt("127.0.0.1:0", &local).Close();
  const std::vector<Port> ports = {MakePort(Side::kCore, local)};
  Stats stats;
  Answerer answerer;
  Connections connections(settings, &ports, &stats, &answerer);
  answerer.connections = &connections;
  ASSERT_TRUE(connections.Open(reactor.get(), buffers.get(), buffers.get(), &sends, 1, {}, &error))
      << error;
  reactor::TcpPeer peer = reactor::TcpPeer::ConnectTo(local);
  const std::string message = "OPTIONS sip:a SIP/2.0\r\nContent-Length: 3\r\n\r\nabc";
  char answer[256];
  // In one piece, and in two, that are put together.
  const auto round = [&](size_t cut) {
    const int before = answerer.count;
    for (const std::string_view part :
         {std::string_view(message).substr(0, cut), std::string_view(message).substr(cut)}) {
      if (!part.empty()) send(peer.fd(), part.data(), part.size(), 0);
      reactor->SubmitAndWait(10'000);
      reactor->Dispatch();
      connections.OnTime(2);
    }
    for (int i = 0; i < 100 && (answerer.count == before || sends.in_flight() > 0); ++i) {
      reactor->SubmitAndWait(10'000);
      reactor->Dispatch();
    }
    return recv(peer.fd(), answer, sizeof(answer), 0);
  };
  const ssize_t size = static_cast<ssize_t>(message.size() + sizeof("Via: ours\r\n") - 1);
  ASSERT_EQ(round(message.size()), size);
  ASSERT_EQ(round(9), size);
  const uint64_t before = heap_calls;
  for (size_t cut = 1; cut <= message.size(); ++cut) ASSERT_EQ(round(cut), size);
  EXPECT_EQ(heap_calls, before);
  connections.Close();
  EXPECT_TRUE(reactor::RunUntil(reactor.get(), [&] { return connections.closed(); }));
}

}  // namespace
}  // namespace edge
