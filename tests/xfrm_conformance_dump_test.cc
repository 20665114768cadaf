// One suite, two kernels: dumps.
#include "tests/xfrm_conformance.h"

namespace xfrm {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::SizeIs;

class XfrmConformanceDump : public KernelTest {};
class XfrmConformanceDumpSa : public EspKernelTest {
 protected:
  void AddSpis(uint32_t first, int count) {
    batch_.Clear(sequence_);
    for (int i = 0; i < count; ++i) {
      batch_.AddSa(SampleSa(&keys_, first + static_cast<uint32_t>(i)));
    }
    sequence_ += static_cast<uint32_t>(count);
    EXPECT_THAT(Run(&batch_), ::testing::Each(kOk));
  }
};

INSTANTIATE_TEST_SUITE_P(Kernel, XfrmConformanceDump, ::testing::Values(Which::kFake, Which::kReal),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Kernel, XfrmConformanceDumpSa,
                         ::testing::Values(Which::kFake, Which::kReal), NameOf);

// The types of a message's attributes, in order. Padding, which depends on the machine, is left
// out.
std::vector<uint16_t> AttributesOf(std::span<const std::byte> message, size_t fixed_size) {
  std::vector<uint16_t> types;
  std::span<const std::byte> rest = message.subspan(sizeof(nlmsghdr) + fixed_size);
  AttributeView attribute;
  while (TakeAttribute(&rest, &attribute)) {
    if (attribute.type != XFRMA_PAD) types.push_back(attribute.type);
  }
  return types;
}

TEST_P(XfrmConformanceDumpSa, TakesAFullBatchAndDumpsItInParts) {
  batch_.Clear(1);
  for (uint32_t spi = 1000; !batch_.full(); ++spi) batch_.AddSa(SampleSa(&keys_, spi));
  EXPECT_THAT(Run(&batch_), ::testing::Each(kOk));
  EXPECT_THAT(replies_, SizeIs(1));
  EXPECT_THAT(Sas(), SizeIs(Batch::kRequestsMax));
  EXPECT_GT(answers_.size(), 2u);
  EXPECT_EQ(replies_.back().kind, ReplyKind::kDone);
  EXPECT_THAT(ReadAll({answers_.back()}), SizeIs(1)) << "the end comes alone";
}

TEST_P(XfrmConformanceDump, PoliciesComeInPartsToo) {
  batch_.Clear(1);
  Policy policy = SamplePolicy();
  for (uint16_t port = 1; !batch_.full(); ++port) {
    policy.local_port = port;
    batch_.AddPolicy(policy);
  }
  EXPECT_THAT(Run(&batch_), ::testing::Each(kOk));
  EXPECT_THAT(Policies(), SizeIs(Batch::kRequestsMax));
  EXPECT_GT(answers_.size(), 2u);
  EXPECT_EQ(replies_.back().kind, ReplyKind::kDone);
}

TEST_P(XfrmConformanceDump, TellsAPolicyInTheSameAttributes) {
  EXPECT_EQ(Add(SamplePolicy()), kOk);
  EXPECT_THAT(Policies(), SizeIs(1));
  EXPECT_THAT(AttributesOf(answers_[0], sizeof(xfrm_userpolicy_info)),
              ElementsAre(XFRMA_TMPL, XFRMA_POLICY_TYPE));
}

TEST_P(XfrmConformanceDumpSa, TellsAnSaInTheSameAttributes) {
  EXPECT_EQ(Add(SampleSa(&keys_)), kOk);
  EXPECT_THAT(Sas(), SizeIs(1));
  EXPECT_THAT(AttributesOf(answers_[0], sizeof(xfrm_usersa_info)),
              ElementsAre(XFRMA_ALG_AUTH, XFRMA_ALG_AUTH_TRUNC, XFRMA_ALG_CRYPT, XFRMA_REPLAY_VAL));
  EXPECT_EQ(Delete(SampleSa(&keys_).id()), kOk);

  const EspKeys gcm({Integrity::kNull, Encryption::kAesGcm}, SampleIk(), SampleCk());
  Sa wide = SampleSa(&gcm);
  wide.replay_window = 64;
  EXPECT_EQ(Add(wide), kOk);
  EXPECT_THAT(Sas(), SizeIs(1));
  EXPECT_THAT(AttributesOf(answers_[0], sizeof(xfrm_usersa_info)),
              ElementsAre(XFRMA_ALG_AEAD, XFRMA_REPLAY_ESN_VAL));
}

// The kernel does not mark such a dump as interrupted: it walks on from where it was.
TEST_P(XfrmConformanceDumpSa, ShowsEverySaThatStaysWhileOthersComeAndGo) {
  AddSpis(1000, 250);
  Batch dump;
  dump.Clear(7);
  dump.DumpSas();
  const Datagrams parts = kernel_->Send(dump.Seal(), [&] {
    batch_.Clear(sequence_);
    for (uint32_t spi = 1000; spi < 1250; spi += 2) {
      batch_.DeleteSa({SampleSelector().destination, spi});
    }
    sequence_ += 125;
    EXPECT_THAT(Run(&batch_), ::testing::Each(kOk));
    AddSpis(2000, 100);
  });
  BatchVerdict verdict;
  verdict.Start(7, 1);
  std::vector<uint32_t> shown;
  for (const Reply& reply : ReadAll(parts)) {
    verdict.Apply(reply);
    EXPECT_FALSE(reply.interrupted);
    if (reply.kind == ReplyKind::kSa) shown.push_back(reply.sa.id.spi);
  }
  EXPECT_TRUE(verdict.all_ok());
  std::sort(shown.begin(), shown.end());
  EXPECT_EQ(std::adjacent_find(shown.begin(), shown.end()), shown.end()) << "none twice";
  std::vector<uint32_t> stayed;
  for (uint32_t spi = 1001; spi < 1250; spi += 2) stayed.push_back(spi);
  EXPECT_THAT(shown, AllOf(SizeIs(Ge(stayed.size())), IsSupersetOf(stayed)));
}

TEST_P(XfrmConformanceDumpSa, MustBeTakenWholeBeforeTheNextOnTheSocket) {
  AddSpis(1000, 250);
  EXPECT_THAT(Sas(), SizeIs(250));
  EXPECT_THAT(Sas(), SizeIs(250));
  EXPECT_THAT(Policies(), IsEmpty());
}

}  // namespace
}  // namespace xfrm
