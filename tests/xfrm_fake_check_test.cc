// Requests that no Batch would write, against both kernels: the fake one must refuse them with the
// same error and in the same words. As xfrm_conformance_test, it proves most in the kernel lab.
#include "tests/xfrm_conformance.h"
#include "xfrm/fake_check.h"

namespace xfrm {
namespace {

using ::testing::IsEmpty;

// A field that no Batch would write: where it stands after the message's header, and the answer.
struct BadField {
  size_t offset;
  std::vector<uint8_t> bytes;
  std::errc error;
  std::string_view explanation;
};

void ExpectAnswer(const Reply& reply, const BadField& bad) {
  EXPECT_EQ(reply.error, bad.error) << bad.explanation;
  EXPECT_EQ(reply.explanation, bad.explanation);
}

class XfrmFakeCheck : public KernelTest {};
class XfrmFakeCheckSa : public EspKernelTest {};

INSTANTIATE_TEST_SUITE_P(Kernel, XfrmFakeCheck, ::testing::Values(Which::kFake, Which::kReal),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Kernel, XfrmFakeCheckSa, ::testing::Values(Which::kFake, Which::kReal),
                         NameOf);

std::vector<std::byte> Message(uint16_t type, size_t body_size, uint16_t flags) {
  std::vector<std::byte> bytes(sizeof(nlmsghdr) + body_size);
  const nlmsghdr header = {static_cast<uint32_t>(bytes.size()), type, flags, 1, 0};
  std::memcpy(bytes.data(), &header, sizeof(header));
  return bytes;
}

TEST_P(XfrmFakeCheck, RefusesAnUnknownRequest) {
  EXPECT_EQ(RunBytes(Message(XFRM_MSG_MAX + 100, 256, NLM_F_REQUEST | NLM_F_ACK)).error, kInvalid);
}

TEST_P(XfrmFakeCheck, RefusesARequestCutShortAndSaysWhy) {
  for (const uint16_t type : {XFRM_MSG_NEWSA, XFRM_MSG_DELSA, XFRM_MSG_GETSA, XFRM_MSG_UPDSA,
                              XFRM_MSG_NEWPOLICY, XFRM_MSG_DELPOLICY, XFRM_MSG_UPDPOLICY}) {
    const Reply reply = RunBytes(Message(type, 20, NLM_F_REQUEST));
    EXPECT_EQ(reply.error, kInvalid) << type;
    EXPECT_EQ(reply.explanation, "Invalid header length") << type;
  }
}

TEST_P(XfrmFakeCheck, AcknowledgesWhatIsNoRequestWithoutDoingIt) {
  batch_.Clear(1);
  batch_.AddPolicy(SamplePolicy());
  const std::span<const std::byte> sealed = batch_.Seal();
  std::vector<std::byte> bytes(sealed.begin(), sealed.end());
  const uint16_t flags = NLM_F_ACK;
  std::memcpy(bytes.data() + offsetof(nlmsghdr, nlmsg_flags), &flags, sizeof(flags));
  EXPECT_EQ(RunBytes(bytes).error, kOk);
  EXPECT_THAT(Policies(), IsEmpty());
  EXPECT_EQ(RunBytes(Message(NLMSG_NOOP, 0, NLM_F_REQUEST | NLM_F_ACK)).error, kOk);
}

TEST_P(XfrmFakeCheck, SaysNothingToHalfAMessage) {
  batch_.Clear(1);
  batch_.AddPolicy(SamplePolicy());
  const std::span<const std::byte> sealed = batch_.Seal();
  EXPECT_THAT(kernel_->Send(sealed.first(sealed.size() - 4)), IsEmpty());
  EXPECT_THAT(Policies(), IsEmpty());
}

constexpr size_t kTemplateAt = sizeof(xfrm_userpolicy_info) + sizeof(nlattr);

const BadField kBadPolicies[] = {
    {offsetof(xfrm_selector, prefixlen_d),
     {33},
     kInvalid,
     "Invalid prefix length in selector (must be <= 32 for IPv4)"},
    {offsetof(xfrm_selector, family), {77}, kInvalid, "Invalid selector family"},
    {offsetof(xfrm_userpolicy_info, dir), {3}, kInvalid, "Invalid policy direction"},
    {offsetof(xfrm_userpolicy_info, action), {2}, kInvalid, "Invalid policy action"},
    {offsetof(xfrm_userpolicy_info, share), {4}, kInvalid, "Invalid policy share"},
    {offsetof(xfrm_userpolicy_info, index), {9}, kInvalid, "Policy index doesn't match direction"},
    {kTemplateAt + offsetof(xfrm_user_tmpl, family),
     {AF_INET6},
     kInvalid,
     "Mode in template doesn't support a family change"},
    {kTemplateAt + offsetof(xfrm_user_tmpl, id) + offsetof(xfrm_id, proto),
     {IPPROTO_UDP},
     kInvalid,
     "Invalid XFRM protocol in template"},
    {sizeof(xfrm_userpolicy_info),
     {sizeof(nlattr) + sizeof(xfrm_user_tmpl) - 1},
     std::errc::result_out_of_range,
     "Attribute failed policy validation"},
};

TEST_P(XfrmFakeCheck, RefusesImpossiblePoliciesInTheSameWords) {
  for (const BadField& bad : kBadPolicies) {
    batch_.Clear(1);
    batch_.AddPolicy(SamplePolicy());
    ExpectAnswer(RunPatched(bad.offset, bad.bytes), bad);
  }
  EXPECT_THAT(Policies(), IsEmpty());
}

// --- SAs ---

// Where things stand in a NEWSA with hmac(sha1) and cbc(aes).
constexpr size_t kAuthAt = sizeof(xfrm_usersa_info);
constexpr size_t kAuthSize = sizeof(nlattr) + sizeof(xfrm_algo_auth) + 20;
constexpr size_t kCryptAt = kAuthAt + kAuthSize;
constexpr size_t kTypeAt = offsetof(nlattr, nla_type);
constexpr size_t kNameAt = sizeof(nlattr);
constexpr size_t kKeyBitsAt = kNameAt + offsetof(xfrm_algo, alg_key_len);
constexpr size_t kTruncBitsAt = kNameAt + offsetof(xfrm_algo_auth, alg_trunc_len);
// With a window over 32 its attribute comes last.
constexpr size_t kWindowAt = kCryptAt + sizeof(nlattr) + sizeof(xfrm_algo) + 16 + sizeof(nlattr);
static_assert(offsetof(xfrm_usersa_info, sel) == 0 && offsetof(xfrm_userpolicy_info, sel) == 0);

const BadField kBadSas[] = {
    {offsetof(xfrm_usersa_info, family), {77}, kInvalid, "Invalid address family"},
    {offsetof(xfrm_selector, family), {77}, kInvalid, "Invalid address family in selector"},
    {offsetof(xfrm_selector, family),
     {AF_INET6},
     std::errc::protocol_not_supported,
     "Only tunnel modes can accommodate a change of family"},
    {offsetof(xfrm_selector, prefixlen_s),
     {33},
     kInvalid,
     "Invalid prefix length in selector (must be <= 32 for IPv4)"},
    {offsetof(xfrm_usersa_info, id) + offsetof(xfrm_id, proto),
     {IPPROTO_TCP},
     kInvalid,
     "Unsupported protocol"},
    {offsetof(xfrm_usersa_info, mode), {99}, kInvalid, "Unsupported mode"},
    {offsetof(xfrm_usersa_info, mode),
     {XFRM_MODE_ROUTEOPTIMIZATION},
     std::errc::protocol_not_supported,
     "Requested mode not found"},
    {offsetof(xfrm_usersa_info, flags),
     {XFRM_STATE_ESN},
     kInvalid,
     "Missing required attribute for ESN"},
    {kAuthAt + kNameAt, {'x'}, kUnknown, "Requested AUTH_TRUNC algorithm not found"},
    {kAuthAt + kTruncBitsAt, {168}, kInvalid, "Invalid length requested for truncated ICV"},
    {kAuthAt + kKeyBitsAt, {168}, kInvalid, "Invalid AUTH_TRUNC attribute length"},
    {kCryptAt + kNameAt, {'x'}, kUnknown, "Requested CRYPT algorithm not found"},
    {kCryptAt + kKeyBitsAt, {120}, kInvalid, ""},
    {kCryptAt + kKeyBitsAt, {0xff, 0xff, 0xff, 0xff}, kInvalid, ""},
    {kCryptAt + kKeyBitsAt, {136}, kInvalid, "Invalid AUTH/CRYPT/COMP attribute length"},
    {kCryptAt + kTypeAt, {XFRMA_UNSPEC}, kInvalid, "ESP: AEAD or CRYPT must be provided"},
    {kAuthAt + kTypeAt,
     {XFRMA_ALG_AEAD},
     kInvalid,
     "Invalid attribute combination for ESP: AEAD can't be used with AUTH, AUTH_TRUNC, CRYPT"},
    {kCryptAt,
     {sizeof(nlattr) + sizeof(xfrm_algo) - 1},
     std::errc::result_out_of_range,
     "Attribute failed policy validation"},
};

TEST_P(XfrmFakeCheckSa, RefusesImpossibleSasInTheSameWords) {
  for (const BadField& bad : kBadSas) {
    batch_.Clear(1);
    batch_.AddSa(SampleSa(&keys_));
    ExpectAnswer(RunPatched(bad.offset, bad.bytes), bad);
  }
  EXPECT_THAT(Sas(), IsEmpty());
}

const BadField kBadWindows[] = {
    {kWindowAt + offsetof(xfrm_replay_state_esn, replay_window),
     {129},
     kInvalid,
     "ESN replay window is too large for the chosen bitmap size"},
    {kWindowAt + offsetof(xfrm_replay_state_esn, bmp_len),
     {129},
     kInvalid,
     "ESN bitmap length must be <= 128"},
    {offsetof(xfrm_usersa_info, replay_window),
     {32},
     kInvalid,
     "ESN not compatible with legacy replay_window"},
};

TEST_P(XfrmFakeCheckSa, RefusesImpossibleReplayWindowsInTheSameWords) {
  for (const BadField& bad : kBadWindows) {
    Sa sa = SampleSa(&keys_);
    sa.replay_window = 128;
    batch_.Clear(1);
    batch_.AddSa(sa);
    ExpectAnswer(RunPatched(bad.offset, bad.bytes), bad);
  }
  EXPECT_THAT(Sas(), IsEmpty());
}

// The head alone stands for a bitmap of zeros; what is longer must be whole.
TEST_P(XfrmFakeCheckSa, RefusesHalfABitmap) {
  Sa sa = SampleSa(&keys_);
  sa.replay_window = 128;
  batch_.Clear(1);
  batch_.AddSa(sa);
  const std::span<const std::byte> sealed = batch_.Seal();
  std::vector<std::byte> bytes(sealed.begin(), sealed.end());
  bytes.resize(bytes.size() + 8);  // Two words of four.
  const uint32_t message_size = static_cast<uint32_t>(bytes.size());
  const uint16_t attribute_size = sizeof(nlattr) + sizeof(xfrm_replay_state_esn) + 8;
  std::memcpy(bytes.data(), &message_size, sizeof(message_size));
  std::memcpy(bytes.data() + sizeof(nlmsghdr) + kWindowAt - sizeof(nlattr), &attribute_size,
              sizeof(attribute_size));
  const Reply reply = RunBytes(bytes);
  EXPECT_EQ(reply.error, kInvalid);
  EXPECT_EQ(reply.explanation, "ESN attribute is too short to fit the full bitmap length");
}

// So it is on us never to send one (pitfalls of others: a missing IK taken as an empty key).
TEST_P(XfrmFakeCheckSa, TakesAnEmptyHashKeyWithoutAWord) {
  batch_.Clear(1);
  batch_.AddSa(SampleSa(&keys_));
  EXPECT_EQ(RunPatched(kAuthAt + kKeyBitsAt, {0}).error, kOk);
}

// What OpenSIPS and Kamailio send for aes-gcm and aes-gmac, and what nobody should.
TEST_P(XfrmFakeCheckSa, RefusesAeadNamesAsCipherOrHash) {
  const auto answer = [&](size_t name_at, std::string_view name) {
    batch_.Clear(1);
    batch_.AddSa(SampleSa(&keys_));
    std::vector<uint8_t> bytes(name.begin(), name.end());
    bytes.push_back(0);
    return RunPatched(name_at, bytes).error;
  };
  EXPECT_EQ(answer(kCryptAt + kNameAt, "rfc4106(gcm(aes))"), kUnknown);
  EXPECT_EQ(answer(kAuthAt + kNameAt, "rfc4543(gcm(aes))"), kUnknown);
}

TEST_P(XfrmFakeCheckSa, RefusesAeadWithWrongKeyOrIcv) {
  const EspKeys keys({Integrity::kNull, Encryption::kAesGcm}, SampleIk(), SampleCk());
  const auto answer = [&](size_t at, uint8_t bits) {
    batch_.Clear(1);
    batch_.AddSa(SampleSa(&keys));
    return RunPatched(kAuthAt + at, {bits}).error;
  };
  EXPECT_EQ(answer(kKeyBitsAt, 128), kInvalid) << "the salt is missing";
  EXPECT_EQ(answer(kTruncBitsAt, 120), kUnknown);
  EXPECT_EQ(answer(kTruncBitsAt, 96), kOk);
}

}  // namespace
}  // namespace xfrm
