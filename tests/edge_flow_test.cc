#include <gtest/gtest.h>

#include "edge/flow.h"

namespace edge {
namespace {

std::string TextOf(std::string_view local) {
  reactor::Endpoint endpoint;
  EXPECT_TRUE(reactor::ParseEndpoint(local, 5060, &endpoint)) << local;
  return MakePort(Side::kProtected, endpoint).text;
}

TEST(EdgeFlow, APortIsWrittenAsViaAndUrisNeedIt) {
  EXPECT_EQ(TextOf("192.0.2.10:6101"), "192.0.2.10:6101");
  EXPECT_EQ(TextOf("[2001:db8::10]:6101"), "[2001:db8::10]:6101");
}

TEST(EdgeFlow, ThePortIsNamedEvenWhereItIsTheDefault) {
  EXPECT_EQ(TextOf("192.0.2.10"), "192.0.2.10:5060");
}

TEST(EdgeFlow, APortKeepsItsSideAndAddress) {
  reactor::Endpoint endpoint;
  ASSERT_TRUE(reactor::ParseEndpoint("192.0.2.10:6101", 0, &endpoint));
  const Port port = MakePort(Side::kCore, endpoint);
  EXPECT_EQ(port.side, Side::kCore);
  EXPECT_TRUE(port.local == endpoint);
}

}  // namespace
}  // namespace edge
