#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>

#include "reactor/datagram.h"
#include "tests/reactor_udp_fixture.h"

namespace reactor {
namespace {

using testing::HasSubstr;
using Slices = std::vector<std::string_view>;

constexpr size_t kHeadSize = 16 + 28;  // What the kernel puts before the payload.

class ReactorDatagram : public UdpFixture {};

class ReactorDatagramOf : public UdpFixture, public testing::WithParamInterface<const char*> {};

INSTANTIATE_TEST_SUITE_P(Family, ReactorDatagramOf, testing::Values("127.0.0.1:0", "[::1]:0"));

TEST_P(ReactorDatagramOf, ReceivesAndAnswers) {
  DatagramPort* const port = Open(GetParam());
  EXPECT_NE(port->local().port(), 0);
  EXPECT_TRUE(SameAddress(port->local(), At(GetParam())));
  on_datagram_ = [](DatagramPort& to, const Datagram& datagram, const BufferLease& lease) {
    const Slices slices = {datagram.payload, " and back"};
    EXPECT_TRUE(to.Send(datagram.from, slices, lease));
  };
  Peer peer(GetParam());
  for (int i = 0; i < 20; ++i) {
    peer.Send(port->local(), "there " + std::to_string(i));
    ASSERT_TRUE(WaitFor(received_.size() + 1));
    reactor_->SubmitAndWait(0);
    Endpoint from;
    EXPECT_EQ(peer.Receive(&from), "there " + std::to_string(i) + " and back");
    EXPECT_TRUE(from == port->local());
    EXPECT_TRUE(received_.back().from == peer.local()) << Text(received_.back().from);
  }
  EXPECT_TRUE(WaitForSends());
  EXPECT_EQ(port->counters().received, 20u);
  EXPECT_EQ(port->counters().sent, 20u);
}

TEST_P(ReactorDatagramOf, CarriesLargeMessages) {
  Build({.count = 4, .size = 65536}, {});
  DatagramPort* const port = Open(GetParam());
  on_datagram_ = [](DatagramPort& to, const Datagram& datagram, const BufferLease& lease) {
    EXPECT_TRUE(to.Send(datagram.from, Slices{datagram.payload}, lease));
  };
  Peer peer(GetParam());
  for (const size_t size : {size_t{1}, size_t{1200}, size_t{60'000}, size_t{65'000}}) {
    std::string text(size, 'm');
    for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7);
    peer.Send(port->local(), text);
    ASSERT_TRUE(WaitFor(received_.size() + 1));
    ASSERT_TRUE(WaitForSends());
    EXPECT_EQ(peer.Receive(), text) << size;
  }
  EXPECT_EQ(port->counters().receive_truncated, 0u);
}

TEST_F(ReactorDatagram, TwoPortsShareBuffersAndPool) {
  DatagramPort* const v4 = Open("127.0.0.1:0");
  DatagramPort* const v6 = Open("[::1]:0");
  EXPECT_EQ(v4->tag(), 0u);
  EXPECT_EQ(v6->tag(), 1u);
  std::vector<uint32_t> tags;
  on_datagram_ = [&](DatagramPort& port, const Datagram&, const BufferLease&) {
    tags.push_back(port.tag());
  };
  Peer peer4("127.0.0.1:0");
  Peer peer6("[::1]:0");
  peer4.Send(v4->local(), "four");
  ASSERT_TRUE(WaitFor(1));
  peer6.Send(v6->local(), "six");
  ASSERT_TRUE(WaitFor(2));
  EXPECT_EQ(tags, (std::vector<uint32_t>{0, 1}));
}

TEST_F(ReactorDatagram, SaysWhenADatagramWasLargerThanABuffer) {
  Build({.count = 4, .size = 1024}, {});
  DatagramPort* const port = Open("127.0.0.1:0");
  Peer peer("127.0.0.1:0");
  peer.Send(port->local(), std::string(1024 - kHeadSize, 'a'));
  peer.Send(port->local(), std::string(1024 - kHeadSize + 1, 'b'));
  peer.Send(port->local(), "c");
  ASSERT_TRUE(WaitFor(3));
  EXPECT_FALSE(received_[0].truncated);
  EXPECT_EQ(received_[0].payload.size(), 1024 - kHeadSize);
  EXPECT_TRUE(received_[1].truncated);
  EXPECT_EQ(received_[1].payload.size(), 1024 - kHeadSize);
  EXPECT_FALSE(received_[2].truncated);
  EXPECT_EQ(port->counters().received, 3u);
  EXPECT_EQ(port->counters().receive_truncated, 1u);
}

TEST_F(ReactorDatagram, EmptyDatagramsDoNotEndTheReceive) {
  DatagramPort* const port = Open("127.0.0.1:0");
  Peer peer("127.0.0.1:0");
  for (int i = 0; i < 10; ++i) peer.Send(port->local(), "");
  peer.Send(port->local(), "still there");
  ASSERT_TRUE(WaitFor(11));
  EXPECT_EQ(received_[0].payload, "");
  EXPECT_EQ(received_.back().payload, "still there");
}

TEST_F(ReactorDatagram, PointsIntoTheLeaseAndCopiesTheRest) {
  DatagramPort* const port = Open("127.0.0.1:0");
  Peer peer("127.0.0.1:0");
  std::string_view lent;
  BufferLease lease = Lend(&peer, port, "REGISTER sip:home SIP/2.0", &lent);
  const int available = buffers_->available();

  char text[] = "Via: ours;";
  const Slices slices = {lent.substr(0, 9), text,           "", " Path: x;",
                         lent.substr(9, 4), lent.substr(13)};
  ASSERT_TRUE(port->Send(peer.local(), slices, lease));
  // Until the kernel is done, the lent bytes are the ones that count and the others are free.
  std::memcpy(text, "???", 3);
  std::memcpy(const_cast<char*>(lent.data()), "register", 8);
  lease = BufferLease();
  EXPECT_EQ(buffers_->available(), available);
  ASSERT_TRUE(WaitForSends());
  EXPECT_EQ(buffers_->available(), available + 1);
  EXPECT_EQ(peer.Receive(), "register Via: ours; Path: x;sip:home SIP/2.0");
}

TEST_F(ReactorDatagram, KeepsNoLeaseThatNothingPointsInto) {
  DatagramPort* const port = Open("127.0.0.1:0");
  Peer peer("127.0.0.1:0");
  std::string_view lent;
  BufferLease lease = Lend(&peer, port, "x", &lent);
  ASSERT_TRUE(port->Send(peer.local(), Slices{"SIP/2.0 100 Trying"}, lease));
  lease = BufferLease();
  EXPECT_EQ(buffers_->available(), buffers_->options().count);
  ASSERT_TRUE(port->Send(peer.local(), Slices{"no lease"}, BufferLease()));
  ASSERT_TRUE(port->Send(peer.local(), Slices{}, BufferLease()));
  ASSERT_TRUE(WaitForSends());
  EXPECT_EQ(peer.Receive(), "SIP/2.0 100 Trying");
  EXPECT_EQ(peer.Receive(), "no lease");
  EXPECT_EQ(peer.Receive(), "");
}

TEST_F(ReactorDatagram, SendsManySlicesInOrder) {
  DatagramPort* const port = Open("127.0.0.1:0");
  Peer peer("127.0.0.1:0");
  std::string_view lent;
  const BufferLease lease = Lend(&peer, port, std::string(255, 'l'), &lent);
  for (const size_t count : {size_t{64}, size_t{65}, size_t{255}}) {
    // Every other one is lent, and none can be joined with its neighbour.
    Slices slices;
    std::string expected;
    for (size_t i = 0; i < count; ++i) {
      slices.push_back(i % 2 == 0 ? "copied" : lent.substr(255 - i, 1));
      expected += slices.back();
    }
    ASSERT_TRUE(port->Send(peer.local(), slices, lease));
    ASSERT_TRUE(WaitForSends());
    EXPECT_EQ(peer.Receive(), expected) << count;
  }
  EXPECT_EQ(port->counters().sent, 3u);
}

TEST_F(ReactorDatagram, RefusesWhatNoDatagramCanHold) {
  DatagramPort* const port = Open("127.0.0.1:0");
  Peer peer("127.0.0.1:0");
  const std::string large(65507, 'x');
  EXPECT_TRUE(port->Send(peer.local(), Slices{large}, BufferLease()));
  EXPECT_FALSE(port->Send(peer.local(), Slices{large, "y"}, BufferLease()));
  EXPECT_FALSE(port->Send(peer.local(), Slices(256, "z"), BufferLease()));
  EXPECT_EQ(port->counters().send_errors, 2u);
  EXPECT_EQ(port->counters().last_send_errno, EMSGSIZE);
  ASSERT_TRUE(WaitForSends());
  EXPECT_EQ(peer.Receive(), large);
}

TEST_F(ReactorDatagram, CountsWhatTheKernelRefuses) {
  DatagramPort* const port = Open("127.0.0.1:0");
  EXPECT_TRUE(port->Send(At("127.0.0.1:0"), Slices{"x"}, BufferLease()));
  EXPECT_TRUE(port->Send(At("[::1]:5060"), Slices{"x"}, BufferLease()));
  ASSERT_TRUE(WaitForSends());
  EXPECT_EQ(port->counters().sent, 0u);
  EXPECT_EQ(port->counters().send_errors, 2u);
  EXPECT_EQ(port->counters().last_send_errno, EAFNOSUPPORT);
}

TEST_F(ReactorDatagram, RunningOutOfBuffersIsLoad) {
  Build({.count = 4, .size = 2048}, {});
  DatagramPort* const port = Open("127.0.0.1:0");
  DatagramPort* const other = Open("127.0.0.1:0");
  Peer peer("127.0.0.1:0");
  for (int i = 0; i < 300; ++i) {
    peer.Send(port->local(), std::to_string(i));
    if (i % 3 == 0) peer.Send(other->local(), "other");
  }
  std::vector<std::string> seen;
  on_datagram_ = [&](DatagramPort& at, const Datagram& datagram, const BufferLease&) {
    if (&at == port) seen.emplace_back(datagram.payload);
  };
  ASSERT_TRUE(WaitFor(400));
  ASSERT_EQ(seen.size(), 300u);
  for (int i = 0; i < 300; ++i) EXPECT_EQ(seen[static_cast<size_t>(i)], std::to_string(i));
  EXPECT_GT(port->counters().receive_no_buffers, 0u);
  EXPECT_EQ(port->counters().receive_errors, 0u);
}

TEST_F(ReactorDatagram, WaitsQuietlyUntilABufferIsBack) {
  Build({.count = 4, .size = 2048}, {});
  DatagramPort* const port = Open("127.0.0.1:0");
  Peer peer("127.0.0.1:0");
  on_datagram_ = [&](DatagramPort&, const Datagram&, BufferLease lease) {
    leases_.push_back(std::move(lease));
  };
  for (int i = 0; i < 10; ++i) peer.Send(port->local(), "x");
  ASSERT_TRUE(WaitFor(4));
  RunIdle(reactor_.get(), 5);
  const uint64_t completions = reactor_->completions();
  const uint64_t no_buffers = port->counters().receive_no_buffers;
  EXPECT_GE(no_buffers, 1u);
  RunIdle(reactor_.get(), 20);
  EXPECT_EQ(reactor_->completions(), completions);  // No hot loop.
  EXPECT_EQ(received_.size(), 4u);

  leases_.pop_back();
  EXPECT_TRUE(WaitFor(5));
  leases_.clear();
  EXPECT_TRUE(WaitFor(8));
  on_datagram_ = nullptr;
  leases_.clear();
  EXPECT_TRUE(WaitFor(10));
}

TEST_F(ReactorDatagram, ClosesWithSendsUnderWay) {
  DatagramPort* const port = Open("127.0.0.1:0");
  const Endpoint local = port->local();
  Peer peer("127.0.0.1:0");
  std::string_view lent;
  BufferLease lease = Lend(&peer, port, "payload", &lent);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(port->Send(peer.local(), Slices{lent}, lease));
  lease = BufferLease();
  port->Close();
  port->Close();  // No effect.
  EXPECT_FALSE(port->closed());
  EXPECT_FALSE(port->Send(peer.local(), Slices{"too late"}, BufferLease()));
  ASSERT_TRUE(RunUntil(reactor_.get(), [&] { return port->closed(); }));
  EXPECT_EQ(port->counters().sent, 50u);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(peer.Receive(), "payload");
  peer.Send(local, "to nobody");
  RunIdle(reactor_.get(), 3);
  EXPECT_EQ(received_.size(), 1u);
}

TEST_F(ReactorDatagram, ClosesWhileItWaitsForBuffers) {
  Build({.count = 2, .size = 2048}, {});
  DatagramPort* const port = Open("127.0.0.1:0");
  Peer peer("127.0.0.1:0");
  on_datagram_ = [&](DatagramPort&, const Datagram&, BufferLease lease) {
    leases_.push_back(std::move(lease));
  };
  for (int i = 0; i < 5; ++i) peer.Send(port->local(), "x");
  ASSERT_TRUE(RunUntil(reactor_.get(), [&] { return port->counters().receive_no_buffers > 0; }));
  port->Close();
  EXPECT_TRUE(port->closed());
  ports_.clear();
  leases_.clear();  // Wakes nobody.
  RunIdle(reactor_.get(), 2);
}

TEST_F(ReactorDatagram, MayBeClosedFromItsOwnHandlerUnderLoad) {
  DatagramPort* const port = Open("127.0.0.1:0");
  Peer peer("127.0.0.1:0");
  for (int i = 0; i < 40; ++i) peer.Send(port->local(), i == 20 ? "" : "x");
  on_datagram_ = [&](DatagramPort& at, const Datagram& datagram, const BufferLease& lease) {
    at.Send(datagram.from, Slices{datagram.payload}, lease);
    at.Close();
    EXPECT_FALSE(at.closed());  // It is on the stack.
  };
  ASSERT_TRUE(RunUntil(reactor_.get(), [&] { return port->closed(); }));
}

TEST_F(ReactorDatagram, ClosesBeforeItsReceiveWasEverSubmitted) {
  DatagramPort* const port = Open("127.0.0.1:0");
  port->Close();
  ASSERT_TRUE(RunUntil(reactor_.get(), [&] { return port->closed(); }));
}

TEST_F(ReactorDatagram, MayOutliveTheReactor) {
  DatagramPort* const port = Open("127.0.0.1:0");
  Peer peer("127.0.0.1:0");
  std::string_view lent;
  BufferLease lease = Lend(&peer, port, "payload", &lent);
  ASSERT_TRUE(port->Send(peer.local(), Slices{lent}, lease));
  lease = BufferLease();
  reactor_.reset();
  ports_.clear();
  pool_.reset();
  buffers_.reset();
}

TEST_F(ReactorDatagram, OpenSaysWhatIsWrong) {
  DatagramPort* const port = Open("127.0.0.1:0");
  std::string error;
  const auto open = [&](const DatagramOptions& options) {
    return DatagramPort::Open(reactor_.get(), buffers_.get(), pool_.get(), options, this, 0,
                              &error);
  };
  EXPECT_EQ(open({.local = port->local()}), nullptr);
  EXPECT_THAT(error, HasSubstr(Text(port->local()) + ": bind: Address already in use"));

  Build({.count = 4, .size = 44}, {});
  EXPECT_EQ(open({.local = At("127.0.0.1:0")}), nullptr);
  EXPECT_THAT(error, HasSubstr("no room"));

  const std::unique_ptr<Reactor> small = MakeReactor({.files_max = 1});
  const std::unique_ptr<BufferRing> buffers = BufferRing::Create(small.get(), {}, &error);
  EXPECT_EQ(small->RegisterFile(0), 0);
  EXPECT_EQ(DatagramPort::Open(small.get(), buffers.get(), pool_.get(),
                               {.local = At("127.0.0.1:0")}, this, 0, &error),
            nullptr);
  EXPECT_THAT(error, HasSubstr("file slots"));
}

// ICMP tells the socket, not the datagram: those of others, before and after it, arrive.
TEST_P(ReactorDatagramOf, SaysWhomItCannotReachAndReachesTheOthers) {
  DatagramPort* const port = Open(GetParam(), true);
  Peer there(GetParam());
  Endpoint nobody;
  { nobody = Peer(GetParam()).local(); }
  constexpr size_t kRounds = 200;
  constexpr size_t kAtOnce = 16;
  size_t again = 0;
  // Whoever is told may ask there once more, and what failed for the first question goes out again
  // behind the second.
  on_unreachable_ = [&](DatagramPort& from, const Endpoint& to) {
    if (again == 0) return;
    --again;
    EXPECT_TRUE(from.Send(to, Slices{"lost again"}, {}));
  };
  for (size_t i = 0; i < kRounds; ++i) {
    again = kAtOnce;
    for (size_t j = 0; j < kAtOnce; ++j) {
      ASSERT_TRUE(port->Send(nobody, Slices{"lost"}, {}));
      ASSERT_TRUE(port->Send(there.local(), Slices{"found ", std::to_string(i)}, {}));
    }
    there.Send(port->local(), "back");
    ASSERT_TRUE(WaitFor(i + 1));
    ASSERT_TRUE(WaitForSends());
    for (size_t j = 0; j < kAtOnce; ++j) ASSERT_EQ(there.Receive(), "found " + std::to_string(i));
  }
  EXPECT_TRUE(WaitForSends());
  EXPECT_TRUE(RunUntil(reactor_.get(), [&] { return !unreachable_.empty(); }));
  for (const Endpoint& to : unreachable_) EXPECT_TRUE(to == nobody) << Text(to);
  EXPECT_EQ(port->counters().send_errors, 0u);
  EXPECT_EQ(port->counters().receive_errors, 0u);
}

// Nobody may broadcast who has not asked to (SO_BROADCAST): EACCES, from the call itself.
TEST_F(ReactorDatagram, SaysSoWhenTheKernelWillNotEvenSend) {
  DatagramPort* const port = Open("127.0.0.1:0", true);
  const Endpoint far = At("127.255.255.255:5060");
  ASSERT_TRUE(port->Send(far, Slices{"lost"}, {}));
  EXPECT_TRUE(WaitForSends());
  EXPECT_EQ(port->counters().send_errors, 1u);
  ASSERT_EQ(unreachable_.size(), 1u) << strerror(port->counters().last_send_errno);
  EXPECT_TRUE(unreachable_[0] == far);
}

TEST_P(ReactorDatagramOf, KeepsQuietAboutItWhereNobodyAsked) {
  DatagramPort* const port = Open(GetParam());
  Endpoint nobody;
  { nobody = Peer(GetParam()).local(); }
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(port->Send(nobody, Slices{"lost"}, {}));
  EXPECT_TRUE(WaitForSends());
  Peer there(GetParam());
  there.Send(port->local(), "here");
  EXPECT_TRUE(WaitFor(1));
  EXPECT_TRUE(unreachable_.empty());
  EXPECT_EQ(port->counters().sent, 20u);
}

}  // namespace
}  // namespace reactor
