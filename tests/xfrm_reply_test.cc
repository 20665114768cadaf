// What the kernel says, byte by byte, and what a batch comes to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <netinet/in.h>

#include <cstring>
#include <functional>
#include <memory>

#include "tests/xfrm_samples.h"
#include "xfrm/fake_answer.h"
#include "xfrm/reply.h"
#include "xfrm/wire.h"

namespace xfrm {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

using Bytes = std::vector<std::byte>;

constexpr std::errc kOk{};
constexpr std::errc kExists = std::errc::file_exists;

nlmsghdr RequestHeader(uint32_t sequence) {
  return {sizeof(nlmsghdr), XFRM_MSG_NEWSA, NLM_F_REQUEST, sequence, 0};
}

Bytes Ack(uint32_t sequence, std::errc error = {}, std::string_view text = {}) {
  Bytes bytes;
  AppendAck(RequestHeader(sequence), {error, text}, &bytes);
  return bytes;
}

Reply One(const Bytes& bytes) {
  ReplyReader reader(bytes);
  Reply reply;
  EXPECT_TRUE(reader.Next(&reply));
  Reply more;
  EXPECT_FALSE(reader.Next(&more));
  EXPECT_TRUE(reader.ok());
  return reply;
}

// Reads from memory of the input's very size, so that a sanitizer sees a step outside.
bool IsMalformed(const Bytes& bytes, size_t size) {
  const std::unique_ptr<std::byte[]> exact(new std::byte[size]);
  std::memcpy(exact.get(), bytes.data(), size);
  ReplyReader reader(std::span<const std::byte>(exact.get(), size));
  Reply reply;
  while (reader.Next(&reply)) {
  }
  return !reader.ok();
}

void PatchHeader(Bytes* bytes, uint32_t size, uint16_t flags) {
  nlmsghdr header;
  std::memcpy(&header, bytes->data(), sizeof(header));
  header.nlmsg_len = size;
  header.nlmsg_flags = flags;
  std::memcpy(bytes->data(), &header, sizeof(header));
}

TEST(XfrmReply, ReadsAnAcknowledgement) {
  const Reply reply = One(Ack(7));
  EXPECT_EQ(reply.kind, ReplyKind::kAck);
  EXPECT_EQ(reply.sequence, 7u);
  EXPECT_EQ(reply.error, kOk);
  EXPECT_THAT(reply.explanation, IsEmpty());
}

TEST(XfrmReply, ReadsARefusalAndItsExplanation) {
  const Bytes bytes = Ack(7, kExists, "No room at the inn");
  const Reply reply = One(bytes);
  EXPECT_EQ(reply.kind, ReplyKind::kAck);
  EXPECT_EQ(reply.error, kExists);
  EXPECT_EQ(reply.explanation, "No room at the inn");
}

// Without NETLINK_CAP_ACK the request comes back whole, before the attributes.
TEST(XfrmReply, FindsTheExplanationBehindAnUncappedRequest) {
  const size_t body_size = 20;
  Bytes bytes = Ack(7, kExists, "behind");
  bytes.insert(bytes.begin() + sizeof(nlmsghdr) + sizeof(nlmsgerr), body_size, std::byte{0xaa});
  const uint32_t request_size = sizeof(nlmsghdr) + body_size;
  std::memcpy(bytes.data() + sizeof(nlmsghdr) + offsetof(nlmsgerr, msg), &request_size,
              sizeof(request_size));
  PatchHeader(&bytes, static_cast<uint32_t>(bytes.size()), NLM_F_ACK_TLVS);
  EXPECT_EQ(One(bytes).explanation, "behind");
}

TEST(XfrmReply, ReadsAnSaWithoutItsKeys) {
  const EspKeys keys({Integrity::kHmacSha1_96, Encryption::kAesCbc}, SampleIk(), SampleCk());
  xfrm_usersa_info info = ToWire(SampleSa(&keys));
  info.curlft = {100, 3, 1'700'000'000, 1'700'000'005};
  Bytes bytes;
  AppendSa(info, {}, 9, NLM_F_MULTI, &bytes);
  const Reply reply = One(bytes);
  EXPECT_EQ(reply.kind, ReplyKind::kSa);
  EXPECT_EQ(reply.sequence, 9u);
  EXPECT_EQ(reply.sa.selector, SampleSelector());
  EXPECT_EQ(reply.sa.id.spi, 0x12345678u);
  EXPECT_EQ(reply.sa.id.destination, At("192.0.2.10"));
  EXPECT_EQ(reply.sa.source, At("198.51.100.77"));
  EXPECT_EQ(reply.sa.reqid, 4711u);
  EXPECT_EQ(reply.sa.hard_seconds, 60u);
  EXPECT_EQ(reply.sa.added_at, 1'700'000'000u);
  EXPECT_EQ(reply.sa.used_at, 1'700'000'005u);
  EXPECT_EQ(reply.sa.bytes, 100u);
  EXPECT_EQ(reply.sa.packets, 3u);
  EXPECT_EQ(reply.sa.replay_window, 32);
}

// The SA that a batch asks for, as a dump shows it, with something changed.
SaInfo ShownWith(const std::function<void(xfrm_usersa_info*)>& change, const EspKeys& keys) {
  xfrm_usersa_info info = ToWire(SampleSa(&keys));
  change(&info);
  Batch batch;
  batch.Clear(1);
  batch.AddSa(SampleSa(&keys));
  Bytes bytes;
  AppendSa(info, batch.Seal().subspan(sizeof(nlmsghdr) + sizeof(info)), 9, 0, &bytes);
  return One(bytes).sa;
}

TEST(XfrmReply, TellsTheAlgorithmsOfAnSa) {
  for (const Algorithms algorithms : kLegalAlgorithms) {
    const EspKeys keys(algorithms, SampleIk(), SampleCk());
    EXPECT_EQ(ShownWith([](xfrm_usersa_info*) {}, keys).algorithms, algorithms)
        << Name(algorithms.integrity) << "=" << Name(algorithms.encryption);
  }
}

TEST(XfrmReply, AlgorithmsOfOthersAreNone) {
  const EspKeys keys({Integrity::kHmacSha1_96, Encryption::kAesCbc}, SampleIk(), SampleCk());
  Batch batch;
  batch.Clear(1);
  batch.AddSa(SampleSa(&keys));
  const std::span<const std::byte> request = batch.Seal();
  const size_t auth_at = sizeof(nlmsghdr) + sizeof(xfrm_usersa_info);
  const size_t auth_size = sizeof(nlattr) + sizeof(xfrm_algo_auth) + 20;
  const auto shown = [&](std::span<const std::byte> attributes) {
    Bytes bytes;
    AppendSa(ToWire(SampleSa(&keys)), attributes, 9, 0, &bytes);
    return One(bytes).sa.algorithms;
  };
  EXPECT_EQ(shown(request.subspan(auth_at)), keys.algorithms());
  EXPECT_EQ(shown({}), std::nullopt);
  EXPECT_EQ(shown(request.subspan(auth_at, auth_size)), std::nullopt) << "no encryption";
  EXPECT_EQ(shown(request.subspan(auth_at + auth_size)), std::nullopt) << "no integrity";
  for (const size_t at : {offsetof(xfrm_algo_auth, alg_name), offsetof(xfrm_algo_auth, alg_key_len),
                          offsetof(xfrm_algo_auth, alg_trunc_len)}) {
    Bytes other(request.begin(), request.end());
    other[auth_at + sizeof(nlattr) + at] ^= std::byte{8};
    EXPECT_EQ(shown(std::span(other).subspan(auth_at)), std::nullopt) << at;
  }
}

TEST(XfrmReply, ExactIsWhatABatchMakes) {
  const EspKeys keys({}, SampleIk(), SampleCk());
  EXPECT_TRUE(ShownWith([](xfrm_usersa_info*) {}, keys).is_exact);
  const std::vector<std::function<void(xfrm_usersa_info*)>> changes = {
      [](xfrm_usersa_info* info) { info->mode = XFRM_MODE_TUNNEL; },
      [](xfrm_usersa_info* info) { info->flags = XFRM_STATE_ESN; },
      [](xfrm_usersa_info* info) { info->sel.prefixlen_s = 31; },
      [](xfrm_usersa_info* info) { info->sel.prefixlen_d = 0; },
      [](xfrm_usersa_info* info) { info->sel.sport_mask = 0; },
      [](xfrm_usersa_info* info) { info->sel.dport_mask = 0xff00; },
      [](xfrm_usersa_info* info) { info->sel.proto = IPPROTO_UDP; },
      [](xfrm_usersa_info* info) { info->sel.ifindex = 1; },
      [](xfrm_usersa_info* info) { info->sel.family = AF_INET6; },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    EXPECT_FALSE(ShownWith(changes[i], keys).is_exact) << i;
  }
}

Bytes ReplayEvent(uint16_t type, std::span<const std::byte> payload) {
  const EspKeys keys({}, SampleIk(), SampleCk());
  xfrm_usersa_info info = ToWire(SampleSa(&keys));
  info.curlft = {100, 3, 1'700'000'000, 1'700'000'005};
  Bytes attribute;
  AppendAttribute(type, payload, &attribute);
  Bytes bytes;
  AppendReplayEvent(info, 0, attribute, 9, &bytes);
  return bytes;
}

TEST(XfrmReply, ReadsAReplayState) {
  const ReplayState state{7, 8, 0, {9}};
  const xfrm_replay_state wire = ToWire(state);
  const Reply reply = One(ReplayEvent(XFRMA_REPLAY_VAL, std::as_bytes(std::span(&wire, 1))));
  EXPECT_EQ(reply.kind, ReplyKind::kReplay);
  EXPECT_EQ(reply.sequence, 9u);
  EXPECT_EQ(reply.replay, state);
  EXPECT_EQ(reply.sa.id.spi, 0x12345678u);
  EXPECT_EQ(reply.sa.id.destination, At("192.0.2.10"));
  EXPECT_EQ(reply.sa.source, At("198.51.100.77"));
  EXPECT_EQ(reply.sa.reqid, 4711u);
  EXPECT_EQ(reply.sa.bytes, 100u);
  EXPECT_EQ(reply.sa.used_at, 1'700'000'005u);
}

TEST(XfrmReply, ReadsAWideReplayStateThatCouldBeOurs) {
  ReplayState state{7, 8, kReplayWindowMax, {9}};
  state.received_bits.back() = 10;
  WideWindow wire = ToWideWire(state);
  const std::span<std::byte> payload(wire.bytes.data(), wire.size);
  EXPECT_EQ(One(ReplayEvent(XFRMA_REPLAY_ESN_VAL, payload)).replay, state);

  const size_t fields[] = {
      offsetof(xfrm_replay_state_esn, seq_hi), offsetof(xfrm_replay_state_esn, oseq_hi),
      offsetof(xfrm_replay_state_esn, bmp_len), offsetof(xfrm_replay_state_esn, replay_window) + 1};
  for (const size_t field : fields) {
    WideWindow other = wire;
    other.bytes[field] ^= std::byte{1};
    const std::span<std::byte> bytes(other.bytes.data(), other.size);
    EXPECT_EQ(One(ReplayEvent(XFRMA_REPLAY_ESN_VAL, bytes)).kind, ReplyKind::kOther) << field;
  }
}

TEST(XfrmReply, SasOfOtherProtocolsAreOfNoInterest) {
  const EspKeys keys({}, SampleIk(), SampleCk());
  xfrm_usersa_info info = ToWire(SampleSa(&keys));
  info.id.proto = IPPROTO_AH;
  Bytes bytes;
  AppendSa(info, {}, 9, 0, &bytes);
  EXPECT_EQ(One(bytes).kind, ReplyKind::kOther);
}

TEST(XfrmReply, ReadsAPolicyAndItsFirstReqid) {
  for (const Direction direction : {Direction::kIn, Direction::kOut}) {
    const Policy policy = SamplePolicy(direction);
    const xfrm_user_tmpl entry = TemplateOf(policy);
    Bytes bytes;
    AppendPolicy(ToWire(policy), std::as_bytes(std::span(&entry, 1)), 9, NLM_F_MULTI, &bytes);
    const Reply reply = One(bytes);
    EXPECT_EQ(reply.kind, ReplyKind::kPolicy);
    EXPECT_EQ(reply.policy.direction, direction);
    EXPECT_EQ(reply.policy.local, policy.local);
    EXPECT_EQ(reply.policy.local_port, policy.local_port);
    EXPECT_EQ(reply.policy.reqid, policy.reqid);
    EXPECT_EQ(reply.policy.priority, policy.priority);
  }
}

TEST(XfrmReply, ForwardPoliciesAreOfNoInterest) {
  xfrm_userpolicy_info info = ToWire(SamplePolicy());
  info.dir = XFRM_POLICY_FWD;
  Bytes bytes;
  AppendPolicy(info, {}, 9, NLM_F_MULTI, &bytes);
  EXPECT_EQ(One(bytes).kind, ReplyKind::kOther);
}

TEST(XfrmReply, ReadsHardAndSoftExpiry) {
  const EspKeys keys({}, SampleIk(), SampleCk());
  Bytes bytes;
  AppendExpire(ToWire(SampleSa(&keys)), true, &bytes);
  const Reply reply = One(bytes);
  EXPECT_EQ(reply.kind, ReplyKind::kExpire);
  EXPECT_TRUE(reply.hard);
  EXPECT_EQ(reply.sa.id.spi, 0x12345678u);
  bytes.clear();
  AppendExpire(ToWire(SampleSa(&keys)), false, &bytes);
  EXPECT_FALSE(One(bytes).hard);
}

TEST(XfrmReply, ReadsTheEndOfADump) {
  Bytes bytes;
  AppendDone(9, &bytes);
  EXPECT_EQ(One(bytes).kind, ReplyKind::kDone);
  EXPECT_FALSE(One(bytes).interrupted);
  PatchHeader(&bytes, static_cast<uint32_t>(bytes.size()), NLM_F_MULTI | NLM_F_DUMP_INTR);
  EXPECT_TRUE(One(bytes).interrupted);
}

TEST(XfrmReply, UnknownMessagesAreOfNoInterest) {
  Bytes bytes = Ack(7);
  const uint16_t type = XFRM_MSG_ACQUIRE;
  std::memcpy(bytes.data() + offsetof(nlmsghdr, nlmsg_type), &type, sizeof(type));
  EXPECT_EQ(One(bytes).kind, ReplyKind::kOther);
}

TEST(XfrmReply, WalksSeveralMessagesOfOneDatagram) {
  Bytes bytes = Ack(1, kExists, "odd length");
  const Bytes second = Ack(2);
  bytes.insert(bytes.end(), second.begin(), second.end());
  const std::vector<Reply> replies = ReadAll({bytes});
  ASSERT_THAT(replies, SizeIs(2));
  EXPECT_EQ(replies[0].sequence, 1u);
  EXPECT_EQ(replies[1].sequence, 2u);
}

// Every prefix of every kind of message: none is read as whole, none is read past its end.
TEST(XfrmReply, CutInputIsMalformed) {
  const EspKeys keys({}, SampleIk(), SampleCk());
  const Policy policy = SamplePolicy();
  const xfrm_user_tmpl entry = TemplateOf(policy);
  const xfrm_replay_state wire{};
  std::vector<Bytes> messages(6);
  messages[0] = Ack(7, kExists, "explained");
  AppendSa(ToWire(SampleSa(&keys)), {}, 9, 0, &messages[1]);
  AppendPolicy(ToWire(policy), std::as_bytes(std::span(&entry, 1)), 9, 0, &messages[2]);
  AppendExpire(ToWire(SampleSa(&keys)), true, &messages[3]);
  AppendDone(9, &messages[4]);
  messages[5] = ReplayEvent(XFRMA_REPLAY_VAL, std::as_bytes(std::span(&wire, 1)));
  for (Bytes& message : messages) {
    EXPECT_FALSE(IsMalformed(message, message.size()));
    nlmsghdr header;
    std::memcpy(&header, message.data(), sizeof(header));
    for (size_t size = 1; size < header.nlmsg_len; ++size) {
      EXPECT_TRUE(IsMalformed(message, size)) << size;
    }
  }
}

// The message says it is shorter than its type needs.
TEST(XfrmReply, ShortMessagesAreMalformed) {
  const EspKeys keys({}, SampleIk(), SampleCk());
  std::vector<Bytes> messages(4);
  messages[0] = Ack(7);
  AppendSa(ToWire(SampleSa(&keys)), {}, 9, 0, &messages[1]);
  AppendExpire(ToWire(SampleSa(&keys)), true, &messages[2]);
  AppendDone(9, &messages[3]);
  for (Bytes& message : messages) {
    PatchHeader(&message, sizeof(nlmsghdr) + 3, 0);
    EXPECT_TRUE(IsMalformed(message, sizeof(nlmsghdr) + 4));
    PatchHeader(&message, sizeof(nlmsghdr) - 1, 0);
    EXPECT_TRUE(IsMalformed(message, message.size()));
  }
}

TEST(XfrmReply, ImpossibleErrorNumbersAreMalformed) {
  for (const int32_t error : {1, -4096, std::numeric_limits<int32_t>::min()}) {
    Bytes bytes = Ack(7);
    std::memcpy(bytes.data() + sizeof(nlmsghdr), &error, sizeof(error));
    EXPECT_TRUE(IsMalformed(bytes, bytes.size())) << error;
  }
}

TEST(XfrmReply, NothingFollowsAMalformedMessage) {
  Bytes bytes = Ack(1);
  PatchHeader(&bytes, 5, 0);
  const Bytes second = Ack(2);
  bytes.insert(bytes.end(), second.begin(), second.end());
  EXPECT_THAT(ReadAll({bytes}), IsEmpty());
}

// --- Verdicts ---

class XfrmBatchVerdict : public ::testing::Test {
 protected:
  bool Apply(const Bytes& bytes) { return verdict_.Apply(One(bytes)); }

  BatchVerdict verdict_;
};

TEST_F(XfrmBatchVerdict, FenceAloneIsSuccessOfAll) {
  verdict_.Start(10, 3);
  EXPECT_FALSE(verdict_.complete());
  EXPECT_TRUE(Apply(Ack(12)));
  EXPECT_TRUE(verdict_.complete());
  EXPECT_TRUE(verdict_.all_ok());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(verdict_.error(i), kOk);
}

TEST_F(XfrmBatchVerdict, FailuresInTheMiddleAreThoseOfTheirRequests) {
  verdict_.Start(10, 5);
  EXPECT_TRUE(Apply(Ack(11, kExists)));
  EXPECT_TRUE(Apply(Ack(13, std::errc::no_such_process)));
  EXPECT_FALSE(verdict_.complete());
  EXPECT_TRUE(Apply(Ack(14)));
  EXPECT_TRUE(verdict_.complete());
  EXPECT_FALSE(verdict_.all_ok());
  EXPECT_EQ(verdict_.error(0), kOk);
  EXPECT_EQ(verdict_.error(1), kExists);
  EXPECT_EQ(verdict_.error(2), kOk);
  EXPECT_EQ(verdict_.error(3), std::errc::no_such_process);
  EXPECT_EQ(verdict_.error(4), kOk);
}

TEST_F(XfrmBatchVerdict, AFailingFenceCompletesToo) {
  verdict_.Start(10, 2);
  EXPECT_TRUE(Apply(Ack(11, kExists)));
  EXPECT_TRUE(verdict_.complete());
  EXPECT_EQ(verdict_.error(0), kOk);
  EXPECT_EQ(verdict_.error(1), kExists);
}

TEST_F(XfrmBatchVerdict, WithoutTheFenceNothingIsKnown) {
  verdict_.Start(10, 3);
  EXPECT_TRUE(Apply(Ack(10, kExists)));
  EXPECT_FALSE(verdict_.complete());
  EXPECT_FALSE(verdict_.all_ok()) << "unknown is never success";
  EXPECT_DEATH(static_cast<void>(verdict_.error(1)), "complete_");
}

TEST_F(XfrmBatchVerdict, AnswersToOtherBatchesAreLeftAlone) {
  verdict_.Start(10, 3);
  EXPECT_FALSE(Apply(Ack(9, kExists)));
  EXPECT_FALSE(Apply(Ack(13)));
  EXPECT_FALSE(Apply(Ack(0)));
  EXPECT_FALSE(verdict_.complete());
  EXPECT_TRUE(Apply(Ack(12)));
  EXPECT_TRUE(verdict_.all_ok());
}

TEST_F(XfrmBatchVerdict, SequencesMayWrap) {
  verdict_.Start(0xffffffff, 3);
  EXPECT_TRUE(Apply(Ack(0, kExists)));
  EXPECT_FALSE(Apply(Ack(2)));
  EXPECT_TRUE(Apply(Ack(1)));
  EXPECT_EQ(verdict_.error(0), kOk);
  EXPECT_EQ(verdict_.error(1), kExists);
}

TEST_F(XfrmBatchVerdict, TheFirstWordOnARequestCounts) {
  verdict_.Start(10, 3);
  Apply(Ack(11, kExists));
  Apply(Ack(11, std::errc::no_such_process));
  Apply(Ack(10, std::errc::no_such_process));
  Apply(Ack(12));
  Apply(Ack(12, kExists));
  EXPECT_EQ(verdict_.error(0), std::errc::no_such_process) << "even out of order";
  EXPECT_EQ(verdict_.error(1), kExists);
  EXPECT_EQ(verdict_.error(2), kOk);
}

TEST_F(XfrmBatchVerdict, StartForgetsTheBatchBefore) {
  verdict_.Start(10, 1);
  Apply(Ack(10, kExists));
  verdict_.Start(20, 1);
  EXPECT_FALSE(verdict_.complete());
  Apply(Ack(20));
  EXPECT_TRUE(verdict_.all_ok());
}

TEST_F(XfrmBatchVerdict, DumpIsCompleteWithItsEnd) {
  const EspKeys keys({}, SampleIk(), SampleCk());
  Bytes part;
  Bytes done;
  AppendSa(ToWire(SampleSa(&keys)), {}, 10, NLM_F_MULTI, &part);
  AppendDone(10, &done);
  verdict_.Start(10, 1);
  EXPECT_TRUE(Apply(part));
  EXPECT_FALSE(verdict_.complete());
  EXPECT_TRUE(Apply(done));
  EXPECT_TRUE(verdict_.all_ok());
}

TEST_F(XfrmBatchVerdict, ADumpTheTableMovedUnderIsNoList) {
  const EspKeys keys({}, SampleIk(), SampleCk());
  Bytes part;
  Bytes done;
  AppendSa(ToWire(SampleSa(&keys)), {}, 10, NLM_F_MULTI | NLM_F_DUMP_INTR, &part);
  AppendDone(10, &done);
  verdict_.Start(10, 1);
  Apply(part);
  Apply(done);
  EXPECT_TRUE(verdict_.complete());
  EXPECT_EQ(verdict_.error(0), std::errc::interrupted);
}

}  // namespace
}  // namespace xfrm
