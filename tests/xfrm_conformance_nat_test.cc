// One suite, two kernels: SAs in UDP tunnels, for phones behind a NAT (RFC 3948, TS 33.203 annex
// M).
#include <poll.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/xfrm_conformance.h"

namespace xfrm {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint16_t kNatPort = 61000;
constexpr uint16_t kUdpPort = 4500;

class XfrmConformanceNat : public EspKernelTest {
 protected:
  // From the phone to us, or back.
  Sa TunnelSa(Direction direction, const Selector& flow = SampleSelector()) {
    Sa sa = SampleSa(&keys_);
    sa.direction = direction;
    sa.selector = flow;
    sa.tunnel = {flow.source, flow.destination, kNatPort, kUdpPort};
    if (direction == Direction::kIn) return sa;
    sa.selector = {flow.destination, flow.source, flow.destination_port, flow.source_port};
    sa.tunnel = {flow.destination, flow.source, kUdpPort, kNatPort};
    return sa;
  }
  // A packet of the vectors that these SAs can decrypt.
  static nlohmann::json Packet() {
    std::ifstream stream(GMEDGE_SOURCE_DIR "/tests/data/vectors/esp_packets.json");
    const nlohmann::json vectors = nlohmann::json::parse(stream);
    for (const nlohmann::json& packet : vectors.at("packets")) {
      if (packet.at("alg") == "hmac-sha-1-96" && packet.at("ealg") == "aes-cbc") return packet;
    }
    ADD_FAILURE() << "no such packet";
    return {};
  }
  // Lets ESP of an SA come in from a port of the phone's address; what the kernel tells of it.
  std::vector<Reply> ReceiveFrom(const Sa& sa, uint16_t port);
};

INSTANTIATE_TEST_SUITE_P(Kernel, XfrmConformanceNat, ::testing::Values(Which::kFake, Which::kReal),
                         NameOf);

// By a packet of the vectors. It was made for transport mode, so behind the decryption, where the
// kernel looks at where it came from, it is dropped.
std::vector<Reply> XfrmConformanceNat::ReceiveFrom(const Sa& sa, uint16_t port) {
  if (GetParam() == Which::kFake) {
    Datagrams events;
    auto* fake = static_cast<FakeKernelUnderTest*>(kernel_.get());
    EXPECT_TRUE(
        fake->fake().ReceiveInUdp(sa.id(), sa.tunnel.source, port, kernel_->Now(), &events));
    return ReadAll(events);
  }
  const Socket phone(AF_INET, SOCK_DGRAM, 0);
  EXPECT_TRUE(phone.Bind(sa.tunnel.source, port));
  EXPECT_TRUE(phone.SendTo(sa.tunnel.destination, kUdpPort, FromHex(Packet().at("esp"))));
  return ReadAll(kernel_->Wait(1));
}

TEST_P(XfrmConformanceNat, ShowsTheTunnelOfAnSa) {
  for (const Direction direction : {Direction::kIn, Direction::kOut}) {
    for (const Selector& flow : {SampleSelector(), SampleSelector6()}) {
      const Sa sa = TunnelSa(direction, flow);
      ASSERT_EQ(Add(sa), kOk);
      const std::vector<SaInfo> sas = Get(sa.id());
      ASSERT_THAT(sas, SizeIs(1));
      EXPECT_EQ(sas[0].tunnel, sa.tunnel);
      EXPECT_EQ(sas[0].selector, sa.selector);
      EXPECT_EQ(sas[0].source, sa.tunnel.source);
      EXPECT_TRUE(sas[0].is_exact);
      EXPECT_EQ(sas[0].algorithms, keys_.algorithms());
      EXPECT_EQ(Delete(sa.id()), kOk);
    }
  }
}

TEST_P(XfrmConformanceNat, TheAddressesOutsideAreWhatAnSaIsKnownBy) {
  Sa sa = TunnelSa(Direction::kOut);
  sa.tunnel.destination = At("198.51.100.1");  // The phone's end has another one within.
  ASSERT_EQ(Add(sa), kOk);
  EXPECT_THAT(Get({At("198.51.100.1"), sa.spi}), SizeIs(1));
  EXPECT_EQ(Delete({sa.selector.destination, sa.spi}), kNoSuchSa);
  EXPECT_EQ(Delete(sa.id()), kOk);
}

TEST_P(XfrmConformanceNat, AnUpdateMovesThePortsAndKeepsTheAddTime) {
  Sa sa = TunnelSa(Direction::kOut);
  ASSERT_EQ(Add(sa), kOk);
  const uint64_t added_at = Get(sa.id()).at(0).added_at;
  sa.tunnel.destination_port = 61999;
  sa.hard_seconds = 3600;
  sa.keys = nullptr;
  EXPECT_EQ(Update(sa), kOk) << "without any key";
  const SaInfo moved = Get(sa.id()).at(0);
  EXPECT_EQ(moved.tunnel, sa.tunnel);
  EXPECT_EQ(moved.hard_seconds, 3600u);
  EXPECT_EQ(moved.added_at, added_at);
  EXPECT_TRUE(moved.is_exact);
}

TEST_P(XfrmConformanceNat, AnUpdateMakesNoTunnelOfATransportSaNorBack) {
  const Sa in_udp = TunnelSa(Direction::kIn);
  Sa plain = in_udp;
  plain.tunnel = {};
  ASSERT_EQ(Add(plain), kOk);
  EXPECT_EQ(Update(in_udp), kInvalid);
  EXPECT_FALSE(Get(plain.id()).at(0).tunnel);
  ASSERT_EQ(Delete(plain.id()), kOk);
  ASSERT_EQ(Add(in_udp), kOk);
  EXPECT_EQ(Update(plain), kInvalid);
  EXPECT_EQ(Get(plain.id()).at(0).tunnel, in_udp.tunnel);
}

TEST_P(XfrmConformanceNat, AFlowHasAPolicyBesideTheSharedOne) {
  for (const Direction direction : {Direction::kIn, Direction::kOut}) {
    const Policy of_flow = PolicyOf(TunnelSa(direction));
    EXPECT_EQ(Add(SamplePolicy(direction)), kOk);
    EXPECT_EQ(Add(of_flow), kOk);
    EXPECT_EQ(Add(of_flow), kExists);
    EXPECT_EQ(Update(of_flow), kOk) << "replaced by the same";
    Policy of_other = of_flow;
    of_other.peer_port = 1;
    EXPECT_EQ(Delete(of_other), kNoSuchPolicy);
  }
  std::vector<PolicyInfo> policies = Policies();
  ASSERT_THAT(policies, SizeIs(4));
  for (const PolicyInfo& policy : policies) {
    const bool is_in = policy.direction == Direction::kIn;
    EXPECT_EQ(policy.local, At("192.0.2.10"));
    EXPECT_EQ(policy.local_port, 6101);
    EXPECT_EQ(policy.reqid, 4711u);
    if (policy.priority != kFlowPriority) {
      EXPECT_EQ(policy.peer.family, AF_UNSPEC);
      EXPECT_EQ(policy.tunnel_source.family, AF_UNSPEC);
      continue;
    }
    EXPECT_EQ(policy.peer, At("198.51.100.77"));
    EXPECT_EQ(policy.peer_port, 37001);
    EXPECT_EQ(policy.tunnel_source, is_in ? policy.peer : policy.local);
    EXPECT_EQ(policy.tunnel_destination, is_in ? policy.local : policy.peer);
  }
  for (const Direction direction : {Direction::kIn, Direction::kOut}) {
    EXPECT_EQ(Delete(PolicyOf(TunnelSa(direction))), kOk);
  }
  EXPECT_THAT(Policies(), SizeIs(2)) << "the shared ones";
}

// What packets come from another port the kernel tells, and takes them all the same; told of the
// port, it is silent.
TEST_P(XfrmConformanceNat, TellsThePortThatEspComesFromUntilItIsTold) {
  Sa sa = TunnelSa(Direction::kIn);
  sa.spi = Packet().at("spi").get<uint32_t>();
  int fd = -1;
  if (GetParam() == Which::kReal) {
    ASSERT_TRUE(AddLocalAddress(sa.tunnel.source));
    ASSERT_TRUE(AddLocalAddress(sa.tunnel.destination));
    ASSERT_EQ(OpenEspInUdp(sa.tunnel.destination, kUdpPort, &fd), kOk);
    EXPECT_EQ(OpenEspInUdp(sa.tunnel.destination, kUdpPort, &fd), std::errc::address_in_use);
  }
  ASSERT_EQ(Add(sa), kOk);

  const std::vector<Reply> events = ReceiveFrom(sa, 61999);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].kind, ReplyKind::kMapping);
  EXPECT_EQ(events[0].mapping.id, sa.id());
  EXPECT_EQ(events[0].mapping.reqid, 4711u);
  EXPECT_EQ(events[0].mapping.source, sa.tunnel.source);
  EXPECT_EQ(events[0].mapping.source_port, 61999);
  EXPECT_EQ(Get(sa.id()).at(0).packets, 1u) << "it counts as use";
  EXPECT_EQ(Get(sa.id()).at(0).tunnel.source_port, kNatPort)
      << "the kernel moves nothing by itself";

  // The same packet again would be a replay: the SA is made anew, with the port.
  ASSERT_EQ(Delete(sa.id()), kOk);
  sa.tunnel.source_port = 61998;
  ASSERT_EQ(Add(sa), kOk);
  sa.tunnel.source_port = 61999;
  ASSERT_EQ(Update(sa), kOk);
  EXPECT_THAT(ReceiveFrom(sa, 61999), IsEmpty());
  if (fd >= 0) close(fd);
}

