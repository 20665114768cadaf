#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <iterator>
#include <random>
#include <string>
#include <string_view>

#include "reactor/endpoint.h"

namespace reactor {
namespace {

std::string Address(const Endpoint& endpoint, bool with_brackets) {
  char text[kEndpointTextMax];
  return {text, WriteAddress(endpoint, with_brackets, text)};
}

std::string Whole(const Endpoint& endpoint) {
  char text[kEndpointTextMax];
  return {text, WriteEndpoint(endpoint, text)};
}

// What the text reads as, written out again; "no" when it is refused.
std::string Read(std::string_view text) {
  Endpoint endpoint;
  return ParseEndpoint(text, 5060, &endpoint) ? Whole(endpoint) : "no";
}

TEST(ReactorEndpoint, ReadsBothFamiliesWithAndWithoutPort) {
  EXPECT_EQ(Read("192.0.2.1:5062"), "192.0.2.1:5062");
  EXPECT_EQ(Read("192.0.2.1"), "192.0.2.1:5060");
  EXPECT_EQ(Read("[2001:db8::1]:5062"), "[2001:db8::1]:5062");
  EXPECT_EQ(Read("[2001:DB8:0:0:0:0:0:1]"), "[2001:db8::1]:5060");
  EXPECT_EQ(Read("[::ffff:0:1.2.3.4]"), "[::ffff:0:102:304]:5060");
  EXPECT_EQ(Read("0.0.0.0:0"), "0.0.0.0:0");
  EXPECT_EQ(Read("255.255.255.255:65535"), "255.255.255.255:65535");
}

TEST(ReactorEndpoint, RefusesAnythingElse) {
  for (const std::string_view text : {"",
                                      ":",
                                      "localhost",
                                      "localhost:5060",
                                      "1.2.3",
                                      "1.2.3.4.5",
                                      "1.2.3.256",
                                      "01.2.3.4",
                                      "1.2.3.4:",
                                      "1.2.3.4:65536",
                                      "1.2.3.4:-1",
                                      "1.2.3.4:+1",
                                      "1.2.3.4:5060x",
                                      "1.2.3.4:005060",
                                      " 1.2.3.4",
                                      "1.2.3.4 ",
                                      "[1.2.3.4]",
                                      "[",
                                      "[]",
                                      "[::1",
                                      "[::1]5060",
                                      "[::1]:",
                                      "[::1]x",
                                      "2001:db8::1",
                                      "::1",
                                      "[fe80::1%eth0]",
                                      "[::ffff:1.2.3.4]",
                                      "[::1]]"}) {
    EXPECT_EQ(Read(text), "no") << text;
  }
  EXPECT_EQ(Read(std::string_view("1.2.3.4\0x", 9)), "no");
  EXPECT_EQ(Read(std::string(200, '1')), "no");
}

TEST(ReactorEndpoint, RefusalLeavesTheResultAlone) {
  Endpoint endpoint;
  ASSERT_TRUE(ParseEndpoint("192.0.2.1:1", 0, &endpoint));
  EXPECT_FALSE(ParseEndpoint("[2001:db8::1]:x", 0, &endpoint));
  EXPECT_FALSE(ParseEndpoint("nowhere", 0, &endpoint));
  EXPECT_EQ(Whole(endpoint), "192.0.2.1:1");
}

TEST(ReactorEndpoint, ReadsAddressesAlone) {
  Endpoint endpoint;
  ASSERT_TRUE(ParseAddress("192.0.2.7", 99, &endpoint));
  EXPECT_EQ(Whole(endpoint), "192.0.2.7:99");
  ASSERT_TRUE(ParseAddress("2001:db8::7", 99, &endpoint));
  EXPECT_EQ(Whole(endpoint), "[2001:db8::7]:99");
  ASSERT_TRUE(ParseAddress("[2001:db8::8]", 99, &endpoint));
  EXPECT_EQ(Whole(endpoint), "[2001:db8::8]:99");
  for (const std::string_view text :
       {"", "192.0.2.7:99", "[192.0.2.7]", "[::1]:5", "host", "[::1", "::1]", "::ffff:192.0.2.7"}) {
    EXPECT_FALSE(ParseAddress(text, 0, &endpoint)) << text;
  }
}

TEST(ReactorEndpoint, WritesAddressesWithBracketsOnlyWhereAsked) {
  Endpoint endpoint;
  ASSERT_TRUE(ParseAddress("2001:db8:0:0:1::", 0, &endpoint));
  EXPECT_EQ(Address(endpoint, false), "2001:db8:0:0:1::");
  EXPECT_EQ(Address(endpoint, true), "[2001:db8:0:0:1::]");
  ASSERT_TRUE(ParseAddress("10.200.0.255", 0, &endpoint));
  EXPECT_EQ(Address(endpoint, false), "10.200.0.255");
  EXPECT_EQ(Address(endpoint, true), "10.200.0.255");
}

TEST(ReactorEndpoint, LongestTextFits) {
  Endpoint endpoint;
  ASSERT_TRUE(ParseEndpoint("[1111:2222:3333:4444:5555:6666:7777:8888]:65535", 0, &endpoint));
  EXPECT_LE(Whole(endpoint).size(), kEndpointTextMax);
  EXPECT_EQ(Whole(endpoint), "[1111:2222:3333:4444:5555:6666:7777:8888]:65535");
}

TEST(ReactorEndpoint, ComparesFamilyAddressAndPort) {
  Endpoint a;
  Endpoint b;
  ASSERT_TRUE(ParseEndpoint("[2001:db8::1]:5060", 0, &a));
  b = a;
  b.v6.sin6_flowinfo = 7;
  b.v6.sin6_scope_id = 3;
  EXPECT_TRUE(a == b);
  b.set_port(5061);
  EXPECT_FALSE(a == b);
  EXPECT_TRUE(SameAddress(a, b));
  b.v6.sin6_addr.s6_addr[15] = 2;
  EXPECT_FALSE(SameAddress(a, b));

  Endpoint c;
  Endpoint d;
  ASSERT_TRUE(ParseEndpoint("192.0.2.1:5060", 0, &c));
  ASSERT_TRUE(ParseEndpoint("192.0.2.1:5060", 0, &d));
  EXPECT_TRUE(c == d);
  EXPECT_FALSE(c == a);
  d.v4.sin_addr.s_addr ^= 1u << 31;
  EXPECT_FALSE(c == d);
  EXPECT_EQ(c.size(), sizeof(sockaddr_in));
  EXPECT_EQ(a.size(), sizeof(sockaddr_in6));
  EXPECT_EQ(sizeof(Endpoint), 28u);
}

// Of what a million texts look like that are addresses of IPv4 but for a character or two.
TEST(ReactorEndpoint, AddressesOfIpv4AreThoseOfInetPton) {
  const std::string_view kChars = "0123456789.. a:";
  const std::string kGood[] = {"10.200.0.255", "0.0.0.0", "255.255.255.255", "1.22.133.4"};
  std::mt19937 random(1);
  int good = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    std::string text = kGood[random() % std::size(kGood)];
    for (size_t changes = random() % 3; changes > 0; --changes) {
      const size_t at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = kChars[random() % kChars.size()];
          break;
        case 1:
          text.insert(at, 1, kChars[random() % kChars.size()]);
          break;
        default:
          text.erase(at, 1);
      }
    }
    if (text.find(':') != std::string::npos) continue;  // Of IPv6, perhaps.
    in_addr theirs{};
    const bool is_good = inet_pton(AF_INET, text.c_str(), &theirs) == 1;
    Endpoint endpoint;
    ASSERT_EQ(ParseAddress(text, 0, &endpoint), is_good) << text;
    if (!is_good) continue;
    ++good;
    ASSERT_EQ(endpoint.v4.sin_addr.s_addr, theirs.s_addr) << text;
  }
  EXPECT_GT(good, 300'000);
}

}  // namespace
}  // namespace reactor
