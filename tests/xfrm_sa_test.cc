#include <gtest/gtest.h>

#include "tests/xfrm_samples.h"
#include "xfrm/sa.h"

namespace xfrm {
namespace {

Sa TunnelSa(Direction direction) {
  Sa sa = SampleSa(nullptr);
  sa.direction = direction;
  sa.tunnel = {At("10.9.1.2"), At("192.0.2.10"), 4500, 4500};
  return sa;
}

TEST(XfrmSa, IsKnownByTheAddressOutside) {
  Sa sa = SampleSa(nullptr);
  EXPECT_EQ(sa.id(), (SaId{sa.selector.destination, sa.spi}));
  sa.tunnel = {At("192.0.2.10"), At("10.9.1.2"), 4500, 61000};
  EXPECT_EQ(sa.id(), (SaId{At("10.9.1.2"), sa.spi}));
}

TEST(XfrmSa, ItsPolicyIsOfItsFlowAsSeenFromHereAndOfItsTunnel) {
  const Policy in = PolicyOf(TunnelSa(Direction::kIn));
  EXPECT_TRUE(in.is_of_flow());
  EXPECT_EQ(in.direction, Direction::kIn);
  EXPECT_EQ(in.local, At("192.0.2.10"));
  EXPECT_EQ(in.local_port, 6101);
  EXPECT_EQ(in.peer, At("198.51.100.77"));
  EXPECT_EQ(in.peer_port, 37001);
  EXPECT_EQ(in.reqid, 4711u);
  EXPECT_EQ(in.tunnel_source, At("10.9.1.2"));
  EXPECT_EQ(in.tunnel_destination, At("192.0.2.10"));
  const Policy out = PolicyOf(TunnelSa(Direction::kOut));
  EXPECT_EQ(out.direction, Direction::kOut);
  EXPECT_EQ(out.local, At("198.51.100.77"));
  EXPECT_EQ(out.local_port, 37001);
  EXPECT_EQ(out.peer, At("192.0.2.10"));
  EXPECT_EQ(out.peer_port, 6101);
  EXPECT_LT(out.priority, Policy().priority) << "it goes first";
  EXPECT_FALSE(SamplePolicy().is_of_flow());
}

}  // namespace
}  // namespace xfrm
