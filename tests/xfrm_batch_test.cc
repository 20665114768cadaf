// The bytes of requests, read back through the structures of linux/xfrm.h.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <netinet/in.h>

#include <cstring>
#include <map>
#include <optional>

#include "tests/xfrm_samples.h"
#include "xfrm/batch.h"
#include "xfrm/wire.h"

namespace xfrm {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::SizeIs;

using Bytes = std::span<const std::byte>;

// A request taken apart.
struct Request {
  nlmsghdr header;
  Bytes body;
  std::map<int, Bytes> attributes;

  template <typename T>
  T Fixed() const {
    T value = Zeroed<T>();
    EXPECT_TRUE(ReadAt(body, 0, &value));
    return value;
  }
};

size_t FixedSize(int type) {
  switch (type) {
    case XFRM_MSG_NEWSA:
    case XFRM_MSG_UPDSA:
      return sizeof(xfrm_usersa_info);
    case XFRM_MSG_DELSA:
    case XFRM_MSG_GETSA:
      return sizeof(xfrm_usersa_id);
    case XFRM_MSG_DELPOLICY:
    case XFRM_MSG_GETPOLICY:
      return sizeof(xfrm_userpolicy_id);
    case XFRM_MSG_GETAE:
    case XFRM_MSG_NEWAE:
      return sizeof(xfrm_aevent_id);
    default:
      return sizeof(xfrm_userpolicy_info);
  }
}

std::vector<Request> Parse(Bytes bytes) {
  std::vector<Request> requests;
  while (!bytes.empty()) {
    Request request;
    EXPECT_TRUE(ReadAt(bytes, 0, &request.header));
    request.body = bytes.subspan(sizeof(nlmsghdr), request.header.nlmsg_len - sizeof(nlmsghdr));
    const bool dump = (request.header.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP &&
                      request.header.nlmsg_type != XFRM_MSG_NEWSA;
    Bytes rest = dump ? Bytes() : request.body.subspan(FixedSize(request.header.nlmsg_type));
    AttributeView attribute;
    while (TakeAttribute(&rest, &attribute)) {
      EXPECT_TRUE(request.attributes.emplace(attribute.type, attribute.payload).second);
    }
    EXPECT_THAT(rest, IsEmpty());
    requests.push_back(request);
    bytes = bytes.subspan(MNL_ALIGN(size_t{request.header.nlmsg_len}));
  }
  return requests;
}

// Name, key bits, ICV bits and key of an algorithm attribute.
struct Algorithm {
  std::string name;
  uint32_t key_bits = 0;
  uint32_t icv_bits = 0;
  std::vector<uint8_t> key;
};

Algorithm ParseAlgorithm(const Request& request, int type) {
  Algorithm algorithm;
  const std::map<int, Bytes>::const_iterator found = request.attributes.find(type);
  if (found == request.attributes.end()) {
    ADD_FAILURE() << "no attribute " << type;
    return algorithm;
  }
  const Bytes payload = found->second;
  algorithm.name = reinterpret_cast<const char*>(payload.data());
  EXPECT_TRUE(ReadAt(payload, 64, &algorithm.key_bits));
  const bool has_icv = type != XFRMA_ALG_CRYPT;
  EXPECT_TRUE(!has_icv || ReadAt(payload, 68, &algorithm.icv_bits));
  for (const std::byte byte : payload.subspan(has_icv ? 72 : 68)) {
    algorithm.key.push_back(static_cast<uint8_t>(byte));
  }
  EXPECT_EQ(algorithm.key.size() * 8, algorithm.key_bits);
  return algorithm;
}

class XfrmBatch : public ::testing::Test {
 protected:
  static EspKeys KeysFor(Algorithms algorithms) {
    return EspKeys(algorithms, SampleIk(), SampleCk());
  }
  Request Added(Algorithms algorithms) {
    const EspKeys keys = KeysFor(algorithms);
    batch_.Clear(1);
    batch_.AddSa(SampleSa(&keys));
    return Parse(batch_.Seal()).at(0);
  }

  Batch batch_;
};

TEST_F(XfrmBatch, NewSaHasEveryFieldOfTransportModeEsp) {
  const Request request = Added({Integrity::kHmacSha1_96, Encryption::kNull});
  EXPECT_EQ(request.header.nlmsg_type, XFRM_MSG_NEWSA);
  EXPECT_EQ(request.header.nlmsg_flags, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);

  const xfrm_usersa_info info = request.Fixed<xfrm_usersa_info>();
  EXPECT_EQ(info.id.spi, htonl(0x12345678));
  EXPECT_EQ(info.id.proto, IPPROTO_ESP);
  EXPECT_EQ(info.id.daddr.a4, inet_addr("192.0.2.10"));
  EXPECT_EQ(info.saddr.a4, inet_addr("198.51.100.77"));
  EXPECT_EQ(info.family, AF_INET);
  EXPECT_EQ(info.mode, XFRM_MODE_TRANSPORT);
  EXPECT_EQ(info.reqid, 4711u);
  EXPECT_EQ(info.replay_window, 32);
  EXPECT_EQ(info.seq, 0u) << "makes older kernels walk the whole table";
  EXPECT_EQ(info.flags, 0);
}

TEST_F(XfrmBatch, SelectorIsExactAndForAnyUpperProtocol) {
  const xfrm_selector selector =
      Added({Integrity::kHmacSha1_96, Encryption::kNull}).Fixed<xfrm_usersa_info>().sel;
  EXPECT_EQ(selector.family, AF_INET);
  EXPECT_EQ(selector.daddr.a4, inet_addr("192.0.2.10"));
  EXPECT_EQ(selector.saddr.a4, inet_addr("198.51.100.77"));
  EXPECT_EQ(selector.prefixlen_d, 32);
  EXPECT_EQ(selector.prefixlen_s, 32);
  EXPECT_EQ(selector.dport, htons(6101));
  EXPECT_EQ(selector.sport, htons(37001));
  EXPECT_EQ(selector.dport_mask, 0xffff);
  EXPECT_EQ(selector.sport_mask, 0xffff);
  EXPECT_EQ(selector.proto, 0);
  EXPECT_EQ(selector.ifindex, 0);
}

TEST_F(XfrmBatch, OnlyTimeEndsAnSa) {
  const xfrm_lifetime_cfg limits =
      Added({Integrity::kHmacSha1_96, Encryption::kNull}).Fixed<xfrm_usersa_info>().lft;
  EXPECT_EQ(limits.hard_add_expires_seconds, 60u);
  EXPECT_EQ(limits.soft_add_expires_seconds, 0u);
  EXPECT_EQ(limits.hard_use_expires_seconds, 0u);
  EXPECT_EQ(limits.soft_use_expires_seconds, 0u);
  EXPECT_EQ(limits.hard_byte_limit, XFRM_INF);
  EXPECT_EQ(limits.soft_byte_limit, XFRM_INF);
  EXPECT_EQ(limits.hard_packet_limit, XFRM_INF);
  EXPECT_EQ(limits.soft_packet_limit, XFRM_INF);
}

TEST_F(XfrmBatch, APacketLimitHasASoftOneBelowIt) {
  const EspKeys keys = KeysFor({});
  Sa sa = SampleSa(&keys);
  sa.hard_packets = uint64_t{256} << 32;
  batch_.Clear(1);
  batch_.AddSa(sa);
  const std::vector<Request> requests = Parse(batch_.Seal());
  ASSERT_EQ(requests.size(), 1u);
  const xfrm_lifetime_cfg limits = requests[0].Fixed<xfrm_usersa_info>().lft;
  EXPECT_EQ(limits.hard_packet_limit, sa.hard_packets);
  EXPECT_EQ(limits.soft_packet_limit, sa.hard_packets - 1);
  EXPECT_EQ(limits.hard_byte_limit, XFRM_INF);
}

TEST_F(XfrmBatch, Ipv6SaHasFullPrefixes) {
  const EspKeys keys = KeysFor({});
  Sa sa = SampleSa(&keys);
  sa.selector = SampleSelector6();
  batch_.Clear(1);
  batch_.AddSa(sa);
  const xfrm_usersa_info info = Parse(batch_.Seal()).at(0).Fixed<xfrm_usersa_info>();
  EXPECT_EQ(info.family, AF_INET6);
  EXPECT_EQ(info.sel.family, AF_INET6);
  EXPECT_EQ(info.sel.prefixlen_d, 128);
  EXPECT_EQ(info.sel.prefixlen_s, 128);
  const Address destination = At("2001:db8:2::10");
  EXPECT_EQ(std::memcmp(&info.id.daddr, destination.bytes.data(), 16), 0);
}

// Pitfall 1: AES-GCM and AES-GMAC are AEAD, with their salt, and nothing beside it.
TEST_F(XfrmBatch, GcmAndGmacAreOneAeadAttributeWithSalt) {
  const Request gcm = Added({Integrity::kNull, Encryption::kAesGcm});
  EXPECT_THAT(gcm.attributes, ElementsAre(Key(XFRMA_ALG_AEAD)));
  const Algorithm gcm_row = ParseAlgorithm(gcm, XFRMA_ALG_AEAD);
  EXPECT_EQ(gcm_row.name, "rfc4106(gcm(aes))");
  EXPECT_EQ(gcm_row.key_bits, 160u);
  EXPECT_EQ(gcm_row.icv_bits, 128u);
  EXPECT_THAT(gcm_row.key, ElementsAreArray(FromHex("b40ba9a3c58b2a05bbf0d987b21bf8cb89273db6")));

  const Request gmac = Added({Integrity::kAesGmac, Encryption::kNull});
  EXPECT_THAT(gmac.attributes, ElementsAre(Key(XFRMA_ALG_AEAD)));
  const Algorithm gmac_row = ParseAlgorithm(gmac, XFRMA_ALG_AEAD);
  EXPECT_EQ(gmac_row.name, "rfc4543(gcm(aes))");
  EXPECT_EQ(gmac_row.icv_bits, 128u);
  EXPECT_THAT(gmac_row.key, ElementsAreArray(FromHex("f769bcd751044604127672711c6d3441dbc2b1c2")));
}

// Pitfalls 2 and 5: the third DES key is there, and no key has zero length but null encryption's.
TEST_F(XfrmBatch, HmacAndCbcAreTwoAttributesWithWholeKeys) {
  const Request request = Added({Integrity::kHmacMd5_96, Encryption::kDesEde3Cbc});
  EXPECT_THAT(request.attributes, ElementsAre(Key(XFRMA_ALG_CRYPT), Key(XFRMA_ALG_AUTH_TRUNC)));
  const Algorithm des = ParseAlgorithm(request, XFRMA_ALG_CRYPT);
  EXPECT_EQ(des.name, "cbc(des3_ede)");
  EXPECT_THAT(des.key,
              ElementsAreArray(FromHex("b50ba8a2c48a2a04baf1d986b31af8cbb50ba8a2c48a2a04")));
  const Algorithm md5 = ParseAlgorithm(request, XFRMA_ALG_AUTH_TRUNC);
  EXPECT_EQ(md5.name, "hmac(md5)");
  EXPECT_EQ(md5.icv_bits, 96u);
  EXPECT_THAT(md5.key, ElementsAreArray(FromHex("f769bcd751044604127672711c6d3441")));
}

TEST_F(XfrmBatch, NullEncryptionIsAnAlgorithmWithoutKey) {
  const Request request = Added({Integrity::kHmacSha1_96, Encryption::kNull});
  const Algorithm null = ParseAlgorithm(request, XFRMA_ALG_CRYPT);
  EXPECT_EQ(null.name, "ecb(cipher_null)");
  EXPECT_EQ(null.key_bits, 0u);
  const Algorithm sha1 = ParseAlgorithm(request, XFRMA_ALG_AUTH_TRUNC);
  EXPECT_EQ(sha1.name, "hmac(sha1)");
  EXPECT_EQ(sha1.key_bits, 160u);
  EXPECT_EQ(sha1.icv_bits, 96u);
}

TEST_F(XfrmBatch, NoSaIsAddedWithoutKeys) {
  batch_.Clear(1);
  EXPECT_DEATH(batch_.AddSa(SampleSa(nullptr)), "keys != nullptr");
  // A default EspKeys has no key bytes: the missing IK that others take for an empty key.
  const EspKeys none;
  EXPECT_DEATH(batch_.AddSa(SampleSa(&none)), "key_bits");
}

TEST_F(XfrmBatch, WideReplayWindowIsABitmapAttribute) {
  const EspKeys keys = KeysFor({});
  Sa sa = SampleSa(&keys);
  sa.replay_window = 100;
  batch_.Clear(1);
  batch_.AddSa(sa);
  const Request request = Parse(batch_.Seal()).at(0);
  const xfrm_usersa_info info = request.Fixed<xfrm_usersa_info>();
  EXPECT_EQ(info.replay_window, 0) << "the kernel refuses both";
  EXPECT_EQ(info.flags & XFRM_STATE_ESN, 0);
  const Bytes payload = request.attributes.at(XFRMA_REPLAY_ESN_VAL);
  xfrm_replay_state_esn state;
  ASSERT_TRUE(ReadAt(payload, 0, &state));
  EXPECT_EQ(state.replay_window, 100u);
  EXPECT_EQ(state.bmp_len, 4u);
  EXPECT_THAT(payload, SizeIs(sizeof(state))) << "the kernel makes the zeros itself";
}

TEST_F(XfrmBatch, AMarkIsAValueAndAMask) {
  const EspKeys keys = KeysFor({});
  Sa sa = SampleSa(&keys);
  batch_.Clear(1);
  batch_.AddSa(sa);
  sa.mark = {0x14, 0x1c};
  batch_.AddSa(sa);
  batch_.UpdateSa(sa);
  const std::vector<Request> requests = Parse(batch_.Seal());
  EXPECT_EQ(requests[0].attributes.count(XFRMA_SET_MARK), 0u);
  EXPECT_EQ(requests[0].attributes.count(XFRMA_SET_MARK_MASK), 0u);
  uint32_t bits = 0;
  ASSERT_TRUE(ReadAt(requests[1].attributes.at(XFRMA_SET_MARK), 0, &bits));
  EXPECT_EQ(bits, 0x14u);
  ASSERT_TRUE(ReadAt(requests[1].attributes.at(XFRMA_SET_MARK_MASK), 0, &bits));
  EXPECT_EQ(bits, 0x1cu);
  EXPECT_EQ(requests[2].attributes.count(XFRMA_SET_MARK), 0u) << "it stays as it is";
}

TEST_F(XfrmBatch, ADeviceIsAnIndexAndFlags) {
  const EspKeys keys = KeysFor({});
  Sa sa = SampleSa(&keys);
  const auto flags_of = [&](OffloadKind kind, Direction direction) {
    sa.offload = {kind, 7};
    sa.direction = direction;
    batch_.Clear(1);
    batch_.AddSa(sa);
    const Request request = Parse(batch_.Seal()).at(0);
    xfrm_user_offload device;
    EXPECT_TRUE(ReadAt(request.attributes.at(XFRMA_OFFLOAD_DEV), 0, &device));
    EXPECT_EQ(device.ifindex, 7);
    return int{device.flags};
  };
  EXPECT_EQ(flags_of(OffloadKind::kCrypto, Direction::kOut), 0);
  EXPECT_EQ(flags_of(OffloadKind::kCrypto, Direction::kIn), XFRM_OFFLOAD_INBOUND);
  EXPECT_EQ(flags_of(OffloadKind::kPacket, Direction::kOut), XFRM_OFFLOAD_PACKET);
  EXPECT_EQ(flags_of(OffloadKind::kPacket, Direction::kIn),
            XFRM_OFFLOAD_INBOUND | XFRM_OFFLOAD_PACKET);
  Policy policy = SamplePolicy();
  policy.offload = {OffloadKind::kPacket, 7};
  batch_.Clear(1);
  batch_.UpdateSa(sa);
  batch_.AddSa(SampleSa(&keys));
  batch_.UpdatePolicy(policy);
  batch_.AddPolicy(SamplePolicy());
  const std::vector<Request> requests = Parse(batch_.Seal());
  EXPECT_EQ(requests[0].attributes.count(XFRMA_OFFLOAD_DEV), 0u) << "an update asks no device";
  EXPECT_EQ(requests[1].attributes.count(XFRMA_OFFLOAD_DEV), 0u);
  xfrm_user_offload device;
  ASSERT_TRUE(ReadAt(requests[2].attributes.at(XFRMA_OFFLOAD_DEV), 0, &device));
  EXPECT_EQ(int{device.flags}, XFRM_OFFLOAD_PACKET) << "a policy has its direction elsewhere";
  EXPECT_EQ(requests[3].attributes.count(XFRMA_OFFLOAD_DEV), 0u);
}

TEST_F(XfrmBatch, UpdateCarriesLifetimesWithoutKeys) {
  Sa sa = SampleSa(nullptr);
  sa.hard_seconds = 3600;
  batch_.Clear(1);
  batch_.UpdateSa(sa);
  const Request request = Parse(batch_.Seal()).at(0);
  EXPECT_EQ(request.header.nlmsg_type, XFRM_MSG_UPDSA);
  EXPECT_EQ(request.header.nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
  EXPECT_EQ(request.Fixed<xfrm_usersa_info>().lft.hard_add_expires_seconds, 3600u);
  EXPECT_THAT(request.attributes, ElementsAre(Key(XFRMA_ALG_CRYPT)));
  EXPECT_EQ(ParseAlgorithm(request, XFRMA_ALG_CRYPT).name, "ecb(cipher_null)");
}

TEST_F(XfrmBatch, SoftLifetimeIsCountedFromTheAddTimeToo) {
  Sa sa = SampleSa(nullptr);
  sa.soft_seconds = 30;
  batch_.Clear(1);
  batch_.UpdateSa(sa);
  const xfrm_usersa_info info = Parse(batch_.Seal()).at(0).Fixed<xfrm_usersa_info>();
  EXPECT_EQ(info.lft.soft_add_expires_seconds, 30u);
  EXPECT_EQ(info.lft.hard_add_expires_seconds, 60u);
}

TEST_F(XfrmBatch, ReplayStateIsAskedForAndReplaced) {
  const SaId id = SampleSa(nullptr).id();
  ReplayState narrow{1, 2, 0, {3}};
  ReplayState wide{1, 2, 100, {3, 4, 5, 6}};
  batch_.Clear(1);
  batch_.GetReplay(id);
  batch_.SetReplay(id, narrow);
  batch_.SetReplay(id, wide);
  const std::vector<Request> requests = Parse(batch_.Seal());
  ASSERT_THAT(requests, SizeIs(3));
  for (const Request& request : requests) {
    const xfrm_aevent_id event = request.Fixed<xfrm_aevent_id>();
    EXPECT_EQ(event.sa_id.spi, htonl(0x12345678));
    EXPECT_EQ(event.sa_id.family, AF_INET);
    EXPECT_EQ(event.sa_id.proto, IPPROTO_ESP);
    EXPECT_EQ(event.flags, 0u);
  }
  EXPECT_EQ(requests[0].header.nlmsg_type, XFRM_MSG_GETAE);
  EXPECT_THAT(requests[0].attributes, IsEmpty());
  EXPECT_EQ(requests[1].header.nlmsg_type, XFRM_MSG_NEWAE);
  EXPECT_EQ(requests[1].header.nlmsg_flags, NLM_F_REQUEST | NLM_F_REPLACE);
  ReplayState read;
  EXPECT_TRUE(FromWire(requests[1].attributes.at(XFRMA_REPLAY_VAL), &read));
  EXPECT_EQ(read, narrow);
  const Bytes window = requests[2].attributes.at(XFRMA_REPLAY_ESN_VAL);
  EXPECT_THAT(window, SizeIs(sizeof(xfrm_replay_state_esn) + 16));
  EXPECT_TRUE(FromWideWire(window, &read));
  EXPECT_EQ(read, wide);
}

TEST_F(XfrmBatch, DeleteAndGetNameTheSa) {
  batch_.Clear(1);
  batch_.DeleteSa({At("192.0.2.10"), 77777});
  batch_.GetSa({At("2001:db8::1"), 88888});
  const std::vector<Request> requests = Parse(batch_.Seal());
  EXPECT_EQ(requests.at(0).header.nlmsg_type, XFRM_MSG_DELSA);
  const xfrm_usersa_id deleted = requests.at(0).Fixed<xfrm_usersa_id>();
  EXPECT_EQ(deleted.daddr.a4, inet_addr("192.0.2.10"));
  EXPECT_EQ(deleted.spi, htonl(77777));
  EXPECT_EQ(deleted.family, AF_INET);
  EXPECT_EQ(deleted.proto, IPPROTO_ESP);
  EXPECT_EQ(requests.at(1).header.nlmsg_type, XFRM_MSG_GETSA);
  EXPECT_EQ(requests.at(1).header.nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
  EXPECT_EQ(requests.at(1).Fixed<xfrm_usersa_id>().family, AF_INET6);
}

TEST_F(XfrmBatch, InboundPolicyGuardsTheLocalPortAgainstAnyone) {
  batch_.Clear(1);
  batch_.AddPolicy(SamplePolicy(Direction::kIn));
  const Request request = Parse(batch_.Seal()).at(0);
  EXPECT_EQ(request.header.nlmsg_type, XFRM_MSG_NEWPOLICY);
  EXPECT_EQ(request.header.nlmsg_flags, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
  const xfrm_userpolicy_info info = request.Fixed<xfrm_userpolicy_info>();
  EXPECT_EQ(info.dir, XFRM_POLICY_IN);
  EXPECT_EQ(info.action, XFRM_POLICY_ALLOW);
  EXPECT_EQ(info.priority, 1000u);
  EXPECT_EQ(info.sel.daddr.a4, inet_addr("192.0.2.10"));
  EXPECT_EQ(info.sel.prefixlen_d, 32);
  EXPECT_EQ(info.sel.dport, htons(6101));
  EXPECT_EQ(info.sel.dport_mask, 0xffff);
  EXPECT_EQ(info.sel.saddr.a4, 0u);
  EXPECT_EQ(info.sel.prefixlen_s, 0);
  EXPECT_EQ(info.sel.sport_mask, 0);
  EXPECT_EQ(info.sel.proto, 0);
}

TEST_F(XfrmBatch, OutboundPolicyIsTheMirror) {
  batch_.Clear(1);
  batch_.UpdatePolicy(SamplePolicy(Direction::kOut));
  const Request request = Parse(batch_.Seal()).at(0);
  EXPECT_EQ(request.header.nlmsg_type, XFRM_MSG_UPDPOLICY);
  const xfrm_userpolicy_info info = request.Fixed<xfrm_userpolicy_info>();
  EXPECT_EQ(info.dir, XFRM_POLICY_OUT);
  EXPECT_EQ(info.sel.saddr.a4, inet_addr("192.0.2.10"));
  EXPECT_EQ(info.sel.prefixlen_s, 32);
  EXPECT_EQ(info.sel.sport, htons(6101));
  EXPECT_EQ(info.sel.prefixlen_d, 0);
  EXPECT_EQ(info.sel.dport_mask, 0);
}

TEST_F(XfrmBatch, TemplateRequiresEspOfOurReqid) {
  batch_.Clear(1);
  batch_.AddPolicy(SamplePolicy());
  const Bytes payload = Parse(batch_.Seal()).at(0).attributes.at(XFRMA_TMPL);
  xfrm_user_tmpl entry;
  ASSERT_THAT(payload, SizeIs(sizeof(entry)));
  ASSERT_TRUE(ReadAt(payload, 0, &entry));
  EXPECT_EQ(entry.id.proto, IPPROTO_ESP);
  EXPECT_EQ(entry.id.spi, 0u);
  EXPECT_EQ(entry.id.daddr.a4, 0u);
  EXPECT_EQ(entry.saddr.a4, 0u);
  EXPECT_EQ(entry.reqid, 4711u);
  EXPECT_EQ(entry.mode, XFRM_MODE_TRANSPORT);
  EXPECT_EQ(entry.optional, 0) << "level required: fail-closed";
  EXPECT_EQ(entry.aalgos, ~0u);
  EXPECT_EQ(entry.ealgos, ~0u);
  EXPECT_EQ(entry.calgos, ~0u);
}

// The kernel finds a policy by memcmp over the selector, padding included.
TEST_F(XfrmBatch, DeletedPolicyHasTheVerySelectorOfTheAddedOne) {
  batch_.Clear(1);
  batch_.AddPolicy(SamplePolicy());
  batch_.DeletePolicy(SamplePolicy());
  const std::vector<Request> requests = Parse(batch_.Seal());
  const xfrm_userpolicy_info added = requests.at(0).Fixed<xfrm_userpolicy_info>();
  const xfrm_userpolicy_id deleted = requests.at(1).Fixed<xfrm_userpolicy_id>();
  EXPECT_EQ(requests.at(1).header.nlmsg_type, XFRM_MSG_DELPOLICY);
  EXPECT_EQ(std::memcmp(&added.sel, &deleted.sel, sizeof(added.sel)), 0);
  EXPECT_EQ(added.dir, deleted.dir);
  EXPECT_EQ(deleted.index, 0u);
}

TEST_F(XfrmBatch, GetNamesThePolicyAsDeleteDoes) {
  batch_.Clear(1);
  batch_.DeletePolicy(SamplePolicy(Direction::kOut));
  batch_.GetPolicy(SamplePolicy(Direction::kOut));
  const std::vector<Request> requests = Parse(batch_.Seal());
  EXPECT_EQ(requests[1].header.nlmsg_type, XFRM_MSG_GETPOLICY);
  EXPECT_EQ(requests[1].header.nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
  EXPECT_THAT(requests[1].body, ElementsAreArray(requests[0].body));
}

TEST_F(XfrmBatch, PolicyForEveryPortIsRefused) {
  Policy policy = SamplePolicy();
  policy.local_port = 0;
  batch_.Clear(1);
  EXPECT_DEATH(batch_.AddPolicy(policy), "local_port");
}

TEST_F(XfrmBatch, NumbersRequestsFromFirstAndFencesTheLast) {
  batch_.Clear(0xfffffffe);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(batch_.DeleteSa({At("192.0.2.10"), 300}), i);
  const std::vector<Request> requests = Parse(batch_.Seal());
  ASSERT_THAT(requests, SizeIs(4));
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(requests[i].header.nlmsg_seq, 0xfffffffe + static_cast<uint32_t>(i));
    EXPECT_EQ((requests[i].header.nlmsg_flags & NLM_F_ACK) != 0, i == 3);
  }
}

TEST_F(XfrmBatch, DumpIsOneRequestWithoutFence) {
  for (const bool of_sas : {true, false}) {
    batch_.Clear(9);
    EXPECT_EQ(of_sas ? batch_.DumpSas() : batch_.DumpPolicies(), 0);
    const std::vector<Request> requests = Parse(batch_.Seal());
    ASSERT_THAT(requests, SizeIs(1));
    EXPECT_EQ(requests[0].header.nlmsg_type, of_sas ? XFRM_MSG_GETSA : XFRM_MSG_GETPOLICY);
    EXPECT_EQ(requests[0].header.nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
    EXPECT_DEATH(batch_.DumpSas(), "count_ == 0");
  }
}

TEST_F(XfrmBatch, HoldsItsMaximumOfTheLargestRequest) {
  const EspKeys keys = KeysFor({Integrity::kHmacSha1_96, Encryption::kDesEde3Cbc});
  Sa sa = SampleSa(&keys);
  sa.replay_window = kReplayWindowMax;
  batch_.Clear(1);
  while (!batch_.full()) batch_.AddSa(sa);
  EXPECT_EQ(batch_.count(), Batch::kRequestsMax);
  EXPECT_THAT(Parse(batch_.Seal()), SizeIs(Batch::kRequestsMax));
  EXPECT_DEATH(batch_.DeleteSa({At("192.0.2.10"), 300}), "full");
}

TEST_F(XfrmBatch, ClearWipesTheKeys) {
  const EspKeys keys = KeysFor({Integrity::kHmacSha1_96, Encryption::kAesCbc});
  batch_.Clear(1);
  batch_.AddSa(SampleSa(&keys));
  const Bytes bytes = batch_.Seal();
  batch_.Clear(2);
  EXPECT_TRUE(batch_.empty());
  EXPECT_EQ(batch_.first(), 2u);
  EXPECT_THAT(bytes, ::testing::Each(std::byte{0})) << "the buffer is still the batch's";
}

}  // namespace
}  // namespace xfrm
