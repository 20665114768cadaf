#include <gtest/gtest.h>

#include "tests/tools_trace.h"
#include "tools/ip_fragments.h"

namespace tools {
namespace {

using gmedge_test::Fragment;
using gmedge_test::Fragment6;
using gmedge_test::Ip4;
using gmedge_test::Ip6;

// Adds the fragment in `bytes`; the datagram when it makes one whole, else "".
std::string Add(IpFragments* fragments, const std::string& bytes, int64_t time_us = 0,
                uint64_t number = 1) {
  IpPacket packet;
  EXPECT_TRUE(DecodeIp(bytes, &packet));
  EXPECT_TRUE(packet.is_fragment);
  if (!fragments->Add({.number = number, .time_us = time_us}, &packet)) return "";
  EXPECT_FALSE(packet.is_fragment);
  return std::to_string(packet.protocol) + " " + std::string(packet.payload);
}

std::string Part4(std::string_view bytes, Fragment fragment) {
  return Ip4({}, 17, bytes, fragment);
}

TEST(IpFragments, ComeInAnyOrder) {
  IpFragments fragments;
  EXPECT_EQ(Add(&fragments, Part4("cc", {.more = false, .at = 16})), "");
  EXPECT_EQ(Add(&fragments, Part4("aaaaaaaa", {.more = true, .at = 0})), "");
  EXPECT_EQ(fragments.incomplete(), 1U);
  EXPECT_EQ(Add(&fragments, Part4("bbbbbbbb", {.more = true, .at = 8})), "17 aaaaaaaabbbbbbbbcc");
  EXPECT_EQ(fragments.incomplete(), 0U);
}

TEST(IpFragments, OfIpv6HaveTheProtocolOfTheFirst) {
  IpFragments fragments;
  EXPECT_EQ(Add(&fragments, Ip6({}, 44, Fragment6(99, {.more = false, .at = 8}, "tail"))), "");
  EXPECT_EQ(Add(&fragments, Ip6({}, 44, Fragment6(17, {.more = true, .at = 0}, "headhead"))),
            "17 headheadtail");
}

TEST(IpFragments, SeenTwiceCountOnce) {
  IpFragments fragments;
  EXPECT_EQ(Add(&fragments, Part4("aaaaaaaa", {.more = true, .at = 0})), "");
  EXPECT_EQ(Add(&fragments, Part4("XXXXXXXX", {.more = true, .at = 0})), "");
  EXPECT_EQ(Add(&fragments, Part4("bb", {.more = false, .at = 8})), "17 aaaaaaaabb");
}

TEST(IpFragments, OfDifferentDatagramsDoNotMix) {
  IpFragments fragments;
  EXPECT_EQ(Add(&fragments, Part4("aaaaaaaa", {.more = true, .at = 0, .id = 1})), "");
  EXPECT_EQ(Add(&fragments, Part4("bb", {.more = false, .at = 8, .id = 2})), "");
  EXPECT_EQ(Add(&fragments, Ip4({.source = 2}, 17, "bb", {.more = false, .at = 8, .id = 1})), "");
  EXPECT_EQ(Add(&fragments, Ip4({}, 6, "bb", {.more = false, .at = 8, .id = 1})), "");
  EXPECT_EQ(fragments.incomplete(), 4U);
}

TEST(IpFragments, IdsComeAgain) {
  IpFragments fragments;
  EXPECT_EQ(Add(&fragments, Part4("old bits", {.more = true, .at = 0}), 0), "");
  const int64_t later = IpFragments::kPatienceUs + 1;
  EXPECT_EQ(Add(&fragments, Part4("bb", {.more = false, .at = 8}), later), "");
  EXPECT_EQ(Add(&fragments, Part4("new bits", {.more = true, .at = 0}), later), "17 new bitsbb");
  EXPECT_EQ(fragments.incomplete(), 1U);
}

TEST(IpFragments, TheOldestDatagramGoesWhenThereAreTooMany) {
  IpFragments fragments;
  for (uint16_t id = 0; id <= IpFragments::kDatagramsMax; ++id) {
    EXPECT_EQ(Add(&fragments, Part4("aaaaaaaa", {.more = true, .at = 0, .id = id}), 0, id), "");
  }
  EXPECT_EQ(Add(&fragments, Part4("bb", {.more = false, .at = 8, .id = 1}), 0, 99),
            "17 aaaaaaaabb");
  EXPECT_EQ(Add(&fragments, Part4("bb", {.more = false, .at = 8, .id = 0}), 0, 99), "");
}

TEST(IpFragments, ADatagramOfTooManyPiecesIsGivenUp) {
  IpFragments fragments;
  for (uint16_t i = 1; i <= IpFragments::kPiecesMax + 1; ++i) {
    EXPECT_EQ(Add(&fragments, Part4("x", {.more = true, .at = static_cast<uint16_t>(8 * i)})), "");
  }
  EXPECT_EQ(fragments.incomplete(), 1U);
}

TEST(IpFragments, BeyondTheLargestDatagramIsRefused) {
  IpFragments fragments;
  EXPECT_EQ(Add(&fragments, Part4("123456789", {.more = false, .at = 65528})), "");
  EXPECT_EQ(fragments.incomplete(), 0U);
}

}  // namespace
}  // namespace tools
