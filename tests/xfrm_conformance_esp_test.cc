// What only the real kernel can show: the ESP packets of the vectors, made by another program, are
// decrypted by SAs that our requests set up, and what is told about sequence numbers is obeyed.
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/xfrm_conformance.h"

namespace xfrm {
namespace {

using Json = nlohmann::json;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int kPatienceMs = 2000;
constexpr int kSilenceMs = 100;
constexpr size_t kUdpHeaderSize = 8;

class XfrmConformanceEsp : public EspKernelTest {
 protected:
  void SetUp() override {
    EspKernelTest::SetUp();
    if (IsSkipped()) return;
    const Selector selector = SampleSelector();
    ASSERT_TRUE(AddLocalAddress(selector.source));
    ASSERT_TRUE(AddLocalAddress(selector.destination));
    edge_ = std::make_unique<Socket>(AF_INET, SOCK_DGRAM, 0);
    ASSERT_EQ(Add(SamplePolicy(Direction::kIn)), kOk);
    ASSERT_TRUE(edge_->Bind(selector.destination, selector.destination_port));
    std::ifstream stream(GMEDGE_SOURCE_DIR "/tests/data/vectors/esp_packets.json");
    packets_ = Json::parse(stream).at("packets");
  }

  static Algorithms AlgorithmsOf(const Json& packet) {
    for (const Algorithms algorithms : kLegalAlgorithms) {
      const bool is_it = Name(algorithms.integrity) == packet.at("alg").get<std::string>() &&
                         Name(algorithms.encryption) == packet.at("ealg").get<std::string>();
      if (is_it) return algorithms;
    }
    ADD_FAILURE() << packet;
    return {};
  }
  static Sa SaFor(const Json& packet, const EspKeys* keys) {
    return SampleSa(keys, packet.at("spi").get<uint32_t>());
  }
  // What the vector carries, without its UDP header.
  static std::vector<uint8_t> TextOf(const Json& packet) {
    const std::vector<uint8_t> payload = FromHex(packet.at("payload"));
    return {payload.begin() + kUdpHeaderSize, payload.end()};
  }
  // As if the packet came in from the phone.
  static bool Inject(const Json& packet) {
    const Socket raw(AF_INET, SOCK_RAW, IPPROTO_ESP);
    const Selector selector = SampleSelector();
    return raw.Bind(selector.source, 0) &&
           raw.SendTo(selector.destination, 0, FromHex(packet.at("esp")));
  }
  SaInfo Get(const SaId& id) {
    EXPECT_EQ(One([&](Batch* batch) { batch->GetSa(id); }), kOk);
    return replies_.empty() ? SaInfo() : replies_[0].sa;
  }
  Reply Replay(const SaId& id) {
    EXPECT_EQ(One([&](Batch* batch) { batch->GetReplay(id); }), kOk);
    return replies_.empty() ? Reply() : replies_[0];
  }

