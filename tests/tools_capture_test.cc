#include <gtest/gtest.h>

#include "tests/tools_trace.h"
#include "tools/capture.h"

namespace tools {
namespace {

using gmedge_test::Little16;
using gmedge_test::Little32;
using gmedge_test::Trace;

std::unique_ptr<Capture> Open(std::string bytes, std::string* error) {
  std::FILE* const file = fmemopen(nullptr, bytes.size() + 1, "w+");
  std::fwrite(bytes.data(), 1, bytes.size(), file);
  std::rewind(file);
  return Capture::Open(file, error);
}

TEST(Capture, IsToldByItsMagic) {
  EXPECT_TRUE(IsCaptureMagic(Trace().bytes()));
  EXPECT_TRUE(IsCaptureMagic("\xa1\xb2\x3c\x4d"));
  EXPECT_TRUE(IsCaptureMagic("\x0a\x0d\x0d\x0a"));
  EXPECT_FALSE(IsCaptureMagic("SIP/"));
  EXPECT_FALSE(IsCaptureMagic("\r\n\r\n"));
  EXPECT_FALSE(IsCaptureMagic("\xa1\xb2"));
}

TEST(Capture, ReadsPackets) {
  std::string error;
  const std::unique_ptr<Capture> capture =
      Open(Trace(101).Add("first").Add("second", 3).bytes(), &error);
  ASSERT_NE(capture, nullptr) << error;
  EXPECT_EQ(capture->link_type(), LinkType::kRawIp);
  Packet packet;
  ASSERT_TRUE(capture->Next(&packet));
  EXPECT_EQ(packet.bytes, "first");
  EXPECT_EQ(packet.stamp.number, 1U);
  EXPECT_EQ(packet.stamp.time_us, 1'700'000'000'000'000);
  EXPECT_FALSE(packet.is_cut);
  ASSERT_TRUE(capture->Next(&packet));
  EXPECT_EQ(packet.bytes, "sec");
  EXPECT_EQ(packet.stamp.time_us, 1'700'000'001'001'000);
  EXPECT_TRUE(packet.is_cut);
  EXPECT_FALSE(capture->Next(&packet));
  EXPECT_EQ(capture->error(), "");
}

TEST(Capture, KnowsTheLinkTypes) {
  const std::pair<uint32_t, LinkType> types[] = {
      {1, LinkType::kEthernet}, {113, LinkType::kCooked},   {276, LinkType::kCooked2},
      {101, LinkType::kRawIp},  {228, LinkType::kRawIp},    {229, LinkType::kRawIp},
      {0, LinkType::kLoopback}, {108, LinkType::kLoopback},
  };
  for (const auto& [number, type] : types) {
    std::string error;
    const std::unique_ptr<Capture> capture = Open(Trace(number).bytes(), &error);
    ASSERT_NE(capture, nullptr) << number << error;
    EXPECT_EQ(Name(capture->link_type()), Name(type)) << number;
  }
  std::string error;
  EXPECT_EQ(Open(Trace(105).bytes(), &error), nullptr);  // 802.11.
  EXPECT_NE(error.find("IEEE802_11"), std::string::npos) << error;
}

TEST(Capture, SaysWhereItIsBroken) {
  std::string error;
  const std::string bytes = Trace().Add("first").Add("second").bytes();
  const std::unique_ptr<Capture> capture = Open(bytes.substr(0, bytes.size() - 2), &error);
  ASSERT_NE(capture, nullptr) << error;
  Packet packet;
  ASSERT_TRUE(capture->Next(&packet));
  EXPECT_FALSE(capture->Next(&packet));
  EXPECT_EQ(capture->error().find("after packet 1: "), 0U) << capture->error();
  EXPECT_FALSE(capture->Next(&packet));
  EXPECT_EQ(Open(bytes.substr(0, 20), &error), nullptr);
  EXPECT_NE(error, "");
}

// Section header, interface description, enhanced packet (draft-ietf-opsawg-pcapng).
TEST(Capture, ReadsPcapng) {
  const auto block = [](uint32_t type, const std::string& body) {
    const std::string size = Little32(static_cast<uint32_t>(12 + body.size()));
    return Little32(type) + size + body + size;
  };
  const std::string section =
      block(0x0a0d0d0a, Little32(0x1a2b3c4d) + Little16(1) + Little16(0) + std::string(8, '\xff'));
  const std::string interface = block(1, Little16(101) + Little16(0) + Little32(0));
  const uint64_t time_us = 1'700'000'000'123'456;
  const std::string packet_block =
      block(6, Little32(0) + Little32(static_cast<uint32_t>(time_us >> 32)) +
                   Little32(static_cast<uint32_t>(time_us)) + Little32(4) + Little32(4) + "IPv4");
  const std::string bytes = section + interface + packet_block;
  EXPECT_TRUE(IsCaptureMagic(bytes));
  std::string error;
  const std::unique_ptr<Capture> capture = Open(bytes, &error);
  ASSERT_NE(capture, nullptr) << error;
  EXPECT_EQ(capture->link_type(), LinkType::kRawIp);
  Packet packet;
  ASSERT_TRUE(capture->Next(&packet));
  EXPECT_EQ(packet.bytes, "IPv4");
  EXPECT_EQ(packet.stamp.time_us, static_cast<int64_t>(time_us));
}

}  // namespace
}  // namespace tools