// An octet of 0xff is a keep-alive, which the kernel takes; four of zero begin what is for an IKE
// daemon, which is nobody's here and stays in the socket.
TEST_P(XfrmConformanceNat, KeepAlivesAreTheKernels) {
  if (GetParam() == Which::kFake) return;  // It has no sockets.
  const Selector flow = SampleSelector();
  ASSERT_TRUE(AddLocalAddress(flow.source));
  ASSERT_TRUE(AddLocalAddress(flow.destination));
  int fd = -1;
  ASSERT_EQ(OpenEspInUdp(flow.destination, kUdpPort, &fd), kOk);
  const Socket phone(AF_INET, SOCK_DGRAM, 0);
  ASSERT_TRUE(phone.Bind(flow.source, kNatPort));
  ASSERT_TRUE(phone.SendTo(flow.destination, kUdpPort, {0xff}));
  char byte;
  EXPECT_EQ(recv(fd, &byte, 1, 0), -1);
  EXPECT_EQ(errno, EAGAIN);
  ASSERT_TRUE(phone.SendTo(flow.destination, kUdpPort, {0, 0, 0, 0, 1, 2, 3, 4}));
  pollfd arrived{fd, POLLIN, 0};
  EXPECT_EQ(poll(&arrived, 1, 5'000), 1) << "a busy kernel takes its time";
  EXPECT_EQ(recv(fd, &byte, 1, 0), 1);
  close(fd);
}

}  // namespace
}  // namespace xfrm
