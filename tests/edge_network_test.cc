#include <gtest/gtest.h>

#include "edge/network.h"
#include "tests/edge_values.h"

namespace edge {
namespace {

bool Contains(std::string_view network, std::string_view address) {
  Network parsed;
  EXPECT_EQ(ParseNetwork(network, &parsed), NetworkError::kOk) << network;
  return parsed.Contains(At(address));
}

NetworkError ErrorOf(std::string_view text) {
  Network network;
  return ParseNetwork(text, &network);
}

TEST(Network, ContainsWhatSharesItsPrefix) {
  EXPECT_TRUE(Contains("192.0.2.0/24", "192.0.2.255"));
  EXPECT_FALSE(Contains("192.0.2.0/24", "192.0.3.0"));
  EXPECT_TRUE(Contains("192.0.2.128/25", "192.0.2.128"));
  EXPECT_FALSE(Contains("192.0.2.128/25", "192.0.2.127"));
  EXPECT_TRUE(Contains("2001:db8::/32", "[2001:db8:ffff::1]"));
  EXPECT_FALSE(Contains("2001:db8::/32", "[2001:db9::1]"));
  EXPECT_TRUE(Contains("2001:db8:8000::/33", "[2001:db8:ffff::1]"));
  EXPECT_FALSE(Contains("2001:db8:8000::/33", "[2001:db8:7fff::1]"));
}

TEST(Network, APrefixOfNothingIsTheWholeFamily) {
  EXPECT_TRUE(Contains("0.0.0.0/0", "255.255.255.255"));
  EXPECT_TRUE(Contains("::/0", "[2001:db8::1]"));
  EXPECT_FALSE(Contains("0.0.0.0/0", "[2001:db8::1]"));
  EXPECT_FALSE(Contains("::/0", "192.0.2.1"));
}

TEST(Network, AnAddressAloneIsANetworkOfOne) {
  for (const char* text : {"192.0.2.1", "192.0.2.1/32"}) {
    EXPECT_TRUE(Contains(text, "192.0.2.1:4000"));
    EXPECT_FALSE(Contains(text, "192.0.2.0"));
  }
  for (const char* text : {"2001:db8::1", "2001:db8::1/128"}) {
    EXPECT_TRUE(Contains(text, "[2001:db8::1]"));
    EXPECT_FALSE(Contains(text, "[2001:db8::2]"));
  }
}

TEST(Network, RefusesWhatIsNone) {
  for (const char* text : {"", "/8", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/08",
                           "192.0.2.0/8x", "192.0.2/24", "2001:db8::/129", "[2001:db8::]/32",
                           "host/8", "192.0.2.0/24/24", "192.0.2.0/99999999999"}) {
    EXPECT_EQ(ErrorOf(text), NetworkError::kMalformed) << text;
  }
}

TEST(Network, RefusesBitsBehindThePrefix) {
  EXPECT_EQ(ErrorOf("192.0.2.1/24"), NetworkError::kHostBits);
  EXPECT_EQ(ErrorOf("192.0.2.1/0"), NetworkError::kHostBits);
  EXPECT_EQ(ErrorOf("2001:db8::1/127"), NetworkError::kHostBits);
}

}  // namespace
}  // namespace edge
