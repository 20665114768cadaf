#include "edge/context.h"
#include "edge/route.h"
#include "tests/edge_steps.h"
#include "tests/sip_fixture.h"

namespace edge {
namespace {

using gmedge_test::Parsed;
using gmedge_test::RequestWith;
using gmedge_test::WithCrlf;

class EdgeRoute : public testing::Test {
 protected:
  // "OURS TOKEN NEXT" of these header lines.
  std::string Read(const std::string& lines) {
    const Parsed parsed(RequestWith(WithCrlf(lines)));
    const Route route = ReadRoute(context_, parsed.message);
    const HexText token = WriteHex(route.own.token);
    return std::to_string(route.ours) + " " +
           (route.has_own ? std::string(token.data(), token.size()) : "-") + " " +
           std::string(route.next);
  }
  static bool IsSet(const std::string& lines, int ours, std::string_view route_set) {
    const Parsed parsed(RequestWith(WithCrlf(lines)));
    return IsRouteSet(parsed.message, ours, route_set);
  }

  Settings settings_ = StepSettings();
  CountingRandom random_;
  Context context_{settings_, PortsOf(settings_), nullptr, &random_, 0};
};

TEST_F(EdgeRoute, OursAreThoseInFrontThatNameOneOfOurPorts) {
  EXPECT_EQ(Read(""), "0 - ");
  EXPECT_EQ(Read("Route: <sip:a@x;lr>\n"), "0 - sip:a@x;lr");
  EXPECT_EQ(Read("Route: <sip:192.0.2.10:6101;lr>, <sip:a@x;lr>\n"), "1 - sip:a@x;lr");
  EXPECT_EQ(Read("Route: <sip:192.0.2.10:6101;lr>\nRoute: <sip:pcscf.example.org;lr>\n"), "2 - ");
  EXPECT_EQ(Read("Route: <sip:a@x;lr>, <sip:192.0.2.10:6101;lr>\n"), "0 - sip:a@x;lr");
  EXPECT_EQ(Read("Route: <sip:192.0.2.10:6199;lr>\n"), "0 - sip:192.0.2.10:6199;lr");
}

TEST_F(EdgeRoute, TheFirstThatNamesAPhoneCounts) {
  EXPECT_EQ(Read("Route: <sip:192.0.2.10:6101;lr>, <sip:0123456789abcdef@10.0.0.10;lr>,"
                 "<sip:1111111111111111@10.0.0.10;lr>, <sip:a@x;lr>\n"),
            "3 0123456789abcdef sip:a@x;lr");
  EXPECT_EQ(Read("Route: <sip:0123456789abcdef@elsewhere;lr>\n"),
            "0 - sip:0123456789abcdef@elsewhere;lr");
}

TEST_F(EdgeRoute, AListIsTheSameUriByUri) {
  const std::string two = "<sip:a@x;lr>, <sip:b@y:6060;lr>";
  EXPECT_TRUE(IsSet("Route: <sip:a@x;lr>, <sip:b@y:6060;lr>\n", 0, two));
  EXPECT_TRUE(IsSet("Route: <sip:a@x;lr>\nRoute: <sip:b@y:6060;lr>\n", 0, two));
  EXPECT_TRUE(IsSet("Route: <sip:o>, \"A\" <sip:a@X;LR>, <sip:b@y:6060;lr>\n", 1, two));
  EXPECT_TRUE(IsSet("", 0, ""));
  EXPECT_FALSE(IsSet("Route: <sip:a@x;lr>\n", 0, two));
  EXPECT_FALSE(IsSet("Route: <sip:b@y:6060;lr>, <sip:a@x;lr>\n", 0, two));
  EXPECT_FALSE(IsSet("Route: <sip:a@x;lr>, <sip:b@y:6060;lr>, <sip:c;lr>\n", 0, two));
  EXPECT_FALSE(IsSet("Route: <sip:a@x;lr>, <sip:b@y:6061;lr>\n", 0, two));
  EXPECT_FALSE(IsSet("Route: <sip:a@x;lr>, <sip:B@y:6060;lr>\n", 0, two));
  EXPECT_FALSE(IsSet("", 0, two));
}

TEST_F(EdgeRoute, WhatCannotBeReadIsNoUri) {
  EXPECT_EQ(UriOf("\"A\" <sip:a@x;lr>;p=1"), "sip:a@x;lr");
  EXPECT_EQ(UriOf("<sip:a@x"), "");
  EXPECT_FALSE(IsSet("Route: <sip:a@x\n", 0, "<sip:a@x"));
}

}  // namespace
}  // namespace edge