  std::unique_ptr<Socket> edge_;
  Json packets_;
};

INSTANTIATE_TEST_SUITE_P(Kernel, XfrmConformanceEsp, ::testing::Values(Which::kReal), NameOf);

TEST_P(XfrmConformanceEsp, DecryptsThePacketsOfTheVectorsEachOnce) {
  EXPECT_THAT(packets_, SizeIs(7));
  for (const Json& packet : packets_) {
    SCOPED_TRACE(packet.at("alg").dump() + "=" + packet.at("ealg").dump());
    const EspKeys keys(AlgorithmsOf(packet), SampleIk(), SampleCk());
    const Sa sa = SaFor(packet, &keys);
    ASSERT_EQ(Add(sa), kOk);
    ASSERT_TRUE(Inject(packet));
    EXPECT_THAT(edge_->Receive(kPatienceMs), ElementsAreArray(TextOf(packet)));
    ASSERT_TRUE(Inject(packet));
    EXPECT_THAT(edge_->Receive(kSilenceMs), IsEmpty()) << "it is a replay";

    EXPECT_EQ(Get(sa.id()).replayed, 1u);
    EXPECT_EQ(Get(sa.id()).undecrypted, 0u);
    const Reply reply = Replay(sa.id());
    EXPECT_EQ(reply.replay.received, packet.at("seq").get<uint32_t>());
    EXPECT_EQ(reply.replay.received_bits[0], 1u);
    EXPECT_EQ(reply.sa.packets, 1u);
    EXPECT_EQ(reply.sa.bytes, FromHex(packet.at("payload")).size());
    ASSERT_EQ(Delete(sa.id()), kOk);
  }
}

// Salts and keys count: under those of another subscriber the same packet is dropped.
TEST_P(XfrmConformanceEsp, OtherKeysDecryptNothing) {
  const Key other_ck = KeyFromHex("c40ba9a3c58b2a05bbf0d987b21bf8cb");
  for (const Json& packet : packets_) {
    const Algorithms algorithms = AlgorithmsOf(packet);
    const bool is_aead =
        algorithms.encryption == Encryption::kAesGcm || algorithms.integrity == Integrity::kAesGmac;
    if (!is_aead) continue;
    const EspKeys keys(algorithms, SampleIk(), other_ck);  // For GMAC the salt alone is another.
    ASSERT_EQ(Add(SaFor(packet, &keys)), kOk);
    ASSERT_TRUE(Inject(packet));
    EXPECT_THAT(edge_->Receive(kSilenceMs), IsEmpty()) << packet;
    EXPECT_EQ(Get(SaFor(packet, &keys).id()).undecrypted, 1u);
    EXPECT_EQ(Get(SaFor(packet, &keys).id()).packets, 0u) << "what fails is not counted as use";
    ASSERT_EQ(Delete(SaFor(packet, &keys).id()), kOk);
  }
}

// A hand-over: the successor knows what its predecessor has seen.
TEST_P(XfrmConformanceEsp, ASetReplayStateIsObeyed) {
  for (const uint16_t window : {uint16_t{32}, uint16_t{128}, kReplayWindowMax}) {
    const Json& packet = packets_.at(0);
    const EspKeys keys(AlgorithmsOf(packet), SampleIk(), SampleCk());
    Sa sa = SaFor(packet, &keys);
    sa.replay_window = window;
    ASSERT_EQ(Add(sa), kOk);
    ReplayState seen;
    seen.received = packet.at("seq").get<uint32_t>() + 4;
    seen.received_bits[0] = 0x1f;  // The last five.
    seen.window = window > 32 ? window : uint16_t{0};
    ASSERT_EQ(One([&](Batch* batch) { batch->SetReplay(sa.id(), seen); }), kOk);
    ASSERT_TRUE(Inject(packet));
    EXPECT_THAT(edge_->Receive(kSilenceMs), IsEmpty());
    EXPECT_EQ(Replay(sa.id()).replay.received, seen.received);
    ASSERT_EQ(Delete(sa.id()), kOk);
  }
}

// The mark of the packet that the socket gets (SO_RCVMARK), bits outside of the mask untouched.
TEST_P(XfrmConformanceEsp, WhatIsDecryptedCarriesTheMarkOfItsSa) {
  const int on = 1;
  ASSERT_EQ(setsockopt(edge_->fd(), SOL_SOCKET, SO_RCVMARK, &on, sizeof(on)), 0);
  const EspKeys keys(AlgorithmsOf(packets_.at(0)), SampleIk(), SampleCk());
  Sa sa = SaFor(packets_.at(0), &keys);
  sa.mark = {0x14, 0x1c};
  ASSERT_EQ(Add(sa), kOk);
  ASSERT_TRUE(Inject(packets_.at(0)));
  pollfd entry = {edge_->fd(), POLLIN, 0};
  ASSERT_EQ(poll(&entry, 1, kPatienceMs), 1);

  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(uint32_t))] = {};
  char text[2048];
  iovec piece = {text, sizeof(text)};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ASSERT_GT(recvmsg(edge_->fd(), &message, 0), 0);
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  ASSERT_NE(header, nullptr);
  ASSERT_EQ(header->cmsg_type, SO_MARK);
  uint32_t mark = 0;
  std::memcpy(&mark, CMSG_DATA(header), sizeof(mark));
  EXPECT_EQ(mark, 0x14u);
}

TEST_P(XfrmConformanceEsp, PlainTextToAProtectedPortIsDropped) {
  const Selector selector = SampleSelector();
  const EspKeys keys(AlgorithmsOf(packets_.at(0)), SampleIk(), SampleCk());
  ASSERT_EQ(Add(SaFor(packets_.at(0), &keys)), kOk);
  const Socket phone(AF_INET, SOCK_DGRAM, 0);
  ASSERT_TRUE(phone.Bind(selector.source, selector.source_port));
  ASSERT_TRUE(phone.SendTo(selector.destination, selector.destination_port, {1, 2, 3}));
  EXPECT_THAT(edge_->Receive(kSilenceMs), IsEmpty());
}

}  // namespace
}  // namespace xfrm
