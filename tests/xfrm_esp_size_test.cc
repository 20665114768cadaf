#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "xfrm/esp_size.h"

namespace xfrm {
namespace {

template <typename Enum>
Enum Named(const std::string& name) {
  for (uint8_t i = 0; i < 4; ++i) {
    if (Name(static_cast<Enum>(i)) == name) return static_cast<Enum>(i);
  }
  ADD_FAILURE() << name;
  return {};
}

TEST(XfrmEspSize, IsThatOfWholePackets) {
  std::ifstream stream(GMEDGE_SOURCE_DIR "/tests/data/vectors/esp_packets.json");
  const nlohmann::json vectors = nlohmann::json::parse(stream);
  ASSERT_EQ(vectors["packets"].size(), 7u);
  for (const nlohmann::json& packet : vectors["packets"]) {
    const Algorithms algorithms{Named<Integrity>(packet["alg"]), Named<Encryption>(packet["ealg"])};
    const size_t payload_size = packet["payload"].get<std::string>().size() / 2;
    const size_t esp_size = packet["esp"].get<std::string>().size() / 2;
    EXPECT_EQ(payload_size + EspOverhead(algorithms, payload_size), esp_size) << packet;
  }
}

TEST(XfrmEspSize, PaddingFillsTheLastBlock) {
  const Algorithms cbc{Integrity::kHmacSha1_96, Encryption::kAesCbc};
  const size_t least = 8 + 16 + 2 + 12;
  EXPECT_EQ(EspOverhead(cbc, 14), least);
  EXPECT_EQ(EspOverhead(cbc, 15), least + 15);
  EXPECT_EQ(EspOverhead(cbc, 16), least + 14);
  EXPECT_EQ(EspOverhead(cbc, 30), least);
}

// | IP | UDP | SPI, number | IV | IP, payload, padding, length, next header | ICV |
TEST(XfrmEspSize, InUdpASecondIpHeaderIsWithinAndOneOfUdpOutside) {
  const Algorithms cbc{Integrity::kHmacSha1_96, Encryption::kAesCbc};
  const size_t least = 8 + 16 + 2 + 12;
  EXPECT_EQ(EspInUdpOverhead(cbc, 26, false), 8 + 20 + least);
  EXPECT_EQ(EspInUdpOverhead(cbc, 27, false), 8 + 20 + least + 15);
  EXPECT_EQ(EspInUdpOverhead(cbc, 22, true), 8 + 40 + least);
}

}  // namespace
}  // namespace xfrm
