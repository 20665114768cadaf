// Values to structures and back. What each field must be, xfrm_batch_test says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>

#include <vector>

#include "tests/xfrm_samples.h"
#include "xfrm/wire.h"

namespace xfrm {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(XfrmWire, AddressesComeBackAsTheyWent) {
  for (const char* text : {"192.0.2.10", "2001:db8::10", "0.0.0.0", "::"}) {
    const Address address = At(text);
    EXPECT_EQ(FromWire(ToWire(address), address.family), address) << text;
  }
}

TEST(XfrmWire, Ipv4TakesFourOctetsWhateverFollows) {
  Address address = At("192.0.2.10");
  address.bytes[4] = 0xff;
  EXPECT_EQ(FromWire(ToWire(address), AF_INET), At("192.0.2.10"));
  xfrm_address_t wire;
  std::memset(&wire, 0xff, sizeof(wire));
  EXPECT_EQ(FromWire(wire, AF_INET), At("255.255.255.255"));
}

TEST(XfrmWire, OtherFamiliesHaveNoAddress) {
  EXPECT_EQ(FromWire(ToWire(At("192.0.2.10")), AF_UNIX), Address());
  EXPECT_EQ(FromWire(ToWire(At("192.0.2.10")), AF_UNSPEC), Address());
}

TEST(XfrmWire, SaComesBackAsInfo) {
  const EspKeys keys({}, SampleIk(), SampleCk());
  Sa sa = SampleSa(&keys);
  sa.selector = SampleSelector6();
  const SaInfo info = FromWire(ToWire(sa));
  EXPECT_EQ(info.selector, sa.selector);
  EXPECT_EQ(info.id, sa.id());
  EXPECT_EQ(info.source, sa.selector.source);
  EXPECT_EQ(info.reqid, sa.reqid);
  EXPECT_EQ(info.hard_seconds, sa.hard_seconds);
  EXPECT_EQ(info.replay_window, sa.replay_window);
}

// The kernel compares selectors with their padding.
TEST(XfrmWire, StructuresHaveNoRubbishBetweenTheirFields) {
  const auto bytes_of = [](const xfrm_selector& selector) {
    const std::byte* begin = reinterpret_cast<const std::byte*>(&selector);
    return std::vector<std::byte>(begin, begin + sizeof(selector));
  };
  const xfrm_selector selector = SelectorOf(SamplePolicy());
  const size_t end_of_proto = offsetof(xfrm_selector, proto) + 1;
  const std::vector<std::byte> bytes = bytes_of(selector);
  ASSERT_LT(end_of_proto, offsetof(xfrm_selector, ifindex));
  for (size_t i = end_of_proto; i < offsetof(xfrm_selector, ifindex); ++i) {
    EXPECT_EQ(bytes[i], std::byte{0}) << i;
  }
}

TEST(XfrmWire, TransportModeHasOneFamily) {
  const EspKeys keys({}, SampleIk(), SampleCk());
  Sa sa = SampleSa(&keys);
  sa.selector.source = At("2001:db8::1");
  EXPECT_DEATH(static_cast<void>(ToWire(sa)), "family");
}

std::vector<std::byte> Attribute(uint16_t size, uint16_t type, size_t payload_size) {
  std::vector<std::byte> bytes(sizeof(nlattr) + payload_size);
  const nlattr header = {size, type};
  std::memcpy(bytes.data(), &header, sizeof(header));
  return bytes;
}

TEST(XfrmWire, TakesAttributesOneByOne) {
  std::vector<std::byte> bytes = Attribute(7, 3, 4);  // Three octets and one of padding.
  const std::vector<std::byte> second = Attribute(6, NLA_F_NESTED | 4, 2);  // Without padding.
  bytes.insert(bytes.end(), second.begin(), second.end());
  std::span<const std::byte> rest(bytes);
  AttributeView attribute;
  ASSERT_TRUE(TakeAttribute(&rest, &attribute));
  EXPECT_EQ(attribute.type, 3);
  EXPECT_THAT(attribute.payload, SizeIs(3));
  ASSERT_TRUE(TakeAttribute(&rest, &attribute));
  EXPECT_EQ(attribute.type, 4) << "flags are no part of the type";
  EXPECT_THAT(attribute.payload, SizeIs(2));
  EXPECT_FALSE(TakeAttribute(&rest, &attribute));
  EXPECT_THAT(rest, IsEmpty());
}

TEST(XfrmWire, MalformedAttributesLeaveARest) {
  for (const uint16_t size : {uint16_t{0}, uint16_t{3}, uint16_t{9}}) {
    const std::vector<std::byte> bytes = Attribute(size, 3, 4);
    std::span<const std::byte> rest(bytes);
    AttributeView attribute;
    EXPECT_FALSE(TakeAttribute(&rest, &attribute)) << size;
    EXPECT_FALSE(rest.empty());
  }
}

}  // namespace
}  // namespace xfrm
