// The pool as its ports see it: what happens at each of its limits.
#include <cerrno>

#include "tests/reactor_udp_fixture.h"

namespace reactor {
namespace {

using Slices = std::vector<std::string_view>;

class ReactorSendPool : public UdpFixture {
 protected:
  bool SendText(DatagramPort* port, const Peer& peer, size_t size) {
    return port->Send(peer.local(), Slices{std::string(size, 't')}, BufferLease());
  }
};

TEST_F(ReactorSendPool, DropsAndCountsWhenEverySlotIsTaken) {
  Build({.count = 4}, {.slots = 2});
  DatagramPort* const first = Open("127.0.0.1:0");
  DatagramPort* const second = Open("127.0.0.1:0");
  const Peer peer("127.0.0.1:0");
  for (int round = 1; round <= 3; ++round) {
    EXPECT_TRUE(SendText(first, peer, 1));
    EXPECT_TRUE(SendText(second, peer, 1));
    EXPECT_FALSE(SendText(first, peer, 1));
    EXPECT_EQ(pool_->in_flight(), 2);
    ASSERT_TRUE(WaitForSends());
    EXPECT_EQ(first->counters().send_no_slot, static_cast<uint64_t>(round));
  }
  EXPECT_EQ(second->counters().send_no_slot, 0u);
  EXPECT_EQ(first->counters().sent, 3u);
  EXPECT_EQ(first->counters().send_errors, 0u);
}

TEST_F(ReactorSendPool, TakesALargeSlotWhenTheTextDoesNotFit) {
  Build({.count = 4},
        {.slots = 8, .slot_text_size = 100, .large_slots = 1, .large_text_size = 1000});
  DatagramPort* const port = Open("127.0.0.1:0");
  Peer peer("127.0.0.1:0");
  for (int round = 0; round < 3; ++round) {
    EXPECT_TRUE(SendText(port, peer, 100));
    EXPECT_TRUE(SendText(port, peer, 101));
    EXPECT_FALSE(SendText(port, peer, 101));  // The only large one is under way.
    EXPECT_TRUE(SendText(port, peer, 100));
    ASSERT_TRUE(WaitForSends());
    EXPECT_EQ(peer.Receive(), std::string(100, 't'));
    EXPECT_EQ(peer.Receive(), std::string(101, 't'));
    EXPECT_EQ(peer.Receive(), std::string(100, 't'));
  }
  EXPECT_EQ(port->counters().send_no_slot, 3u);
  EXPECT_FALSE(SendText(port, peer, 1001));  // No slot will ever hold it.
  EXPECT_EQ(port->counters().send_errors, 1u);
  EXPECT_EQ(port->counters().last_send_errno, EMSGSIZE);
}

TEST_F(ReactorSendPool, LentBytesNeedNoText) {
  Build({.count = 4}, {.slots = 1, .slot_text_size = 4, .large_slots = 0});
  DatagramPort* const port = Open("127.0.0.1:0");
  Peer peer("127.0.0.1:0");
  std::string_view lent;
  const BufferLease lease = Lend(&peer, port, std::string(3000, 'l'), &lent);
  EXPECT_TRUE(port->Send(peer.local(), Slices{lent, "four"}, lease));
  ASSERT_TRUE(WaitForSends());
  EXPECT_EQ(peer.Receive(), std::string(3000, 'l') + "four");
  EXPECT_FALSE(port->Send(peer.local(), Slices{lent, "five5"}, lease));
}

TEST_F(ReactorSendPool, SlotsKeepTheirSendsApart) {
  DatagramPort* const port = Open("127.0.0.1:0");
  Peer peers[3] = {Peer("127.0.0.1:0"), Peer("127.0.0.1:0"), Peer("127.0.0.1:0")};
  for (int i = 0; i < 300; ++i) {
    EXPECT_TRUE(port->Send(peers[i % 3].local(), Slices{"n", std::to_string(i)}, BufferLease()));
  }
  EXPECT_EQ(pool_->in_flight(), 300);
  ASSERT_TRUE(WaitForSends());
  for (int i = 0; i < 300; ++i) EXPECT_EQ(peers[i % 3].Receive(), "n" + std::to_string(i));
}

}  // namespace
}  // namespace reactor
